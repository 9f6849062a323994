"""What people paste: it is stored as it is, or refused with a sentence, and nothing is lost."""

from datetime import datetime

import pytest

from chatcore.browse import Browse, browse_chats
from chatcore.db import Database
from chatcore.errors import Invalid
from chatcore.history import append, create_chat, get_chat, get_message, rename_chat
from chatcore.parts import Viewer
from chatcore.texts import MESSAGE_BYTES
from chatcore.thread import open_thread
from tests.factories import make_chat, make_viewer

VERBATIM = {
    "right to left": "‏مرحبا بالعالم ‮txet desrever‬ שלום",
    "emoji sequences": "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇩🇪",
    "combining characters": "Z̷̧̛̗̎ä́͜l̶̛͔g̸̣͝o e\u0301 \u0301 n\u0303",
    "beyond the basic plane": "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𠜎 \U0010fffd",
    "not characters": "\ufffe\uffff\U0001fffe",
    "markdown": "# h\n[x](javascript:alert(1)) ![y](http://169.254.169.254/) `` ` `` $$x$$ :material/delete: :red[x]",
    "html": '<script>alert(1)</script><img src=x onerror="alert(1)"></textarea><!--\n<style>*{display:none}</style>',
    "sql": "'; DROP TABLE chatmessage; -- \" ` \\' %s %(x)s :name ? $1 {0}",
    "white space inside": "  first\r\n\tsecond\r third\n\n\n ",
    "control characters": "".join(map(chr, range(1, 32))) + "\x7f\x85\u2028\u2029 x",
    "invisible": "\ufeff\u200b\u2060\u00ad",
    "one megabyte": "x" * MESSAGE_BYTES,
    "one long line of signs": "[" * 100_000,
}


@pytest.fixture
def viewer(db: Database) -> Viewer:
    return make_viewer(db)


@pytest.mark.parametrize("kind", VERBATIM)
def test_a_message_comes_back_exactly_as_it_was_sent(db: Database, viewer: Viewer, kind: str, now: datetime) -> None:
    text = VERBATIM[kind]
    chat = make_chat(db, viewer)
    sent = append(db, viewer, chat.id, role="user", content=text, now=now)
    assert sent.content == text
    assert get_message(db, viewer, sent.id).content == text
    thread = open_thread(db, viewer, chat.id)
    assert [message.content for message in thread.messages] == [text]
    assert thread.chat.last_snippet is None or len(thread.chat.last_snippet) <= 140


@pytest.mark.parametrize(
    ("text", "stored"), [("a\0b", "a\ufffdb"), ("\ud800 lone \udfff", "\ufffd lone \ufffd"), ("\0", "\ufffd"), ("\ud83d\ude00", "😀")]
)
def test_what_no_database_can_store_is_shown_as_replaced(db: Database, viewer: Viewer, text: str, stored: str, now: datetime) -> None:
    chat = make_chat(db, viewer)
    sent = append(db, viewer, chat.id, role="user", content=text, now=now)
    assert sent.content == get_message(db, viewer, sent.id).content == stored


@pytest.mark.parametrize("text", ["", " ", "\n\t \r\n", "\u00a0\u3000", "x" * (MESSAGE_BYTES + 1), "é" * (MESSAGE_BYTES // 2 + 1)])
def test_what_cannot_be_sent_is_refused_and_leaves_the_chat_as_it_was(db: Database, viewer: Viewer, text: str, now: datetime) -> None:
    chat = make_chat(db, viewer, messages=1)
    for role in ("user", "assistant"):
        with pytest.raises(Invalid) as error:
            append(db, viewer, chat.id, role=role, content=text, now=now)
        assert error.value.message
        assert error.value.hint
    assert get_chat(db, viewer, chat.id) == chat


@pytest.mark.parametrize("title", [*(text for kind, text in VERBATIM.items() if kind != "invisible"), "a\0b", "\ud800"])
def test_any_title_becomes_one_line_of_at_most_200_characters(db: Database, viewer: Viewer, title: str, now: datetime) -> None:
    chat = create_chat(db, viewer, now=now, title=title)
    assert 0 < len(chat.title) <= 200
    assert len(chat.title.splitlines()) == 1
    assert get_chat(db, viewer, chat.id).title == chat.title == rename_chat(db, viewer, chat.id, title=chat.title).title
    assert len(browse_chats(db, viewer, Browse(sort="title"), limit=1).items) == 1


@pytest.mark.parametrize("title", ["", "  ", "\n", "\u200b", "\0", "\x1b"])
def test_a_title_without_anything_to_see_is_refused(db: Database, viewer: Viewer, title: str, now: datetime) -> None:
    chat = make_chat(db, viewer, title="before")
    with pytest.raises(Invalid):
        rename_chat(db, viewer, chat.id, title=title)
    with pytest.raises(Invalid):
        create_chat(db, viewer, now=now, title=title)
    assert [found.title for found in browse_chats(db, viewer, Browse()).items] == ["before"]


@pytest.mark.parametrize("title", ["漢字 \ud800 " * 100, "😀" * 300, "‮" + "א" * 300])
def test_a_long_title_pages_by_its_own_cursor(db: Database, viewer: Viewer, title: str, now: datetime) -> None:
    for _ in range(3):
        create_chat(db, viewer, now=now, title=title)
    first = browse_chats(db, viewer, Browse(sort="title"), limit=2)
    rest = browse_chats(db, viewer, Browse(sort="title"), limit=2, cursor=first.next_cursor)
    assert len({chat.id for chat in (*first.items, *rest.items)}) == 3


@pytest.mark.parametrize("name", ["", "  ", "x" * 201])
def test_a_provider_or_model_without_a_usable_name_is_refused(db: Database, viewer: Viewer, name: str, now: datetime) -> None:
    with pytest.raises(Invalid):
        create_chat(db, viewer, now=now, provider=name)
    with pytest.raises(Invalid):
        create_chat(db, viewer, now=now, model_name=name)


def test_odd_names_of_models_are_stored(db: Database, viewer: Viewer, now: datetime) -> None:
    chat = create_chat(db, viewer, now=now, model_name="hf.co/a\0b:\ud800 <b>")
    assert get_chat(db, viewer, chat.id).model_name == "hf.co/a\ufffdb:\ufffd <b>"
    sent = append(db, viewer, chat.id, role="assistant", content="x", now=now, provider="p\0", model_name="m\ud800")
    assert (get_message(db, viewer, sent.id).provider, sent.model_name) == ("p\ufffd", "m\ufffd")
