"""Questions over the generations, the usage ledger: tokens, speed and outcome of every attempt at an answer.

The ledger outlives its chat: what was used stays counted after the messages are gone.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlmodel import Session

from chatcore.analytics.filters import Filters, first_day
from chatcore.analytics.statements import DAY_S, GENERATIONS, between, local_number, narrow
from chatcore.db import Database
from chatcore.parts import State, Viewer

COUNTS = (
    "answers",
    "running",
    "complete",
    "stopped",
    "failed",
    "interrupted",
    "input_tokens",
    "output_tokens",
    "answers_with_usage",
    "answers_estimated",
)
MODEL = ["provider", "model_name"]

# Seconds to the first chunk and tokens a second, per model and over all; see `speeds`.
SPEEDS = (
    "median_time_to_first_chunk_s",
    "answers_with_time_to_first_chunk",
    "median_output_tokens_per_s",
    "answers_with_output_tokens_per_s",
)

# provider, model name (both None: over all), then the columns of SPEEDS.
SpeedRow = tuple[str | None, str | None, float | None, int, float | None, int]


def tokens_per_day(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """How many tokens did each model read and write on each local day?

    One row per day and model that was asked, oldest day first: `day` (naive midnight of the viewer's zone), `provider`,
    `model_name`, `answers`, `input_tokens`, `output_tokens`, `answers_with_usage` (over how many answers the tokens are
    known), `answers_estimated` (of these, how many were estimated instead of reported). A day without answers has no row.
    """
    with db.read() as tx:
        return fold_tokens(answer_days(tx, viewer, filters))


def models(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """How did each model do?

    One row per provider and model, most answers first: `provider`, `model_name`, `answers` (attempts), `running`,
    `complete`, `stopped`, `failed`, `interrupted`, `input_tokens`, `output_tokens` (None if no answer has a known
    usage), `answers_with_usage`, `answers_estimated`, `failed_share` (failed / finished, None if none is finished),
    `median_time_to_first_chunk_s`, `median_output_tokens_per_s` (None if unknown) with the number of answers each is
    over (`answers_with_...`), and `last_used_at` (UTC, when the newest attempt started).
    """
    with db.read() as tx:
        return fold_models(answer_days(tx, viewer, filters), speeds(tx, viewer, filters))


def known_models(db: Database, viewer: Viewer) -> tuple[tuple[str, str], ...]:
    """Every (provider, model name) that was ever asked, in order: what the filters offer."""
    statement = sa.select(GENERATIONS.c.provider, GENERATIONS.c.model_name).where(GENERATIONS.c.user_id == viewer.user_id)
    with db.read() as tx:
        # Sorted here: with ORDER BY the database sorts every attempt before it drops the repeated ones.
        return tuple(sorted((provider, model) for provider, model in tx.execute(statement.distinct())))


def answer_days(tx: Session, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """Sums of the attempts by local `day`, `provider` and `model_name`: the columns of COUNTS and `last_used_at`. The one
    statement behind tokens, outcomes and their totals."""
    ledger, count = GENERATIONS.c, sa.func.count()
    states = [count.filter(ledger.state == state).label(state.value) for state in State]
    # PostgreSQL sums BIGINT into NUMERIC; a person's tokens of a day fit 64 bits.
    tokens = [
        sa.cast(sa.func.coalesce(sa.func.sum(ledger[name]), 0), sa.BigInteger).label(name) for name in ("input_tokens", "output_tokens")
    ]
    statement = sa.select(
        local_number(tx, ledger.started_at, filters, DAY_S).label("number"),
        ledger.provider,
        ledger.model_name,
        count.label("answers"),
        *states,
        *tokens,
        sa.func.count(ledger.output_tokens).label("answers_with_usage"),
        count.filter(ledger.usage_source == "estimated").label("answers_estimated"),
        sa.func.max(ledger.started_at).label("last_used_at"),
    )
    # By its label: PostgreSQL takes the same expression with other placeholders for another expression.
    rows = tx.execute(statement.where(*counted(viewer, filters)).group_by("number", ledger.provider, ledger.model_name)).all()
    frame = pd.DataFrame.from_records([tuple(row) for row in rows], columns=["number", *MODEL, *COUNTS, "last_used_at"])
    frame["last_used_at"] = pd.to_datetime(frame["last_used_at"], utc=True).dt.as_unit("us")
    days = pd.to_timedelta(frame.pop("number").astype("int64"), unit="D")
    frame.insert(0, "day", (pd.Timestamp(first_day(filters)) + days).dt.as_unit("us"))
    return frame.astype({**dict.fromkeys(MODEL, "str"), **dict.fromkeys(COUNTS, "int64")})


def speeds(tx: Session, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """Medians of the time to the first chunk and of tokens a second, over the answers where each is known.

    The columns of SPEEDS, one row per `provider` and `model_name` and one over all, where both are None. The median of
    an even number of answers is the mean of the two in the middle, on both engines.
    """
    ledger = GENERATIONS.c
    narrow_rows = sa.select(
        ledger.provider, ledger.model_name, ledger.time_to_first_chunk_s.label("first_s"), tokens_per_s().label("per_s")
    ).where(*counted(viewer, filters), sa.or_(ledger.time_to_first_chunk_s.is_not(None), ledger.output_tokens > 0))
    if tx.get_bind().dialect.name == "sqlite":
        return speed_frame(medians(tx.execute(narrow_rows).all()))
    rows = narrow_rows.subquery()
    middle = [sa.func.percentile_cont(0.5).within_group(column) for column in (rows.c.first_s, rows.c.per_s)]
    statement = sa.select(
        rows.c.provider, rows.c.model_name, middle[0], sa.func.count(rows.c.first_s), middle[1], sa.func.count(rows.c.per_s)
    ).group_by(sa.func.grouping_sets(sa.tuple_(rows.c.provider, rows.c.model_name), sa.tuple_()))
    return speed_frame([tuple(row) for row in tx.execute(statement)])


def medians(rows: Iterable[sa.Row[str, str, float | None, float | None]]) -> list[SpeedRow]:
    """What PostgreSQL answers for `speeds`, from one narrow row per answer, for SQLite, which has no percentiles."""
    known: dict[tuple[str | None, str | None], tuple[list[float], list[float]]] = {}
    everything: tuple[list[float], list[float]] = ([], [])
    for provider, model, first_s, per_s in rows:
        own = known.setdefault((provider, model), ([], []))
        if first_s is not None:
            own[0].append(first_s)
        if per_s is not None:
            own[1].append(per_s)
    for own in known.values():
        everything[0].extend(own[0])
        everything[1].extend(own[1])
    known[None, None] = everything
    return [(*model, median(first), len(first), median(per), len(per)) for model, (first, per) in known.items()]


def median(values: list[float]) -> float | None:
    """The middle value, or the mean of the two in the middle; None for none."""
    return float(np.median(values)) if values else None


def speed_frame(rows: Sequence[SpeedRow]) -> pd.DataFrame:
    """The frame of `speeds`, the row over all last."""
    types = {SPEEDS[0]: "float64", SPEEDS[1]: "int64", SPEEDS[2]: "float64", SPEEDS[3]: "int64"}
    ordered = sorted(rows, key=lambda row: (row[0] is None, row[0] or "", row[1] or ""))
    return pd.DataFrame.from_records(ordered, columns=[*MODEL, *SPEEDS]).astype(types)


def tokens_per_s() -> sa.ColumnElement[float]:
    """Writing speed, as `GenerationInfo.output_tokens_per_s` has it: the server's own count over its own time, else
    the tokens after the first over the time after the first chunk; null if neither is known."""
    ledger = GENERATIONS.c
    writing_s = ledger.duration_s - ledger.time_to_first_chunk_s
    return sa.case(
        (sa.and_(ledger.output_tokens > 0, ledger.eval_s > 0), sa.cast(ledger.output_tokens, sa.Double) / ledger.eval_s),
        (sa.and_(ledger.output_tokens > 1, writing_s > 0), sa.cast(ledger.output_tokens - 1, sa.Double) / writing_s),
    )


def counted(viewer: Viewer, filters: Filters) -> list[sa.ColumnElement[bool]]:
    """Which attempts count: those that started in the period, by the chosen models."""
    return [GENERATIONS.c.user_id == viewer.user_id, *between(GENERATIONS.c.started_at, filters.period), *narrow(GENERATIONS, filters)]


def fold_tokens(days: pd.DataFrame) -> pd.DataFrame:
    """The columns of `tokens_per_day`, in its order."""
    wanted = ["day", *MODEL, "answers", "input_tokens", "output_tokens", "answers_with_usage", "answers_estimated"]
    return days[wanted].sort_values(["day", *MODEL], ignore_index=True)


def fold_models(days: pd.DataFrame, speed: pd.DataFrame) -> pd.DataFrame:
    """Days into one row per model (see `models`)."""
    groups = days.groupby(MODEL)
    table = groups[list(COUNTS)].sum()
    table["last_used_at"] = groups["last_used_at"].max()
    finished = table["answers"] - table["running"]
    table["failed_share"] = (table["failed"] / finished).where(finished > 0)
    unknown = table["answers_with_usage"] == 0
    for name in ("input_tokens", "output_tokens"):
        table[name] = table[name].astype("Int64").mask(unknown)
    table = table.join(speed.dropna(subset=MODEL).set_index(MODEL))
    table[[SPEEDS[1], SPEEDS[3]]] = table[[SPEEDS[1], SPEEDS[3]]].fillna(0).astype("int64")
    order = [*COUNTS, "failed_share", *SPEEDS, "last_used_at"]
    return table.reset_index().sort_values(["answers", *MODEL], ascending=[False, True, True], ignore_index=True)[[*MODEL, *order]]
