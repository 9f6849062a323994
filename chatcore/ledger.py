"""What the database knows of an answer: opened, saved on the way, closed once, recovered when its process died.

A row is closed only while it still runs and by the process that owns it, so two processes, or a process and the recovery
of orphans, never overwrite each other. Every transaction that needs several rows takes the chat first, then the
generation, then the message: one order, no deadlock.
"""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from chatcore import prices, processes
from chatcore.db import Database
from chatcore.errors import Conflict, NotFound
from chatcore.history import count_answer_in, no_message, possible_id
from chatcore.live import Snapshot
from chatcore.models import utc_now
from chatcore.parts import ChatRequest, Decision, Failed, Finished, Offset, Role, State, Update, Usage, Viewer
from chatcore.rows import CHATS, DECISIONS, GENERATIONS, MESSAGES, RUNNING
from chatcore.texts import storable
from chatcore.toolcalls import dump_calls, load_calls, mark_of, reason_of, settled

# Of text no server counted: 4 characters a token is the rule of thumb of model makers for English.
CHARACTERS_A_TOKEN = 4
# An estimate of 4 characters a token is at most twice too high for anything people write: so much must have been added at least.
SURE = 0.5
# No server has a smaller window by default: below, a count says nothing of what was cut.
SMALLEST_WINDOW = 512
# A count above this is a server's mistake; SQLite and PostgreSQL hold 2**63 - 1.
LARGEST_COUNT = 2**53
# PostgreSQL finds a deadlock after 1 s and then ends one of the two; a checkpoint gives way before that, since it can come again.
CHECKPOINT_LOCK_WAIT = sa.text("SET LOCAL lock_timeout = '300ms'")

# Tokens in, tokens out, and who counted them.
Counted = tuple[int | None, int | None, str | None]


@dataclass(frozen=True, slots=True)
class Job:
    """An answer to be written: the rows that wait for it, whose they are, and what is asked of which provider. With `use_tools`
    the model may ask for tools, on behalf of `viewer`; with `reads_only` for those only that change nothing and run without a question.

    `trace_parent`: the caller's place in its trace (the header of W3C Trace Context), as it came. `begun`: what the answer
    begins with, where it goes on with another one.
    """

    generation_id: int
    message_id: int
    session_id: uuid.UUID
    user_id: str
    provider: str
    request: ChatRequest
    trace_parent: str | None = None
    begun: Snapshot | None = None
    use_tools: bool = False
    viewer: Viewer | None = None
    reads_only: bool = False


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt went. `chunks` counts the deltas that came; times in seconds. `context_tokens` is the prompt of its last round,
    `context_window` the window that the model seems to have had."""

    state: State
    written: Snapshot
    finished_at: datetime
    duration_s: float
    time_to_first_chunk_s: float | None = None
    chunks: int = 0
    usage: Usage | None = None
    finished: Finished | None = None
    failed: Failed | None = None
    reasoning_s: float | None = None
    context_tokens: int | None = None
    context_window: int | None = None


@dataclass(frozen=True, slots=True)
class CallEntry:
    """A tool call that ran, without what was asked and answered."""

    tool: str
    started_at: datetime
    duration_s: float
    error_type: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger has of an attempt that ended, without whose it was and what was written. Times in seconds."""

    provider: str
    model_name: str
    state: State
    duration_s: float
    time_to_first_chunk_s: float | None
    input_tokens: int | None
    output_tokens: int | None
    usage_source: str | None
    error_type: str | None
    finished_at: datetime
    response_model: str | None = None
    finish_reason: str | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    trace_parent: str | None = None
    calls: tuple[CallEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Beat:
    """What the database says of a running row: whether its message is still there and whether somebody asked for a stop."""

    has_message: bool
    stop_requested: bool


def begin_in(
    tx: Session,
    viewer: Viewer,
    *,
    chat_id: uuid.UUID | None,
    message_id: int | None,
    provider: str,
    model_name: str,
    owner: str,
    now: datetime,
    request_key: str | None = None,
    context_window: int | None = None,
) -> int:
    """Opens an attempt at an answer, in no chat for one that is never written; its id.

    Raises IntegrityError if the message has a running one or the key was used.
    """
    statement = sa.insert(GENERATIONS).values(
        user_id=viewer.user_id,
        session_id=chat_id,
        message_id=message_id,
        provider=provider,
        model_name=model_name,
        state=State.RUNNING.value,
        started_at=now,
        owner=owner,
        heartbeat_at=moment(tx),
        request_key=request_key,
        context_window=context_window,
    )
    generation_id: int = tx.execute(statement.returning(GENERATIONS.c.id)).scalar_one()
    return generation_id


def checkpoint(db: Database, owner: str, running: Sequence[Job], written: dict[int, Snapshot], *, beat: bool) -> dict[int, Beat]:
    """Saves the text of running answers (`written`, by generation id) in one transaction, and says which still are ours.

    An answer that is missing in what is returned was closed by somebody else. Without text and without `beat` it only reads.
    """
    ours = sa.and_(
        GENERATIONS.c.id.in_([job.generation_id for job in running]), GENERATIONS.c.state == RUNNING, GENERATIONS.c.owner == owner
    )
    columns = (GENERATIONS.c.id, GENERATIONS.c.message_id, GENERATIONS.c.stop_requested_at)
    if not beat and not written:
        with db.read() as tx:
            return beats(tx.execute(sa.select(*columns).where(ours)).mappings())
    with db.write() as tx:
        if not db.is_sqlite:
            tx.execute(CHECKPOINT_LOCK_WAIT)
        found = beats(tx.execute(sa.update(GENERATIONS).where(ours).values(heartbeat_at=moment(tx)).returning(*columns)).mappings())
        for job in running:
            if job.generation_id in found and job.generation_id in written:
                tx.execute(
                    sa.update(MESSAGES)
                    .where(MESSAGES.c.id == job.message_id, MESSAGES.c.status == State.RUNNING.value)
                    .values(content_of(written[job.generation_id]))
                )
    return found


def beats(rows: Iterable[sa.RowMapping]) -> dict[int, Beat]:
    """Rows of (id, message_id, stop_requested_at) as beats by id."""
    return {row["id"]: Beat(row["message_id"] is not None, row["stop_requested_at"] is not None) for row in rows}


def close(db: Database, owner: str, job: Job, ending: Ending) -> Entry | None:
    """Writes the end of an attempt: generation, message and chat in one transaction.

    None, and nothing is written, if the row runs no more or belongs to somebody else. A chat or message that was deleted
    meanwhile is left out. Raises what `Database.write` raises.
    """
    counted = tokens(ending, job.request)
    values = outcome(ending, counted) | cost(job.provider, job.request.model, ending, counted)
    with db.write() as tx:
        lock_chat(tx, job.user_id, job.session_id)
        ours = sa.and_(GENERATIONS.c.id == job.generation_id, GENERATIONS.c.state == RUNNING, GENERATIONS.c.owner == owner)
        if values["context_tokens"] is not None:
            values["left_out"] = was_left_out(tx, job, ending.context_tokens or 0)
        if tx.execute(sa.update(GENERATIONS).where(ours).values(values).returning(GENERATIONS.c.id)).one_or_none() is None:
            return None
        message = content_of(ending.written) | {"status": ending.state.value}
        tx.execute(sa.update(MESSAGES).where(MESSAGES.c.id == job.message_id, MESSAGES.c.user_id == job.user_id).values(message))
        count_answer_in(
            tx,
            job.user_id,
            job.session_id,
            content=ending.written.text,
            now=ending.finished_at,
            input_tokens=counted[0] or 0,
            output_tokens=counted[1] or 0,
        )
    return entry(job.provider, job.request.model, ending, counted, job.trace_parent)


def was_left_out(tx: Session, job: Job, prompt_tokens: int) -> bool | None:
    """Whether the server seems to have looked at less than it was sent, by its count of the prompt; None where there is none to
    compare with. The same rule as `context.cut_answers`: with the same model the count must have grown by what was said since."""
    answer, asked, earlier = MESSAGES.alias("answer"), MESSAGES.alias("asked"), GENERATIONS.alias("earlier")
    counted_then = (
        sa.select(sa.func.coalesce(earlier.c.context_tokens, earlier.c.input_tokens))
        .select_from(answer.join(asked, asked.c.id == answer.c.parent_id).join(earlier, earlier.c.message_id == asked.c.parent_id))
        .where(answer.c.id == job.message_id, earlier.c.usage_source == "reported")
        .where(earlier.c.provider == job.provider, earlier.c.model_name == job.request.model)
        .order_by(earlier.c.id.desc())
        .limit(1)
    )
    then = tx.execute(counted_then).scalar()
    if then is None:
        return None
    prompts = [place for place, turn in enumerate(job.request.turns) if turn.role == "user"]
    since = job.request.turns[prompts[-2] + 1 :] if len(prompts) > 1 else ()
    expected = then + sum(len(turn.content) for turn in since) // CHARACTERS_A_TOKEN * SURE
    return bool(expected >= SMALLEST_WINDOW and prompt_tokens < expected)


def entry(provider: str, model_name: str, ending: Ending, counted: Counted, trace_parent: str | None = None) -> Entry:
    """The ledger's entry for an attempt that was closed."""
    input_tokens, output_tokens, usage_source = counted
    usage = ending.usage or Usage()
    return Entry(
        provider=provider,
        model_name=model_name,
        state=ending.state,
        duration_s=ending.duration_s,
        time_to_first_chunk_s=ending.time_to_first_chunk_s,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        usage_source=usage_source,
        error_type=ending.failed.code.value if ending.state is State.FAILED and ending.failed is not None else None,
        finished_at=ending.finished_at,
        response_model=clean_model(usage),
        finish_reason=ending.finished.reason.value if ending.finished else None,
        cached_tokens=known(usage.cached_tokens),
        reasoning_tokens=known(usage.reasoning_tokens),
        trace_parent=trace_parent,
        calls=tuple(
            CallEntry(call.name, call.started_at, call.duration_s, reason_of(call))
            for call in ending.written.calls
            if call.started_at is not None and call.duration_s is not None
        ),
    )


def outcome(ending: Ending, counted: Counted) -> dict[str, object]:
    """The columns of the generation row that say how the attempt went."""
    usage, failed = ending.usage or Usage(), ending.failed
    values: dict[str, object] = {
        "state": ending.state.value,
        "finished_at": ending.finished_at,
        "duration_s": ending.duration_s,
        "time_to_first_chunk_s": ending.time_to_first_chunk_s,
        "load_s": known_s(usage.load_s),
        "prompt_s": known_s(usage.prompt_s),
        "eval_s": known_s(usage.eval_s),
        "input_tokens": counted[0],
        "output_tokens": counted[1],
        "usage_source": counted[2],
        "cached_tokens": known(usage.cached_tokens),
        "reasoning_tokens": known(usage.reasoning_tokens),
        "response_model": clean_model(usage),
        "finish_reason": ending.finished.reason.value if ending.finished else None,
        "reasoning_s": ending.reasoning_s,
        "context_tokens": known(ending.context_tokens) if counted[2] == "reported" else None,
    }
    if ending.context_window is not None:
        # What was asked for holds.
        values["context_window"] = sa.func.coalesce(GENERATIONS.c.context_window, ending.context_window)
    if ending.state is State.FAILED and failed is not None:
        values["error_type"] = failed.code.value
        values["error_message"] = storable(failed.message)
        values["error_hint"] = storable(failed.hint)
        values["error_retryable"] = failed.retryable
    return values


def tokens(ending: Ending, request: ChatRequest) -> Counted:
    """Tokens in, tokens out and who counted them: the server, else we where something was written, else nobody.

    Ours is an estimate: a chunk is about a token, and the prompt has about one for 4 characters.
    """
    usage = ending.usage or Usage()
    reported_in, reported_out = known(usage.input_tokens), known(usage.output_tokens)
    if reported_in is not None and reported_out is not None:
        return reported_in, reported_out, "reported"
    # Not the text: an answer that goes on has that of another one from its start.
    written = ending.chunks or ending.written.calls
    if not written and reported_out is None:
        return None, None, None
    estimated_in = sum(len(turn.content) for turn in request.turns) // CHARACTERS_A_TOKEN
    return (
        estimated_in if reported_in is None else reported_in,
        ending.chunks if reported_out is None else reported_out,
        "estimated",
    )


def cost(provider: str, model_name: str, ending: Ending, counted: Counted) -> dict[str, object]:
    """The columns of the generation row that say what the answer cost; empty where nobody knows, which is not 0."""
    said = ending.usage or Usage()
    used = replace(
        said,
        input_tokens=counted[0],
        output_tokens=counted[1],
        cached_tokens=known(said.cached_tokens),
        reasoning_tokens=known(said.reasoning_tokens),
    )
    asked_at = ending.finished_at - timedelta(seconds=ending.duration_s)
    return prices.columns(prices.price(provider, model_name, used, at=asked_at, usage_source=counted[2]))


def content_of(written: Snapshot) -> dict[str, object]:
    """The columns of a message that hold what was written."""
    columns: dict[str, object] = {"content": written.text, "reasoning": written.reasoning or None}
    if written.calls:
        columns["tool_calls"] = storable(dump_calls(written.calls) or "")
    return columns


def clean_model(usage: Usage) -> str | None:
    """The model that a server says has answered, as it is stored."""
    return storable(usage.response_model)[:200] if usage.response_model else None


def known(count: int | None) -> int | None:
    """A server's count, None where it cannot be one."""
    return count if count is not None and 0 <= count < LARGEST_COUNT else None


def known_s(seconds: float | None) -> float | None:
    """A server's time in seconds, None where it cannot be one."""
    return seconds if seconds is not None and 0 <= seconds < LARGEST_COUNT else None


# --- asked from outside ------------------------------------------------------------------------------------------


def read(db: Database, viewer: Viewer, message_id: int, after: Offset) -> Update:
    """News of an answer as the database has it, whoever writes it. Raises NotFound.

    While it runs the database is behind the process that writes: who already has more goes on from there, not from here.
    """
    tries = GENERATIONS.alias("tries")
    newest = sa.select(sa.func.max(tries.c.id)).where(tries.c.message_id == MESSAGES.c.id).correlate(MESSAGES).scalar_subquery()
    reasoning = sa.func.coalesce(MESSAGES.c.reasoning, "")
    statement = (
        sa.select(
            MESSAGES.c.status,
            sa.func.substr(MESSAGES.c.content, max(after.text, 0) + 1).label("text"),
            sa.func.length(MESSAGES.c.content).label("text_end"),
            sa.func.substr(reasoning, max(after.reasoning, 0) + 1).label("reasoning"),
            sa.func.length(reasoning).label("reasoning_end"),
            MESSAGES.c.tool_calls,
            GENERATIONS.c.error_message,
            GENERATIONS.c.error_hint,
            GENERATIONS.c.reasoning_s,
        )
        .select_from(MESSAGES)
        .outerjoin(GENERATIONS, GENERATIONS.c.id == newest)
        .where(MESSAGES.c.id == possible_id(message_id), MESSAGES.c.user_id == viewer.user_id)
    )
    with db.read() as tx:
        row = tx.execute(statement).one_or_none()
    if row is None:
        raise no_message()
    state, end = State(row.status), Offset(row.text_end, row.reasoning_end, mark_of(row.tool_calls))
    if state is State.RUNNING:
        end = Offset(max(end.text, after.text), max(end.reasoning, after.reasoning), end.calls)
    calls = load_calls(row.tool_calls) if end.calls != after.calls else None
    return Update(
        text=row.text,
        reasoning=row.reasoning,
        state=state,
        next=end,
        error=row.error_message,
        hint=row.error_hint,
        reasoning_s=row.reasoning_s,
        calls=calls if calls is None or state is State.RUNNING else settled(calls),
    )


def request_stop(db: Database, viewer: Viewer, message_id: int, *, now: datetime) -> str | None:
    """Asks whichever process runs this answer to stop it; that process, None if nobody runs it. Raises NotFound."""
    theirs = sa.and_(GENERATIONS.c.message_id == possible_id(message_id), GENERATIONS.c.user_id == viewer.user_id)
    with db.write() as tx:
        message = sa.and_(MESSAGES.c.id == message_id, MESSAGES.c.user_id == viewer.user_id, MESSAGES.c.role == Role.ASSISTANT.value)
        if tx.execute(sa.select(MESSAGES.c.id).where(message)).one_or_none() is None:
            raise NotFound("This answer is not there.", "Its chat may have been deleted. Go back to your chats.")
        statement = sa.update(GENERATIONS).where(theirs, GENERATIONS.c.state == RUNNING)
        asked = sa.func.coalesce(GENERATIONS.c.stop_requested_at, sa.literal(now, GENERATIONS.c.stop_requested_at.type))
        row = tx.execute(statement.values(stop_requested_at=asked).returning(GENERATIONS.c.owner)).one_or_none()
    return None if row is None else str(row.owner)


def request_decision(db: Database, viewer: Viewer, message_id: int, call_id: str, decision: Decision) -> str | None:
    """Tells whichever process runs this answer what a person says to a tool call; that process, None if nobody runs it.

    Raises Conflict if something was said to the call before.
    """
    theirs = sa.and_(GENERATIONS.c.message_id == possible_id(message_id), GENERATIONS.c.user_id == viewer.user_id)
    values = {"call_id": call_id, "user_id": viewer.user_id, "decision": decision.value}
    try:
        with db.write() as tx:
            running = sa.select(GENERATIONS.c.id, GENERATIONS.c.owner).where(theirs, GENERATIONS.c.state == RUNNING)
            row = tx.execute(running).one_or_none()
            if row is not None:
                tx.execute(sa.insert(DECISIONS).values(generation_id=row.id, **values))
    except IntegrityError as error:
        raise Conflict(
            "This call does not wait for a decision.", "Somebody decided already. Wait a second to see what came of it."
        ) from error
    return None if row is None else str(row.owner)


def take_decisions(db: Database, generation_ids: Sequence[int]) -> Sequence[tuple[int, str, Decision]]:
    """What people said in other processes to calls of these answers, as (generation, call, decision); each is told once."""
    said = DECISIONS.c.generation_id.in_(generation_ids)
    columns = (DECISIONS.c.generation_id, DECISIONS.c.call_id, DECISIONS.c.decision)
    with db.read() as tx:
        if tx.execute(sa.select(DECISIONS.c.call_id).where(said).limit(1)).one_or_none() is None:
            return ()
    with db.write() as tx:
        taken = tx.execute(sa.delete(DECISIONS).where(said).returning(*columns)).all()
    return [(generation_id, call_id, Decision(decision)) for generation_id, call_id, decision in taken]


# --- orphans -----------------------------------------------------------------------------------------------------


def recover(db: Database, *, running: Sequence[int], stale_s: float, by_heartbeat: bool) -> Iterator[Entry]:
    """Marks running answers whose process is gone as interrupted, with what was saved of them, one after the other as it is
    iterated.

    `running` are the generations the caller itself runs. A process is gone if this machine says so, or, with
    `by_heartbeat`, if it was silent for `stale_s` seconds.
    """
    columns = (GENERATIONS.c.id, GENERATIONS.c.owner, GENERATIONS.c.heartbeat_at, moment_of(db).label("now"))
    with db.read() as tx:
        rows = tx.execute(sa.select(*columns).where(GENERATIONS.c.state == RUNNING)).all()
    for row in rows:
        if row.id in running:
            continue
        silent = row.heartbeat_at is None or row.now - row.heartbeat_at > timedelta(seconds=stale_s)
        dead = (by_heartbeat and silent) or (row.owner is not None and processes.is_gone(row.owner))
        if dead and (closed := interrupt(db, row.id, row.heartbeat_at)) is not None:
            yield closed


def interrupt(db: Database, generation_id: int, heartbeat_at: datetime | None) -> Entry | None:
    """Closes one orphan if it was silent since `heartbeat_at`; None if somebody else was faster."""
    names = ("user_id", "session_id", "message_id", "started_at", "provider", "model_name")
    with db.write() as tx:
        row = tx.execute(sa.select(*(GENERATIONS.c[name] for name in names)).where(GENERATIONS.c.id == generation_id)).one_or_none()
        if row is None:
            return None
        if row.session_id is not None:
            lock_chat(tx, row.user_id, row.session_id)
        # The last sign of life is when it ended, as far as anybody knows.
        ended_at = max(heartbeat_at or row.started_at, row.started_at)
        found = tx.execute(sa.select(MESSAGES.c.content, MESSAGES.c.reasoning).where(MESSAGES.c.id == row.message_id)).one_or_none()
        written = Snapshot(found.content, found.reasoning or "") if found else Snapshot("", "")
        ending = Ending(State.INTERRUPTED, written, ended_at, (ended_at - row.started_at).total_seconds())
        tokens_out = (len(written.text) + len(written.reasoning)) // CHARACTERS_A_TOKEN or None
        tokens_in = None if tokens_out is None else prompt_characters(tx, row.message_id) // CHARACTERS_A_TOKEN
        counted = (tokens_in, tokens_out, None if tokens_out is None else "estimated")
        values = outcome(ending, counted) | cost(row.provider, row.model_name, ending, counted)
        same = GENERATIONS.c.heartbeat_at.is_(None) if heartbeat_at is None else GENERATIONS.c.heartbeat_at == heartbeat_at
        orphan = sa.update(GENERATIONS).where(GENERATIONS.c.id == generation_id, GENERATIONS.c.state == RUNNING, same)
        if tx.execute(orphan.values(values).returning(GENERATIONS.c.id)).one_or_none() is None:
            return None
        tx.execute(sa.update(MESSAGES).where(MESSAGES.c.id == row.message_id).values(status=State.INTERRUPTED.value))
        if row.session_id is not None:
            count_answer_in(
                tx,
                row.user_id,
                row.session_id,
                content=written.text,
                now=ended_at,
                input_tokens=tokens_in or 0,
                output_tokens=tokens_out or 0,
            )
    return entry(row.provider, row.model_name, ending, counted)


def prompt_characters(tx: Session, message_id: int) -> int:
    """How many characters the messages before an answer have, along its branch."""
    step = sa.select(MESSAGES.c.parent_id).where(MESSAGES.c.id == message_id).cte("step", recursive=True)
    parent = MESSAGES.alias("parent")
    step = step.union_all(sa.select(parent.c.parent_id).join(step, parent.c.id == step.c.parent_id))
    total = sa.select(sa.func.coalesce(sa.func.sum(sa.func.length(MESSAGES.c.content)), 0))
    return int(tx.execute(total.where(MESSAGES.c.id.in_(sa.select(step.c.parent_id)))).scalar_one())


def lock_chat(tx: Session, user_id: str, chat_id: uuid.UUID) -> None:
    """Makes other writers of this chat wait until the end of the transaction; a chat that is gone locks nothing."""
    tx.execute(sa.select(CHATS.c.id).where(CHATS.c.user_id == user_id, CHATS.c.id == chat_id).with_for_update(key_share=True))


def moment(tx: Session) -> sa.ColumnElement[datetime]:
    """Now, for a heartbeat. See `moment_of`."""
    return now_in(tx.get_bind().dialect.name)


def moment_of(db: Database) -> sa.ColumnElement[datetime]:
    """Now, for a heartbeat: by the clock of the server where several machines share one, by ours where one machine has the file.

    Not the caller's `now`: whether a process lives is measured, and two machines with different clocks would declare
    each other dead.
    """
    return now_in(db.dialect)


def now_in(dialect: str) -> sa.ColumnElement[datetime]:
    kind = GENERATIONS.c.heartbeat_at.type
    return sa.func.clock_timestamp(type_=kind) if dialect == "postgresql" else sa.literal(utc_now(), kind)
