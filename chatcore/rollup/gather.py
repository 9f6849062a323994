"""Where the questions get their rows: whole days from the rollup, and from the tables those that changed since it was made.

So every number is as fresh as the tables, whether the rollup is behind, half made or not there.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby

import numpy as np
import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from chatcore.parts import Period, Viewer
from chatcore.rollup.pages import (
    ANSWER,
    MESSAGE,
    ROLES,
    SOURCES,
    STATES,
    UNKNOWN,
    Models,
    Names,
    Page,
    Rows,
    chat_key,
    join,
    pack,
    unpack_names,
)
from chatcore.rows import GENERATIONS, MESSAGES

DIRTY = SQLModel.metadata.tables["usage_dirty"]
DAYS = SQLModel.metadata.tables["usage_day"]
REFS = SQLModel.metadata.tables["importref"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
DAY_US = 86_400 * 1_000_000
# Changed days that are so near to each other are read in one go, with what lies between them.
NEAR_DAYS = 3
COUNTS = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")

# When (microseconds since 1970), chat, models, and what else the table says in the order of the page.
Row = tuple[int, int, Models, tuple[object, ...]]


def microseconds(at: datetime) -> int:
    """Since 1970."""
    return (at - EPOCH) // MICROSECOND


def day_of(at: datetime) -> int:
    """The UTC day of a time, counted from 1970."""
    return (at - EPOCH) // timedelta(days=1)


def start_of(day: int) -> datetime:
    """When a UTC day begins."""
    return EPOCH + timedelta(days=day)


def rows_of(tx: Session, viewer: Viewer, period: Period) -> Rows:
    """Everything of the viewer's that was made in the period, the oldest first."""
    first, last = day_of(period.start), day_of(period.end - MICROSECOND)
    changed = dirty_days(tx, viewer.user_id, first, last)
    pages = [(day, page) for day, page in kept_pages(tx, viewer.user_id, first, last) if day not in changed]
    for run in runs(changed):
        pages += [(day, page) for day, page in read_days(tx, viewer.user_id, run[0], run[-1]) if day in changed]
    pages.sort(key=lambda kept: kept[0])
    return cut(join(page for _, page in pages), period)


def cut(rows: Rows, period: Period) -> Rows:
    """The rows of a part of the time."""
    ends = [microseconds(period.start), microseconds(period.end)]
    messages, answers = (slice(*np.searchsorted(array["at"], ends)) for array in (rows.messages, rows.answers))
    return Rows(rows.messages[messages], rows.answers[answers], rows.models, rows.errors)


def known_names(tx: Session, viewer: Viewer) -> set[tuple[str, str]]:
    """Every (provider, model name) that the viewer's messages and attempts name."""
    changed = dirty_days(tx, viewer.user_id, None, None)
    kept = tx.execute(sa.select(DAYS.c.day, DAYS.c.names).where(DAYS.c.user_id == viewer.user_id)).all()
    names = {row.names for row in kept if row.day not in changed}
    for run in runs(changed):
        names |= {page.names for _, page in read_days(tx, viewer.user_id, run[0], run[-1])}
    return {pair for text in names for pairs in unpack_names(text)[0] for pair in pairs}


def dirty_days(tx: Session, user_id: str, first: int | None, last: int | None) -> set[int]:
    """Days of a person that changed since their page was made."""
    days = [] if first is None else [DIRTY.c.day.between(first, last)]
    return set(tx.execute(sa.select(DIRTY.c.day).where(DIRTY.c.user_id == user_id, *days).distinct()).scalars())


def runs(days: Iterable[int]) -> Iterator[list[int]]:
    """Days in groups of those that are near each other."""
    run: list[int] = []
    for day in sorted(days):
        if run and day - run[-1] > NEAR_DAYS:
            yield run
            run = []
        run.append(day)
    if run:
        yield run


def kept_pages(tx: Session, user_id: str, first: int, last: int) -> list[tuple[int, Page]]:
    """The pages that the rollup has of these days."""
    theirs = sa.and_(DAYS.c.user_id == user_id, DAYS.c.day.between(first, last))
    rows = tx.execute(sa.select(DAYS.c.day, DAYS.c.names, DAYS.c.messages, DAYS.c.answers).where(theirs))
    return [(day, Page(names, messages, answers)) for day, names, messages, answers in rows]


# --- the tables --------------------------------------------------------------------------------------------------


def days_of(tx: Session, user_id: str) -> set[int]:
    """The days on which a person has a message or an attempt."""
    columns = ((MESSAGES.c.user_id, MESSAGES.c.created_at), (GENERATIONS.c.user_id, GENERATIONS.c.started_at))
    days = (sa.select(moment(tx, at) // DAY_US).where(owner == user_id).distinct() for owner, at in columns)
    return {day for statement in days for day in tx.execute(statement).scalars()}


def read_days(tx: Session, user_id: str, first: int, last: int) -> Sequence[tuple[int, Page]]:
    """The pages of these days, counted anew from the tables; days without anything have none. Text is never read."""
    period = Period(start_of(first), start_of(last + 1))
    messages, answers = by_day(read_messages(tx, user_id, period)), by_day(read_answers(tx, user_id, period))
    return [(day, page_of(messages.get(day, []), answers.get(day, []))) for day in sorted(messages.keys() | answers.keys())]


def read_messages(tx: Session, user_id: str, period: Period) -> list[Row]:
    """Messages of a person with the models that they are from or, for a prompt, that answered it; the oldest first."""
    written = MESSAGES.c
    theirs = [written.user_id == user_id, written.created_at >= period.start, written.created_at < period.end]
    answer = MESSAGES.alias("answer")
    answered: dict[int, set[tuple[str, str]]] = {}
    children = MESSAGES.join(answer, sa.and_(answer.c.parent_id == written.id, answer.c.session_id == written.session_id))
    pairs = sa.select(written.id, answer.c.provider, answer.c.model_name).select_from(children).where(*theirs, written.role == ROLES[0])
    for message_id, provider, model in tx.execute(pairs.distinct()):
        answered.setdefault(message_id, set()).add((provider or "", model or ""))
    columns = (written.id, moment(tx, written.created_at), written.session_id, written.role, written.provider, written.model_name)
    statement = sa.select(*columns, has_ref(written.id)).where(*theirs).order_by(written.created_at, written.id)
    found: list[Row] = []
    for message_id, at, chat, role, provider, model, imported in tx.execute(statement):
        own = ((provider or "", model or ""),) if role != ROLES[0] else tuple(sorted(answered.get(message_id, ())))
        found.append((at, chat_key(chat), own, (ROLES.index(role), imported)))
    return found


def read_answers(tx: Session, user_id: str, period: Period) -> list[Row]:
    """Attempts of a person, the oldest first."""
    ledger = GENERATIONS.c
    imported = sa.or_(ledger.usage_source == "imported", has_ref(ledger.message_id))
    columns = (
        moment(tx, ledger.started_at), ledger.session_id, ledger.provider, ledger.model_name, ledger.state, ledger.error_type,
        ledger.usage_source, sa.func.coalesce(imported, sa.false()), *(ledger[name] for name in COUNTS),
        ledger.cost, ledger.time_to_first_chunk_s, ledger.duration_s, ledger.load_s, tokens_per_s(), prompt_tokens_per_s(),
    )  # fmt: skip
    theirs = [ledger.user_id == user_id, ledger.started_at >= period.start, ledger.started_at < period.end]
    found: list[Row] = []
    for row in tx.execute(sa.select(*columns).where(*theirs).order_by(ledger.started_at, ledger.id)):
        at, chat, provider, model, state, error, source, is_imported, *numbers = row
        kinds = (STATES.index(state), error, SOURCES.index(source), is_imported)
        found.append((at, chat_key(chat), ((provider, model),), (*kinds, *numbers)))
    return found


def moment(tx: Session, column: sa.ColumnElement[datetime]) -> sa.ColumnElement[int]:
    """A stored time in microseconds since 1970."""
    if tx.get_bind().dialect.name == "sqlite":
        # Two whole numbers: as one with a fraction SQLite rounds to milliseconds.
        seconds = sa.cast(sa.func.strftime("%s", sa.func.substr(column, 1, 19)), sa.BigInteger)
        return seconds * 1_000_000 + sa.cast(sa.func.substr(column, 21, 6), sa.Integer)
    return sa.cast(sa.extract("epoch", column) * 1_000_000, sa.BigInteger)


def tokens_per_s() -> sa.ColumnElement[float]:
    """Writing speed, as `GenerationInfo.output_tokens_per_s` has it: the server's own count over its own time, else
    the tokens after the first over the time after the first chunk; null if neither is known."""
    ledger = GENERATIONS.c
    writing_s = ledger.duration_s - ledger.time_to_first_chunk_s
    return sa.case(
        (sa.and_(ledger.output_tokens > 0, ledger.eval_s > 0), sa.cast(ledger.output_tokens, sa.Double) / ledger.eval_s),
        (sa.and_(ledger.output_tokens > 1, writing_s > 0), sa.cast(ledger.output_tokens - 1, sa.Double) / writing_s),
    )


def prompt_tokens_per_s() -> sa.ColumnElement[float]:
    """Reading speed, by the server's own clock; null where it does not tell."""
    ledger = GENERATIONS.c
    told = sa.and_(ledger.input_tokens > 0, ledger.prompt_s > 0)
    return sa.case((told, sa.cast(ledger.input_tokens, sa.Double) / ledger.prompt_s))


def has_ref(message_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Whether a message came by an import."""
    return sa.exists().where(REFS.c.message_id == message_id, REFS.c.kind == "message")


def by_day(rows: Sequence[Row]) -> dict[int, list[Row]]:
    """Rows in the order of time by their UTC day."""
    return {day: list(own) for day, own in groupby(rows, key=lambda row: row[0] // DAY_US)}


def page_of(messages: Sequence[Row], answers: Sequence[Row]) -> Page:
    """The page of the rows of a day."""
    names = Names()
    written = [(at, chat, names.of_models(models), *rest) for at, chat, models, rest in messages]
    asked = []
    for at, chat, models, (state, error, source, imported, *numbers) in answers:
        counts = [UNKNOWN if number is None else number for number in numbers[: len(COUNTS)]]
        others = [np.nan if number is None else number for number in numbers[len(COUNTS) :]]
        places = (names.of_models(models), names.of_error(None if error is None else str(error)))
        asked.append((at, chat, *counts, *others, *places, state, source, imported))
    return pack(Rows(np.array(written, MESSAGE), np.array(asked, ANSWER), tuple(names.models), tuple(names.errors)))
