"""One prompt to two models: both answers at once, one vote, and nothing lost whatever happens to either of them."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from chatcore import branches, chat, history
from chatcore.chat import Draft, StillAnswering
from chatcore.comparisons import Compared, cast_vote, compare, get_comparison, list_comparisons, pairs_on, toss
from chatcore.db import Database
from chatcore.errors import Conflict, Invalid, NotFound
from chatcore.generation import Runner
from chatcore.parameters import ChatSettings
from chatcore.parts import (
    CallState,
    Capability,
    ErrorCode,
    Failed,
    Finished,
    FinishReason,
    ModelInfo,
    Policy,
    State,
    TextDelta,
    ToolCall,
    Viewer,
    Vote,
)
from chatcore.permissions import set_policy
from chatcore.queue import send_or_queue, send_queued
from chatcore.queued import Queued
from chatcore.rows import COMPARISONS
from chatcore.thread import open_thread
from chatcore.toolcalls import load_calls
from chatcore.tools.toolbox import Toolbox
from tests.answers import LIMIT_S, ended, until
from tests.factories import NOW, make_chat, make_exchange, make_message, make_pair, make_viewer
from tests.files import IMAGE
from tests.scripted import Scripted
from tests.tools import Probe

DONE = Finished(FinishReason.STOP)
BROKEN = Failed(ErrorCode.MODEL_NOT_FOUND, "There is no model sun here.", "Pull it.", retryable=False)
RIVAL = ("sun", "sunny")
LATER = NOW + timedelta(minutes=1)


@dataclass
class Duel:
    """Two model servers behind one Runner, and a person who compares them."""

    db: Database
    runner: Runner
    viewer: Viewer
    moon: Scripted
    sun: Scripted

    def begin(self, text: str = "Why tides?", *, swapped: bool = False, is_blind: bool = True, **draft: object) -> Compared:
        """A compared prompt in a new chat; returns when both providers have it."""
        sent = Draft(text, "moon", "moony", **draft)  # type: ignore[arg-type]  # as the test says
        compared = compare(self.runner, self.viewer, None, sent, RIVAL, is_blind=is_blind, swapped=swapped, now=NOW)
        self.heard()
        return compared

    def heard(self) -> None:
        """Waits until both providers have a prompt."""
        for provider in (self.moon, self.sun):
            assert provider.asked.acquire(timeout=LIMIT_S)

    def finish(self, compared: Compared) -> None:
        """Both come to their end."""
        for provider in (self.moon, self.sun):
            provider.write(f"The {provider.name} pulls.")
            provider.finish()
        for message_id in sides(compared):
            ended(self.db, self.viewer, message_id)

    def shown(self, compared: Compared) -> list[str]:
        """What the chat shows, prompts and answers."""
        return [message.content for message in open_thread(self.db, self.viewer, compared.chat_id).messages]

    def vote(self, compared: Compared, vote: Vote) -> object:
        return cast_vote(self.db, self.viewer, compared.comparison.id, vote, now=LATER)


def sides(compared: Compared) -> tuple[int, int]:
    left, right = compared.comparison.left_id, compared.comparison.right_id
    assert left is not None
    assert right is not None
    return left, right


@contextmanager
def duel_on(db: Database, *play: object) -> Iterator[Duel]:
    moon, sun = Scripted(*play, name="moon"), Scripted(*play, name="sun")
    runner = Runner(db, {"moon": moon, "sun": sun}, checkpoint_s=0.05)
    runner.open()
    try:
        yield Duel(db, runner, make_viewer(db), moon, sun)
    finally:
        runner.close()


@pytest.fixture
def duel(db: Database) -> Iterator[Duel]:
    with duel_on(db) as made:
        yield made


# --- both answers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("swapped", [False, True])
def test_both_answers_are_written_at_once_beside_each_other(duel: Duel, swapped: bool) -> None:
    compared = duel.begin(swapped=swapped)
    assert duel.runner.load().active == 2
    duel.finish(compared)
    left, right = (history.get_message(duel.db, duel.viewer, message_id) for message_id in sides(compared))
    models = [("moon", "moony"), RIVAL][:: -1 if swapped else 1]
    assert [(answer.provider, answer.model_name) for answer in (left, right)] == models
    assert [compared.comparison.left, compared.comparison.right] == models
    assert [answer.content for answer in (left, right)] == [f"The {provider} pulls." for provider, _ in models]
    assert left.parent_id == right.parent_id == compared.user_message_id
    assert duel.shown(compared) == ["Why tides?", left.content], "until somebody chooses, the chat goes on from the left one"
    info = history.get_chat(duel.db, duel.viewer, compared.chat_id)
    assert (info.provider, info.message_count) == ("moon", 3), "a new chat is the first model's, whichever side that is on"
    offered = [ModelInfo(model, provider) for provider, model in models]
    assert chat.first_model(duel.db, duel.viewer, offered) == ("moon", "moony"), "and so is the next new one"
    for provider in (duel.moon, duel.sun):
        assert [turn.content for turn in provider.requests[0].turns] == ["Why tides?"]


def test_a_compared_prompt_follows_what_was_said_with_the_settings_of_the_chat(duel: Duel) -> None:
    first = duel.begin(settings=ChatSettings(system_prompt="Be brief."))
    duel.finish(first)
    duel.vote(first, Vote.RIGHT)
    again = compare(
        duel.runner, duel.viewer, first.chat_id, Draft("And twice?", "moon", "moony"), RIVAL, is_blind=True, swapped=False, now=LATER
    )
    duel.heard()
    for provider in (duel.moon, duel.sun):
        turns = [turn.content for turn in provider.requests[-1].turns]
        assert turns == ["Be brief.", "Why tides?", "The sun pulls.", "And twice?"]
    duel.finish(again)
    assert duel.shown(again) == ["Why tides?", "The sun pulls.", "And twice?", "The moon pulls."]
    assert [one.id for one in list_comparisons(duel.db, duel.viewer, first.chat_id)] == [first.comparison.id, again.comparison.id]


def test_both_may_use_the_tools_that_change_nothing_and_ask_nobody(duel: Duel) -> None:
    tables, note = Probe("tide_table"), Probe("write_note", read_only=False)
    duel.runner.toolbox = Toolbox((tables, note, Probe("weather"), Probe("diary", read_only=False)))
    set_policy(duel.db, duel.viewer, "weather", Policy.ASK)
    set_policy(duel.db, duel.viewer, "diary", Policy.ALLOW)
    compared = duel.begin(use_tools=True)
    assert [[tool.name for tool in provider.requests[0].tools] for provider in (duel.moon, duel.sun)] == [["tide_table"]] * 2
    # What they are not told of they may ask for all the same.
    for provider in (duel.moon, duel.sun):
        asked = [ToolCall(name, name, {"port": "Brest"}) for name in ("tide_table", "write_note")]
        provider.feed(*asked, Finished(FinishReason.TOOL_CALLS))
    duel.heard()
    duel.finish(compared)
    assert (len(tables.ran), note.ran) == (2, [])
    for message_id in sides(compared):
        calls = load_calls(history.get_message(duel.db, duel.viewer, message_id).tool_calls)
        assert [call.state for call in calls] == [CallState.DONE, CallState.FAILED]
        assert "no tool called 'write_note'" in (calls[1].result or "")


def test_without_the_switch_neither_is_told_of_tools(duel: Duel) -> None:
    duel.runner.toolbox = Toolbox((Probe("tide_table"),))
    compared = duel.begin()
    assert [provider.requests[0].tools for provider in (duel.moon, duel.sun)] == [(), ()]
    duel.finish(compared)


def test_each_is_stopped_by_itself_and_the_chat_answers_until_both_have_ended(duel: Duel) -> None:
    compared = duel.begin()
    left, right = sides(compared)
    duel.moon.write("The moon")
    until(lambda: history.get_message(duel.db, duel.viewer, left).content)
    chat.stop(duel.runner, duel.viewer, left, now=LATER)
    assert ended(duel.db, duel.viewer, left)[0].status is State.STOPPED
    assert history.get_message(duel.db, duel.viewer, right).status is State.RUNNING
    with pytest.raises(StillAnswering):
        chat.send(duel.runner, duel.viewer, compared.chat_id, Draft("more", "moon", "moony"), now=LATER)
    with pytest.raises(Conflict, match="still being written"):
        duel.vote(compared, Vote.LEFT)
    chat.stop(duel.runner, duel.viewer, right, now=LATER)


def test_sending_now_stops_both(duel: Duel) -> None:
    compared = duel.begin()
    waiting = send_or_queue(duel.runner, duel.viewer, compared.chat_id, Draft("more", "moon", "moony"), now=LATER)
    assert isinstance(waiting, Queued)
    sent = send_queued(duel.runner, duel.viewer, waiting.id, now=LATER)
    assert {ended(duel.db, duel.viewer, message_id)[0].status for message_id in sides(compared)} == {State.STOPPED}
    chat.stop(duel.runner, duel.viewer, sent.answer_id, now=LATER)


def test_one_that_fails_leaves_the_other_alone_and_can_be_tried_again_in_its_place(duel: Duel) -> None:
    duel.sun.play = (BROKEN,)
    compared = duel.begin()
    left, right = sides(compared)
    assert ended(duel.db, duel.viewer, right)[0].status is State.FAILED
    duel.moon.write("The moon pulls.")
    duel.moon.finish()
    assert ended(duel.db, duel.viewer, left)[0].status is State.COMPLETE
    with pytest.raises(Invalid, match="no text"):
        duel.vote(compared, Vote.LEFT)
    duel.sun.play = (TextDelta("The sun does."), DONE)
    duel.runner.toolbox = Toolbox((Probe("tide_table"), Probe("write_note", read_only=False)))
    again = chat.retry(duel.runner, duel.viewer, right, now=LATER, use_tools=True, reads_only=True)
    assert again.answer_id == right
    ended(duel.db, duel.viewer, right)
    assert [tool.name for tool in duel.sun.requests[-1].tools] == ["tide_table"]
    duel.vote(compared, Vote.RIGHT)
    assert duel.shown(compared) == ["Why tides?", "The sun does."]


def test_what_a_dead_process_leaves_is_interrupted_and_can_be_voted_on(db: Database) -> None:
    with duel_on(db, TextDelta("The beginning")) as duel:
        compared = duel.begin()
        until(lambda: all(history.get_message(db, duel.viewer, message_id).content for message_id in sides(compared)))
    assert [history.get_message(db, duel.viewer, message_id).status for message_id in sides(compared)] == [State.INTERRUPTED] * 2
    assert cast_vote(db, duel.viewer, compared.comparison.id, Vote.BOTH_BAD, now=LATER).vote is Vote.BOTH_BAD


def test_a_double_send_meets_a_conflict_and_makes_nothing(duel: Duel) -> None:
    compared = duel.begin(request_key="once")
    duel.finish(compared)
    with pytest.raises(Conflict, match="already sent"):
        duel.begin(request_key="once")
    assert len(history.list_chats(duel.db, duel.viewer).items) == 1


def test_what_cannot_be_compared_is_refused_and_nothing_is_stored(duel: Duel) -> None:
    draft = Draft("Why tides?", "sun", "sunny")
    with pytest.raises(Invalid, match="cannot be compared with itself"):
        compare(duel.runner, duel.viewer, None, draft, RIVAL, is_blind=True, swapped=False, now=NOW)
    with pytest.raises(Invalid, match="name of the model"):
        compare(duel.runner, duel.viewer, None, draft, ("moon", " "), is_blind=True, swapped=False, now=NOW)
    with pytest.raises(NotFound):
        compare(
            duel.runner,
            make_viewer(duel.db),
            make_chat(duel.db, duel.viewer).id,
            draft,
            ("moon", "m"),
            is_blind=True,
            swapped=False,
            now=NOW,
        )
    blind = ModelInfo("sunny", "sun", capabilities=frozenset({Capability.COMPLETION}))
    duel.runner.offered = lambda: (blind,)
    with pytest.raises(Invalid, match="sunny"):
        duel.begin(files=(IMAGE,))
    assert [chat.message_count for chat in history.list_chats(duel.db, duel.viewer).items] == [0]


def test_heads_and_tails_both_come() -> None:
    assert set(itertools.islice(iter(toss, None), 200)) == {True, False}


# --- the vote ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vote", "shown"),
    [(Vote.LEFT, 0), (Vote.RIGHT, 1), (Vote.BOTH_GOOD, 0), (Vote.BOTH_BAD, 0), (Vote.SKIPPED, 0)],
)
def test_the_chat_goes_on_from_the_better_answer_and_keeps_the_other(db: Database, vote: Vote, shown: int) -> None:
    ada = make_viewer(db)
    made = make_chat(db, ada)
    comparison_id = make_pair(db, ada, made.id)
    waiting = get_comparison(db, ada, comparison_id)
    assert waiting.hides_names
    decided = cast_vote(db, ada, comparison_id, vote, now=LATER)
    assert (decided.vote, decided.decided_at, decided.hides_names) == (vote, LATER, False)
    answers = (decided.left_id, decided.right_id)
    chat_info = history.get_chat(db, ada, made.id)
    assert chat_info.current_message_id == answers[shown]
    assert chat_info.last_snippet == ("The moon pulls.", "The sun pulls.")[shown] or vote not in (Vote.LEFT, Vote.RIGHT)
    assert chat_info.message_count == 3
    assert cast_vote(db, ada, comparison_id, vote, now=LATER + timedelta(1)) == decided, "the second click changes nothing"
    with pytest.raises(Conflict, match="has had its vote"):
        cast_vote(db, ada, comparison_id, Vote.SKIPPED if vote is not Vote.SKIPPED else Vote.LEFT, now=LATER)


def test_a_vote_that_comes_late_does_not_move_a_chat_that_went_on(db: Database) -> None:
    ada = make_viewer(db)
    made = make_chat(db, ada)
    comparison_id = make_pair(db, ada, made.id)
    later = make_message(db, ada, made.id, "Go on.")
    cast_vote(db, ada, comparison_id, Vote.RIGHT, now=LATER)
    assert history.get_chat(db, ada, made.id).current_message_id == later.id


def test_the_names_of_a_vote_are_those_that_wrote_the_answers(duel: Duel) -> None:
    duel.sun.play = (BROKEN,)
    compared = duel.begin()
    left, right = sides(compared)
    duel.moon.write("The moon pulls.")
    duel.moon.finish()
    ended(duel.db, duel.viewer, left)
    ended(duel.db, duel.viewer, right)
    duel.moon.play = (TextDelta("So does this."), DONE)
    chat.retry(duel.runner, duel.viewer, right, now=LATER, provider="moon", model_name="full")
    ended(duel.db, duel.viewer, right)
    duel.vote(compared, Vote.LEFT)
    assert get_comparison(duel.db, duel.viewer, compared.comparison.id).right == ("moon", "full")


def test_pairs_are_found_by_either_answer(db: Database) -> None:
    ada = make_viewer(db)
    made = make_chat(db, ada)
    asked, _ = make_exchange(db, ada, made.id)
    first, second = make_pair(db, ada, made.id), make_pair(db, ada, made.id, texts=("x", " x"))
    one = get_comparison(db, ada, first)
    assert one.right_id is not None
    found = pairs_on(db, ada, made.id, [asked.id, one.right_id])
    assert set(found) == {one.left_id, one.right_id}
    pair = found[one.right_id]
    assert (pair.left.content, pair.right.content, pair.running, pair.can_be_voted_on) == ("The moon pulls.", "The sun pulls.", False, True)
    assert pairs_on(db, ada, made.id, [asked.id]) == {}
    assert len(pairs_on(db, ada, made.id, [one.right_id, get_comparison(db, ada, second).left_id or 0])) == 4


# --- what is deleted ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vote", [Vote.LEFT, None])
def test_a_vote_outlives_its_chat_and_a_pair_without_one_does_not(db: Database, vote: Vote | None) -> None:
    ada = make_viewer(db)
    by_message, by_chat = make_chat(db, ada), make_chat(db, ada)
    ids = [make_pair(db, ada, one.id, vote=vote) for one in (by_message, by_chat)]
    left_id = get_comparison(db, ada, ids[0]).left_id
    assert left_id is not None
    branches.delete_message(db, ada, left_id)
    history.purge_chats(db, ada, [by_chat.id])
    if vote is None:
        for comparison_id in ids:
            with pytest.raises(NotFound):
                get_comparison(db, ada, comparison_id)
        return
    kept = [get_comparison(db, ada, comparison_id) for comparison_id in ids]
    assert [(one.chat_id, one.left_id, one.right_id is None, one.vote) for one in kept] == [
        (by_message.id, None, False, vote), (None, None, True, vote),
    ]  # fmt: skip
    history.purge_chats(db, ada, [by_message.id], forget_usage=True)
    with pytest.raises(NotFound):
        get_comparison(db, ada, ids[0])


def test_a_comparison_is_of_two_answers_to_one_prompt_and_keeps_them(db: Database) -> None:
    ada, bob = make_viewer(db, "Ada"), make_viewer(db, "Bob")
    made, other = make_chat(db, ada), make_chat(db, ada)
    asked, answer = make_exchange(db, ada, made.id)
    _, next_answer = make_exchange(db, ada, made.id)
    _, elsewhere = make_exchange(db, ada, other.id)
    comparison_id = make_pair(db, ada, made.id)
    kept = get_comparison(db, ada, comparison_id)
    with db.read() as tx:
        row = dict(tx.execute(sa.select(COMPARISONS).where(COMPARISONS.c.id == comparison_id)).mappings().one())
    row.pop("id")
    for wrong in (
        {"left_message_id": answer.id, "right_message_id": next_answer.id},
        {"left_message_id": answer.id, "right_message_id": answer.id},
        {"left_message_id": asked.id, "right_message_id": answer.id},
        {"left_message_id": elsewhere.id, "right_message_id": None},
        {"left_message_id": answer.id, "right_message_id": None, "user_id": bob.user_id},
        {"left_message_id": None, "right_message_id": None, "outcome": "left"},
        {"left_message_id": None, "right_message_id": None, "outcome": "best", "decided_at": NOW},
        {},
    ):
        with pytest.raises(IntegrityError), db.write() as tx:
            tx.execute(sa.insert(COMPARISONS).values(row | wrong))
    for moved in ({"left_message_id": answer.id}, {"session_id": other.id}, {"user_id": bob.user_id}):
        with pytest.raises(IntegrityError), db.write() as tx:
            tx.execute(sa.update(COMPARISONS).where(COMPARISONS.c.id == comparison_id).values(moved))
    assert get_comparison(db, ada, comparison_id) == kept
