"""The live answer over a real WebSocket."""

import json
import time

import httpx
import pytest
from websockets.exceptions import ConnectionClosedOK, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from chatcore.api import live
from chatcore.api.live import Stage
from chatcore.parts import Offset, ReasoningDelta, State, Update
from tests.answers import LIMIT_S
from tests.chatcore.api.conftest import CHATS, Api
from tests.chatcore.api.page import Page, whole
from tests.factories import make_chat, make_exchange


def path_of(sent: dict[str, object], words: str = "") -> str:
    return f"/api/v1/messages/{sent['answer_id']}/ws{words}"


def frame_of(socket: ClientConnection) -> dict[str, object]:
    frame: dict[str, object] = json.loads(socket.recv(timeout=LIMIT_S))
    return frame


def read_until(socket: ClientConnection, page: Page, text: str) -> dict[str, object]:
    """Applies frames until the page shows that text."""
    deadline = time.monotonic() + LIMIT_S
    while text not in page.html():
        assert time.monotonic() < deadline, page.html()
        frame = frame_of(socket)
        page.apply(frame)
    return frame


def read_to_end(socket: ClientConnection, page: Page) -> dict[str, object]:
    """Applies all frames, checks that the server closes after the final one, and answers that."""
    frame: dict[str, object] = {"state": "running"}
    while frame["state"] == "running":
        frame = frame_of(socket)
        page.apply(frame)
    with pytest.raises(ConnectionClosedOK):
        socket.recv(timeout=LIMIT_S)
    return frame


def test_an_answer_is_painted_as_it_comes(api: Api, ada: httpx.Client) -> None:
    sent, page = api.ask(ada), Page()
    with api.follow(path_of(sent)) as socket:
        assert frame_of(socket)["reset_from"] == 0
        api.provider.write("# Tides\n\nThe *moon* ")
        read_until(socket, page, "<em>moon</em>")
        api.provider.write("pulls.\n\n```py\nprint(1)\n")
        read_until(socket, page, "print(1)")
        api.provider.write("print(2)\n")
        assert read_until(socket, page, "print(2)")["append"] == {"i": 2, "text": "print(2)\n"}
        api.provider.write("```\nDone.")
        api.provider.finish()
        last = read_to_end(socket, page)
    assert last["state"] == "complete"
    assert page.html() == whole("# Tides\n\nThe *moon* pulls.\n\n```py\nprint(1)\nprint(2)\n```\nDone.")


def test_reasoning_comes_as_added_text(api: Api, ada: httpx.Client) -> None:
    sent = api.ask(ada)
    with api.follow(path_of(sent)) as socket:
        api.provider.feed(ReasoningDelta("Let me "), ReasoningDelta("think <b>"))
        come = ""
        while come != "Let me think <b>":
            come += str(frame_of(socket).get("reasoning", ""))
    with api.follow(path_of(sent, "?reasoning=7")) as socket:
        assert frame_of(socket)["reasoning"] == "think <b>"


def test_a_reader_who_comes_back_gets_the_block_it_was_in_and_the_rest(api: Api, ada: httpx.Client) -> None:
    sent, page = api.ask(ada), Page()
    with api.follow(path_of(sent)) as socket:
        api.provider.write("one\n\ntwo\n\nthr")
        frame = read_until(socket, page, "thr")
    offset = frame["next"]
    assert isinstance(offset, dict)
    api.provider.write("ee\n\nfour")
    with api.follow(path_of(sent, f"?text={offset['text']}&reasoning=0")) as socket:
        first = frame_of(socket)
        assert first["reset_from"] == 2
        page.apply(first)
        api.provider.finish()
        if first["state"] == "running":
            read_to_end(socket, page)
    assert page.html() == whole("one\n\ntwo\n\nthree\n\nfour")


def test_a_reader_who_has_more_than_there_is_starts_anew(api: Api, ada: httpx.Client) -> None:
    chat = make_chat(api.core.db, api.viewer())
    _, answer = make_exchange(api.core.db, api.viewer(), chat.id, answer="short")
    page = Page()
    page.elements = {0: "<p>from an earlier attempt</p>", 1: "<p>gone</p>"}
    with api.follow(f"/api/v1/messages/{answer.id}/ws?text=4000") as socket:
        assert read_to_end(socket, page)["reset_from"] == 0
    assert page.html() == "<p>short</p>\n"


def test_a_finished_answer_comes_in_one_frame(api: Api) -> None:
    chat = make_chat(api.core.db, api.viewer())
    _, answer = make_exchange(api.core.db, api.viewer(), chat.id, answer="a\n\nb", state=State.FAILED)
    with api.follow(f"/api/v1/messages/{answer.id}/ws") as socket:
        frame = frame_of(socket)
    assert frame["blocks"] == [{"i": 0, "html": "<p>a</p>\n"}, {"i": 1, "html": "<p>b</p>\n"}]
    assert (frame["state"], frame["error"], frame["hint"]) == ("failed", "The model server failed.", "Try again.")


def test_a_reader_who_leaves_does_not_end_the_answer(api: Api, ada: httpx.Client) -> None:
    sent = api.ask(ada)
    for _ in range(3):
        with api.follow(path_of(sent)) as socket:
            frame_of(socket)
    page = Page()
    api.provider.write("still here")
    api.provider.finish()
    with api.follow(path_of(sent)) as socket:
        assert read_to_end(socket, page)["state"] == "complete"
    assert page.html() == "<p>still here</p>\n"


def test_what_a_reader_says_is_not_listened_to(api: Api, ada: httpx.Client) -> None:
    sent, page = api.ask(ada), Page()
    with api.follow(path_of(sent)) as socket:
        socket.send("stop")
        socket.send(b"\xff" * 100)
        api.provider.write("goes on")
        api.provider.finish()
        read_to_end(socket, page)
    assert "goes on" in page.html()


def test_an_answer_deleted_while_it_is_followed_ends_with_a_sentence(api: Api, ada: httpx.Client) -> None:
    chat = make_chat(api.core.db, api.viewer())
    _, answer = make_exchange(api.core.db, api.viewer(), chat.id, state=State.RUNNING)
    with api.follow(f"/api/v1/messages/{answer.id}/ws") as socket:
        frame_of(socket)
        ada.delete(f"{CHATS}/{chat.id}", params={"purge": "true"})
        last = read_to_end(socket, Page())
    assert last["state"] == "failed"
    assert last["error"]


REFUSED: tuple[tuple[str, str, dict[str, str], int], ...] = (
    ("", "nobody", {}, 401),
    ("", "Bob", {}, 404),
    ("", "Ada", {"Origin": "https://evil.example"}, 403),
    ("", "Ada", {"Origin": "null"}, 403),
    ("?text=x", "Ada", {}, 400),
    ("?from=1", "Ada", {}, 400),
)


def test_a_reader_who_may_not_is_refused(api: Api) -> None:
    chat = make_chat(api.core.db, api.viewer())
    _, answer = make_exchange(api.core.db, api.viewer(), chat.id)
    for words, person, headers, status in REFUSED:
        with pytest.raises(InvalidStatus) as refused:
            api.follow(f"/api/v1/messages/{answer.id}/ws{words}", person, **headers)
        assert refused.value.response.status_code == status


def test_a_host_name_that_is_not_ours_is_refused(api: Api) -> None:
    here = ("127.0.0.1", int(api.url.rpartition(":")[2]))
    with pytest.raises(InvalidStatus) as refused:
        connect("ws://rebound.example/api/v1/messages/1/ws", address=here, proxy=None)
    assert refused.value.response.status_code == 403


def test_our_own_page_may_follow(api: Api) -> None:
    chat = make_chat(api.core.db, api.viewer())
    _, answer = make_exchange(api.core.db, api.viewer(), chat.id)
    with api.follow(f"/api/v1/messages/{answer.id}/ws", Origin=api.url) as socket:
        assert frame_of(socket)["state"] == "complete"


def test_a_slow_reader_gets_fewer_and_larger_frames(api: Api, ada: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server makes the next frame when the last is on its way, so 500 pieces are a handful of frames."""
    monkeypatch.setattr(live, "FRAME_S", 0.2)
    sent, page = api.ask(ada), Page()
    with api.follow(path_of(sent)) as socket:
        frame_of(socket)
        for number in range(500):
            api.provider.write(f"line {number}\n\n")
        api.provider.finish()
        frames = 0
        state: object = "running"
        while state == "running":
            frame = frame_of(socket)
            page.apply(frame)
            frames, state = frames + 1, frame["state"]
    assert len(page.elements) == 500
    assert frames < 100


def test_half_a_character_can_be_sent() -> None:
    frame = Stage(0).frame(Update("half \ud83d", "", State.COMPLETE, Offset(6, 0)))
    live.dumped(frame).encode()


def test_a_frame_says_how_long_the_model_has_reasoned() -> None:
    stage = Stage(0)
    thinking = stage.frame(Update("", "Hm.", State.RUNNING, Offset(0, 3), reasoning_s=1.23))
    assert (thinking["reasoning"], thinking["reasoning_s"]) == ("Hm.", 1.2)
    assert "reasoning_s" not in Stage(0).frame(Update("Hi", "", State.RUNNING, Offset(2, 0)))
