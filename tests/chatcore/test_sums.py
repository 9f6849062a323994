"""The sums of everybody's days say what the rows say, whatever was done in whatever order, and sums that are behind are never believed."""

import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from sqlmodel import Session

from chatcore import analytics, doctor, upkeep
from chatcore.analytics import Filters, chosen, compare, numbers, whole_days
from chatcore.analytics.compare_rows import RowsPart, part_of_rows
from chatcore.analytics.numbers import percentiles, spread
from chatcore.db import Database
from chatcore.errors import Denied
from chatcore.parts import Period, Role, Viewer
from chatcore.rollup import summing
from chatcore.rollup.cells import BUCKET_ERROR, KINDS, bucket_of, middle_of
from chatcore.rollup.clock import goes_back_over_midnight, local_hours, midnights
from chatcore.rollup.joined import JOINED
from chatcore.rollup.making import refresh
from chatcore.rollup.pages import Rows
from chatcore.rollup.summing import sum_all, sum_step, waiting_sums, wrong_sums
from chatcore.rollup.sums import everybodys_sums
from chatcore.settings import Settings
from tests.chatcore.analytics_rows import TABLES, Maker, person, write_history
from tests.chatcore.test_rollup import DEEDS

# Around the clock changes of spring.
START, END = datetime(2026, 3, 20, tzinfo=UTC), datetime(2026, 4, 20, tzinfo=UTC)
# A zone off by three quarters of an hour, one whose clock changes by half an hour, and one that both engines count in whole hours.
ZONES = ("Asia/Kathmandu", "Australia/Lord_Howe", "Europe/Berlin")
NOW = datetime(2026, 4, 15, 9, 30, tzinfo=UTC)
OWNER = Viewer("local", "Me", is_owner=True)
SUMS = TABLES["usage_sum"]
# Within their error, of which the middle of two values has no more.
APPROXIMATE = ("_p50", "_p90", "_p95", "_p99", "_p10", "_p5", "_p1", "median_")


def everybody(zone: str) -> Filters:
    """All that was written."""
    return Filters(whole_days(date(2026, 1, 1), date(2026, 7, 31), zone), time_zone=zone, everybody=True)


def asked(db: Database, filters: Filters) -> dict[str, pd.DataFrame]:
    """Everything that is counted from sums."""
    reports = (
        analytics.report(db, OWNER, filters, now=NOW),
        analytics.speed_report(db, OWNER, filters, step="week"),
        analytics.quality_report(db, OWNER, filters, step="month"),
        analytics.cost_report(db, OWNER, filters, now=NOW, rates=analytics.Rates(watts=100.0), step="week"),
        analytics.habits(db, OWNER, filters, now=NOW, step="week"),
    )
    parts = {f"{type(made).__name__}.{f.name}": getattr(made, f.name) for made in reports for f in fields(made)}
    people = {"people": analytics.people(db, OWNER, filters), "people_models": analytics.people_models(db, OWNER, filters)}
    active = {"active_people": analytics.active_people(db, OWNER, filters, step="week"), "compared": compared(db, filters)}
    return {name: part for name, part in {**parts, **people, **active}.items() if isinstance(part, pd.DataFrame)}


def compared(db: Database, filters: Filters) -> pd.DataFrame:
    """Before and after a day."""
    pair = analytics.pair_of(filters, analytics.read_against("2026-04-12"), now=NOW)
    return analytics.compare_periods(db, OWNER, replace(filters, period=pair.after), other=pair.before, now=NOW)


def counted(db: Database, filters: Filters) -> dict[str, pd.DataFrame]:
    """The same from the rows, and compared once more as if each time and speed that is summed were the middle of its bucket."""
    are_summed = chosen.are_summed

    def in_the_middle(rows: Rows, filters: Filters, ended: range) -> RowsPart:
        part = part_of_rows(rows, filters, ended)
        if not are_summed(filters, KINDS):
            return part
        known = {name: np.isnan(values) for name, values in part.measured.items()}
        middles = {name: np.where(known[name], np.nan, middle_of(bucket_of(values))) for name, values in part.measured.items()}
        return replace(part, measured=middles)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(chosen, "are_summed", lambda *_: False)
        exact = asked(db, filters)
        patched.setattr(compare, "part_of_rows", in_the_middle)
        return {**exact, "in the middle": compared(db, filters)}


def assert_same(summed: dict[str, pd.DataFrame], rows: dict[str, pd.DataFrame]) -> None:
    """Whole numbers to the last one, other sums but for the order in which they were added up, percentiles within their error."""
    rows = dict(rows)
    assert_same_comparison(summed["compared"], rows.pop("compared"), rows.pop("in the middle"))
    assert summed.keys() - {"compared"} == rows.keys()
    for name, expected in rows.items():
        found = summed[name]
        assert list(found.columns) == list(expected.columns)
        near = [column for column in expected.columns if any(part in column for part in APPROXIMATE)]
        if name == "Report.tiles":
            medians = expected["measure"].str.startswith("median_").to_numpy()
            np.testing.assert_allclose(found.loc[medians, "value"], expected.loc[medians, "value"], rtol=BUCKET_ERROR)
            np.testing.assert_allclose(found.loc[medians, "previous"], expected.loc[medians, "previous"], rtol=BUCKET_ERROR)
            found, expected = found[~medians], expected[~medians]
        for column in near:
            np.testing.assert_allclose(found[column].astype(float), expected[column].astype(float), rtol=BUCKET_ERROR, err_msg=column)
        pd.testing.assert_frame_equal(found.drop(columns=near), expected.drop(columns=near), rtol=1e-12)


def assert_same_comparison(summed: pd.DataFrame, rows: pd.DataFrame, middles: pd.DataFrame) -> None:
    """Percentiles within their error, and more than noise only where it is that for the middles of buckets too; all else the same."""
    measured = rows["measure"].str.endswith("_s").to_numpy()
    pd.testing.assert_frame_equal(summed[~measured], rows[~measured], rtol=1e-12)
    told, exact, whole = summed[measured], rows[measured], middles[measured]
    same = ["provider", "model_name", "measure", "over_before", "over_after"]
    pd.testing.assert_frame_equal(told[same], exact[same])
    for side in ("before", "after"):
        np.testing.assert_allclose(told[side], exact[side], rtol=BUCKET_ERROR)
        np.testing.assert_allclose(told[side], whole[side], rtol=1e-12)
    np.testing.assert_array_equal(told["difference_low"].isna(), whole["difference_low"].isna())
    known = whole["difference_low"].notna().to_numpy()
    assert (told["difference_low"] <= whole["difference_low"] + 1e-12)[known].all()
    assert (told["difference_high"] >= whole["difference_high"] - 1e-12)[known].all()
    # Nor are they wider than the buckets make them.
    ends = whole["before"] + whole["after"] + whole["difference_high"] - whole["difference_low"]
    assert (whole["difference_low"] - told["difference_low"] <= 1.1 * BUCKET_ERROR * ends)[known].all()
    assert (told["difference_high"] - whole["difference_high"] <= 1.1 * BUCKET_ERROR * ends)[known].all()


@pytest.fixture
def people(db: Database, now: datetime) -> Iterator[list[Viewer]]:
    """Two people with a history each."""
    made = [person(db, name, now) for name in ("ann", "bob")]
    for seed, viewer in enumerate(made):
        write_history(db, viewer, start=START, end=END, turns=40 + 20 * seed, seed=seed)
    yield made
    JOINED.forget(unseen_s=0)


def keep(db: Database, *zones: str) -> None:
    """Pages of everybody, and sums for these zones."""
    refresh(db)
    for zone in zones:
        analytics.keep_sums(db, OWNER, zone)
    sum_all(db)


def waiting(db: Database) -> int:
    with db.read() as tx:
        return waiting_sums(tx)


def wrong(db: Database) -> list[tuple[str, int]]:
    with db.read() as tx:
        return list(wrong_sums(tx))


# --- the numbers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ZONES)
def test_sums_give_the_numbers_of_the_rows(db: Database, people: list[Viewer], zone: str) -> None:
    keep(db, zone)
    whole = everybody(zone)
    # Its start and the end of the one before lie in the middle of a day.
    ragged = Period(START + timedelta(days=8, hours=7, seconds=11), whole.period.end - timedelta(microseconds=7))
    month = whole_days(date(2026, 3, 21), date(2026, 4, 15), zone)
    narrowed = [whole, replace(whole, period=ragged), replace(whole, period=month)]
    if zone == ZONES[0]:
        narrowed += [replace(whole, providers=("ollama",), role=Role.USER), replace(whole, models=("qwen3:8b",), imported=True)]
    for filters in narrowed:
        assert chosen.are_summed(filters, ("answers",))
        assert_same(asked(db, filters), counted(db, filters))


def test_an_owners_own_chats_stand_beside_everybodys_numbers(db: Database, people: list[Viewer]) -> None:
    keep(db, "Europe/Berlin")
    owner, filters = replace(people[0], is_owner=True), everybody("Europe/Berlin")
    for turn in range(3):
        for chosen_filters in (filters, replace(filters, models=("qwen3:8b",))):
            own = analytics.top_chats(db, owner, replace(chosen_filters, everybody=False))
            pd.testing.assert_frame_equal(analytics.habits(db, owner, chosen_filters, now=NOW).top, own)
        assert len(own)
        maker = Maker(db, people[0], random.Random(turn))
        maker.turn(END - timedelta(days=3, minutes=turn), answers=1)
        maker.save()


def test_the_sums_are_what_is_read(db: Database, people: list[Viewer]) -> None:
    keep(db, "Europe/Berlin")
    filters = everybody("Europe/Berlin")
    assert analytics.messages_per_day(db, OWNER, filters)["messages"].sum() > 0
    JOINED.forget(unseen_s=0)
    with db.write() as tx:
        tx.execute(sa.update(SUMS).values(hours=b""))
    assert analytics.messages_per_day(db, OWNER, filters)["messages"].sum() == 0


def test_only_the_owner_keeps_and_reads_sums(db: Database, people: list[Viewer]) -> None:
    with pytest.raises(Denied):
        analytics.keep_sums(db, people[0], "UTC")
    with db.read() as tx, pytest.raises(Denied):
        everybodys_sums(tx, people[0], everybody("UTC").period, "UTC")
    assert waiting(db) == 0


# --- marks -------------------------------------------------------------------------------------------------------


def test_the_numbers_are_the_same_before_while_and_after_sums_are_made(db: Database, people: list[Viewer]) -> None:
    filters = everybody("Europe/Berlin")
    before = asked(db, filters)
    refresh(db)
    analytics.keep_sums(db, OWNER, "Europe/Berlin")
    assert waiting(db) > 0
    sum_step(db)
    assert waiting(db) > 0
    assert_equal(asked(db, filters), before)
    sum_all(db)
    assert (waiting(db), wrong(db)) == (0, [])
    assert_equal(asked(db, filters), before)
    assert_equal(asked(db, filters), before)


def assert_equal(found: dict[str, pd.DataFrame], expected: dict[str, pd.DataFrame]) -> None:
    for name, frame in expected.items():
        pd.testing.assert_frame_equal(found[name], frame, rtol=1e-12)


def test_days_that_changed_are_counted_anew_in_a_month_too(db: Database, people: list[Viewer]) -> None:
    keep(db, "Australia/Lord_Howe")
    filters = replace(everybody("Australia/Lord_Howe"), period=whole_days(date(2026, 3, 21), date(2026, 4, 15), "Australia/Lord_Howe"))
    before = analytics.messages_per_day(db, OWNER, filters)
    maker = Maker(db, people[0], random.Random(3))
    # Half past midnight of the last day, which is the day before in UTC.
    maker.turn(filters.period.end - timedelta(hours=23, minutes=30), answers=1)
    maker.save()
    found = analytics.messages_per_day(db, OWNER, filters)
    assert (found["messages"] - before["messages"]).to_list() == [0] * (len(found) - 1) + [2]
    assert_same(asked(db, filters), counted(db, filters))


def test_what_was_read_a_moment_ago_is_not_believed_after_a_change(db: Database, people: list[Viewer]) -> None:
    keep(db, "Europe/Berlin")
    filters = everybody("Europe/Berlin")

    def messages() -> int:
        return int(analytics.messages_per_day(db, OWNER, filters)["messages"].sum())

    before = messages()
    for turn in range(3):
        maker = Maker(db, people[0], random.Random(turn))
        maker.turn(END - timedelta(days=3, minutes=turn), answers=1)
        maker.save()
        assert messages() == before + 2 * (turn + 1)
        if turn == 1:
            refresh(db)
            assert messages() == before + 4
            sum_all(db)
            assert messages() == before + 4


def test_a_person_who_goes_takes_their_part_of_the_sums_along(db: Database, people: list[Viewer]) -> None:
    keep(db, "Europe/Berlin")
    with db.write() as tx:
        tx.execute(sa.delete(TABLES["users"]).where(TABLES["users"].c.id == "bob"))
    filters = everybody("Europe/Berlin")
    for _ in range(2):
        assert analytics.people(db, OWNER, filters)["user_id"].to_list() == ["ann"]
        assert_same(asked(db, filters), counted(db, filters))
        sum_all(db)
    assert wrong(db) == []


def test_what_changes_while_sums_are_made_is_summed_up_after_all(
    db: Database, people: list[Viewer], monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh(db)
    analytics.keep_sums(db, OWNER, "Europe/Berlin")
    made: list[int] = []
    read = summing.sums_of_pages

    def read_and_change(tx: Session, zone: str, first: int, last: int) -> object:
        sums = read(tx, zone, first, last)
        if not made:
            made.append(first)
            with db.write() as other:
                other.execute(sa.delete(TABLES["chatmessage"]).where(TABLES["chatmessage"].c.role == "assistant"))
            refresh(db)
        return sums

    monkeypatch.setattr(summing, "sums_of_pages", read_and_change)
    sum_all(db)
    assert made
    assert (waiting(db), wrong(db)) == (0, [])
    assert_same(asked(db, everybody("Europe/Berlin")), counted(db, everybody("Europe/Berlin")))


def test_of_two_that_make_the_same_sums_the_one_that_looked_earlier_gives_way(
    db: Database, people: list[Viewer], monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh(db)
    analytics.keep_sums(db, OWNER, "Europe/Berlin")
    turns: list[int] = []
    read = summing.sums_of_pages

    def read_late(tx: Session, zone: str, first: int, last: int) -> object:
        sums = read(tx, zone, first, last)
        if not turns:
            turns.append(first)
            with db.write() as other:
                other.execute(sa.delete(TABLES["generation"]))
            refresh(db)
            sum_all(db)
        return sums

    monkeypatch.setattr(summing, "sums_of_pages", read_late)
    sum_step(db)
    assert (waiting(db), wrong(db)) == (0, [])
    assert asked(db, everybody("Europe/Berlin"))["Report.models"].empty


def test_the_doctor_finds_sums_that_lie_and_makes_them_again(db: Database, people: list[Viewer]) -> None:
    def finding() -> doctor.Finding:
        return next(found for found in doctor.examine(db, now=NOW) if found.check == "sums")

    refresh(db)
    analytics.keep_sums(db, OWNER, "Europe/Berlin")
    assert (finding().level, "summed up anew" in finding().message) == (doctor.Level.OK, True)
    for job in upkeep.jobs(db, Settings("unused")):
        while "sum up" in job.name and job.run():
            pass
    assert finding().message == "as the pages say"
    with db.write() as tx:
        day = tx.execute(sa.select(sa.func.max(SUMS.c.day)).where(sa.func.length(SUMS.c.hours) > 0)).scalar_one()
        tx.execute(sa.update(SUMS).where(SUMS.c.day == day).values(hours=b""))
    assert (finding().level, finding().examples) == (doctor.Level.PROBLEM, (f"Europe/Berlin {date(1970, 1, 1) + timedelta(days=day)}",))
    assert doctor.repair(db) >= 1
    assert finding().level is doctor.Level.OK


# --- any order of anything ---------------------------------------------------------------------------------------


def make_some_sums(db: Database, viewer: Viewer, luck: random.Random) -> None:
    refresh(db)
    sum_step(db)


Deed = Callable[[Database, Viewer, random.Random], None]
ALL_DEEDS: tuple[Deed, ...] = (*DEEDS, make_some_sums, make_some_sums)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deeds=some.lists(some.sampled_from(ALL_DEEDS), min_size=3, max_size=10), seed=some.integers(0, 2**16), zone=some.sampled_from(ZONES))
def test_whatever_is_done_the_sums_say_what_the_rows_say(db: Database, now: datetime, deeds: list[Deed], seed: int, zone: str) -> None:
    luck = random.Random(seed)
    viewer = person(db, f"ann-{uuid.uuid4()}", now)
    keep(db, zone)
    for deed in deeds:
        deed(db, viewer, luck)
    filters = everybody(zone)
    assert wrong(db) == []
    assert_same(asked(db, filters), counted(db, filters))
    keep(db)
    assert (waiting(db), wrong(db)) == (0, [])
    assert_same(asked(db, filters), counted(db, filters))


# --- arithmetic --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dense", [0, numbers.DENSE])
@given(
    values=some.lists(some.floats(0, 1e6, width=32), max_size=60),
    groups=some.integers(1, 4),
    seed=some.integers(0, 100),
)
def test_percentiles_of_buckets_are_within_their_error(dense: int, values: list[float], groups: int, seed: int) -> None:
    measured = np.array(values, dtype=np.float32)
    of = np.random.default_rng(seed).integers(0, groups, len(measured))
    cells, answers = np.unique(np.stack([of, bucket_of(measured).astype(np.int64)]), axis=1, return_counts=True)
    wanted = (0, 1, 50, 90, 99, 100)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(numbers, "DENSE", dense)
        told, found = spread(cells[0], cells[1], answers, groups, wanted)
    counts, exact = percentiles(of, measured, groups, wanted)
    assert told.tolist() == counts.tolist()
    # Numbers that a float can only just hold have fewer bits.
    np.testing.assert_allclose(found, exact, rtol=BUCKET_ERROR + 1e-9, atol=1e-37)


@pytest.mark.parametrize("zone", [*ZONES, "America/New_York", "America/Havana", "Africa/Cairo"])
def test_the_clock_in_numbers_is_that_of_the_zone(zone: str) -> None:
    from zoneinfo import ZoneInfo

    first, last = (date(2025, 12, 20) - date(1970, 1, 1)).days, (date(2026, 12, 1) - date(1970, 1, 1)).days
    starts = midnights(zone, first, last)
    at = np.arange(starts[0], starts[-1], 17 * 60 * 1_000_000)
    clock = [datetime.fromtimestamp(moment / 1_000_000, ZoneInfo(zone)) for moment in at.tolist()]
    days = np.array([(moment.date() - date(1970, 1, 1)).days for moment in clock])
    assert (np.searchsorted(starts, at, side="right") - 1 + first).tolist() == days.tolist()
    assert local_hours(at, zone).tolist() == (days * 24 + [moment.hour for moment in clock]).tolist()
    assert not goes_back_over_midnight(zone, first, last)


def test_days_that_come_back_are_not_summed() -> None:
    # Until 2011 the clocks of Newfoundland went back from 0:01 to 23:01 of the day before.
    filters = Filters(whole_days(date(2010, 6, 1), date(2010, 12, 1), "America/St_Johns"), time_zone="America/St_Johns", everybody=True)
    assert not chosen.are_summed(filters, tuple(KINDS))
    summer = replace(filters, period=whole_days(date(2010, 4, 1), date(2010, 9, 1), "America/St_Johns"))
    assert chosen.are_summed(summer, tuple(KINDS))
