"""Share links: what a stranger sees, what not, and when it is gone."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from html.parser import HTMLParser

import pytest
import sqlalchemy as sa

from chatcore import sharing
from chatcore.attachments import add_in
from chatcore.branches import delete_message
from chatcore.chat_settings import write_settings
from chatcore.db import Database
from chatcore.documents import Prepared
from chatcore.errors import Conflict, Invalid, NotFound
from chatcore.history import delete_chats, purge_chats, rename_chat, restore_chats
from chatcore.parameters import ChatSettings
from chatcore.parts import ChatInfo, State, Viewer
from chatcore.sharing import Extras, list_links, make_link, read_page, revoke_link, update_link
from tests.factories import MESSAGES, NOW, USERS, make_chat, make_exchange, make_viewer

LATER = NOW + timedelta(hours=1)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(400)
# What would run, load, leave the frame or lie about where a link leads, if the page let it.
ATTACKS = (
    "<script>alert(1)</script><img src=x onerror=alert(1)><svg onload=alert(1)><iframe src=//evil.example></iframe>",
    "[a](javascript:alert(1)) [b](JaVaScRiPt:alert(1)) [c](java&#x0A;script:alert(1)) [d](vbscript:x) [e](data:text/html,<b>1</b>)",
    "[f](/api/v1/models) [g](?c=1) [h](//evil.example) [i](intent:x) <file:///etc/passwd> [j](https://tides.example)",
    "![home](https://evil.example/pixel.png) ![x][ref]\n\n[ref]: https://evil.example/pixel.png",
    '<style>body{background:url(https://evil.example)}</style><meta http-equiv="refresh" content="0;url=https://evil.example">',
    '<javascript:alert(1)> <https://evil.example/"onmouseover=alert(1)> ``` </pre><script>x</script>',
    "```html\n</code></pre><script>1</script>\n```\n\n    </pre><img src=//evil.example>",
    '"><form action=https://evil.example><input name=a></form><base href=//evil.example><link rel=stylesheet href=//evil.example>',
    "| a | b |\n|:-|-:|\n| <script> | ![x](//evil.example/y) |",
)
TAGS = {
    "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "article", "details", "summary", "pre", "code", "a",
    "table", "thead", "tbody", "tr", "th", "td", "img",
}  # fmt: skip
ATTRIBUTES = {"lang", "charset", "http-equiv", "content", "name", "class", "href", "src", "alt", "download", "style"}


@dataclass
class Looking(HTMLParser):
    """What a browser would find in a page."""

    tags: set[str] = field(default_factory=set)
    attributes: set[tuple[str, str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(tag, name, value or "") for name, value in attrs}


def looked_at(page: str) -> Looking:
    looking = Looking()
    looking.feed(page)
    return looking


@pytest.fixture
def ada(db: Database) -> Viewer:
    return make_viewer(db, "Ada")


@pytest.fixture
def chat(db: Database, ada: Viewer) -> ChatInfo:
    """A chat with everything that can be shown or not."""
    made = make_chat(db, ada, title="Tides")
    write_settings(db, ada, made.id, ChatSettings(system_prompt="Speak like a sailor."))
    asked, answer = make_exchange(db, ada, made.id, model_name="qwen3:8b")
    files = [Prepared("moon.png", "image/png", PNG, picture=PNG), Prepared("log.txt", "text/plain", b"high at noon", text="high at noon")]
    calls = [{"id": "c1", "name": "search_history", "arguments": {"query": "harbour"}, "state": "done", "result": "a secret of mine"}]
    with db.write() as tx:
        add_in(tx, ada, asked.id, files, now=NOW)
        tx.execute(sa.update(MESSAGES).where(MESSAGES.c.id == answer.id).values(reasoning="Let me think.", tool_calls=json.dumps(calls)))
    return made


def shown(db: Database, token: str, *, minutes: int = 1) -> str:
    return read_page(db, token, now=NOW + timedelta(minutes=minutes)).decode()


def is_gone(db: Database, token: str, *, minutes: int = 1) -> bool:
    try:
        shown(db, token, minutes=minutes)
    except NotFound:
        return True
    return False


def test_a_link_shows_the_chat_as_it_was_when_it_was_made(db: Database, ada: Viewer, chat: ChatInfo) -> None:
    link = make_link(db, ada, chat.id, now=NOW)
    asked, _ = make_exchange(db, ada, chat.id, prompt="And at night?", answer="The same.", now=LATER)
    rename_chat(db, ada, chat.id, title="Ebb and flow")
    page = shown(db, link.token)
    assert "<title>Tides</title>" in page
    assert "Why are there two tides a day?" in page
    assert "qwen3:8b · 2026-03-14 15:09 UTC" in page
    assert "And at night?" not in page
    assert (link.title, link.messages, link.size_bytes > 100) == ("Tides", 2, True)
    updated = update_link(db, ada, link.id, now=LATER)
    delete_message(db, ada, asked.id)
    page = shown(db, link.token)
    assert "<title>Ebb and flow</title>" in page
    assert "And at night?" in page
    assert (updated.token, updated.messages, updated.created_at, updated.taken_at) == (link.token, 4, NOW, LATER)


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("files", ("moon.png", "data:image/png;base64,iVBORw", "log.txt", "aGlnaCBhdCBub29u")),
        ("system_prompt", ("Speak like a sailor.",)),
        ("reasoning", ("Let me think.",)),
        ("tools", ("search_history", "harbour", "a secret of mine")),
        ("name", ("Ada",)),
    ],
)
def test_only_what_is_ticked_is_shown_beside_the_messages(
    db: Database, ada: Viewer, chat: ChatInfo, extra: str, words: tuple[str, ...]
) -> None:
    others = [name for name in Extras.__slots__ if name != extra]
    page = shown(db, make_link(db, ada, chat.id, extras=Extras(**{extra: True}), now=NOW).token)
    assert [word for word in words if word not in page] == []
    page = shown(db, make_link(db, ada, chat.id, extras=Extras(**dict.fromkeys(others, True)), now=NOW).token)
    assert [word for word in words if word in page] == []
    # Whose chat it is, and which, is nobody's business in any case.
    assert ada.user_id not in page
    assert str(ada.email) not in page
    assert str(chat.id) not in page


def test_whatever_is_written_in_a_chat_runs_nothing_and_loads_nothing(db: Database, ada: Viewer) -> None:
    for attack in ATTACKS:
        made = make_chat(db, ada, title=attack[:190])
        write_settings(db, ada, made.id, ChatSettings(system_prompt=attack))
        asked, answer = make_exchange(db, ada, made.id, prompt=attack, answer=attack, model_name=attack[:190])
        call = {"id": "c", "name": attack, "arguments": {attack: attack}, "state": "done", "result": attack}
        with db.write() as tx:
            files = [Prepared(f"{attack[:60]}.svg", "text/plain", attack.encode(), text=attack)]
            add_in(tx, ada, asked.id, [*files, Prepared('x" onerror="1.png', "image/png", PNG, picture=PNG)], now=NOW)
            tx.execute(sa.update(MESSAGES).where(MESSAGES.c.id == answer.id).values(reasoning=attack, tool_calls=json.dumps([call])))
        link = make_link(db, ada, made.id, extras=Extras(*[True] * 5), now=NOW)
        found = looked_at(shown(db, link.token))
        assert found.tags <= TAGS
        assert {name for _, name, _ in found.attributes} <= ATTRIBUTES
        assert all(value.startswith("data:image/png;base64,") for _, name, value in found.attributes if name == "src")
        hrefs = {value.lower() for _, name, value in found.attributes if name == "href"}
        assert not [href for href in hrefs if not href.startswith(("https://", "mailto:", "data:application/octet-stream;base64,"))]
        assert {value for tag, name, value in found.attributes if name == "style"} <= {"text-align:left", "text-align:right"}
        refreshing = {value for tag, name, value in found.attributes if (tag, name) == ("meta", "http-equiv")}
        assert refreshing == {"Content-Security-Policy"}


# --- how it ends -------------------------------------------------------------------------------------------------


def revoked(db: Database, ada: Viewer, chat_id: uuid.UUID, link_id: int) -> None:
    revoke_link(db, ada, link_id)


def trashed(db: Database, ada: Viewer, chat_id: uuid.UUID, link_id: int) -> None:
    delete_chats(db, ada, [chat_id], now=LATER)


def purged(db: Database, ada: Viewer, chat_id: uuid.UUID, link_id: int) -> None:
    purge_chats(db, ada, [chat_id])


def person_gone(db: Database, ada: Viewer, chat_id: uuid.UUID, link_id: int) -> None:
    with db.write() as tx:
        tx.execute(sa.delete(USERS).where(USERS.c.id == ada.user_id))


End = Callable[[Database, Viewer, uuid.UUID, int], None]


@pytest.mark.parametrize("end", [revoked, trashed, purged, person_gone])
def test_a_link_answers_nobody_any_more(db: Database, ada: Viewer, chat: ChatInfo, end: End) -> None:
    link, other = make_link(db, ada, chat.id, now=NOW), make_link(db, ada, make_chat(db, ada, messages=1).id, now=NOW)
    assert not is_gone(db, link.token)
    end(db, ada, chat.id, link.id)
    assert is_gone(db, link.token)
    assert is_gone(db, other.token) == (end is person_gone)
    kept = [found.id for found in list_links(db, ada, now=NOW)]
    left: dict[End, list[int]] = {trashed: [other.id, link.id], person_gone: []}
    assert kept == left.get(end, [other.id])
    with db.read() as tx:
        assert tx.execute(sa.select(sa.func.count()).select_from(sharing.LINKS)).scalar_one() == len(kept)


def test_a_chat_that_comes_back_out_of_the_trash_is_shown_again(db: Database, ada: Viewer, chat: ChatInfo) -> None:
    link = make_link(db, ada, chat.id, now=NOW)
    delete_chats(db, ada, [chat.id], now=LATER)
    (listed,) = list_links(db, ada, chat_id=chat.id, now=LATER)
    assert listed.in_trash
    with pytest.raises(Conflict):
        update_link(db, ada, link.id, now=LATER)
    restore_chats(db, ada, [chat.id])
    assert not is_gone(db, link.token)


def test_a_link_ends_at_its_time_and_is_then_removed(db: Database, ada: Viewer, chat: ChatInfo) -> None:
    link, other = make_link(db, ada, chat.id, expires_at=LATER, now=NOW), make_link(db, ada, chat.id, now=NOW)
    assert not is_gone(db, link.token, minutes=59)
    assert is_gone(db, link.token, minutes=60)
    assert list_links(db, ada, now=LATER) == (other,)
    assert sharing.remove_ended(db, now=LATER - timedelta(seconds=1)) == 0
    assert sharing.remove_ended(db, now=LATER) == 1
    assert list_links(db, ada, now=NOW) == (other,)


# --- what is refused ---------------------------------------------------------------------------------------------


def test_what_is_no_token_finds_nothing(db: Database, ada: Viewer, chat: ChatInfo) -> None:
    link = make_link(db, ada, chat.id, now=NOW)
    token = link.token
    assert len(token) == 32
    assert token != make_link(db, ada, chat.id, now=NOW).token
    swapped = "B" if token[-1] == "A" else "A"
    guesses = (
        "", token[:-1], token[:-1] + swapped, token + "A", token.swapcase(), token + "\n", f" {token}", "%", "_" * 32, "é" * 32,
        str(link.id), sharing.hash_of(token), sharing.hash_of(token)[:32], "' OR '1'='1' --".ljust(32), "\0" * 32, "A" * 100_000,
    )  # fmt: skip
    assert [guess[:50] for guess in guesses if not is_gone(db, guess)] == []


def test_an_answer_that_is_not_whole_says_so(db: Database, ada: Viewer) -> None:
    made = make_chat(db, ada)
    make_exchange(db, ada, made.id, state=State.STOPPED)
    make_exchange(db, ada, made.id, state=State.RUNNING)
    page = shown(db, make_link(db, ada, made.id, now=NOW).token)
    assert "UTC · stopped" in page
    assert "UTC · not finished when this was taken" in page


def test_what_cannot_be_shared_is_refused_with_what_to_do(
    db: Database, ada: Viewer, chat: ChatInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty, trash, long = make_chat(db, ada), make_chat(db, ada, messages=1), make_chat(db, ada, messages=30)
    delete_chats(db, ada, [trash.id], now=NOW)
    monkeypatch.setattr(sharing, "LONGEST_TEXT", 200)
    monkeypatch.setattr(sharing, "LARGEST_PAGE_BYTES", 1_000)
    refusals = (
        (empty.id, Extras(), Invalid, "nothing in this chat"),
        (trash.id, Extras(), Conflict, "trash"),
        (long.id, Extras(), Invalid, "290 characters, the most is 200"),
        (chat.id, Extras(files=True), Invalid, "With its files"),
    )
    for chat_id, extras, error, said in refusals:
        with pytest.raises(error) as refused:
            make_link(db, ada, chat_id, extras=extras, now=NOW)
        assert said in refused.value.message
        assert refused.value.hint
    with pytest.raises(Invalid, match="end before it begins"):
        make_link(db, ada, chat.id, expires_at=NOW, now=NOW)
    monkeypatch.setattr(sharing, "MOST_LINKS", 1)
    make_link(db, ada, chat.id, now=NOW)
    with pytest.raises(Invalid, match="1 links already"):
        make_link(db, ada, chat.id, now=NOW)
