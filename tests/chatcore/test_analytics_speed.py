"""Speed against the same numbers counted by hand, answer by answer, on both engines."""

import math
import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from chatcore.analytics import Filters, speed, speed_over_time, speed_report, whole_days
from chatcore.analytics.filters import Step
from chatcore.analytics.speed import MEASURES, PERCENTILES
from chatcore.db import Database
from chatcore.parts import GenerationInfo, Period, State, Viewer
from tests.chatcore.analytics_rows import Maker, person, write_beside_a_stranger
from tests.factories import make_chat, make_exchange, make_viewer

FIRST, LAST = date(2026, 3, 1), date(2026, 4, 12)
ZONES = ("UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "America/New_York")


@pytest.fixture
def viewer(db: Database, now: datetime) -> Viewer:
    return person(db, "ann", now)


@pytest.fixture
def answers(db: Database, viewer: Viewer, now: datetime) -> pd.DataFrame:
    """Two months of answers, in every state and with all that may be unknown sometimes unknown, beside a stranger's."""
    return write_beside_a_stranger(db, viewer, turns=250, now=now).answers


def percentile(values: list[float], part: float) -> float | None:
    """The value below which a part of them lies: between two neighbours in proportion (https://en.wikipedia.org/wiki/Percentile,
    the variant C = 1)."""
    if not values:
        return None
    ordered = sorted(values)
    place = part * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def known(row: dict[str, object], name: str) -> float | None:
    value = row.get(name)
    return float(value) if isinstance(value, (int, float)) and not pd.isna(value) else None


def value_of(row: dict[str, object], measure: str) -> float | None:
    """A measure of one answer, by the definitions in words."""
    if measure == "output_tokens_per_s":
        tokens = known(row, "output_tokens")
        duration_s, first_s, eval_s = (known(row, name) for name in ("duration_s", "time_to_first_chunk_s", "eval_s"))
        written = None if tokens is None else int(tokens)
        made = GenerationInfo(
            1, State.COMPLETE, "p", "m", datetime(2026, 1, 1, tzinfo=UTC), None, duration_s, first_s, eval_s, None, written
        )
        return made.output_tokens_per_s
    if measure == "prompt_tokens_per_s":
        tokens, prompt_s = known(row, "input_tokens"), known(row, "prompt_s")
        return tokens / prompt_s if tokens and prompt_s else None
    return known(row, measure)


def inside(answers: pd.DataFrame, filters: Filters) -> list[dict[str, object]]:
    rows = [{str(key): value for key, value in row.items()} for row in answers.to_dict("records")]
    return [row for row in rows if filters.period.start <= row["started_at"] < filters.period.end]


def same(found: float, expected: float | None) -> bool:
    return pd.isna(found) if expected is None else found == pytest.approx(expected, rel=2e-7)


def test_each_percentile_of_each_model_is_that_of_its_answers(db: Database, viewer: Viewer, answers: pd.DataFrame) -> None:
    filters = Filters(whole_days(FIRST, LAST, "UTC"))
    frame = speed(db, viewer, filters)
    rows = inside(answers, filters)
    models = Counter((row["provider"], row["model_name"]) for row in rows)
    assert {(row.provider, row.model_name) for row in frame.itertuples()} == set(models)
    for told in frame.to_dict("records"):
        own = [row for row in rows if (row["provider"], row["model_name"]) == (told["provider"], told["model_name"])]
        for measure in MEASURES:
            values = [value for row in own if (value := value_of(row, measure)) is not None]
            assert told[f"answers_with_{measure}"] == len(values)
            for part in PERCENTILES[measure]:
                assert same(told[f"{measure}_p{part}"], percentile(values, part / 100)), (measure, part)


def start_of(day: date, step: Step) -> date:
    """The first day of a day's step."""
    return {"day": day, "week": day - timedelta(days=day.weekday()), "month": day.replace(day=1)}[step]


@pytest.mark.parametrize("step", ["day", "week", "month"])
@pytest.mark.parametrize("time_zone", ZONES)
def test_each_step_has_its_own_medians(db: Database, viewer: Viewer, answers: pd.DataFrame, time_zone: str, step: Step) -> None:
    filters = Filters(whole_days(FIRST, LAST, time_zone), models=("qwen3:8b",), time_zone=time_zone)
    frame = speed_over_time(db, viewer, filters, step=step)
    rows = [row for row in inside(answers, filters) if row["model_name"] == "qwen3:8b"]
    expected: dict[tuple[date, str], list[dict[str, object]]] = {}
    for row in rows:
        started = row["started_at"]
        assert isinstance(started, datetime)
        day = started.astimezone(ZoneInfo(time_zone)).date()
        expected.setdefault((start_of(day, step), str(row["provider"])), []).append(row)
    assert [(day.date(), provider) for day, provider in zip(frame["start"], frame["provider"], strict=True)] == sorted(expected)
    for told in frame.to_dict("records"):
        own = expected[told["start"].date(), told["provider"]]
        assert told["answers"] == len(own)
        for measure, part in (("time_to_first_chunk_s", 50), ("time_to_first_chunk_s", 90), ("output_tokens_per_s", 50)):
            values = [value for row in own if (value := value_of(row, measure)) is not None]
            assert same(told[f"{measure}_p{part}"], percentile(values, part / 100))


def test_load_share_and_prompt_speed_are_over_the_answers_that_tell_both(db: Database, now: datetime) -> None:
    viewer = person(db, "ann", now)
    maker = Maker(db, viewer, random.Random(1))
    maker.turn(now, answers=3)
    for answer, (load_s, duration_s, prompt_s, tokens) in zip(
        maker.answers, ((1.0, 4.0, 0.5, 100), (None, 10.0, None, 50), (2.0, 8.0, 0.0, 70)), strict=True
    ):
        answer |= {
            "provider": "ollama", "model_name": "m", "state": "complete", "finished_at": now, "error_type": None, "load_s": load_s,
            "duration_s": duration_s, "prompt_s": prompt_s, "input_tokens": tokens, "output_tokens": 5, "usage_source": "reported",
        }  # fmt: skip
    maker.save()
    (row,) = speed(db, viewer, Filters(Period(now - timedelta(days=1), now + timedelta(days=1)))).to_dict("records")
    assert row["load_share"] == pytest.approx(3 / 12)
    assert row["prompt_tokens_per_s_p50"] == pytest.approx(200)
    assert (row["answers_with_load_s"], row["answers_with_prompt_tokens_per_s"], row["answers_with_duration_s"]) == (2, 1, 3)


def test_nothing_and_one_answer_are_answered_too(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    filters = Filters(Period(now - timedelta(days=365), now + timedelta(days=365)))
    empty = speed_report(db, viewer, filters)
    assert [len(frame) for frame in (empty.speed, empty.over_time)] == [0, 0]
    chat = make_chat(db, viewer)
    make_exchange(db, viewer, chat.id, duration_s=2.0, time_to_first_chunk_s=0.25, output_tokens=36)
    one = speed_report(db, viewer, filters)
    (row,) = one.speed.to_dict("records")
    assert {row[f"duration_s_p{part}"] for part in (50, 90, 95, 99)} == {2.0}
    assert row["output_tokens_per_s_p1"] == pytest.approx(35 / 1.75)
    assert pd.isna(row["load_share"])
    # The types are the same with and without rows, so a chart or a file never meets another column.
    for one_frame, empty_frame in ((one.speed, empty.speed), (one.over_time, empty.over_time)):
        assert dict(one_frame.dtypes) == dict(empty_frame.dtypes)
