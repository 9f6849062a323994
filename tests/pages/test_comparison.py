"""Two answers side by side on the chat page: asked for, hidden names, the vote, and the chat that goes on."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from chatcore import history
from chatcore.comparisons import get_comparison, list_comparisons
from chatcore.core import close_shared, shared
from chatcore.parts import State, Vote
from chatcore.rows import GENERATIONS, MESSAGES
from tests.factories import NOW, make_chat, make_exchange, make_pair
from tests.pages.frame import Frame, components, until
from tests.replay import ReplayServer, json_reply, transcript

TINY, GUIDE = ("ollama", "tinychat:latest"), ("guide", "guide")
NAMES = ("llama3.2", "qwen3")


@pytest.fixture
def ollama(frame: Frame, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReplayServer]:
    """A model server beside the guide."""
    with ReplayServer() as server:
        server.on("/api/tags", transcript("ollama_tags.json"))
        server.play("ollama_chat_basic.ndjson")
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        close_shared()
        shared().health(fresh=True)
        shared().models(fresh=True)
        yield server
        close_shared()


def told(at: AppTest) -> str:
    """Every word on the page that is not a choice of models."""
    return "\n".join(str(element.value) for element in [*at.markdown, *at.caption, *at.warning])


def votes(at: AppTest) -> list[str]:
    return [button.label for button in at.button if (button.key or "").startswith("vote.")]


def test_a_prompt_goes_to_two_models_and_the_vote_shows_who_they_are(frame: Frame, ollama: ReplayServer) -> None:
    at = frame.run()
    assert at.selectbox[0].value == TINY
    at.selectbox(key="composer.rival.new").select(GUIDE).run()
    at.chat_input[0].set_value("Where is my data?").run()
    assert not at.exception
    until(lambda: not frame.core.runner.load().active)
    at.run()
    (made,) = history.list_chats(frame.core.db, frame.viewer).items
    (comparison,) = list_comparisons(frame.core.db, frame.viewer, made.id)
    assert {comparison.left, comparison.right} == {TINY, GUIDE}
    assert len(at.chat_message) == 3
    assert "tinychat" not in told(at)
    assert "guide:" not in told(at)
    assert [str(text.value).strip("*") for text in at.markdown if str(text.value).startswith("**Answer ")] == ["Answer A", "Answer B"]
    assert votes(at) == ["A is better", "Both good", "Both bad", "B is better", "Skip and show the names"]
    at.button(key=f"vote.{comparison.id}.right").click().run()
    assert not at.exception
    assert "tinychat" in told(at)
    assert "You preferred" in told(at)
    assert votes(at) == []
    assert history.get_chat(frame.core.db, frame.viewer, made.id).current_message_id == comparison.right_id
    # The next prompt is compared as well, and follows the better answer.
    assert at.selectbox[0].value == TINY
    assert at.selectbox(key=f"composer.rival.{made.id}").value == GUIDE
    at.chat_input[0].set_value("How do I find a chat?").run()
    until(lambda: not frame.core.runner.load().active)
    at.run()
    assert len(list_comparisons(frame.core.db, frame.viewer, made.id)) == 2
    assert len(at.chat_message) == 5, "of the first pair the better answer, of the second both"


def test_a_pair_that_waits_hides_its_names_from_the_whole_page_also_after_a_reload(frame: Frame) -> None:
    db, viewer = frame.core.db, frame.viewer
    made = make_chat(db, viewer, title="Tides")
    comparison = get_comparison(db, viewer, make_pair(db, viewer, made.id, left=("ollama", "qwen3:8b"), right=("ollama", "llama3.2:3b")))
    at = frame.run(c=str(made.id))
    assert not any(name in told(at) for name in NAMES)
    assert not any(name in str(at.query_params) for name in NAMES)
    # What is chosen for the next prompt comes by the alphabet: the first is no hint at the left one.
    assert at.selectbox[0].value == ("ollama", "llama3.2:3b")
    assert at.selectbox(key=f"composer.rival.{made.id}").value == ("ollama", "qwen3:8b")
    rows = [row["id"] for bars in components(at, "chatcore_message_bars") for row in bars_of(bars)]
    assert comparison.left_id not in rows
    at.button(key=f"vote.{comparison.id}.both_good").click().run()
    assert "equally good" in told(at)
    assert all(name in told(at) for name in NAMES)
    at.button(key=f"compared.take.{comparison.right_id}").click().run()
    assert history.get_chat(db, viewer, made.id).current_message_id == comparison.right_id
    assert at.button(key=f"compared.take.{comparison.left_id}")


def bars_of(element: object) -> list[dict[str, int]]:
    """The rows that a component under the thread was given."""
    import json

    data = json.loads(element.proto.json)  # type: ignore[attr-defined]  # of a component of ours
    rows: list[dict[str, int]] = data["rows"]
    return rows


def test_tools_are_offered_where_both_models_can_use_them(frame: Frame, ollama: ReplayServer) -> None:
    able, unable = ["completion", "tools"], ["completion"]
    models = [{"name": name, "model": name, "capabilities": can} for name, can in (("a1", able), ("a2", able), ("plain", unable))]
    ollama.on("/api/tags", json_reply({"models": models}))
    frame.core.models(fresh=True)
    at = frame.run()
    at.selectbox[0].select(("ollama", "a1")).run()
    switch = "composer.tools.new.on"
    assert at.toggle(key=switch).value
    for name, offered in (("a2", True), ("plain", False)):
        at.selectbox(key="composer.rival.new").select(("ollama", name)).run()
        assert [toggle.key for toggle in at.toggle if toggle.key == switch] == [switch] * offered
        assert ("In a comparison both models may use" in told(at)) is offered


def test_a_chat_that_went_on_without_a_vote_can_still_have_it(frame: Frame) -> None:
    db, viewer = frame.core.db, frame.viewer
    made = make_chat(db, viewer)
    comparison_id = make_pair(db, viewer, made.id)
    make_exchange(db, viewer, made.id)
    at = frame.run(c=str(made.id))
    assert len(at.chat_message) == 5
    assert "write on without a vote" not in told(at)
    at.button(key=f"vote.{comparison_id}.right").click().run()
    assert len(at.chat_message) == 4, "the answer that the chat goes on from"
    assert "You preferred qwen3:8b to llama3.2:3b" in told(at).replace("\\", "")


def test_an_answer_without_text_is_tried_again_and_says_nothing_of_its_model(frame: Frame) -> None:
    db, viewer = frame.core.db, frame.viewer
    made = make_chat(db, viewer)
    comparison = get_comparison(db, viewer, make_pair(db, viewer, made.id, left=GUIDE))
    failed = {"state": "failed", "error_type": "model_not_found", "error_message": "There is no model qwen3:8b here.", "finished_at": NOW}
    with db.write() as tx:
        tx.execute(sa.update(MESSAGES).where(MESSAGES.c.id == comparison.right_id).values(content="", status="failed"))
        values = {"user_id": viewer.user_id, "session_id": made.id, "message_id": comparison.right_id, "started_at": NOW}
        tx.execute(sa.insert(GENERATIONS).values(values | failed | {"provider": "guide", "model_name": "guide"}))
        tx.execute(sa.update(MESSAGES).where(MESSAGES.c.id == comparison.right_id).values(provider="guide", model_name="guide"))
    at = frame.run(c=str(made.id))
    assert "The answer failed" in told(at)
    assert "qwen3" not in told(at)
    assert all(button.disabled for button in at.button if (button.key or "").startswith("vote.") and "skipped" not in (button.key or ""))
    at.button(key=f"compared.retry.{comparison.right_id}").click().run()
    assert not at.exception
    until(lambda: not frame.core.runner.load().active)
    assert history.get_message(db, viewer, comparison.right_id or 0).status is State.COMPLETE
    at.run()
    at.button(key=f"vote.{comparison.id}.skipped").click().run()
    assert get_comparison(db, viewer, comparison.id).vote is Vote.SKIPPED
    assert "without a vote" in told(at)


def test_both_answers_are_followed_live_and_the_vote_waits_for_them(frame: Frame) -> None:
    db, viewer = frame.core.db, frame.viewer
    made = make_chat(db, viewer)
    comparison = get_comparison(db, viewer, make_pair(db, viewer, made.id))
    ids = [comparison.left_id, comparison.right_id]
    with db.write() as tx:
        tx.execute(sa.update(MESSAGES).where(MESSAGES.c.id.in_(ids)).values(status="running"))
    at = frame.run(c=str(made.id))
    assert len(components(at, "chatcore_live_answer")) == 2
    assert "Vote when both answers are there." in told(at)
    assert votes(at) != []
    assert at.button(key=f"vote.{comparison.id}.left").disabled


def test_a_temporary_chat_has_no_comparison_and_one_model_nothing_to_compare_with(frame: Frame) -> None:
    at = frame.run()
    assert "There is only one model here." in told(at)
    at.button(key="temporary.begin").click().run()
    assert "There is only one model here." not in told(at)
