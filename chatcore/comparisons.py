"""One prompt to two models: both answers are written at once, side by side, and a vote says which is better.

The answers are two siblings under one prompt, as a retry makes them, so whatever holds for answers holds for them: each can be
stopped, fails or is interrupted by itself, and the one that is not gone on from stays as a branch. What is new is the row that
names the pair; it is there from the start, because that the names are hidden must survive a reload.
"""

import secrets
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session

from chatcore import parameters
from chatcore.attachments import Sight, enclosed, turn_with
from chatcore.branches import describe_end
from chatcore.chat import (
    Draft,
    Moved,
    Order,
    check_files,
    clean_draft,
    conversation,
    in_turn,
    ordered,
    sent_once,
    sight_for,
    write_answer,
    write_job,
    write_prompt,
)
from chatcore.chat_settings import read_settings, write_settings_in
from chatcore.db import Database
from chatcore.documents import Prepared, prepare_all
from chatcore.errors import Conflict, Invalid, NotFound
from chatcore.generation import Job, Runner
from chatcore.history import clean_name, get_chat_in, mine, possible_id
from chatcore.parameters import ChatSettings
from chatcore.parts import MessageInfo, State, Turn, Viewer, Vote
from chatcore.rows import CHATS, COMPARISONS, MESSAGE_COLUMNS, MESSAGES, message_infos, parts_of

Model = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A pair of answers. `left` and `right` are (provider, model); `vote` is None while the answers wait for it. The chat and the
    answers are None once they are deleted for good."""

    id: int
    chat_id: uuid.UUID | None
    left_id: int | None
    right_id: int | None
    left: Model
    right: Model
    is_blind: bool
    vote: Vote | None
    created_at: datetime
    decided_at: datetime | None

    @property
    def hides_names(self) -> bool:
        """Whether nobody may see yet which model wrote which answer."""
        return self.is_blind and self.vote is None

    @property
    def preferred_id(self) -> int | None:
        """The answer that was voted for, None for neither or both."""
        return {Vote.LEFT: self.left_id, Vote.RIGHT: self.right_id}.get(self.vote) if self.vote else None


@dataclass(frozen=True, slots=True)
class Pair:
    """A comparison with its two answers as they are now."""

    comparison: Comparison
    left: MessageInfo
    right: MessageInfo

    @property
    def ids(self) -> tuple[int, int]:
        return self.left.id, self.right.id

    @property
    def running(self) -> bool:
        """Whether one of them is still being written."""
        return State.RUNNING in (self.left.status, self.right.status)

    @property
    def can_be_voted_on(self) -> bool:
        """Whether there are two answers to choose from."""
        return not self.running and bool(self.left.content.strip() and self.right.content.strip())


@dataclass(frozen=True, slots=True)
class Compared:
    """Where a compared prompt went: follow both answers to see them come."""

    chat_id: uuid.UUID
    user_message_id: int
    comparison: Comparison


def toss() -> bool:
    """Whether the two models change sides: heads or tails."""
    return secrets.choice((True, False))


def compare(
    runner: Runner, viewer: Viewer, chat_id: uuid.UUID | None, draft: Draft, rival: Model, *, is_blind: bool, swapped: bool, now: datetime
) -> Compared:
    """Stores the prompt with two empty answers and starts both: the draft's model on the left and the rival on the right, or `swapped`;
    without `chat_id` in a new chat. The chat goes on from the left one until somebody chooses.

    Both may use the tools that change nothing and run without a question, if the draft says so: two answers would ask for and do
    everything twice, and whether a person allows it would be judged with the answer. Raises what `chat.send` raises, and Invalid for a
    model against itself.
    """
    draft = clean_draft(draft)
    models = ((draft.provider, draft.model_name), (clean_name(rival[0], "provider"), clean_name(rival[1], "model")))
    if models[0] == models[1]:
        raise Invalid(f"{models[0][1]} cannot be compared with itself.", "Choose another model to compare it with.")
    settings = read_settings(runner.db, viewer, chat_id) if chat_id else draft.settings
    sights = [sight_for(runner, *model, settings) for model in models]
    files = prepare_all(draft.files)
    for sight, model in zip(sights, models, strict=True):
        check_files(runner, sight, model[1], files)

    def attempt() -> tuple[Compared, list[Job]]:
        """Writes the prompt and both empty answers after a look at the chat."""
        leaf_id, orders = orders_for(runner, viewer, chat_id, draft, models, (settings, sights, files), now=now)
        with runner.db.write() as tx, sent_once():
            compared, jobs = write_pair(tx, orders, chat_id, leaf_id, is_blind=is_blind, swapped=swapped)
            if chat_id is None and not settings.is_plain:
                write_settings_in(tx, viewer, compared.chat_id, settings)
            return compared, jobs

    compared, jobs = in_turn(runner, attempt)
    for job in jobs:
        runner.start(job)
    return compared


def orders_for(
    runner: Runner,
    viewer: Viewer,
    chat_id: uuid.UUID | None,
    draft: Draft,
    models: Sequence[Model],
    asked: tuple[ChatSettings, Sequence[Sight], tuple[Prepared, ...]],
    *,
    now: datetime,
) -> tuple[int | None, list[Order]]:
    """The leaf the prompt follows, and the order of each model, which is told what it can take. Raises NotFound, and Moved if the
    chat went on between two looks."""
    settings, sights, files = asked
    prompt = turn_with(draft.text, [enclosed(file) for file in files])
    seen = sum(file.is_image for file in files)
    leaves: set[int | None] = set()
    orders = []
    for model, sight in zip(models, sights, strict=True):
        before: tuple[Turn, ...] = ()
        leaf_id = None
        if chat_id is not None:
            leaf_id, before = conversation(runner.db, viewer, chat_id, replace(sight, images=max(sight.images - seen, 0)))
        leaves.add(leaf_id)
        own = replace(draft, provider=model[0], model_name=model[1])
        order = ordered(runner, viewer, own, parameters.request(settings, model[1], (*before, prompt)), files, now=now)
        orders.append(replace(order, reads_only=True))
    if len(leaves) > 1:
        raise Moved
    # A key belongs to one attempt; the prompt is sent once with either.
    return leaves.pop(), [orders[0], replace(orders[1], request_key=None)]


def write_pair(
    tx: Session, orders: Sequence[Order], chat_id: uuid.UUID | None, leaf_id: int | None, *, is_blind: bool, swapped: bool
) -> tuple[Compared, list[Job]]:
    """The prompt, both answers and the row that names them, and the jobs that write the answers. Raises what `write_prompt` raises."""
    asked = write_prompt(tx, orders[0], chat_id, leaf_id)
    sides = tuple(reversed(orders)) if swapped else tuple(orders)
    left = write_answer(tx, sides[0], asked.session_id)
    right = write_answer(tx, sides[1], asked.session_id, sibling_of=left.id)
    viewer, now = orders[0].viewer, orders[0].now
    tx.execute(sa.update(CHATS).where(mine(viewer, asked.session_id)).values(current_message_id=left.id))
    values = {
        "user_id": viewer.user_id,
        "session_id": asked.session_id,
        "left_message_id": left.id,
        "right_message_id": right.id,
        "left_provider": sides[0].provider,
        "left_model_name": sides[0].request.model,
        "right_provider": sides[1].provider,
        "right_model_name": sides[1].request.model,
        "is_blind": is_blind,
        "created_at": now,
    }
    row = tx.execute(sa.insert(COMPARISONS).values(values).returning(*COMPARISONS.c)).mappings().one()
    answers = (right, left) if swapped else (left, right)
    # The draft's model last, whichever side it is on: a new chat offers the model that was asked last, which must tell nothing.
    jobs = [write_job(tx, order, answer) for order, answer in reversed(list(zip(orders, answers, strict=True)))]
    return Compared(asked.session_id, asked.id, comparison_of(row)), jobs


# --- the vote ----------------------------------------------------------------------------------------------------


def cast_vote(db: Database, viewer: Viewer, comparison_id: int, vote: Vote, *, now: datetime) -> Comparison:
    """Writes down what the viewer thinks of two answers, once; from then on the names are shown. SKIPPED shows them without a vote.

    If the chat still ends with the pair, it goes on from the better answer. Raises NotFound, Invalid for a vote on an answer
    without text, Conflict while one is being written and where another vote was given before.
    """
    with db.read() as tx:
        chat_id = find(tx, viewer, comparison_id)["session_id"]
    with db.write() as tx:
        # The chat first, like everybody who needs several rows.
        shown = tx.execute(sa.select(CHATS.c.current_message_id).where(mine(viewer, chat_id)).with_for_update(key_share=True)).scalar()
        found = comparison_of(find(tx, viewer, comparison_id))
        if found.vote is vote:
            return found
        if found.vote is not None:
            raise Conflict("This comparison has had its vote.", "Once the names are known a vote is not blind any more; compare again.")
        answers = answers_of(tx, found)
        if vote is not Vote.SKIPPED:
            check_answers(answers)
        values: dict[str, object] = {"outcome": vote.value, "decided_at": now}
        for side, message_id in (("left", found.left_id), ("right", found.right_id)):
            # An answer that was tried again may be another model's than the one that was asked first.
            values |= {f"{side}_{name}": answers[message_id][name] for name in ("provider", "model_name")} if message_id else {}
        decided = sa.update(COMPARISONS).where(of_viewer(viewer, comparison_id)).values(values).returning(*COMPARISONS.c)
        found = comparison_of(tx.execute(decided).mappings().one())
        if found.preferred_id is not None and chat_id is not None and shown in (found.left_id, found.right_id):
            tx.execute(sa.update(CHATS).where(mine(viewer, chat_id)).values(current_message_id=found.preferred_id))
            describe_end(tx, viewer, chat_id)
    return found


def answers_of(tx: Session, comparison: Comparison) -> dict[int, sa.RowMapping]:
    """What a vote has to know of the two answers, by their ids."""
    columns = (MESSAGES.c.id, MESSAGES.c.status, MESSAGES.c.provider, MESSAGES.c.model_name, MESSAGES.c.content)
    ids = (comparison.left_id, comparison.right_id)
    return {row["id"]: row for row in tx.execute(sa.select(*columns).where(MESSAGES.c.id.in_(ids))).mappings()}


def check_answers(answers: dict[int, sa.RowMapping]) -> None:
    """Raises Conflict while one of two answers is being written, Invalid if one has no text."""
    if any(row["status"] == State.RUNNING.value for row in answers.values()):
        raise Conflict("The answers are still being written.", "Wait until both are there, or stop them, then vote.")
    if not all(row["content"].strip() for row in answers.values()):
        raise Invalid("One of the answers has no text.", "Try it again, or skip the vote.")


# --- what is read ------------------------------------------------------------------------------------------------


def get_comparison(db: Database, viewer: Viewer, comparison_id: int) -> Comparison:
    """A comparison. Raises NotFound."""
    with db.read() as tx:
        return comparison_of(find(tx, viewer, comparison_id))


def list_comparisons(db: Database, viewer: Viewer, chat_id: uuid.UUID) -> tuple[Comparison, ...]:
    """The comparisons of a chat, the oldest first. Raises NotFound."""
    with db.read() as tx:
        get_chat_in(tx, viewer, chat_id)
        return tuple(map(comparison_of, tx.execute(in_chat(viewer, chat_id)).mappings()))


def pairs_on(db: Database, viewer: Viewer, chat_id: uuid.UUID, message_ids: Iterable[int]) -> dict[int, Pair]:
    """The pairs to which some of these messages of a chat belong, by the ids of both their answers; most chats have none, which one
    statement says."""
    wanted = set(message_ids)
    with db.read() as tx:
        found = [comparison_of(row) for row in tx.execute(in_chat(viewer, chat_id)).mappings()]
        on = [comparison for comparison in found if {comparison.left_id, comparison.right_id} & wanted]
        messages: dict[int, MessageInfo] = {}
        for part in parts_of(message_id for one in on for message_id in (one.left_id, one.right_id) if message_id is not None):
            rows = tx.execute(sa.select(*MESSAGE_COLUMNS).where(MESSAGES.c.id.in_(part))).mappings()
            messages |= {message.id: message for message in message_infos(tx, rows)}
    pairs: dict[int, Pair] = {}
    for one in on:
        if one.left_id in messages and one.right_id in messages:
            pair = Pair(one, messages[one.left_id], messages[one.right_id])
            pairs |= dict.fromkeys(pair.ids, pair)
    return pairs


def unnamed(db: Database, viewer: Viewer, chat_id: uuid.UUID) -> set[int]:
    """The ids of the answers in a chat of which nobody may know yet who wrote them, because a blind comparison waits for its vote."""
    row = COMPARISONS.c
    waiting = sa.and_(row.session_id == chat_id, row.user_id == viewer.user_id, row.is_blind, row.outcome.is_(None))
    with db.read() as tx:
        pairs = tx.execute(sa.select(row.left_message_id, row.right_message_id).where(waiting)).all()
    return {message_id for pair in pairs for message_id in pair if message_id is not None}


def in_chat(viewer: Viewer, chat_id: uuid.UUID) -> sa.Select[tuple[object, ...]]:
    """The comparisons of a chat, the oldest first."""
    theirs = sa.and_(COMPARISONS.c.session_id == chat_id, COMPARISONS.c.user_id == viewer.user_id)
    return sa.select(*COMPARISONS.c).where(theirs).order_by(COMPARISONS.c.id)


def find(tx: Session, viewer: Viewer, comparison_id: int) -> sa.RowMapping:
    """The row of a comparison. Raises NotFound."""
    row = tx.execute(sa.select(*COMPARISONS.c).where(of_viewer(viewer, comparison_id))).mappings().one_or_none()
    if row is None:
        raise NotFound("This comparison is not there.", "One of its answers may have been deleted. Go back to the chat.")
    return row


def of_viewer(viewer: Viewer, comparison_id: int) -> sa.ColumnElement[bool]:
    """The condition for one comparison, if it is the viewer's."""
    return sa.and_(COMPARISONS.c.id == possible_id(comparison_id), COMPARISONS.c.user_id == viewer.user_id)


def comparison_of(row: sa.RowMapping) -> Comparison:
    """A row as a value."""
    return Comparison(
        id=row["id"],
        chat_id=row["session_id"],
        left_id=row["left_message_id"],
        right_id=row["right_message_id"],
        left=(row["left_provider"], row["left_model_name"]),
        right=(row["right_provider"], row["right_model_name"]),
        is_blind=row["is_blind"],
        vote=Vote(row["outcome"]) if row["outcome"] else None,
        created_at=row["created_at"],
        decided_at=row["decided_at"],
    )
