"""What is yours is only yours: every route, called by somebody else. A route without a case here fails the first test."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

import httpx
import pytest
from starlette.routing import BaseRoute, Route, WebSocketRoute
from websockets.exceptions import InvalidStatus

from chatcore.api import LocalOwner, routes
from chatcore.history import get_chat, open_thread
from chatcore.parts import State
from tests.chatcore.api.conftest import CHATS, Api
from tests.factories import make_chat, make_exchange

CHAT = CHATS + "/{chat_id}"
MESSAGE = "/api/v1/messages/{message_id}"
SEARCH = "/api/v1/search"


@dataclass(frozen=True)
class Hers:
    """What belongs to Ada."""

    chat_id: uuid.UUID
    answer_id: int
    running_id: int


Case = Callable[[Api, httpx.Client, Hers], int]


def calling(method: str, path: str, **sent: object) -> Case:
    """The status Bob gets for a path of Ada's."""

    def call(api: Api, bob: httpx.Client, hers: Hers) -> int:
        where = path.format(chat_id=hers.chat_id, message_id=hers.answer_id)
        return bob.request(method, where, **sent).status_code  # type: ignore[arg-type]  # json, params

    return call


def empty_list(api: Api, bob: httpx.Client, hers: Hers) -> int:
    """Lists have no id: Bob's are empty, which counts as not found here."""
    return 200 if any(bob.get(CHATS, params={"shelf": shelf}).json()["chats"] for shelf in ("active", "archived", "trash")) else 404


def searching(path: str, nothing: dict[str, object]) -> Case:
    """A search has no id: what Ada finds, Bob does not, whatever he asks for; nothing found counts as not found here."""

    def call(api: Api, bob: httpx.Client, hers: Hers) -> int:
        for text in ("tides", f"chat:{hers.chat_id}", ""):
            with api.client("Ada") as ada:
                theirs = ada.get(path, params={"q": text}).json()
                assert theirs != theirs | nothing
            found = bob.get(path, params={"q": text}).json()
            if found != found | nothing:
                return 200
        return 404

    return call


def own_chat(api: Api, bob: httpx.Client, hers: Hers) -> int:
    """What Bob makes is Bob's."""
    chat_id = uuid.UUID(bob.post(CHATS, json={"title": "Bob's"}).json()["chat"]["id"])
    return 404 if get_chat(api.core.db, api.viewer("Bob"), chat_id).title == "Bob's" else 200


def socket(api: Api, bob: httpx.Client, hers: Hers) -> int:
    with pytest.raises(InvalidStatus) as refused:
        api.follow(MESSAGE.format(message_id=hers.running_id) + "/ws", "Bob")
    return refused.value.response.status_code


def nobodys(api: Api, bob: httpx.Client, hers: Hers) -> int:
    """Says nothing of anybody."""
    return 404 if str(hers.chat_id) not in bob.get("/healthz").text + bob.get("/api/v1/models").text else 200


CASES: dict[tuple[str, str], Case] = {
    ("GET", CHATS): empty_list,
    ("POST", CHATS): own_chat,
    ("GET", CHAT): calling("GET", CHAT),
    ("PATCH", CHAT): calling("PATCH", CHAT, json={"title": "Bob's", "pinned": True, "deleted": True}),
    ("DELETE", CHAT): calling("DELETE", CHAT, params={"purge": "true", "forget_usage": "true"}),
    ("GET", CHAT + "/messages"): calling("GET", CHAT + "/messages"),
    ("POST", CHAT + "/messages"): calling("POST", CHAT + "/messages", json={"text": "hi", "provider": "guide", "model": "guide"}),
    ("GET", MESSAGE): calling("GET", MESSAGE),
    ("POST", MESSAGE + "/stop"): calling("POST", MESSAGE + "/stop"),
    ("POST", MESSAGE + "/retry"): calling("POST", MESSAGE + "/retry"),
    ("GET", MESSAGE + "/events"): calling("GET", MESSAGE + "/events"),
    ("WS", MESSAGE + "/ws"): socket,
    ("GET", SEARCH): searching(SEARCH, {"hits": [], "next_cursor": None}),
    ("GET", SEARCH + "/switch"): searching(SEARCH + "/switch", {"chats": [], "hits": []}),
    ("GET", SEARCH + "/facets"): searching(SEARCH + "/facets", {"of": 0, "models": [], "months": [], "roles": [], "tags": []}),
    ("GET", SEARCH + "/count"): searching(SEARCH + "/count", {"count": 0}),
    ("GET", "/api/v1/models"): nobodys,
    ("GET", "/healthz"): nobodys,
}
NOTHING_THERE = "/api/{rest:path}"


def operations(table: list[BaseRoute]) -> set[tuple[str, str]]:
    found = set()
    for route in table:
        if isinstance(route, WebSocketRoute):
            found.add(("WS", route.path))
        else:
            assert isinstance(route, Route), "a kind of route this test does not know"
            found |= {(method, route.path) for method in (route.methods or set()) - {"HEAD"}}
    return {operation for operation in found if operation[1] != NOTHING_THERE}


def test_every_route_has_a_case() -> None:
    table = routes(lambda: pytest.fail("the table needs no core"), lambda _: LocalOwner())
    assert operations(table) == set(CASES)


@pytest.mark.parametrize("operation", CASES, ids=" ".join)
def test_what_is_adas_is_not_there_for_bob(api: Api, operation: tuple[str, str]) -> None:
    ada = api.viewer("Ada")
    chat, busy = make_chat(api.core.db, ada), make_chat(api.core.db, ada)
    _, answer = make_exchange(api.core.db, ada, chat.id)
    _, running = make_exchange(api.core.db, ada, busy.id, state=State.RUNNING)
    before = open_thread(api.core.db, ada, chat.id)
    with api.client("Bob") as bob:
        assert CASES[operation](api, bob, Hers(chat.id, answer.id, running.id)) == 404
    assert open_thread(api.core.db, ada, chat.id) == before


def test_a_chat_of_somebody_else_looks_like_one_that_is_not_there(api: Api) -> None:
    chat = make_chat(api.core.db, api.viewer("Ada"))
    with api.client("Bob") as bob:
        hers, none = bob.get(f"{CHATS}/{chat.id}"), bob.get(f"{CHATS}/{uuid.uuid4()}")
    assert (hers.status_code, hers.text) == (none.status_code, none.text)
