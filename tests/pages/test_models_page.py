"""The Models page: what it says of servers that are there, empty and dead, and what it lets whom do."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from chatcore.core import close_shared, shared
from chatcore.pulls import Stage
from tests.pages.frame import MAIN, Frame, until
from tests.replay import ReplayServer, json_reply, ndjson_reply, transcript

PAGE = str(MAIN.parent / "models.py")
ADA = {"is_logged_in": True, "iss": "https://sign.in", "sub": "ada", "name": "Ada"}


@pytest.fixture
def ollama(frame: Frame, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReplayServer]:
    """A model server the pages talk to; without a model until a test says so."""
    with ReplayServer() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        close_shared()
        yield server
        close_shared()


def full(server: ReplayServer) -> None:
    """Three models, one in memory."""
    server.on("/api/tags", transcript("ollama_tags.json"))
    server.on("/api/ps", transcript("ollama_ps.json"))
    server.on("/api/show", transcript("ollama_show.json"))


def opened(frame: Frame, user: dict[str, object] | None = None) -> AppTest:
    """The page as somebody sees it who opens it now."""
    shared().survey(fresh=True)
    at = frame.new()
    if user is not None:
        at.user = user
    at.run()
    at.switch_page(PAGE).run()
    assert not at.exception
    return at


def said(at: AppTest) -> str:
    """All text of the page, without what keeps signs from being markdown."""
    return "\n".join(str(element.value) for element in [*at.main.markdown, *at.main.caption, *at.main.warning]).replace("\\", "")


def keys(at: AppTest) -> list[str]:
    return [str(button.key) for button in at.main.button]


def test_it_says_how_a_server_is_and_what_it_has(frame: Frame, ollama: ReplayServer) -> None:
    full(ollama)
    text = said(opened(frame))
    assert ":green-badge[:material/check: Reachable]" in text
    assert f"`{ollama.url}` · version 0.33.0 · 3 models" in text
    assert "ms at " in text
    assert "**tinychat:latest** :gray-badge[:material/build: Tools]" in text
    assert "690.82K parameters · F16 · 1.4 MB on disk" in text
    assert "**minimax-m3:cloud** :blue-badge[:material/cloud: Cloud]" in text
    assert "In memory: 5.1 GB" in text
    assert "window of 4k tokens" in text
    assert "Built-in guide" in text


def test_a_dead_server_is_named_with_what_to_do(frame: Frame) -> None:
    at = opened(frame)
    text = said(at)
    assert ":orange-badge[:material/cloud_off: Not reachable]" in text
    assert "`ollama serve`" in text
    assert "It has not answered since this app was started" in text
    assert at.button(key="models.advice.qwen3:8b").disabled


def test_an_empty_server_says_with_which_model_to_begin(frame: Frame, ollama: ReplayServer) -> None:
    at = opened(frame)
    text = said(at)
    assert "Nothing is installed here yet" in text
    assert "**Which model to begin with**" in text
    assert "This machine has" in text
    assert "Begin with this one" in text
    ollama.play("ollama_pull_ok.ndjson", path="/api/pull")
    at.button(key="models.advice.llama3.2:3b").click().run()
    until(lambda: shared().pulls.now(frame.viewer)[0].stage is Stage.DONE)
    assert ollama.wait_for("/api/pull").json["model"] == "llama3.2:3b"
    assert ":green-badge[:material/check: Downloaded]" in said(at.run())


def test_of_another_machine_the_memory_is_not_known(frame: Frame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "http://gpu-box.invalid:9")
    close_shared()
    text = said(opened(frame))
    assert "how much memory that has is not known here" in text
    assert "Needs about" in text
    assert "Fits comfortably" not in text


def test_a_download_shows_progress_is_cancelled_and_goes_on(frame: Frame, ollama: ReplayServer) -> None:
    part = {"status": "pulling b5bb", "digest": "sha256:b5bb", "total": 2_000_000_000, "completed": 500_000_000}
    other = {"status": "pulling c0ff", "digest": "sha256:c0ff", "total": 8_000, "completed": 4_000}
    begun = ndjson_reply(part, other)
    ollama.on("/api/pull", replace(begun, stall_at=len(begun.body)), ndjson_reply(part, {"status": "success"}))
    at = opened(frame)
    at.text_input(key="models.name").set_value("ollama pull llama3.2:3b")
    at.button(key="models.download").click().run()
    until(lambda: len(shared().pulls.now(frame.viewer)[0].layers) == 2)
    at.run()
    assert "500 MB of 2.0 GB" in progress(at)[0]
    assert len(progress(at)) == 3, "all together, and two files"
    assert at.text_input(key="models.name").value == ""
    other_tab = opened(frame)
    assert "500 MB of 2.0 GB" in progress(other_tab)[0]
    key = "models.pull.ollama.llama3.2:3b"
    at.button(key=f"{key}.cancel").click().run()
    assert "500 MB of 2.0 GB came and are kept" in said(at)
    at.button(key=f"{key}.again").click().run()
    until(lambda: shared().pulls.now(frame.viewer)[0].stage is Stage.DONE)
    at.run()
    at.button(key=f"{key}.away").click().run()
    assert not shared().pulls.now(frame.viewer)


def progress(at: AppTest) -> list[str]:
    """The words over the bars."""
    return [str(bar.proto.text).replace("\\", "") for bar in at.get("progress")]


def test_a_model_that_is_nowhere_is_a_clear_sentence(frame: Frame, ollama: ReplayServer) -> None:
    ollama.play("ollama_pull_error.ndjson", path="/api/pull")
    at = opened(frame)
    at.text_input(key="models.name").set_value("lama3.2:3b")
    at.button(key="models.download").click().run()
    until(lambda: shared().pulls.now(frame.viewer)[0].stage is Stage.FAILED)
    text = said(at.run())
    assert "There is no model called lama3.2:3b to download." in text
    assert "Did you mean llama3.2:3b?" in text


def test_a_name_that_is_none_is_refused_and_stays_in_the_field(frame: Frame, ollama: ReplayServer) -> None:
    at = opened(frame)
    at.text_input(key="models.name").set_value("two words")
    at.button(key="models.download").click().run()
    assert "is not the name of a model" in said(at)
    assert at.text_input(key="models.name").value == "two words"
    assert not ollama.asked("/api/pull")


def test_who_is_not_the_owner_sees_everything_and_changes_nothing(frame: Frame, ollama: ReplayServer) -> None:
    full(ollama)
    part = {"status": "pulling b5bb", "digest": "sha256:b5bb", "total": 2_000, "completed": 500}
    begun = ndjson_reply(part)
    ollama.on("/api/pull", replace(begun, stall_at=len(begun.body)))
    shared().pulls.start(frame.viewer, "ollama", "qwen3:8b")
    until(lambda: bool(shared().pulls.now(frame.viewer)[0].layers))
    at = opened(frame, ADA)
    assert "The owner of this installation" in said(at)
    assert "tinychat" in said(at)
    assert len(progress(at)) == 1
    assert not at.main.text_input
    assert [key for key in keys(at) if key.startswith(("models.pull", "models.advice", "models.download"))] == []


def test_many_models_can_be_searched_and_sorted(frame: Frame, ollama: ReplayServer) -> None:
    rows = [
        {"name": f"model-{n:02}:8b", "model": f"model-{n:02}:8b", "size": n * 1_000_000_000, "capabilities": ["completion"]}
        for n in range(1, 41)
    ]
    ollama.on("/api/tags", json_reply({"models": rows}))
    at = opened(frame)
    assert "model-25" in said(at)
    assert "model-26" not in said(at)
    at.button(key="models.more.ollama").click().run()
    assert "model-40" in said(at)
    at.text_input(key="models.find.ollama").set_value("-07").run()
    assert "model-07" in said(at)
    assert "model-08" not in said(at)
    at.text_input(key="models.find.ollama").set_value("").run()
    at.selectbox(key="models.sort.ollama").select("Largest first").run()
    text = said(at)
    assert text.index("model-40") < text.index("model-01")
    at.text_input(key="models.find.ollama").set_value("nothing like it").run()
    assert "No model matches" in said(at)


def test_a_load_that_failed_is_told_beside_its_model(frame: Frame, ollama: ReplayServer) -> None:
    full(ollama)
    ollama.play("ollama_500_runner.json")
    shared().loads.start(frame.viewer, "ollama", "tinychat-think:latest")
    until(lambda: any(load.error for load in shared().loads.now(frame.viewer).values()))
    at = opened(frame)
    assert "The model server failed" in said(at)
    at.button(key="models.load.ollama.tinychat-think:latest.away").click().run()
    assert "The model server failed" not in said(at)


@pytest.mark.parametrize(("what", "title"), [("details", "Details"), ("delete", "Delete this model?")])
def test_a_dialog_opens_once_and_says_what_it_is_about(frame: Frame, ollama: ReplayServer, what: str, title: str) -> None:
    full(ollama)
    at = opened(frame)
    at.session_state["models.dialog"] = (what, "ollama", "tinychat:latest")
    at.run()
    assert not at.exception
    dialogs = [block.proto.dialog.title for block in at.get("dialog")]
    assert dialogs == [title]
    assert "1.4 MB" in said(at)
    assert not at.run().get("dialog")


def test_chat_with_a_model_opens_a_new_chat_with_it(frame: Frame, ollama: ReplayServer) -> None:
    full(ollama)
    at = opened(frame)
    at.session_state["models.chat"] = ("ollama", "tinychat-think:latest")
    at.run()
    assert at.selectbox[0].value == ("ollama", "tinychat-think:latest")
    # Whoever goes back to the models stays there.
    assert "models.chat" not in at.session_state
