"""Two periods beside each other, against the same numbers counted by hand, on both engines; and what can be compared with what."""

import random
import statistics
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from chatcore.analytics import Filters, compare_periods, pair_of, read_against, whole_days
from chatcore.analytics.against import Against, a_year_before
from chatcore.analytics.compare import OF_MODELS, UNITS
from chatcore.db import Database
from chatcore.errors import Invalid
from chatcore.parts import Period, Viewer
from tests.chatcore.analytics_rows import Maker, Rows, person, write_beside_a_stranger
from tests.chatcore.test_analytics_speed import percentile, value_of
from tests.factories import make_chat, make_exchange, make_viewer

# The clocks of New York change on 8 March 2026, those of Lord Howe on 5 April.
BEFORE, AFTER = (date(2026, 2, 24), date(2026, 3, 17)), (date(2026, 3, 18), date(2026, 4, 12))
ZONES = ("UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "America/New_York")
LONG_AFTER = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def viewer(db: Database, now: datetime) -> Viewer:
    return person(db, "ann", now)


@pytest.fixture
def rows(db: Database, viewer: Viewer, now: datetime) -> Rows:
    """Two months in every state, with all that may be unknown sometimes unknown, beside a stranger's."""
    return write_beside_a_stranger(db, viewer, turns=300, now=now)


def filters_of(days: tuple[date, date], time_zone: str = "UTC") -> Filters:
    return Filters(whole_days(*days, time_zone), time_zone=time_zone)


def records(frame: pd.DataFrame, at: str, filters: Filters) -> list[dict[str, object]]:
    """The rows of the period, with `day`, that of the zone."""
    own = ZoneInfo(filters.time_zone)
    rows = [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
    return [row | {"day": row[at].astimezone(own).date()} for row in rows if filters.period.start <= row[at] < filters.period.end]


def days_between(days: tuple[date, date]) -> list[date]:
    return [days[0] + timedelta(days=number) for number in range((days[1] - days[0]).days + 1)]


def by_hand(measure: str, answers: list[dict[str, object]], messages: list[dict[str, object]], days: list[date]) -> float | None:
    """A measure, by its definition in words."""
    if measure.startswith(("median_", "p90_")):
        name = measure.partition("_")[2]
        values = [value for row in answers if (value := value_of(row, name)) is not None]
        return percentile(values, 0.9 if measure.startswith("p90") else 0.5)
    if measure.endswith("_share"):
        finished = [row for row in answers if row["state"] != "running"]
        return sum(row["state"] == measure.removesuffix("_share") for row in finished) / len(finished) if finished else None
    if measure == "tokens_per_day":
        known = [row for row in answers if not pd.isna(row["output_tokens"])]  # type: ignore[call-overload]  # a cell
        if answers and not known:
            return None
        return statistics.mean(sum(row["input_tokens"] + row["output_tokens"] for row in known if row["day"] == day) for day in days)  # type: ignore[operator]  # cells
    counted = answers if measure == "answers_per_day" else messages
    of_days = [[row for row in counted if row["day"] == day] for day in days]
    return statistics.mean(len({row["session_id"] for row in of}) if measure == "chats_per_day" else len(of) for of in of_days)


def same(found: float, expected: float | None) -> bool:
    return pd.isna(found) if expected is None else found == pytest.approx(expected, rel=2e-7)


@pytest.mark.parametrize("time_zone", ZONES)
def test_each_measure_of_each_period_is_that_of_its_rows(db: Database, viewer: Viewer, rows: Rows, time_zone: str) -> None:
    before, after = filters_of(BEFORE, time_zone), filters_of(AFTER, time_zone)
    frame = compare_periods(db, viewer, after, other=before.period, now=LONG_AFTER)
    assert list(frame["measure"][: len(UNITS)]) == list(UNITS)
    sides = []
    for filters, period in ((before, BEFORE), (after, AFTER)):
        sides.append((records(rows.answers, "started_at", filters), records(rows.messages, "created_at", filters), days_between(period)))
    for told in frame.to_dict("records"):
        model = None if pd.isna(told["model_name"]) else (told["provider"], told["model_name"])
        values = []
        for (answers, messages, days), name in zip(sides, ("before", "after"), strict=True):
            own = [row for row in answers if model in (None, (row["provider"], row["model_name"]))]
            expected = by_hand(told["measure"], own, messages, days)
            assert same(told[name], expected), (told["measure"], model, name)
            values.append(expected)
            if told["over_unit"] == "days":
                assert told[f"over_{name}"] == len(days)
        old, new = values
        difference = None if old is None or new is None else pytest.approx(new - old, abs=2e-7 * (new + old))
        assert pd.isna(told["difference"]) if difference is None else told["difference"] == difference
        assert same(told["ratio"], new / old if old and new is not None else None)
        assert told["verdict"] in ("more than noise", "could be noise", "too little to say")
        if told["verdict"] == "too little to say":
            assert pd.isna(told["difference_low"])
            assert pd.isna(told["difference_high"])
        else:
            assert told["difference_low"] <= told["difference"] <= told["difference_high"]
            surely = told["difference_low"] > 0 or told["difference_high"] < 0
            assert surely == (told["verdict"] == "more than noise")
    models = {(row["provider"], row["model_name"]) for row in sides[0][0]} & {(row["provider"], row["model_name"]) for row in sides[1][0]}
    assert len(models) == 4
    assert len(frame) == len(UNITS) + len(models) * len(OF_MODELS)


def test_a_model_that_is_chosen_is_compared_alone_and_one_of_one_period_only_not(db: Database, viewer: Viewer, rows: Rows) -> None:
    after = replace(filters_of(AFTER), models=("guide",))
    frame = compare_periods(db, viewer, after, other=filters_of(BEFORE).period, now=LONG_AFTER)
    over_all, of_model = frame[frame["model_name"].isna()], frame[frame["model_name"] == "guide"]
    assert len(frame) == len(UNITS) + len(OF_MODELS)
    for measure in OF_MODELS:
        told = [of[of["measure"] == measure].iloc[0][["before", "after", "verdict"]].to_list() for of in (over_all, of_model)]
        np.testing.assert_equal(told[0], told[1])


def test_only_models_of_both_periods_are_compared(db: Database) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    for model, day in (("kept", BEFORE[1]), ("gone", BEFORE[1]), ("kept", AFTER[0]), ("newest", AFTER[0])):
        make_exchange(db, viewer, chat.id, model_name=model, now=datetime(day.year, day.month, day.day, 9, tzinfo=UTC))
    frame = compare_periods(db, viewer, filters_of(AFTER), other=filters_of(BEFORE).period, now=LONG_AFTER)
    assert set(frame["model_name"].dropna()) == {"kept"}


def test_a_day_that_still_runs_does_not_count_as_a_quiet_one(db: Database, viewer: Viewer, rows: Rows) -> None:
    after, zone = filters_of(AFTER, "Asia/Kathmandu"), ZoneInfo("Asia/Kathmandu")
    noon = datetime(2026, 4, 5, 12, tzinfo=zone).astimezone(UTC)
    frame = compare_periods(db, viewer, after, other=filters_of(BEFORE, "Asia/Kathmandu").period, now=noon).set_index("measure")
    told = frame.iloc[list(UNITS).index("answers_per_day")]
    ended = days_between((AFTER[0], date(2026, 4, 4)))
    answers = [row for row in records(rows.answers, "started_at", after) if row["day"] in ended]
    assert told["over_after"] == len(ended)
    assert told["after"] == pytest.approx(len(answers) / len(ended))
    # A part of a day at the start is no day either; of a period without a whole day nothing is known.
    part = Period(datetime(2026, 3, 18, 9, tzinfo=zone), datetime(2026, 3, 20, tzinfo=zone))
    some = compare_periods(db, viewer, replace(after, period=part), other=after.period, now=LONG_AFTER)
    assert some["over_after"][list(UNITS).index("messages_per_day")] == 1
    none = compare_periods(db, viewer, replace(after, period=Period(noon - timedelta(hours=3), noon)), other=after.period, now=noon)
    told = none.iloc[list(UNITS).index("messages_per_day")]
    assert (told["over_after"], told["verdict"]) == (0, "too little to say")
    assert pd.isna(told["after"])


def test_a_new_graphics_card_is_more_than_noise_and_nothing_new_is_not(db: Database, now: datetime) -> None:
    viewer, luck = person(db, "ann", now), random.Random(5)
    maker = Maker(db, viewer, luck)
    start = datetime(2026, 3, 1, 8, tzinfo=UTC)
    for day in range(20):
        for hour in range(6):
            maker.turn(start + timedelta(days=day, hours=hour), answers=1)
    for answer in maker.answers:
        assert isinstance(answer["started_at"], datetime)
        faster = 2.0 if answer["started_at"] >= start + timedelta(days=10) else 1.0
        answer |= {
            "provider": "ollama", "model_name": "m", "state": "complete", "error_type": None, "eval_s": 10.0, "duration_s": 12.0,
            "output_tokens": round(200 * faster * luck.uniform(0.8, 1.2)), "input_tokens": 50, "usage_source": "reported",
            "time_to_first_chunk_s": 1.0 * luck.uniform(0.5, 2), "finished_at": answer["started_at"],
        }  # fmt: skip
    maker.save()
    pair = pair_of(Filters(whole_days(date(2026, 3, 1), date(2026, 3, 20), "UTC")), read_against("2026-03-11"), now=now)
    frame = compare_periods(db, viewer, Filters(pair.after), other=pair.before, now=LONG_AFTER)
    told = frame[frame["model_name"] == "m"].set_index("measure")
    assert told["verdict"]["median_output_tokens_per_s"] == "more than noise"
    assert told["ratio"]["median_output_tokens_per_s"] == pytest.approx(2, rel=0.1)
    assert told["verdict"]["median_time_to_first_chunk_s"] == "could be noise"
    assert told["verdict"]["failed_share"] == "could be noise"
    assert told["verdict"]["answers_per_day"] == "could be noise"
    again = compare_periods(db, viewer, Filters(pair.after), other=pair.before, now=LONG_AFTER)
    pd.testing.assert_frame_equal(frame, again)


def test_nothing_and_one_answer_are_compared_too(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    filters, other = Filters(Period(now - timedelta(days=30), now + timedelta(days=1))), Period(now - timedelta(days=60), now)
    empty = compare_periods(db, viewer, filters, other=other, now=now)
    assert list(empty["measure"]) == list(UNITS)
    assert set(empty["verdict"]) == {"too little to say"}
    assert empty["before"].isna().sum() == 5, "a share or a percentile of nothing is unknown; days without messages are known"
    make_exchange(db, viewer, make_chat(db, viewer).id, now=now - timedelta(days=3), input_tokens=None, output_tokens=None)
    one = compare_periods(db, viewer, filters, other=other, now=now)
    tokens = one.iloc[list(UNITS).index("tokens_per_day")]
    assert pd.isna(tokens["after"]), "nobody counted, which is not 0"
    assert dict(one.dtypes) == dict(empty.dtypes)
    assert len(one) == len(UNITS) + len(OF_MODELS)


# --- what is compared with what ----------------------------------------------------------------------------------

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


def days(pair: Period) -> tuple[date, date]:
    return pair.start.date(), (pair.end - timedelta(microseconds=1)).date()


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("previous", (date(2026, 2, 19), date(2026, 2, 28)), (date(2026, 3, 1), date(2026, 3, 10))),
        ("year", (date(2025, 3, 1), date(2025, 3, 10)), (date(2026, 3, 1), date(2026, 3, 10))),
        ("2026-01-01..2026-01-31", (date(2026, 1, 1), date(2026, 1, 31)), (date(2026, 3, 1), date(2026, 3, 10))),
        ("2026-01-31..2026-01-01", (date(2026, 1, 1), date(2026, 1, 31)), (date(2026, 3, 1), date(2026, 3, 10))),
        ("2026-03-04", (date(2026, 3, 1), date(2026, 3, 3)), (date(2026, 3, 4), date(2026, 3, 10))),
        ("2026-03-01", (date(2026, 2, 19), date(2026, 2, 28)), (date(2026, 3, 1), date(2026, 3, 10))),
        ("2026-02-20", (date(2026, 2, 1), date(2026, 2, 19)), (date(2026, 2, 20), date(2026, 3, 10))),
        ("2026-03-12", (date(2026, 3, 1), date(2026, 3, 11)), (date(2026, 3, 12), date(2026, 3, 14))),
        ("2026-03-20", (date(2026, 3, 1), date(2026, 3, 19)), (date(2026, 3, 20), date(2026, 3, 20))),
    ],
)
def test_a_text_says_what_is_compared(text: str, before: tuple[date, date], after: tuple[date, date]) -> None:
    pair = pair_of(filters_of((date(2026, 3, 1), date(2026, 3, 10))), read_against(text), now=NOON)
    assert (days(pair.before), days(pair.after)) == (before, after)
    assert pair.before.end <= pair.after.start


def test_what_is_said_stands_as_it_is_read() -> None:
    for text in ("previous", "year", "2026-03-04", "2026-01-01..2026-01-31"):
        assert str(read_against(text)) == text
    assert read_against("2026-01-31..2026-01-01") == Against("days", (date(2026, 1, 1), date(2026, 1, 31)))
    assert a_year_before(date(2028, 2, 29)) == date(2027, 2, 28)


@pytest.mark.parametrize("text", ["", "last", "2026-13-01", "2026-01-01..", "2026-01-01..2026-01-02..2026-01-03", "<b>"])
def test_a_text_that_says_nothing_is_told(text: str) -> None:
    with pytest.raises(Invalid, match="to compare with") as told:
        read_against(text)
    assert "2026-01-01..2026-01-31" in told.value.hint
    with pytest.raises(Invalid, match="too far away"):
        read_against("0001-01-01")
