"""Questions over the generations, the usage ledger: tokens, speed and outcome of every attempt at an answer.

The ledger outlives its chat: what was used stays counted after the messages are gone.
"""

import pandas as pd
import sqlalchemy as sa
from sqlmodel import Session

from chatcore.analytics.filters import Filters, local_time
from chatcore.analytics.statements import GENERATIONS, between, frame_of, narrow, quarter
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


def tokens_per_day(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """How many tokens did each model read and write on each local day?

    One row per day and model that was asked, oldest day first: `day` (naive midnight of the viewer's zone), `provider`,
    `model_name`, `answers`, `input_tokens`, `output_tokens`, `answers_with_usage` (over how many answers the tokens are
    known), `answers_estimated` (of these, how many were estimated instead of reported). A day without answers has no row.
    """
    with db.read() as tx:
        return fold_tokens(answer_quarters(tx, viewer, filters), filters)


def models(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """How did each model do?

    One row per provider and model, most answers first: `provider`, `model_name`, `answers` (attempts), `running`,
    `complete`, `stopped`, `failed`, `interrupted`, `input_tokens`, `output_tokens` (None if no answer has a known
    usage), `answers_with_usage`, `answers_estimated`, `failed_share` (failed / finished, None if none is finished),
    `median_time_to_first_chunk_s`, `median_output_tokens_per_s` (None if unknown) with the number of answers each is
    over (`answers_with_...`), and `last_used_at` (UTC, when the newest attempt started).
    """
    with db.read() as tx:
        return fold_models(answer_quarters(tx, viewer, filters), speeds(tx, viewer, filters))


def known_models(db: Database, viewer: Viewer) -> tuple[tuple[str, str], ...]:
    """Every (provider, model name) that was ever asked, in order: what the filters offer."""
    statement = sa.select(GENERATIONS.c.provider, GENERATIONS.c.model_name).where(GENERATIONS.c.user_id == viewer.user_id)
    with db.read() as tx:
        rows = tx.execute(statement.distinct().order_by(GENERATIONS.c.provider, GENERATIONS.c.model_name)).all()
    return tuple((provider, model) for provider, model in rows)


def answer_quarters(tx: Session, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """Sums of the attempts by `quarter` (of an hour, since 1970 UTC), `provider` and `model_name`: the columns of
    COUNTS and `last_used_at`. The one statement behind tokens, outcomes and their totals."""
    ledger, count = GENERATIONS.c, sa.func.count()
    states = [count.filter(ledger.state == state).label(state.value) for state in State]
    # PostgreSQL sums BIGINT into NUMERIC; a person's tokens of a quarter of an hour fit 64 bits.
    tokens = [
        sa.cast(sa.func.coalesce(sa.func.sum(ledger[name]), 0), sa.BigInteger).label(name) for name in ("input_tokens", "output_tokens")
    ]
    statement = sa.select(
        quarter(tx, ledger.started_at).label("quarter"),
        ledger.provider,
        ledger.model_name,
        count.label("answers"),
        *states,
        *tokens,
        sa.func.count(ledger.output_tokens).label("answers_with_usage"),
        count.filter(ledger.usage_source == "estimated").label("answers_estimated"),
        sa.func.max(ledger.started_at).label("last_used_at"),
    )
    statement = statement.where(*counted(viewer, filters)).group_by("quarter", ledger.provider, ledger.model_name)
    frame = frame_of(tx, statement)
    frame["last_used_at"] = pd.to_datetime(frame["last_used_at"], utc=True).dt.as_unit("us")
    return frame.astype({"quarter": "int64", "provider": "str", "model_name": "str", **dict.fromkeys(COUNTS, "int64")})


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
        return medians(frame_of(tx, narrow_rows))
    rows = narrow_rows.subquery()
    middle = [sa.func.percentile_cont(0.5).within_group(column) for column in (rows.c.first_s, rows.c.per_s)]
    statement = sa.select(
        rows.c.provider,
        rows.c.model_name,
        middle[0].label(SPEEDS[0]),
        sa.func.count(rows.c.first_s).label(SPEEDS[1]),
        middle[1].label(SPEEDS[2]),
        sa.func.count(rows.c.per_s).label(SPEEDS[3]),
    ).group_by(sa.func.grouping_sets(sa.tuple_(rows.c.provider, rows.c.model_name), sa.tuple_()))
    return typed_speeds(frame_of(tx, statement))


def medians(rows: pd.DataFrame) -> pd.DataFrame:
    """What PostgreSQL answers for `speeds`, from one narrow row per answer, for SQLite, which has no percentiles."""
    rows = rows.astype({"first_s": "float64", "per_s": "float64"})
    wanted = {
        SPEEDS[0]: ("first_s", "median"),
        SPEEDS[1]: ("first_s", "count"),
        SPEEDS[2]: ("per_s", "median"),
        SPEEDS[3]: ("per_s", "count"),
    }
    by_model = rows.groupby(MODEL, as_index=False).agg(**wanted)
    over_all = pd.DataFrame([{name: rows[column].agg(how) for name, (column, how) in wanted.items()}])
    return typed_speeds(pd.concat([by_model.astype({"provider": "object", "model_name": "object"}), over_all]))


def typed_speeds(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns in their order and with their types, the row over all last."""
    frame = frame.reindex(columns=[*MODEL, *SPEEDS])
    types = {SPEEDS[0]: "float64", SPEEDS[1]: "int64", SPEEDS[2]: "float64", SPEEDS[3]: "int64"}
    return frame.sort_values(MODEL, na_position="last").astype(types).reset_index(drop=True)


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


def fold_tokens(quarters: pd.DataFrame, filters: Filters) -> pd.DataFrame:
    """Quarters of an hour into local days (see `tokens_per_day`)."""
    days = local_time(quarters["quarter"], filters.time_zone).dt.normalize().rename("day")
    wanted = ["answers", "input_tokens", "output_tokens", "answers_with_usage", "answers_estimated"]
    return quarters.groupby([days, *MODEL])[wanted].sum().reset_index()


def fold_models(quarters: pd.DataFrame, speed: pd.DataFrame) -> pd.DataFrame:
    """Quarters of an hour into one row per model (see `models`)."""
    groups = quarters.groupby(MODEL)
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
