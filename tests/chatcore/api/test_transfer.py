"""Imports and exports over HTTP: the file as the body, or a path for the owner; the export as it is read."""

import json
import zipfile
from io import BytesIO
from pathlib import Path

import httpx
import pytest

from chatcore.exporting import FORMS
from chatcore.importing import jobs
from chatcore.parts import Viewer
from tests.answers import until
from tests.chatcore.api.conftest import Api
from tests.chatcore.formats import samples
from tests.factories import make_chat

IMPORTS, EXPORT = "/api/v1/imports", "/api/v1/export"


def ended(api: Api, client: httpx.Client, viewer: Viewer) -> dict[str, object]:
    """Waits for the import that was started; what the list says of it."""
    job = jobs.current(api.core.db, viewer)
    assert job is not None
    until(job.ended.is_set)
    found: dict[str, object] = client.get(IMPORTS).json()["current"]
    return found


def test_a_file_is_looked_into_imported_read_and_taken_back(api: Api, ada: httpx.Client, tmp_path: Path) -> None:
    content = samples.claude(tmp_path).read_bytes()
    told = ada.post(f"{IMPORTS}/preview", params={"name": "claude.zip"}, content=content).json()["preview"]
    assert (told["format"], told["new_chats"], told["messages"]) == ("claude", 2, 5)
    assert ada.get(IMPORTS).json() == {"imports": [], "current": None}
    begun = ada.post(IMPORTS, params={"name": "claude.zip", "tags": "old,sea"}, content=content)
    assert begun.status_code == 202, begun.text
    now = ended(api, ada, api.viewer())
    assert (now["state"], now["messages"], now["file_name"]) == ("complete", 5, "claude.zip")
    (run,) = ada.get(IMPORTS).json()["imports"]
    assert (run["state"], run["chats"], run["report"]["chats"]) == ("complete", 2, {"imported": 2, "skipped": 1})
    assert ada.get(f"{IMPORTS}/{run['id']}").json()["import"] == run
    assert {tuple(chat["tags"]) for chat in ada.get("/api/v1/chat/sessions").json()["chats"]} == {("old", "sea")}
    assert ada.delete(f"{IMPORTS}/{run['id']}").json() == {"undone": {"chats": 2, "messages": 5, "kept_chats": 0}}
    assert ada.delete(f"{IMPORTS}/{run['id']}").status_code == 409


def test_the_owner_names_a_file_on_the_server_which_stays(api: Api, tmp_path: Path) -> None:
    path = samples.claude(tmp_path)
    with api.client(None) as owner:
        assert owner.post(f"{IMPORTS}/preview", json={"path": str(path)}).json()["preview"]["chats"] == 2
        assert owner.post(IMPORTS, json={"path": str(path)}).status_code == 202
        viewer = Viewer("local", "You", is_owner=True)
        assert ended(api, owner, viewer)["state"] == "complete"
    assert path.exists()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"content": b"x"}, 400),
        ({"params": {"name": "x.json"}}, 400),
        ({"params": {"name": "x.json", "colour": "red"}, "content": b"x"}, 400),
        ({"params": {"name": "x.json"}, "content": b"no export"}, 400),
        ({"json": {"path": "/nowhere/x.zip"}}, 400),
        ({"json": {"path": "relative.zip"}}, 400),
        ({"json": {"path": "/\0"}}, 400),
        ({"json": {}}, 400),
        ({"params": {"name": "x.json"}, "content": b"x", "headers": {"Origin": "https://elsewhere.example"}}, 403),
    ],
)
def test_what_cannot_be_looked_into_is_said(api: Api, sent: dict[str, object], status: int) -> None:
    with api.client(None) as owner:
        answer = owner.post(f"{IMPORTS}/preview", **sent)  # type: ignore[arg-type]  # as the table says
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["hint"]


def test_every_form_comes_as_a_file_with_a_name(api: Api, ada: httpx.Client) -> None:
    chat = make_chat(api.core.db, api.viewer(), title="Tides", messages=4)
    make_chat(api.core.db, api.viewer(), title="Shells", messages=2)
    for form in FORMS:
        answer = ada.get(EXPORT, params={"form": form.name})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-disposition"].startswith('attachment; filename="chatcore-')
    whole = ada.get(EXPORT)
    assert len(json.loads(whole.content)) == 2
    assert whole.headers["content-type"] == "application/json"
    with zipfile.ZipFile(BytesIO(ada.get(EXPORT, params={"form": "markdown"}).content)) as archive:
        assert len(archive.namelist()) == 2
    assert json.loads(ada.get(EXPORT, params={"chat_id": str(chat.id)}).content)[0]["title"] == "Tides"
    assert ada.get(EXPORT, params={"form": "docx"}).status_code == 400


def test_an_export_that_nobody_reads_on_ends(api: Api, ada: httpx.Client) -> None:
    import threading

    for _ in range(3):
        make_chat(api.core.db, api.viewer(), messages=200)
    with ada.stream("GET", EXPORT) as answer:
        next(answer.iter_raw(10))
    until(lambda: all(thread.name != "export" for thread in threading.enumerate()))
