"""Costs, equivalents and energy against the same numbers counted by hand, answer by answer, on both engines."""

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from chatcore.analytics import (
    Filters,
    Rates,
    answers_behind,
    cost_over_time,
    cost_report,
    costs,
    energy,
    equivalents,
    token_kinds,
    whole_days,
)
from chatcore.analytics.filters import Step
from chatcore.db import Database
from chatcore.parts import Period, Viewer
from chatcore.prices import Reference
from tests.chatcore.analytics_rows import Maker, person
from tests.factories import make_chat, make_exchange, make_viewer

FIRST, LAST = date(2026, 3, 1), date(2026, 4, 12)
ZONES = ("UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "America/New_York")
REFERENCE = Reference("openai/made-up", "a list", input_usd=2.0, cached_usd=0.5, output_usd=8.0)
RATES = Rates(REFERENCE, 120.0)
# Two that are sold, one of Ollama's cloud, two that run here, one of a server nobody knows, and the guide.
MODELS = (
    ("openai", "gpt-x"), ("anthropic", "claude-x"), ("ollama", "big:cloud"), ("ollama", "small:3b"), ("ollama", "gpt-x"),
    ("gateway", "gpt-x"), ("guide", "guide"),
)  # fmt: skip
SOLD, HERE = set(MODELS[:3]), set(MODELS[3:6])
Row = dict[str, object]


def write(db: Database, viewer: Viewer, *, turns: int, seed: int) -> list[Row]:
    """Answers over two months, with everything that may be unknown sometimes unknown; those that are sold mostly have a cost."""
    luck = random.Random(seed)
    made = Maker(db, viewer, luck)
    start, span_s = datetime(2026, 2, 10, tzinfo=UTC), 70 * 86_400
    for at in sorted(start + timedelta(seconds=round(luck.random() * span_s, 3)) for _ in range(turns)):
        made.turn(at)
    for row in made.answers:
        row["provider"], row["model_name"] = model = luck.choice(MODELS)
        known = row["output_tokens"] is not None
        row["cached_tokens"] = luck.choice((None, 0, int(str(row["input_tokens"])) // 3)) if known else None
        row["reasoning_tokens"] = luck.choice((None, 0, int(str(row["output_tokens"])) // 2)) if known else None
        is_priced = known and model in SOLD and not model[1].endswith(":cloud") and luck.random() < 0.8
        row["cost"] = round(luck.uniform(0, 0.4), 6) if is_priced else None
        row["cost_currency"], row["cost_source"] = ("USD", "a list") if is_priced else (None, None)
    made.save()
    return made.answers


@pytest.fixture
def viewer(db: Database, now: datetime) -> Viewer:
    return person(db, "ann", now)


@pytest.fixture
def answers(db: Database, viewer: Viewer, now: datetime) -> list[Row]:
    """Ann's answers, beside a stranger's."""
    write(db, person(db, "bob", now), turns=40, seed=9)
    return write(db, viewer, turns=250, seed=1)


def inside(answers: list[Row], filters: Filters) -> list[Row]:
    return [row for row in answers if filters.period.start <= started(row) < filters.period.end]


def started(row: Row) -> datetime:
    at = row["started_at"]
    assert isinstance(at, datetime)
    return at


def by_models(rows: list[Row]) -> dict[tuple[str, str], list[Row]]:
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        found[str(row["provider"]), str(row["model_name"])].append(row)
    return found


def values(rows: list[Row], name: str) -> list[float]:
    """Those that are known."""
    return [float(str(row[name])) for row in rows if row[name] is not None]


def total(rows: list[Row], name: str) -> float | None:
    """The sum of the known values; None if none is."""
    known = values(rows, name)
    return sum(known) if known else None


def same(found: object, expected: float | None) -> bool:
    return bool(pd.isna(found)) if expected is None else found == pytest.approx(expected, rel=2e-6)  # type: ignore[call-overload]  # a cell is an object to the checker


def models_of(frame: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(frame["provider"], frame["model_name"], strict=True))


def unpriced(rows: list[Row]) -> int:
    return sum(row["cost"] is None and row["output_tokens"] is not None for row in rows)


@pytest.mark.parametrize("models", [(), ("gpt-x",)])
def test_each_model_has_the_cost_of_its_answers(db: Database, viewer: Viewer, answers: list[Row], models: tuple[str, ...]) -> None:
    filters = Filters(whole_days(FIRST, LAST, "UTC"), models=models)
    frame = costs(db, viewer, filters)
    expected = by_models([row for row in inside(answers, filters) if not models or row["model_name"] in models])
    assert models_of(frame) == set(expected)
    for told in frame.to_dict("records"):
        model = told["provider"], told["model_name"]
        own = expected[model]
        assert told["kind"] == ("hosted" if model in SOLD else "local" if model in HERE else "guide")
        assert (told["answers"], told["answers_with_cost"]) == (len(own), len(values(own, "cost")))
        assert same(told["answers_without_cost"], unpriced(own) if model in SOLD else None)
        assert same(told["cost_usd"], total(own, "cost"))
        priced = len(values(own, "cost"))
        assert same(told["cost_per_1000_answers_usd"], sum(values(own, "cost")) / priced * 1000 if priced else None)
        assert told["answers_with_usage"] == len(values(own, "output_tokens"))
        assert same(told["input_tokens"], total(own, "input_tokens"))
        assert same(told["output_tokens"], total(own, "output_tokens"))
    known = frame["cost_usd"].dropna()
    assert list(known) == sorted(known, reverse=True)
    assert frame["cost_usd"].isna().to_list() == sorted(frame["cost_usd"].isna()), "what nobody knows comes last"


def start_of(day: date, step: Step) -> date:
    """The first day of a day's step."""
    return {"day": day, "week": day - timedelta(days=day.weekday()), "month": day.replace(day=1)}[step]


@pytest.mark.parametrize("step", ["day", "week", "month"])
@pytest.mark.parametrize("time_zone", ZONES)
def test_each_step_has_its_own_cost(db: Database, viewer: Viewer, answers: list[Row], time_zone: str, step: Step) -> None:
    filters = Filters(whole_days(FIRST, LAST, time_zone), time_zone=time_zone)
    frame = cost_over_time(db, viewer, filters, step=step)
    expected: dict[tuple[date, str, str], list[Row]] = defaultdict(list)
    for row in inside(answers, filters):
        day = started(row).astimezone(ZoneInfo(time_zone)).date()
        expected[start_of(day, step), str(row["provider"]), str(row["model_name"])].append(row)
    days = [day.date() for day in frame["start"]]
    keys = list(zip(days, frame["provider"], frame["model_name"], strict=True))
    assert keys == sorted(expected)
    for key, told in zip(keys, frame.to_dict("records"), strict=True):
        own = expected[key]
        assert (told["answers"], told["answers_with_cost"]) == (len(own), len(values(own, "cost")))
        assert same(told["answers_without_cost"], unpriced(own) if key[1:] in SOLD else None)
        assert same(told["cost_usd"], total(own, "cost"))


def test_the_kinds_of_tokens_are_over_the_answers_that_tell_them(db: Database, viewer: Viewer, answers: list[Row]) -> None:
    filters = Filters(whole_days(FIRST, LAST, "Asia/Kathmandu"), time_zone="Asia/Kathmandu")
    expected = by_models(inside(answers, filters))
    frame = token_kinds(db, viewer, filters)
    assert len(frame) == len(expected)
    for told in frame.to_dict("records"):
        own = expected[told["provider"], told["model_name"]]
        assert (told["answers"], told["answers_with_usage"]) == (len(own), len(values(own, "output_tokens")))
        for part, whole, share in (
            ("cached_tokens", "input_tokens", "cached_share"), ("reasoning_tokens", "output_tokens", "reasoning_share"),
        ):  # fmt: skip
            telling = [row for row in own if row[part] is not None]
            assert told[f"answers_with_{part}"] == len(telling)
            assert same(told[whole], total(own, whole))
            assert same(told[part], total(own, part))
            of = sum(values(telling, whole))
            assert same(told[share], sum(values(telling, part)) / of if of else None)


def test_local_models_have_the_equivalent_of_their_tokens_and_nobody_else(db: Database, viewer: Viewer, answers: list[Row]) -> None:
    filters = Filters(whole_days(FIRST, LAST, "UTC"))
    expected = by_models(inside(answers, filters))
    frame = equivalents(db, viewer, filters, reference=REFERENCE)
    assert models_of(frame) == HERE
    for told in frame.to_dict("records"):
        own = [row for row in expected[told["provider"], told["model_name"]] if row["output_tokens"] is not None]
        read, cached, written = (sum(values(own, name)) for name in ("input_tokens", "cached_tokens", "output_tokens"))
        assert told["answers_with_usage"] == len(own)
        assert same(told["equivalent_usd"], ((read - cached) * 2.0 + cached * 0.5 + written * 8.0) / 1e6)
        assert told["reference"] == "openai/made-up"
    assert equivalents(db, viewer, filters).empty


def test_local_models_took_the_watts_for_the_time_that_is_known(db: Database, viewer: Viewer, answers: list[Row]) -> None:
    filters = Filters(whole_days(FIRST, LAST, "UTC"))
    expected = by_models(inside(answers, filters))
    frame = energy(db, viewer, filters, watts=120.0)
    assert models_of(frame) == HERE
    for told in frame.to_dict("records"):
        own = expected[told["provider"], told["model_name"]]
        taken_s = sum(values(own, "duration_s"))
        assert (told["answers"], told["answers_with_duration"]) == (len(own), len(values(own, "duration_s")))
        assert same(told["duration_s"], taken_s)
        assert same(told["energy_estimate_wh"], 120.0 * taken_s / 3600)
    assert energy(db, viewer, filters).empty


def test_the_report_is_its_questions_and_compares_with_the_period_before(db: Database, viewer: Viewer, answers: list[Row]) -> None:
    filters = Filters(whole_days(date(2026, 3, 22), LAST, "UTC"))
    report = cost_report(db, viewer, filters, now=datetime(2026, 5, 1, tzinfo=UTC), rates=RATES, step="week")
    for frame, alone in (
        (report.costs, costs(db, viewer, filters)),
        (report.over_time, cost_over_time(db, viewer, filters, step="week")),
        (report.token_kinds, token_kinds(db, viewer, filters)),
        (report.equivalents, equivalents(db, viewer, filters, reference=REFERENCE)),
        (report.energy, energy(db, viewer, filters, watts=120.0)),
    ):
        pd.testing.assert_frame_equal(frame, alone)
    now, before = (sum(values(inside(answers, Filters(period)), "cost")) for period in (filters.period, report.previous))
    assert report.previous == whole_days(date(2026, 2, 28), date(2026, 3, 21), "UTC")
    assert report.change_kind == "relative"
    assert report.change == pytest.approx((now - before) / before)


def test_the_list_behind_a_number_is_as_long_as_it_says(db: Database, viewer: Viewer, answers: list[Row]) -> None:
    filters = Filters(whole_days(FIRST, LAST, "UTC"), providers=("openai",), models=("gpt-x",))
    (told,) = costs(db, viewer, filters).to_dict("records")
    priced = answers_behind(db, viewer, filters, priced=True, limit=1000).items
    without = answers_behind(db, viewer, filters, priced=False, limit=1000).items
    assert (len(priced), len(without)) == (told["answers_with_cost"], told["answers_without_cost"])
    assert min(len(priced), len(without)) > 0
    assert sum(answer.cost or 0 for answer in priced) == pytest.approx(told["cost_usd"])
    assert {answer.cost_currency for answer in priced} == {"USD"}
    assert {(answer.cost, answer.output_tokens is None) for answer in without} == {(None, False)}


def test_a_cost_that_nobody_knew_before_is_compared_with_nothing(db: Database, now: datetime) -> None:
    viewer = person(db, "ann", now)
    made = Maker(db, viewer, random.Random(1))
    for days_ago, cost in ((9, None), (1, 0.25)):
        made.turn(now - timedelta(days=days_ago), answers=1)
        made.answers[-1] |= {
            "provider": "openai", "model_name": "gpt-x", "state": "complete", "finished_at": now, "error_type": None, "input_tokens": 5,
            "output_tokens": 5, "usage_source": "reported", "cost": cost, "cost_currency": cost and "USD", "cost_source": cost and "a list",
        }  # fmt: skip
    made.save()
    week = Filters(Period(now - timedelta(days=7), now))
    report = cost_report(db, viewer, week, now=now, rates=Rates())
    assert (float(report.costs["cost_usd"].sum()), report.change, report.change_kind) == (0.25, None, "none")
    day = Filters(Period(now - timedelta(days=3), now))
    assert cost_report(db, viewer, day, now=now, rates=Rates()).change_kind == "new", "before there was nothing that could cost"


def test_nothing_and_one_answer_are_answered_too(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    filters = Filters(Period(now - timedelta(days=365), now + timedelta(days=365)))
    empty = cost_report(db, viewer, filters, now=now, rates=RATES)
    frames = ("costs", "over_time", "token_kinds", "equivalents", "energy")
    assert [len(getattr(empty, name)) for name in frames] == [0] * 5
    make_exchange(db, viewer, make_chat(db, viewer).id, duration_s=30.0, input_tokens=100, output_tokens=36)
    one = cost_report(db, viewer, filters, now=now, rates=RATES)
    assert [len(getattr(one, name)) for name in frames] == [1] * 5
    assert pd.isna(one.costs["cost_usd"][0])
    assert one.equivalents["equivalent_usd"][0] == pytest.approx((100 * 2 + 36 * 8) / 1e6)
    assert one.energy["energy_estimate_wh"][0] == pytest.approx(1.0)
    for name in frames:
        assert dict(getattr(one, name).dtypes) == dict(getattr(empty, name).dtypes), name
    without = cost_report(db, viewer, filters, now=now, rates=Rates())
    assert dict(without.equivalents.dtypes) == dict(one.equivalents.dtypes)
    assert dict(without.energy.dtypes) == dict(one.energy.dtypes)
