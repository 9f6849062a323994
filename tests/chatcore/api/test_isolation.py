"""What is yours is only yours: every route, called by somebody else. A route without a case here fails the first test."""

import dataclasses
import json
import re
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from starlette.routing import BaseRoute, Route, WebSocketRoute
from websockets.exceptions import InvalidStatus

from chatcore.api import LocalOwner, routes
from chatcore.changes import Changes, change_chats
from chatcore.chat_settings import read_settings
from chatcore.comparisons import list_comparisons
from chatcore.core import observe
from chatcore.db import Database
from chatcore.feedback import ratings
from chatcore.history import get_chat
from chatcore.importing import jobs
from chatcore.importing.runs import begin_run
from chatcore.organise.folders import list_folders, make_folder
from chatcore.organise.presets import list_presets, save_preset
from chatcore.organise.prompts import list_prompts, save_prompt
from chatcore.organise.tags import list_tags
from chatcore.organise.views import list_views, save_view
from chatcore.parameters import ChatSettings
from chatcore.parts import Policy, State, Viewer
from chatcore.permissions import set_policy
from chatcore.preferences import Preferences, read_preferences, write_preferences
from chatcore.queued import list_queued, put_queued_in
from chatcore.sharing import list_links, make_link
from chatcore.thread import open_thread
from tests.answers import until
from tests.chatcore.api.conftest import CHATS, Api, api_on
from tests.factories import NOW, make_chat, make_exchange, make_pair, rate
from tests.files import NOTES, attach

CHAT = CHATS + "/{chat_id}"
MESSAGE = "/api/v1/messages/{message_id}"
ASKED = "/api/v1/messages/{asked_id}"
TAGS, TAG = "/api/v1/tags", "/api/v1/tags/{tag_id}"
FOLDERS, FOLDER = "/api/v1/folders", "/api/v1/folders/{folder_id}"
SEARCHES, SAVED_SEARCH = "/api/v1/searches", "/api/v1/searches/{search_id}"
SEARCH = "/api/v1/search"
PRESETS, PRESET = "/api/v1/presets", "/api/v1/presets/{preset_id}"
QUEUED, PREFERENCES = "/api/v1/queue/{queued_id}", "/api/v1/preferences"
COMPARISON = "/api/v1/comparisons/{comparison_id}"
RIVALS = {"provider": "guide", "model": "guide", "rival_provider": "scripted", "rival_model": "parrot"}
IMPORTS, IMPORT = "/api/v1/imports", "/api/v1/imports/{import_id}"
EXPORT = "/api/v1/export"
PROMPTS, PROMPT = "/api/v1/prompts", "/api/v1/prompts/{prompt_id}"
SHARES, SHARE = "/api/v1/shares", "/api/v1/shares/{link_id}"


@dataclass(frozen=True)
class Hers:
    """What belongs to Ada."""

    chat_id: uuid.UUID
    answer_id: int
    running_id: int
    folder_id: int
    tag_id: int
    search_id: int
    preset_id: int
    prompt_id: int
    asked_id: int
    file_id: int
    queued_id: int
    comparison_id: int
    link_id: int


Case = Callable[[Api, httpx.Client, Hers], int]


def calling(method: str, path: str, **sent: object) -> Case:
    """The status Bob gets for a path of Ada's."""

    def call(api: Api, bob: httpx.Client, hers: Hers) -> int:
        where = path.format(message_id=hers.answer_id, **dataclasses.asdict(hers))
        return bob.request(method, where, **sent).status_code  # type: ignore[arg-type]  # json, params

    return call


def empty_list(api: Api, bob: httpx.Client, hers: Hers) -> int:
    """Lists have no id: Bob's are empty, which counts as not found here."""
    return 200 if any(bob.get(CHATS, params={"shelf": shelf}).json()["chats"] for shelf in ("active", "archived", "trash")) else 404


def empty(path: str, name: str) -> Case:
    """As `empty_list`, of another list."""

    def call(api: Api, bob: httpx.Client, hers: Hers) -> int:
        return 200 if bob.get(path).json()[name] else 404

    return call


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


def own(path: str, kind: str, **sent: object) -> Case:
    """What Bob makes is in Bob's list, alone."""

    def call(api: Api, bob: httpx.Client, hers: Hers) -> int:
        assert bob.post(path, json=sent).status_code == 201
        return 404 if len(bob.get(path).json()[kind]) == 1 else 200

    return call


def order_hers(api: Api, bob: httpx.Client, hers: Hers) -> int:
    return bob.put(SEARCHES, json={"order": [hers.search_id]}).status_code


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


def owners_alone(api: Api, bob: httpx.Client, hers: Hers) -> int:
    """A backup has everybody's chats: nobody but the owner learns whether there is one."""
    folder = Path(tempfile.mkdtemp(prefix="chatcore-test-"))
    api.core.settings = dataclasses.replace(api.core.settings, backup_folder=str(folder))
    name = "chatcore-20260314T150926Z-manual.db"
    (folder / name).write_bytes(b"of everybody")
    with api.client(None) as owner:
        given = owner.get(f"/api/v1/backups/{name}")
        assert (given.content, given.headers["content-disposition"]) == (b"of everybody", f'attachment; filename="{name}"')
        assert owner.get("/api/v1/backups/..%2Fchatcore.db").status_code == owner.get("/api/v1/backups/letter.txt").status_code == 404
    shutil.rmtree(folder)
    refused = {bob.get(f"/api/v1/backups/{asked}").status_code for asked in (name, "chatcore-20260315T150926Z-manual.db")}
    return 404 if refused == {403} else 200


def figures_of_all(api: Api, bob: httpx.Client, hers: Hers) -> int:
    """Counts everybody's answers, and says whose of none of them."""
    api.core.metrics = observe(api.core.runner)
    with api.client("Ada") as ada:
        sent = api.ask(ada)
        stopped = ada.post(f"/api/v1/messages/{sent['answer_id']}/stop")
        assert stopped.status_code == 202
    until(lambda: "chatcore_generations_total{" in bob.get("/metrics").text)
    text = bob.get("/metrics").text
    secrets = (str(hers.chat_id), str(sent["chat_id"]), api.viewer("Ada").user_id, "Ada", "tides")
    return 200 if any(secret in text for secret in secrets) else 404


def tools_of_hers(api: Api, bob: httpx.Client, hers: Hers) -> int:
    """What Ada lets tools do says nothing of what Bob does; her chat is none of his."""
    set_policy(api.core.db, api.viewer("Ada"), "write_note", Policy.ALLOW, chat_id=hers.chat_id)
    assert "allow" not in bob.get("/api/v1/tools").text
    return bob.get("/api/v1/tools", params={"chat_id": str(hers.chat_id)}).status_code


def policy_in_hers(api: Api, bob: httpx.Client, hers: Hers) -> int:
    return bob.patch("/api/v1/tools/write_note", json={"policy": "allow", "chat_id": str(hers.chat_id)}).status_code


def chosen_alone(api: Api, bob: httpx.Client, hers: Hers) -> int:
    """What Ada chose is not what Bob sees, nor the other way round."""
    if bob.get(PREFERENCES).json()["preferences"]["titles"] is not True:
        return 200
    assert bob.put(PREFERENCES, json={"titles": True, "title_provider": "scripted", "title_model": "m"}).status_code == 200
    return 404 if read_preferences(api.core.db, api.viewer("Ada")) == Preferences(titles=False) else 200


EXPORTED = json.dumps([{"chatcore": 1, "id": "x", "title": "Bob's", "messages": [{"id": "1", "role": "user", "content": "hi"}]}])


def import_alone(api: Api, bob: httpx.Client, hers: Hers) -> int:
    """What Bob imports is his alone; no file of the server is."""
    assert bob.post(IMPORTS, json={"path": "/etc/hostname"}).status_code == 403
    assert bob.post(IMPORTS + "/preview", json={"path": "/etc/hostname"}).status_code == 403
    assert bob.post(IMPORTS, params={"name": "x.json", "folder_id": hers.folder_id}, content=EXPORTED).status_code == 202
    job = jobs.current(api.core.db, api.viewer("Bob"))
    assert job is not None
    until(job.ended.is_set)
    with api.client("Ada") as ada:
        theirs = ada.get(IMPORTS).json()
    found = bob.get(IMPORTS).json()["current"]["error"]
    return 404 if theirs == {"imports": [], "current": None} and found["kind"] == "not_found" else 200


def stop_none_of_hers(api: Api, bob: httpx.Client, hers: Hers) -> int:
    return 404 if bob.post(IMPORTS + "/stop").json() == {"current": None} else 200


def import_of_hers(method: str) -> Case:
    """An import of Ada's is not there for Bob."""

    def call(api: Api, bob: httpx.Client, hers: Hers) -> int:
        run_id = begin_run(api.core.db, api.viewer("Ada"), format_name="x", file_name="x", fingerprint="x", now=NOW)
        return bob.request(method, IMPORT.format(import_id=run_id)).status_code

    return call


CASES: dict[tuple[str, str], Case] = {
    ("GET", CHATS): empty_list,
    ("POST", CHATS): own_chat,
    ("GET", CHAT): calling("GET", CHAT),
    ("PATCH", CHAT): calling("PATCH", CHAT, json={"title": "Bob's", "pinned": True, "deleted": True}),
    ("DELETE", CHAT): calling("DELETE", CHAT, params={"purge": "true", "forget_usage": "true"}),
    ("GET", CHAT + "/messages"): calling("GET", CHAT + "/messages"),
    ("POST", CHAT + "/messages"): calling("POST", CHAT + "/messages", json={"text": "hi", "provider": "guide", "model": "guide"}),
    ("GET", MESSAGE): calling("GET", MESSAGE),
    ("GET", MESSAGE + "/attachments"): calling("GET", "/api/v1/messages/{asked_id}/attachments"),
    ("GET", MESSAGE + "/attachments/{attachment_id}"): calling("GET", "/api/v1/messages/{asked_id}/attachments/{file_id}"),
    ("DELETE", MESSAGE): calling("DELETE", MESSAGE),
    ("POST", MESSAGE + "/edit"): calling("POST", ASKED + "/edit", json={"text": "hi", "provider": "guide", "model": "guide"}),
    ("POST", MESSAGE + "/continue"): calling("POST", MESSAGE + "/continue"),
    ("POST", MESSAGE + "/show"): calling("POST", MESSAGE + "/show"),
    ("POST", MESSAGE + "/fork"): calling("POST", MESSAGE + "/fork"),
    ("PUT", MESSAGE + "/feedback"): calling("PUT", MESSAGE + "/feedback", json={"rating": -1}),
    ("DELETE", MESSAGE + "/feedback"): calling("DELETE", MESSAGE + "/feedback"),
    ("POST", MESSAGE + "/stop"): calling("POST", MESSAGE + "/stop"),
    ("POST", MESSAGE + "/retry"): calling("POST", MESSAGE + "/retry"),
    ("GET", MESSAGE + "/events"): calling("GET", MESSAGE + "/events"),
    ("WS", MESSAGE + "/ws"): socket,
    ("POST", MESSAGE + "/calls/{call_id}"): calling("POST", MESSAGE + "/calls/c1", json={"decision": "once"}),
    ("GET", "/api/v1/tools"): tools_of_hers,
    ("PATCH", "/api/v1/tools/{tool}"): policy_in_hers,
    ("GET", TAGS): empty(TAGS, "tags"),
    ("PATCH", TAG): calling("PATCH", TAG, json={"name": "bob's"}),
    ("DELETE", TAG): calling("DELETE", TAG),
    ("GET", FOLDERS): empty(FOLDERS, "folders"),
    ("POST", FOLDERS): own(FOLDERS, "folders", name="Work"),
    ("PATCH", FOLDER): calling("PATCH", FOLDER, json={"name": "Bob's", "parent_id": 0}),
    ("DELETE", FOLDER): calling("DELETE", FOLDER),
    ("GET", SEARCHES): empty(SEARCHES, "searches"),
    ("POST", SEARCHES): own(SEARCHES, "searches", name="Tea", query="tag:tea"),
    ("PUT", SEARCHES): order_hers,
    ("PATCH", SAVED_SEARCH): calling("PATCH", SAVED_SEARCH, json={"name": "Bob's", "query": "x"}),
    ("DELETE", SAVED_SEARCH): calling("DELETE", SAVED_SEARCH),
    ("GET", SEARCH): searching(SEARCH, {"hits": [], "next_cursor": None}),
    ("GET", SEARCH + "/switch"): searching(SEARCH + "/switch", {"chats": [], "hits": []}),
    ("GET", SEARCH + "/facets"): searching(SEARCH + "/facets", {"of": 0, "models": [], "months": [], "roles": [], "tags": []}),
    ("GET", SEARCH + "/count"): searching(SEARCH + "/count", {"count": 0}),
    ("GET", CHAT + "/settings"): calling("GET", CHAT + "/settings"),
    ("PUT", CHAT + "/settings"): calling("PUT", CHAT + "/settings", json={"system_prompt": "Bob's"}),
    ("GET", PRESETS): empty(PRESETS, "presets"),
    ("POST", PRESETS): own(PRESETS, "presets", name="Brief", default=True),
    ("PATCH", PRESET): calling("PATCH", PRESET, json={"name": "Bob's", "default": False}),
    ("DELETE", PRESET): calling("DELETE", PRESET),
    ("GET", PROMPTS): empty(PROMPTS, "prompts"),
    ("POST", PROMPTS): own(PROMPTS, "prompts", name="tides", text="Tides?"),
    ("PATCH", PROMPT): calling("PATCH", PROMPT, json={"text": "Bob's"}),
    ("DELETE", PROMPT): calling("DELETE", PROMPT),
    ("GET", CHAT + "/queue"): calling("GET", CHAT + "/queue"),
    ("POST", CHAT + "/queue"): calling("POST", CHAT + "/queue", json={"text": "hi", "provider": "guide", "model": "guide"}),
    ("PATCH", QUEUED): calling("PATCH", QUEUED, json={"text": "Bob's"}),
    ("DELETE", QUEUED): calling("DELETE", QUEUED),
    ("POST", QUEUED + "/send"): calling("POST", QUEUED + "/send"),
    ("GET", CHAT + "/comparisons"): calling("GET", CHAT + "/comparisons"),
    ("POST", CHAT + "/comparisons"): calling("POST", CHAT + "/comparisons", json={"text": "hi", **RIVALS}),
    ("GET", COMPARISON): calling("GET", COMPARISON),
    ("POST", COMPARISON + "/vote"): calling("POST", COMPARISON + "/vote", json={"vote": "right"}),
    ("GET", SHARES): empty(SHARES, "shares"),
    ("GET", CHAT + "/shares"): calling("GET", CHAT + "/shares"),
    ("POST", CHAT + "/shares"): calling("POST", CHAT + "/shares"),
    ("POST", SHARE + "/update"): calling("POST", SHARE + "/update"),
    ("DELETE", SHARE): calling("DELETE", SHARE),
    # Whoever has the token reads it; who knows the chat or the number of the link has it not.
    ("GET", "/share/{token}"): calling("GET", "/share/{chat_id}"),
    ("GET", PREFERENCES): chosen_alone,
    ("PUT", PREFERENCES): chosen_alone,
    ("GET", IMPORTS): empty(IMPORTS, "imports"),
    ("POST", IMPORTS): import_alone,
    ("POST", IMPORTS + "/preview"): import_alone,
    ("POST", IMPORTS + "/stop"): stop_none_of_hers,
    ("GET", IMPORT): import_of_hers("GET"),
    ("DELETE", IMPORT): import_of_hers("DELETE"),
    ("GET", EXPORT): calling("GET", EXPORT + "?chat_id={chat_id}"),
    ("GET", "/api/v1/models"): nobodys,
    ("GET", "/api/v1/backups/{name}"): owners_alone,
    ("GET", "/healthz"): nobodys,
    ("GET", "/metrics"): figures_of_all,
}
# These need a server of their own: they change what it has of Ada, or what it tells of everybody.
ALONE = [
    ("POST", CHATS), ("GET", "/metrics"), ("GET", "/api/v1/backups/{name}"), ("POST", IMPORTS), ("POST", IMPORTS + "/preview"),
    ("POST", IMPORTS + "/stop"), ("GET", IMPORT), ("DELETE", IMPORT),
    *(operation for operation, case in CASES.items() if case is tools_of_hers),
]  # fmt: skip
NOTHING_THERE = "/api/{rest:path}"


def all_of(db: Database, viewer: Viewer, chat_id: uuid.UUID) -> list[object]:
    """What Ada sees of what the routes could change."""
    lists = (list_folders, list_tags, list_views, list_presets, list_prompts, read_preferences)
    thread = open_thread(db, viewer, chat_id)
    rated = ratings(db, viewer, [message.id for message in thread.messages])
    waiting = list_queued(db, viewer, chat_id)
    compared = list_comparisons(db, viewer, chat_id)
    links = list_links(db, viewer, now=NOW)
    kept = read_settings(db, viewer, chat_id)
    return [thread, rated, waiting, compared, links, kept, *(listed(db, viewer) for listed in lists)]


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


def fill(api: Api) -> Hers:
    """Ada has some of everything."""
    db, ada = api.core.db, api.viewer("Ada")
    chat, busy = make_chat(db, ada), make_chat(db, ada)
    asked, answer = make_exchange(db, ada, chat.id)
    rate(db, ada, answer.id)
    (file,) = attach(db, ada, asked.id, NOTES)
    _, running = make_exchange(db, ada, busy.id, state=State.RUNNING)
    folder = make_folder(db, ada, name="Work")
    change_chats(db, ada, [chat.id], Changes(folder_id=folder.id, add_tags=("tea",)), now=NOW)
    search = save_view(db, ada, name="Tea", query="tag:tea", now=NOW)
    preset = save_preset(db, ada, name="Short", settings=ChatSettings(think="off"), now=NOW, is_default=True)
    prompt = save_prompt(db, ada, name="tides", text="Why?", now=NOW)
    with db.write() as tx:
        waits = put_queued_in(tx, ada, chat.id, text="And at night?", provider="guide", model_name="guide", now=NOW)
    write_preferences(db, ada, Preferences(titles=False))
    compared_id = make_pair(db, ada, chat.id)
    link = make_link(db, ada, chat.id, now=NOW)
    tag = list_tags(db, ada)[0]
    ids = (folder.id, tag.id, search.id, preset.id, prompt.id, asked.id, file.id, waits.id, compared_id, link.id)
    return Hers(chat.id, answer.id, running.id, *ids)


def look(api: Api, hers: Hers, operation: tuple[str, str]) -> None:
    """Whoever is not Ada gets nothing of hers, and it stays as it is."""
    ada = api.viewer("Ada")
    before = all_of(api.core.db, ada, hers.chat_id)
    with api.client(f"Bob {uuid.uuid4()}" if operation not in ALONE else "Bob") as bob:
        assert CASES[operation](api, bob, hers) == 404
    assert all_of(api.core.db, ada, hers.chat_id) == before


@pytest.fixture(scope="module")
def standing(lasting_db: Database) -> Iterator[tuple[Api, Hers]]:
    """A server where Ada has some of everything, for all who only look."""
    with api_on(lasting_db) as api:
        yield api, fill(api)


@pytest.mark.parametrize("operation", [operation for operation in CASES if operation not in ALONE], ids=" ".join)
def test_what_is_adas_is_not_there_for_bob(standing: tuple[Api, Hers], operation: tuple[str, str]) -> None:
    look(*standing, operation)


@pytest.mark.parametrize("operation", ALONE, ids=" ".join)
def test_what_is_adas_is_not_there_for_bob_who_does_something(api: Api, operation: tuple[str, str]) -> None:
    look(api, fill(api), operation)


NOBODY_IS_ASKED = {("GET", "/share/{token}"), ("GET", "/healthz"), ("GET", "/metrics")}


def test_only_the_page_of_a_link_and_the_state_of_the_server_are_open_to_who_is_not_signed_in(api: Api) -> None:
    chat = make_chat(api.core.db, api.viewer("Ada"), messages=2)
    link = make_link(api.core.db, api.viewer("Ada"), chat.id, now=NOW)
    ids = {"chat_id": str(chat.id), "link_id": str(link.id), "token": link.token}
    with api.client("nobody") as stranger:
        for method, path in CASES.keys() - NOBODY_IS_ASKED - {("WS", MESSAGE + "/ws")}:
            where = re.sub(r"\{(\w+)\}", lambda name: ids.get(name.group(1), "1"), path)
            assert stranger.request(method, where).status_code == 401, path
        assert stranger.get(f"/share/{link.token}").status_code == 200
    with pytest.raises(InvalidStatus) as refused:
        api.follow(MESSAGE.format(message_id=1) + "/ws", "nobody")
    assert refused.value.response.status_code == 401


def test_a_chat_goes_into_no_folder_of_somebody_else(api: Api) -> None:
    folder = make_folder(api.core.db, api.viewer("Ada"), name="Work")
    with api.client("Bob") as bob:
        chat_id = bob.post(CHATS, json={"title": "Bob's"}).json()["chat"]["id"]
        assert bob.patch(f"{CHATS}/{chat_id}", json={"folder_id": folder.id}).status_code == 404
        assert bob.post(FOLDERS, json={"name": "in hers", "parent_id": folder.id}).status_code == 404
        assert bob.get(CHATS, params={"folder_id": folder.id}).json()["chats"] == []


def test_a_chat_of_somebody_else_looks_like_one_that_is_not_there(api: Api) -> None:
    chat = make_chat(api.core.db, api.viewer("Ada"))
    with api.client("Bob") as bob:
        hers, none = bob.get(f"{CHATS}/{chat.id}"), bob.get(f"{CHATS}/{uuid.uuid4()}")
    assert (hers.status_code, hers.text) == (none.status_code, none.text)
