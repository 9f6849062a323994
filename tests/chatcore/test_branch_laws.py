"""Whatever people do with the messages of a chat, in whatever order: its tree stays whole and everything counts right."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from chatcore import doctor
from chatcore.branches import count_below, delete_message, fork, siblings, switch_branch
from chatcore.chat import Draft, retry, send
from chatcore.db import Database
from chatcore.feedback import rate
from chatcore.generation import Runner
from chatcore.history import all_messages, get_chat, list_chats
from chatcore.parts import Finished, FinishReason, MessageInfo, Role, TextDelta
from chatcore.revisions import continue_answer, edit_and_resend, was_cut_off
from chatcore.rollup import making
from chatcore.search import search
from chatcore.thread import path_to
from tests.answers import ended
from tests.factories import make_viewer
from tests.scripted import Scripted

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
PICK = st.integers(min_value=0, max_value=10**6)
STEPS, EXAMPLES = 12, 6


class Going(Scripted):
    """A provider whose answers end at their limit, and whose models go on with them."""

    continues = True


class ChatsThatBranch(RuleBasedStateMachine):
    """One person, some chats, and everything that can be done with a message."""

    db: ClassVar[Database]

    @initialize()
    def open(self) -> None:
        self.ada = make_viewer(self.db)
        self.provider = Going(TextDelta("ebb"), TextDelta(" flow"), Finished(FinishReason.LENGTH))
        self.runner = Runner(self.db, {"scripted": self.provider}, checkpoint_s=0.05)
        self.runner.open()
        self.steps = 0
        # The messages that are there, as far as the test knows.
        self.known: dict[uuid.UUID, set[int]] = {}
        self.write(None)

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.runner.close()
            self.the_doctor_finds_nothing()

    # --- what is there -------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        self.steps += 1
        return NOW + timedelta(hours=7 * self.steps)

    def draft(self) -> Draft:
        return Draft(f"tide {self.steps} says moon", "scripted", "parrot", request_key=uuid.uuid4().hex)

    def messages(self, role: Role | None = None) -> list[MessageInfo]:
        found = [message for chat_id in sorted(self.known) for message in all_messages(self.db, self.ada, chat_id, limit=1000).items]
        return [message for message in found if role in (None, message.role)]

    def write(self, chat_id: uuid.UUID | None) -> None:
        sent = send(self.runner, self.ada, chat_id, self.draft(), now=self.now())
        ended(self.db, self.ada, sent.answer_id)
        self.known.setdefault(sent.chat_id, set()).update((sent.user_message_id, sent.answer_id))

    # --- what is done --------------------------------------------------------------------------------------------

    @rule(pick=PICK)
    def send(self, pick: int) -> None:
        self.write(sorted(self.known)[pick % len(self.known)])

    @precondition(lambda self: self.messages(Role.USER))
    @rule(pick=PICK)
    def edit(self, pick: int) -> None:
        prompts = self.messages(Role.USER)
        sent = edit_and_resend(self.runner, self.ada, prompts[pick % len(prompts)].id, self.draft(), now=self.now())
        ended(self.db, self.ada, sent.answer_id)
        self.known[sent.chat_id] |= {sent.user_message_id, sent.answer_id}
        assert get_chat(self.db, self.ada, sent.chat_id).current_message_id == sent.answer_id

    @precondition(lambda self: self.messages(Role.ASSISTANT))
    @rule(pick=PICK)
    def again(self, pick: int) -> None:
        answers = self.messages(Role.ASSISTANT)
        answer = answers[pick % len(answers)]
        verb = continue_answer if was_cut_off(answer) and pick % 2 else retry
        sent = verb(self.runner, self.ada, answer.id, now=self.now())
        whole, _ = ended(self.db, self.ada, sent.answer_id)
        self.known[sent.chat_id].add(sent.answer_id)
        assert whole.content == (f"{answer.content}ebb flow" if verb is continue_answer else "ebb flow")

    @precondition(lambda self: self.messages())
    @rule(pick=PICK, other=PICK)
    def switch(self, pick: int, other: int) -> None:
        messages = self.messages()
        wanted = messages[pick % len(messages)]
        leaf_id = switch_branch(self.db, self.ada, wanted.id, preferred=[messages[other % len(messages)].id])
        with self.db.read() as tx:
            assert wanted.id in [row["id"] for row in path_to(tx, leaf_id, 1000)]

    @precondition(lambda self: self.messages())
    @rule(pick=PICK)
    def delete(self, pick: int) -> None:
        messages = self.messages()
        wanted = messages[pick % len(messages)]
        gone = {wanted.id}
        for message in messages:
            if message.parent_id in gone:
                gone.add(message.id)
        assert count_below(self.db, self.ada, wanted.id) == len(gone) - 1
        assert delete_message(self.db, self.ada, wanted.id) == len(gone)
        self.known[wanted.session_id] -= gone

    @precondition(lambda self: self.messages() and len(self.known) < 4)
    @rule(pick=PICK)
    def copy(self, pick: int) -> None:
        messages = self.messages()
        made = fork(self.db, self.ada, messages[pick % len(messages)].id, now=self.now())
        self.known[made.id] = {message.id for message in all_messages(self.db, self.ada, made.id, limit=1000).items}

    @precondition(lambda self: self.messages(Role.ASSISTANT))
    @rule(pick=PICK, rating=st.sampled_from((1, -1, None)))
    def judge(self, pick: int, rating: int | None) -> None:
        answers = self.messages(Role.ASSISTANT)
        rate(self.db, self.ada, answers[pick % len(answers)].id, rating=rating, now=self.now())

    # --- what stays true -----------------------------------------------------------------------------------------

    @invariant()
    def everything_is_there_and_counted(self) -> None:
        if not hasattr(self, "known"):
            return
        messages = {message.id: message for message in self.messages()}
        assert set(messages) == set().union(*self.known.values())
        for chat in list_chats(self.db, self.ada, limit=100).items:
            assert chat.message_count == len(self.known[chat.id])
            with self.db.read() as tx:
                path = path_to(tx, chat.current_message_id, 1000)
            assert bool(path) == bool(self.known[chat.id])
            assert not path or path[-1]["parent_id"] is None
            assert not path or not any(message.parent_id == path[0]["id"] for message in messages.values())
        for message_id, beside in siblings(self.db, self.ada, messages).items():
            same = [one.id for one in messages.values() if one.parent_id == messages[message_id].parent_id]
            same = [one for one in same if messages[one].session_id == messages[message_id].session_id]
            assert (beside.ids, beside.ids[beside.at - 1]) == (tuple(sorted(same)), message_id)

    @invariant()
    def a_search_finds_just_that(self) -> None:
        if hasattr(self, "known"):
            found = {hit.message_id for word in ("moon", "ebb") for hit in search(self.db, self.ada, word, limit=1000).hits}
            assert found == set().union(*self.known.values())

    def the_doctor_finds_nothing(self) -> None:
        """The laws of the tables, the counters, every word of the search and the rollup; at the end, since it reads everything."""
        making.refresh(self.db)
        assert [str(found) for found in doctor.examine(self.db, now=NOW) if found.level is doctor.Level.PROBLEM] == []


@pytest.fixture
def branching(db: Database) -> type[ChatsThatBranch]:
    """The machine on a database that all its examples share: each has a person of its own."""
    return type("Machine", (ChatsThatBranch,), {"db": db})


def test_whatever_is_done_with_messages_the_tree_stays_whole(branching: type[ChatsThatBranch]) -> None:
    slow = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        branching, settings=settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, suppress_health_check=slow)
    )


def test_the_doctor_would_notice(db: Database) -> None:
    machine = type("Machine", (ChatsThatBranch,), {"db": db})()
    machine.open()
    try:
        with db.write() as tx:
            tx.execute(sa.text("UPDATE chatsession SET message_count = message_count + 1"))
        with pytest.raises(AssertionError):
            machine.the_doctor_finds_nothing()
    finally:
        machine.runner.close()
