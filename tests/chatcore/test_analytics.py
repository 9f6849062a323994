"""Every number of the analytics page against the same number counted by hand from the rows, on both engines."""

import random
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as some

from chatcore import analytics
from chatcore.analytics import DEFINITIONS, Filters, previous_period, whole_days
from chatcore.analytics.filters import local_days, midnight
from chatcore.analytics.tiles import change
from chatcore.db import Database
from chatcore.errors import Invalid
from chatcore.parts import GenerationInfo, Period, State, Viewer
from tests.chatcore.analytics_rows import TABLES, Maker, person, write_history

ZONES = ("UTC", "Asia/Kolkata", "Australia/Lord_Howe", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati")
# Clocks change on 8 March 2026 in New York and on 5 April 2026 on Lord Howe (by half an hour).
FIRST, LAST = date(2026, 3, 1), date(2026, 4, 12)
NOTHING: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
CHOICES = (NOTHING, (("ollama",), ()), ((), ("qwen3:8b",)), (("ollama",), ("qwen3:8b", "guide")))


def filters_of(time_zone: str = "UTC", chosen: tuple[tuple[str, ...], tuple[str, ...]] = NOTHING) -> Filters:
    return Filters(whole_days(FIRST, LAST, time_zone), providers=chosen[0], models=chosen[1], time_zone=time_zone)


@dataclass(frozen=True)
class History:
    """A viewer and what they wrote."""

    viewer: Viewer
    messages: pd.DataFrame
    answers: pd.DataFrame


@pytest.fixture
def history(db: Database, now: datetime) -> History:
    """Two months around the clock changes, with rows exactly at local midnights, beside a stranger's."""
    viewer, stranger = person(db, "ann", now), person(db, "bob", now)
    start, end = datetime(2026, 1, 10, tzinfo=UTC), datetime(2026, 4, 20, tzinfo=UTC)
    write_history(db, stranger, start=start, end=end, turns=30, seed=9)
    made = write_history(db, viewer, start=start, end=end, turns=250)
    edges = Maker(db, viewer, random.Random(3))
    for name in ZONES:
        edges.turn(midnight(FIRST, name), answers=1)
        edges.turn(midnight(LAST + timedelta(days=1), name) - timedelta(microseconds=1), answers=1)
        edges.turn(midnight(date(2026, 3, 9), name), answers=1)
    more = edges.save()
    return History(viewer, pd.concat([made.messages, more.messages]), pd.concat([made.answers, more.answers]))


# --- the same numbers, counted by hand ---------------------------------------------------------------------------


def fits(provider: object, model: object, filters: Filters) -> bool:
    return (not filters.providers or provider in filters.providers) and (not filters.models or model in filters.models)


def messages_by_hand(history: History, filters: Filters) -> pd.DataFrame:
    rows = history.messages
    if filters.narrowed:
        answers = rows[rows["role"] == "assistant"]
        chosen = answers[[fits(p, m, filters) for p, m in zip(answers["provider"], answers["model_name"], strict=True)]]
        rows = rows[rows["id"].isin(chosen["id"]) | rows["id"].isin(chosen["parent_id"])]
    return rows[[filters.period.start <= at < filters.period.end for at in rows["created_at"]]]


def answers_by_hand(history: History, filters: Filters) -> pd.DataFrame:
    rows = history.answers
    inside = [filters.period.start <= at < filters.period.end for at in rows["started_at"]]
    chosen = [fits(p, m, filters) for p, m in zip(rows["provider"], rows["model_name"], strict=True)]
    return rows[[a and b for a, b in zip(inside, chosen, strict=True)]]


def days_by_hand(times: "pd.Series[datetime]", time_zone: str) -> list[date]:
    return [at.astimezone(ZoneInfo(time_zone)).date() for at in times]


def speeds_by_hand(answers: pd.DataFrame) -> list[float]:
    known = zip(*(answers[name] for name in ("output_tokens", "eval_s", "duration_s", "time_to_first_chunk_s")), strict=True)
    found = []
    for tokens, eval_s, duration_s, first_s in ([None if pd.isna(value) else value for value in row] for row in known):
        made = GenerationInfo(
            1, State.COMPLETE, "p", "m", datetime(2026, 1, 1, tzinfo=UTC), None, duration_s, first_s, eval_s, None, tokens
        )
        found.append(made.output_tokens_per_s)
    return [speed for speed in found if speed is not None]


# --- messages ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chosen", CHOICES)
@pytest.mark.parametrize("time_zone", ZONES)
def test_messages_fall_on_the_days_of_the_viewers_zone(
    db: Database, history: History, time_zone: str, chosen: tuple[tuple[str, ...], tuple[str, ...]]
) -> None:
    filters = filters_of(time_zone, chosen)
    frame = analytics.messages_per_day(db, history.viewer, filters)
    expected = messages_by_hand(history, filters)
    assert [day.date() for day in frame["day"]] == [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
    for role in ("user", "assistant"):
        counted = {day.date(): n for day, n in zip(frame["day"], frame[f"{role}_messages"], strict=True) if n}
        assert counted == pd.Series(days_by_hand(expected[expected["role"] == role]["created_at"], time_zone)).value_counts().to_dict()
    assert frame["messages"].sum() == len(expected)


@pytest.mark.parametrize("time_zone", ZONES)
def test_busy_hours_are_the_hours_of_the_viewers_clock(db: Database, history: History, time_zone: str) -> None:
    filters = filters_of(time_zone)
    frame = analytics.busy_hours(db, history.viewer, filters)
    assert len(frame) == 168
    counted = {(day, hour): n for day, hour, n in frame.itertuples(index=False) if n}
    local = [at.astimezone(ZoneInfo(time_zone)) for at in messages_by_hand(history, filters)["created_at"]]
    assert counted == pd.Series([(at.weekday(), at.hour) for at in local]).value_counts().to_dict()


def test_a_prompt_counts_once_however_many_chosen_models_answered_it(db: Database, now: datetime) -> None:
    viewer = person(db, "ann", now)
    maker = Maker(db, viewer, random.Random(1))
    maker.turn(now, answers=40)
    maker.save()
    filters = Filters(Period(now - timedelta(days=1), now + timedelta(days=1)), providers=("ollama",), models=("qwen3:8b", "llama3.2:3b"))
    frame = analytics.messages_per_day(db, viewer, filters)
    assert frame["user_messages"].sum() == 1
    assert 1 < frame["assistant_messages"].sum() < 40


# --- answers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("time_zone", ZONES)
def test_tokens_fall_on_the_day_the_answer_started(db: Database, history: History, time_zone: str) -> None:
    filters = filters_of(time_zone)
    frame = analytics.tokens_per_day(db, history.viewer, filters)
    expected = answers_by_hand(history, filters)
    days = pd.Series(days_by_hand(expected["started_at"], time_zone), index=expected.index)
    by_hand = expected.groupby([days, expected["provider"], expected["model_name"]])[["input_tokens", "output_tokens"]].sum()
    keys = zip((day.date() for day in frame["day"]), frame["provider"], frame["model_name"], strict=True)
    counted = dict(zip(keys, zip(frame["input_tokens"], frame["output_tokens"], strict=True), strict=True))
    assert counted == {key: tuple(values) for key, values in zip(by_hand.index, by_hand.to_numpy(), strict=True)}
    assert frame["answers"].sum() == len(expected)
    assert frame["answers_with_usage"].sum() == expected["output_tokens"].notna().sum()
    assert frame["answers_estimated"].sum() == (expected["usage_source"] == "estimated").sum()


@pytest.mark.parametrize("chosen", CHOICES)
def test_the_model_table_agrees_with_the_rows(db: Database, history: History, chosen: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
    filters = filters_of("America/New_York", chosen)
    frame = analytics.models(db, history.viewer, filters)
    expected = answers_by_hand(history, filters)
    assert frame["answers"].is_monotonic_decreasing
    assert len(frame) == len(expected.groupby(["provider", "model_name"]))
    for row in frame.itertuples():
        own = expected[(expected["provider"] == row.provider) & (expected["model_name"] == row.model_name)]
        states = own["state"].value_counts()
        assert row.answers == len(own)
        assert [row.running, row.complete, row.stopped, row.failed, row.interrupted] == [states.get(state, 0) for state in State]
        assert row.failed_share == pytest.approx(states.get("failed", 0) / (len(own) - states.get("running", 0)))
        assert (row.input_tokens, row.output_tokens) == (own["input_tokens"].sum(), own["output_tokens"].sum())
        first_s = own["time_to_first_chunk_s"].dropna()
        assert row.median_time_to_first_chunk_s == pytest.approx(first_s.median())
        assert row.answers_with_time_to_first_chunk == len(first_s)
        speeds = speeds_by_hand(own)
        assert row.median_output_tokens_per_s == pytest.approx(pd.Series(speeds).median())
        assert row.answers_with_output_tokens_per_s == len(speeds)
        assert row.last_used_at == own["started_at"].max()


def test_what_nobody_knows_is_none_and_not_zero(db: Database, now: datetime) -> None:
    viewer = person(db, "ann", now)
    row = {"user_id": "ann", "provider": "p", "model_name": "m", "started_at": now}
    with db.write() as tx:
        tx.execute(TABLES["generation"].insert().values(**row, state="running"))
    frame = analytics.models(db, viewer, around(now))
    assert frame.loc[0, ["input_tokens", "output_tokens", "failed_share", "median_time_to_first_chunk_s"]].isna().all()
    tiles = tiles_at(db, viewer, now)
    assert tiles.loc[["input_tokens", "output_tokens", "failed_share", "median_output_tokens_per_s"], "value"].isna().all()
    assert tiles.at["output_tokens", "over"] == 0


def test_the_ledger_stays_when_the_chat_is_gone(db: Database, history: History) -> None:
    before = analytics.report(db, history.viewer, filters_of(), now=midnight(LAST, "UTC"))
    with db.write() as tx:
        chats = TABLES["chatsession"]
        tx.execute(chats.update().where(chats.c.user_id == "ann").values(current_message_id=None))
        tx.execute(chats.delete().where(chats.c.user_id == "ann"))
    after = analytics.report(db, history.viewer, filters_of(), now=midnight(LAST, "UTC"))
    assert after.messages_per_day["messages"].sum() == 0
    pd.testing.assert_frame_equal(after.models, before.models)
    assert not after.is_empty


# --- tiles and periods -------------------------------------------------------------------------------------------


def around(now: datetime) -> Filters:
    return Filters(whole_days(now.date(), now.date(), "UTC"))


def tiles_at(db: Database, viewer: Viewer, now: datetime) -> pd.DataFrame:
    return analytics.tiles(db, viewer, around(now), now=now).set_index("measure")


@pytest.mark.parametrize("chosen", CHOICES)
def test_tiles_agree_with_the_rows_of_both_periods(db: Database, history: History, chosen: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
    filters = filters_of("Australia/Lord_Howe", chosen)
    now = datetime(2026, 4, 11, 5, 0, tzinfo=UTC)
    tiles = analytics.tiles(db, history.viewer, filters, now=now).set_index("measure")
    earlier = replace(filters, period=previous_period(filters.period, filters.time_zone, now=now))
    for column, part in (("value", filters), ("previous", earlier)):
        messages, answers = messages_by_hand(history, part), answers_by_hand(history, part)
        finished = answers[answers["state"] != "running"]
        by_hand = {
            "messages": len(messages),
            "chats": messages["session_id"].nunique(),
            "active_days": len(set(days_by_hand(messages["created_at"], part.time_zone))),
            "input_tokens": answers["input_tokens"].sum(),
            "output_tokens": answers["output_tokens"].sum(),
            "median_time_to_first_chunk_s": answers["time_to_first_chunk_s"].median(),
            "median_output_tokens_per_s": pd.Series(speeds_by_hand(answers)).median(),
            "failed_share": (finished["state"] == "failed").mean(),
        }
        assert tiles[column].to_dict() == pytest.approx(by_hand)
    value, previous, moved = (tiles[column].astype(float) for column in ("value", "previous", "change"))
    assert moved["messages"] == pytest.approx(value["messages"] / previous["messages"] - 1)
    assert moved["failed_share"] == pytest.approx(value["failed_share"] - previous["failed_share"])


@pytest.mark.parametrize(
    ("unit", "value", "previous", "expected"),
    [
        ("messages", 15.0, 10.0, (0.5, "relative")),
        ("messages", 0.0, 10.0, (-1.0, "relative")),
        ("messages", 3.0, 0.0, (None, "new")),
        ("messages", 0.0, 0.0, (None, "none")),
        ("tokens", 3.0, float("nan"), (None, "none")),
        ("tokens/s", float("nan"), 3.0, (None, "none")),
        ("share", 0.5, 0.0, (0.5, "points")),
    ],
)
def test_a_change_is_never_infinite(unit: str, value: float, previous: float, expected: tuple[float | None, str]) -> None:
    assert change(unit, value, previous) == expected


def test_whole_days_are_compared_with_as_many_days_across_a_clock_change() -> None:
    week = whole_days(date(2026, 3, 8), date(2026, 3, 14), "America/New_York")
    assert week.end - week.start == timedelta(days=7, hours=-1)
    before = previous_period(week, "America/New_York", now=week.end)
    assert before == whole_days(date(2026, 3, 1), date(2026, 3, 7), "America/New_York")


def test_a_running_period_is_compared_with_the_same_part_of_the_one_before() -> None:
    today = whole_days(date(2026, 3, 8), date(2026, 3, 8), "America/New_York")
    noon = datetime(2026, 3, 8, 12, tzinfo=ZoneInfo("America/New_York"))
    before = previous_period(today, "America/New_York", now=noon.astimezone(UTC))
    assert before == Period(midnight(date(2026, 3, 7), "America/New_York"), datetime(2026, 3, 7, 17, tzinfo=UTC))


def test_any_other_period_is_compared_with_its_own_length_just_before() -> None:
    start = datetime(2026, 3, 14, 10, tzinfo=UTC)
    period = Period(start, start + timedelta(hours=6))
    assert previous_period(period, "UTC", now=start + timedelta(days=9)) == Period(start - timedelta(hours=6), start)
    halfway = previous_period(period, "UTC", now=start + timedelta(hours=3))
    assert halfway == Period(start - timedelta(hours=6), start - timedelta(hours=3))


@given(
    first=some.dates(date(1990, 1, 1), date(2040, 1, 1)),
    days=some.integers(0, 800),
    name=some.sampled_from((*ZONES, "Europe/Berlin", "Africa/Cairo", "America/Havana", "America/Sao_Paulo", "Asia/Beirut", "Pacific/Apia")),
    moment=some.floats(-0.5, 1.5),
)
def test_the_period_before_never_overlaps_and_has_as_many_days(first: date, days: int, name: str, moment: float) -> None:
    period = whole_days(first, first + timedelta(days=days), name)
    now = period.start + (period.end - period.start) * moment
    before = previous_period(period, name, now=now)
    assert before.start < before.end <= period.start
    assert len(local_days(Period(before.start, period.start), name)) == days + 1 or name == "Pacific/Apia"
    assert len(local_days(period, name)) == days + 1 or name == "Pacific/Apia"  # Apia had no 30 December 2011


# --- edges -------------------------------------------------------------------------------------------------------


def test_nothing_written_gives_empty_frames_and_no_error(db: Database, now: datetime) -> None:
    viewer = person(db, "ann", now)
    assert analytics.activity(db, viewer) is None
    assert analytics.known_models(db, viewer) == ()
    report = analytics.report(db, viewer, around(now), now=now)
    assert report.is_empty
    assert report.messages_per_day["messages"].to_list() == [0]
    assert report.busy_hours["messages"].sum() == 0
    assert report.tokens_per_day.empty
    assert report.models.empty
    assert set(report.tiles["change_kind"]) == {"none"}


def test_one_message_is_one_message_in_one_chat_on_one_day(db: Database, now: datetime) -> None:
    viewer = person(db, "ann", now)
    maker = Maker(db, viewer, random.Random(1))
    maker.turn(now, answers=0)
    maker.save()
    tiles = tiles_at(db, viewer, now)
    assert tiles.loc[["messages", "chats", "active_days"], "value"].to_list() == [1, 1, 1]
    assert tiles.loc[["messages", "chats", "active_days"], "change_kind"].to_list() == ["new"] * 3
    assert tiles.at["output_tokens", "value"] == 0
    assert analytics.activity(db, viewer) == analytics.Activity(first=now, last=now, running=0)


def test_rows_dated_in_the_future_count_when_the_period_reaches_them(db: Database, now: datetime) -> None:
    viewer = person(db, "ann", now)
    maker = Maker(db, viewer, random.Random(1))
    maker.turn(now + timedelta(days=400), answers=1)
    maker.save()
    assert analytics.report(db, viewer, around(now), now=now).is_empty
    later = Filters(whole_days(now.date(), now.date() + timedelta(days=500), "UTC"))
    assert analytics.messages_per_day(db, viewer, later)["messages"].sum() == 2
    assert analytics.report(db, viewer, around(now + timedelta(days=400)), now=now).tiles.at[0, "value"] == 2


def test_running_answers_make_the_activity_new(db: Database, now: datetime) -> None:
    viewer, stranger = person(db, "ann", now), person(db, "bob", now)
    row = {"provider": "p", "model_name": "m", "started_at": now, "state": "running"}
    with db.write() as tx:
        tx.execute(TABLES["generation"].insert(), [{**row, "user_id": "ann"}, {**row, "user_id": "bob"}, {**row, "user_id": "bob"}])
    assert analytics.activity(db, viewer) == analytics.Activity(first=now, last=now, running=1)
    assert analytics.activity(db, stranger) == analytics.Activity(first=now, last=now, running=2)


def test_nobody_sees_what_another_used(db: Database, history: History, now: datetime) -> None:
    stranger = person(db, "eve", now)
    report = analytics.report(db, stranger, filters_of(), now=now)
    assert report.is_empty
    assert report.tiles["value"].fillna(0).sum() == 0
    assert analytics.messages_per_day(db, stranger, filters_of())["messages"].sum() == 0
    assert analytics.busy_hours(db, stranger, filters_of())["messages"].sum() == 0
    assert analytics.tokens_per_day(db, stranger, filters_of()).empty
    assert analytics.models(db, stranger, filters_of()).empty
    assert analytics.tiles(db, stranger, filters_of(), now=now)["over"].drop(2).fillna(0).sum() == 0
    assert analytics.activity(db, stranger) is None
    assert analytics.known_models(db, stranger) == ()


def test_the_report_holds_the_frames_of_the_single_questions(db: Database, history: History) -> None:
    filters, now = filters_of("Asia/Kolkata"), midnight(LAST, "UTC")
    report = analytics.report(db, history.viewer, filters, now=now)
    pd.testing.assert_frame_equal(report.messages_per_day, analytics.messages_per_day(db, history.viewer, filters))
    pd.testing.assert_frame_equal(report.busy_hours, analytics.busy_hours(db, history.viewer, filters))
    pd.testing.assert_frame_equal(report.tokens_per_day, analytics.tokens_per_day(db, history.viewer, filters))
    pd.testing.assert_frame_equal(report.models, analytics.models(db, history.viewer, filters))
    pd.testing.assert_frame_equal(report.tiles, analytics.tiles(db, history.viewer, filters, now=now))


def test_no_question_reads_what_was_written(db: Database, history: History, now: datetime) -> None:
    seen: list[str] = []
    with db.read() as tx:
        engine = tx.get_bind().engine
    sa.event.listen(engine, "before_cursor_execute", lambda *call: seen.append(call[2]))
    analytics.activity(db, history.viewer)
    analytics.known_models(db, history.viewer)
    analytics.report(db, history.viewer, filters_of("UTC", (("ollama",), ())), now=now)
    asked = [statement for statement in seen if statement.lstrip().upper().startswith("SELECT")]
    assert all(f"FROM {table}" in "".join(asked) for table in ("chatmessage", "generation", "usage_day"))
    assert not [statement for statement in asked if "content" in statement or "reasoning," in statement]


def test_a_wrong_filter_says_what_to_do() -> None:
    day = datetime(2026, 3, 14, tzinfo=UTC)
    with pytest.raises(Invalid, match="There is no time zone 'Mars/Base'"):
        Filters(Period(day, day + timedelta(days=1)), time_zone="Mars/Base")
    with pytest.raises(Invalid, match="Choose an end after the start"):
        Filters(Period(day, day))
    with pytest.raises(Invalid, match="no time zone"):
        Filters(Period(day.replace(tzinfo=None), day))


def test_the_manual_says_how_each_number_is_counted() -> None:
    manual = " ".join((Path(analytics.__file__).parents[2] / "docs" / "analytics.md").read_text(encoding="utf-8").split())
    assert [name for name, text in DEFINITIONS.items() if text not in manual] == []
