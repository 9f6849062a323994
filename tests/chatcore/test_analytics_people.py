"""What the owner sees of everybody: sums that are right, names, and not a word of what was written."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from chatcore import analytics
from chatcore.analytics import Filters, active_people, people, people_models, whole_days
from chatcore.analytics.behind import answers_behind, messages_behind
from chatcore.analytics.filters import Step
from chatcore.db import Database
from chatcore.errors import Denied
from chatcore.parts import Period, Viewer
from chatcore.rollup.cells import BUCKET_ERROR
from chatcore.rollup.making import refresh, refresh_step
from tests.chatcore.analytics_rows import Rows, person, write_history

START, END = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 4, 20, tzinfo=UTC)
FIRST, LAST = date(2026, 3, 1), date(2026, 4, 12)
ZONES = ("UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "America/New_York")
OWNER = Viewer("local", "Me", is_owner=True)


@pytest.fixture
def written(db: Database, now: datetime) -> dict[str, Rows]:
    """What each of three people wrote; the pages of some of their days are made, others are not."""
    made = {}
    for seed, name in enumerate(("ann", "bob", "cem")):
        viewer = person(db, name, now)
        made[name] = write_history(db, viewer, start=START, end=END, turns=60 + 30 * seed, seed=seed)
    for _ in range(4):
        refresh_step(db)
    return made


def everybody(time_zone: str = "UTC", models: tuple[str, ...] = ()) -> Filters:
    return Filters(whole_days(FIRST, LAST, time_zone), models=models, time_zone=time_zone, everybody=True)


def inside(rows: pd.DataFrame, column: str, period: Period) -> pd.DataFrame:
    return rows[[period.start <= at < period.end for at in rows[column]]]


def test_everybodys_numbers_are_the_sum_of_each_ones(db: Database, written: dict[str, Rows]) -> None:
    for made in range(2):
        both = everybody("Asia/Kathmandu")
        alone = Filters(both.period, time_zone=both.time_zone)
        days = analytics.messages_per_day(db, OWNER, both)["messages"]
        assert days.to_list() == sum(analytics.messages_per_day(db, Viewer(name, name), alone)["messages"] for name in written).to_list()  # type: ignore[union-attr]
        models = analytics.models(db, OWNER, both).set_index(["provider", "model_name"])
        each = pd.concat([analytics.models(db, Viewer(name, name), alone) for name in written])
        for column in ("answers", "failed", "input_tokens", "output_tokens", "answers_with_usage"):
            assert models[column].to_dict() == each.groupby(["provider", "model_name"])[column].sum().to_dict()
        newest = each.groupby(["provider", "model_name"])["last_used_at"].max()
        assert models["last_used_at"].to_dict() == newest.to_dict()
        if not made:
            refresh(db)


def test_everybodys_percentiles_are_those_of_all_answers_but_for_the_error_of_buckets(db: Database, written: dict[str, Rows]) -> None:
    filters = everybody(models=("llama3.2:3b",))
    answers = pd.concat([inside(rows.answers, "started_at", filters.period) for rows in written.values()])
    values = answers[answers["model_name"] == "llama3.2:3b"]["time_to_first_chunk_s"].astype("float64")
    (told,) = analytics.speed(db, OWNER, filters).to_dict("records")
    for part in (50, 90, 95, 99):
        assert told[f"time_to_first_chunk_s_p{part}"] == pytest.approx(values.quantile(part / 100), rel=BUCKET_ERROR)


def test_each_person_has_a_row_with_their_sums(db: Database, written: dict[str, Rows]) -> None:
    filters = everybody()
    frame = people(db, OWNER, filters).set_index("user_id")
    for name, rows in written.items():
        messages, answers = inside(rows.messages, "created_at", filters.period), inside(rows.answers, "started_at", filters.period)
        told = frame.loc[name]
        assert (told["name"], told["messages"], told["answers"]) == (name, len(messages), len(answers))
        assert (told["failed"], told["answers_with_usage"]) == (
            (answers["state"] == "failed").sum(),
            answers["output_tokens"].notna().sum(),
        )
        assert (told["input_tokens"], told["output_tokens"]) == (answers["input_tokens"].sum(), answers["output_tokens"].sum())
        assert told["last_active_at"] == max(messages["created_at"].max(), answers["started_at"].max())
    assert frame["messages"].is_monotonic_decreasing


def test_who_asked_which_model(db: Database, written: dict[str, Rows]) -> None:
    filters = everybody()
    frame = people_models(db, OWNER, filters)
    told = {(row["name"], row["provider"], row["model_name"]): row["answers"] for row in frame.to_dict("records")}
    expected = {}
    for name, rows in written.items():
        for pair, count in inside(rows.answers, "started_at", filters.period).groupby(["provider", "model_name"]).size().items():
            expected[name, *pair] = count  # type: ignore[misc]
    assert told == expected


@pytest.mark.parametrize("time_zone", ZONES)
def test_a_person_counts_once_in_a_step(db: Database, written: dict[str, Rows], time_zone: str) -> None:
    filters = everybody(time_zone)
    steps: dict[Step, Callable[[date], date]] = {"day": lambda day: day, "week": lambda day: day - timedelta(days=day.weekday())}
    for step, begin in steps.items():
        expected: dict[date, set[str]] = {}
        for name, rows in written.items():
            for at in inside(rows.messages, "created_at", filters.period)["created_at"]:
                expected.setdefault(begin(at.astimezone(ZoneInfo(time_zone)).date()), set()).add(name)
        frame = active_people(db, OWNER, filters, step=step)
        assert {start.date(): count for start, count in zip(frame["start"], frame["people"], strict=True)} == {
            day: len(names) for day, names in expected.items()
        }


def test_who_is_not_the_owner_gets_nothing_of_everybody(db: Database, written: dict[str, Rows]) -> None:
    ann = Viewer("ann", "ann")
    for question in (
        people,
        people_models,
        active_people,
        analytics.models,
        analytics.messages_per_day,
        analytics.speed,
        analytics.outcomes,
    ):
        with pytest.raises(Denied):
            question(db, ann, everybody())
    for ask in (analytics.activity, analytics.known_models):
        with pytest.raises(Denied):
            ask(db, ann, everybody=True)
    with pytest.raises(Denied):
        analytics.report(db, ann, everybody(), now=END)


def test_the_owner_sees_numbers_and_no_messages_of_others(db: Database, written: dict[str, Rows]) -> None:
    for behind in (messages_behind, answers_behind):
        with pytest.raises(Denied):
            behind(db, OWNER, everybody())


def test_everybodys_activity_and_models_are_those_of_all(db: Database, written: dict[str, Rows]) -> None:
    found = analytics.activity(db, OWNER, everybody=True)
    assert found is not None
    assert found.first == min(rows.messages["created_at"].min() for rows in written.values())
    assert found.running == sum((rows.answers["state"] == "running").sum() for rows in written.values())
    pairs = {pair for rows in written.values() for pair in zip(rows.answers["provider"], rows.answers["model_name"], strict=True)}
    assert set(analytics.known_models(db, OWNER, everybody=True)) == pairs
    assert analytics.known_models(db, OWNER) == ()


def test_where_nobody_wrote_there_are_no_people(db: Database) -> None:
    assert people(db, OWNER, everybody()).empty
    assert people_models(db, OWNER, everybody()).empty
    assert active_people(db, OWNER, everybody()).empty
