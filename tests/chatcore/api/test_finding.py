"""Search over the wire: shapes, order, pages, and that no text is refused."""

from datetime import timedelta

import httpx

from chatcore.history import archive_chats
from chatcore.parts import Role
from tests.chatcore.api.conftest import Api
from tests.factories import NOW, make_chat, make_exchange, make_message

SEARCH = "/api/v1/search"
PATHS = (SEARCH, f"{SEARCH}/switch", f"{SEARCH}/facets", f"{SEARCH}/count")
ODD_TEXTS = (
    *("", " ", '"', '""', "-", "-moon", "OR", "OR OR", "*", "a*", "moon*", "model:", "model:x", "color:red", "after:never", "is:x"),
    *("' OR 1=1 --", "\0", "\ud83d", "漢字", "😀", "C++", "((((", "{}", "NEAR(a b)", "a:b:c", "%", "_", "\\", "moon " * 300, "x" * 5000),
)


def texts(found: httpx.Response) -> list[str]:
    """The snippets of an answer, in their order."""
    assert found.status_code == 200, found.text
    return [hit["snippet"] for hit in found.json()["hits"]]


def marked(text: str, marks: list[list[int]]) -> list[str]:
    """What the marks name, counted in characters."""
    return [text[start:end] for start, end in marks]


def test_a_hit_says_where_it_is_and_what_matches(api: Api, ada: httpx.Client) -> None:
    chat = make_chat(api.core.db, api.viewer(), title="Two tides a day")
    _, answer = make_exchange(api.core.db, api.viewer(), chat.id, answer="😀 The Moon pulls, and the moon turns.")
    archive_chats(api.core.db, api.viewer(), [chat.id], archived=True)
    found = ada.get(SEARCH, params={"q": "moon"}).json()
    assert (found["next_cursor"], found["notices"], found["indexed"]) == (None, [], 1.0)
    [hit] = found["hits"]
    assert marked(hit["snippet"], hit["marks"]) == ["Moon", "moon"]
    assert hit == {
        "message_id": answer.id,
        "chat_id": str(chat.id),
        "chat_title": "Two tides a day",
        "role": "assistant",
        "created_at": answer.created_at.isoformat(),
        "provider": "ollama",
        "model": "llama3.2:3b",
        "snippet": "😀 The Moon pulls, and the moon turns.",
        "marks": hit["marks"],
        "pinned": False,
        "archived": True,
        "in_trash": False,
    }


def test_hits_come_newest_first_or_best_first_in_pages(api: Api, ada: httpx.Client) -> None:
    chat = make_chat(api.core.db, api.viewer())
    written = ("moon moon moon", "the moon among many other words of a long sentence about something else", "a moon and the rest of it")
    for number, text in enumerate(written):
        make_message(api.core.db, api.viewer(), chat.id, text, now=NOW + timedelta(minutes=number))
    assert texts(ada.get(SEARCH, params={"q": "moon"})) == list(reversed(written))
    assert texts(ada.get(SEARCH, params={"q": "moon", "order": "best"}))[0] == written[0]
    for order in ("newest", "best"):
        whole = texts(ada.get(SEARCH, params={"q": "moon", "order": order}))
        paged, cursor = [], ""
        while cursor is not None:
            page = ada.get(SEARCH, params={"q": "moon", "order": order, "limit": 2} | ({"cursor": cursor} if cursor else {}))
            paged += texts(page)
            cursor = page.json()["next_cursor"]
        assert paged == whole


def test_the_switcher_finds_titles_and_messages_while_one_types(api: Api, ada: httpx.Client) -> None:
    chat = make_chat(api.core.db, api.viewer(), title="Sourdough bread")
    other = make_chat(api.core.db, api.viewer(), title="Moon", now=NOW + timedelta(hours=1))
    make_message(api.core.db, api.viewer(), other.id, "Can I bake sourdough there?")
    found = ada.get(f"{SEARCH}/switch", params={"q": "sourd"}).json()
    assert [(hit["id"], marked(hit["title"], hit["marks"])) for hit in found["chats"]] == [(str(chat.id), ["Sourd"])]
    assert [(hit["chat_id"], marked(hit["snippet"], hit["marks"])) for hit in found["hits"]] == [(str(other.id), ["sourd"])]
    recent = ada.get(f"{SEARCH}/switch", params={"limit": 1}).json()
    assert [hit["title"] for hit in recent["chats"]] == ["Moon"]
    assert recent["hits"] == []


def test_facets_and_count_say_how_the_hits_spread(api: Api, ada: httpx.Client) -> None:
    chat = make_chat(api.core.db, api.viewer())
    make_exchange(api.core.db, api.viewer(), chat.id, prompt="moon?", answer="the moon", model_name="qwen3:8b")
    make_message(api.core.db, api.viewer(), chat.id, "moon!", role=Role.USER, now=NOW + timedelta(seconds=9))
    found = ada.get(f"{SEARCH}/facets", params={"q": "moon"}).json()
    assert (found["of"], found["complete"]) == (3, True)
    assert found["models"] == [{"label": "qwen3:8b", "filters": [["model", "qwen3:8b"]], "count": 1}]
    assert [(facet["label"], facet["count"]) for facet in found["roles"]] == [("user", 2), ("assistant", 1)]
    assert found["months"] == [{"label": "2026-03", "filters": [["after", "2026-03"], ["before", "2026-04"]], "count": 3}]
    assert found["tags"] == []
    assert ada.get(f"{SEARCH}/count", params={"q": "moon"}).json() == {"count": 3, "more": False}


def test_days_begin_where_the_caller_is(api: Api, ada: httpx.Client) -> None:
    chat = make_chat(api.core.db, api.viewer())
    make_message(api.core.db, api.viewer(), chat.id, "moon", now=NOW.replace(hour=23, minute=30))
    asked = {"q": "moon after:2026-03-15"}
    assert texts(ada.get(SEARCH, params=asked)) == []
    assert texts(ada.get(SEARCH, params=asked | {"zone": "Europe/Berlin"})) == ["moon"]
    assert ada.get(f"{SEARCH}/count", params=asked | {"zone": "Europe/Berlin"}).json()["count"] == 1


def test_no_text_is_refused(api: Api, ada: httpx.Client) -> None:
    make_message(api.core.db, api.viewer(), make_chat(api.core.db, api.viewer()).id, "the moon")
    for text in ODD_TEXTS:
        sent = text.encode("utf-8", "surrogatepass")
        for path in PATHS:
            found = ada.get(path, params={"q": sent})
            assert found.status_code == 200, (text, found.text)
        assert ada.get(SEARCH, params={"q": sent, "order": "best"}).status_code == 200, text


def test_what_a_text_could_not_mean_is_said(ada: httpx.Client) -> None:
    assert ada.get(SEARCH, params={"q": "moon after:never"}).json()["notices"] == [
        "“after:never” is no time and was left out. Write after:2026-03-01, after:2026-03, after:2026, after:30d."
    ]


def test_wrong_words_in_the_query_are_refused_by_name(ada: httpx.Client) -> None:
    refusals = (
        (SEARCH, "order=worst", "worst"),
        (SEARCH, "cursor=abc", "place"),
        (SEARCH, "cursor=", "place"),
        (SEARCH, "order=best&cursor=abc", "place"),
        (SEARCH, "limit=0", "0 rows"),
        (SEARCH, "limit=1001", "1001 rows"),
        (SEARCH, "limit=many", "limit"),
        (SEARCH, "page=2", "page"),
        (f"{SEARCH}/switch", "limit=0", "0 rows"),
        (f"{SEARCH}/switch", "order=best", "order"),
        (f"{SEARCH}/count", "limit=5", "limit"),
        *((path, f"zone={zone}", zone[:60]) for path in PATHS for zone in ("Mars/Base", "America", "../passwd", "x" * 400, "a%00b")),
    )
    for path, words, named in refusals:
        refused = ada.get(f"{path}?q=moon&{words}")
        assert refused.status_code == 400, (path, words, refused.text)
        error = refused.json()["error"]
        assert named.replace("%00", "\\x00").lower() in error["message"].lower(), (words, error)
        assert error["hint"]


def test_who_is_not_signed_in_finds_nothing(api: Api) -> None:
    with api.client("nobody") as stranger:
        assert [stranger.get(path, params={"q": "moon"}).status_code for path in PATHS] == [401] * 4
