"""Files over REST: sent in base64 with a prompt, listed, and given back in a way that no browser runs them."""

import base64
from dataclasses import replace

import httpx
import pytest

from chatcore.documents import Upload
from chatcore.parts import Capability, ModelInfo
from tests.chatcore.api.conftest import CHATS, Api
from tests.files import IMAGE, NOTES, REPORT, make_image

SEEING = ModelInfo("parrot", "scripted", capabilities=frozenset({Capability.COMPLETION, Capability.VISION}))
MODEL = {"provider": "scripted", "model": "parrot"}


def sent(*uploads: Upload) -> list[dict[str, str]]:
    return [{"name": upload.name, "content": base64.b64encode(upload.content).decode()} for upload in uploads]


def begin(ada: httpx.Client, *uploads: Upload, text: str | None = "What do these say?") -> dict[str, object]:
    """A new chat with these files; the prompt as it is listed."""
    made = ada.post(CHATS, json={"text": text, "attachments": sent(*uploads), **MODEL})
    assert made.status_code == 201, made.text
    found: dict[str, object] = ada.get(f"/api/v1/messages/{made.json()['user_message_id']}").json()["message"]
    return found


def files_of(message: dict[str, object]) -> list[dict[str, object]]:
    files = message["attachments"]
    assert isinstance(files, list)
    return files


def test_files_are_sent_listed_and_given_back(api: Api, ada: httpx.Client) -> None:
    message = begin(ada, IMAGE, REPORT, NOTES)
    files = files_of(message)
    assert ada.get(f"/api/v1/messages/{message['id']}/attachments").json() == {"attachments": files}
    assert files[1] == {
        "id": files[1]["id"],
        "name": "report.pdf",
        "media_type": "application/pdf",
        "size_bytes": len(REPORT.content),
        "characters": 15,
        "cut": False,
        "url": f"/api/v1/messages/{message['id']}/attachments/{files[1]['id']}",
    }
    for file, upload in zip(files, (IMAGE, REPORT, NOTES), strict=True):
        assert ada.get(str(file["url"])).content == upload.content
    assert api.provider.asked.acquire(timeout=20)
    assert len(api.provider.requests[0].turns[0].images) == 1


def test_a_prompt_may_be_files_alone(ada: httpx.Client) -> None:
    assert begin(ada, NOTES, text=None)["text"] == ""


@pytest.mark.parametrize(
    ("upload", "disposition", "media_type"),
    [
        (IMAGE, "inline; filename=\"moon.png\"; filename*=UTF-8''moon.png", "image/png"),
        (REPORT, "attachment; filename=\"report.pdf\"; filename*=UTF-8''report.pdf", "application/pdf"),
        (Upload("p.html", b"<script>1</script>"), "attachment; filename=\"p.html\"; filename*=UTF-8''p.html", "text/plain; charset=utf-8"),
        (Upload("a.svg", b"<svg onload='1'/>"), "attachment; filename=\"a.svg\"; filename*=UTF-8''a.svg", "text/plain; charset=utf-8"),
        (
            Upload('Grüße "x".csv', b"a,b"),
            "attachment; filename=\"Gr__e _x_.csv\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%22x%22.csv",
            "text/csv; charset=utf-8",
        ),
    ],
)  # fmt: skip
def test_no_browser_runs_what_was_attached(ada: httpx.Client, upload: Upload, disposition: str, media_type: str) -> None:
    (file,) = files_of(begin(ada, upload))
    headers = ada.get(str(file["url"])).headers
    assert (headers["content-disposition"], headers["content-type"]) == (disposition, media_type)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert headers["cache-control"].startswith("private")


def test_a_large_image_is_given_small_too(ada: httpx.Client) -> None:
    (file,) = files_of(begin(ada, Upload("large.png", make_image(size=(3000, 40)))))
    small = ada.get(str(file["url"]), params={"small": "true"})
    assert small.headers["content-type"] == "image/jpeg"
    assert small.content != ada.get(str(file["url"])).content
    assert ada.get(str(file["url"]), params={"small": "maybe"}).status_code == 400


@pytest.mark.parametrize(
    ("attachments", "said"),
    [
        ("a.txt", "is not a list"),
        (["a.txt"], "something else than files"),
        ([{"name": "a.txt"}], "something else than files"),
        ([{"name": "a.txt", "content": "%%%"}], "is not base64"),
        ([{"name": "a.txt", "content": "aGk=", "path": "/etc"}], "'path' is not known"),
        ([{"name": "a.txt", "content": ""}], "a.txt is empty"),
        ([{"name": "a.pdf", "content": "aGk="}], "its content is no PDF"),
        ([{"name": "a.txt", "content": "aGk="}] * 11, "the most is 10"),
    ],
)
def test_what_is_no_file_is_refused_and_nothing_is_sent(ada: httpx.Client, attachments: object, said: str) -> None:
    refused = ada.post(CHATS, json={"text": "Why?", "attachments": attachments, **MODEL})
    assert refused.status_code == 400
    assert said in refused.json()["error"]["message"]
    assert refused.json()["error"]["hint"]
    assert ada.get(CHATS).json()["chats"] == []


def test_a_model_that_cannot_see_is_a_400_that_names_those_that_can(api: Api, ada: httpx.Client) -> None:
    api.core.runner.offered = lambda: (SEEING, replace(SEEING, id="mole", capabilities=frozenset({Capability.COMPLETION})))
    refused = ada.post(CHATS, json={"attachments": sent(IMAGE), "provider": "scripted", "model": "mole"})
    assert refused.status_code == 400
    assert refused.json()["error"] == {"kind": "invalid", "message": "mole cannot see images.", "hint": "Choose a model that can: parrot."}


def test_only_prompts_may_be_large(ada: httpx.Client) -> None:
    text = "x" * (3 * 1024 * 1024)
    assert ada.post("/api/v1/prompts", json={"name": "a", "text": text}).status_code == 413
    assert ada.post(CHATS, json={"text": text, **MODEL}).status_code == 400
    over = ada.post(CHATS, content=b" " * (33 * 1024 * 1024), headers={"Content-Type": "application/json"})
    assert over.status_code == 413
    assert "32 MB" in over.json()["error"]["message"]
