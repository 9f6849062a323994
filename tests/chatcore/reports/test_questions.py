"""Every question has its name, and asked by it answers what it answers anyway."""

import inspect
import typing
from datetime import timedelta

import pandas as pd
import pytest

from chatcore import analytics
from chatcore.analytics import Filters, Rates
from chatcore.db import Database
from chatcore.errors import Invalid
from chatcore.parts import Period
from chatcore.prices import Reference
from chatcore.reports.questions import QUESTIONS, ask, meaning
from tests.chatcore.called_rows import write_called
from tests.factories import NOW, make_title_usage, make_viewer

FILTERS = Filters(Period(NOW - timedelta(days=7), NOW), time_zone="Asia/Kolkata")
RATES = Rates(Reference("openai/made-up", "a list", 1.0, 1.0, 1.0), 100.0)


def test_every_question_that_answers_a_frame_can_be_asked_by_its_name() -> None:
    functions = {name: value for name in analytics.__all__ if inspect.isfunction(value := getattr(analytics, name))}
    framed = {name for name, function in functions.items() if typing.get_type_hints(function).get("return") is pd.DataFrame}
    assert framed == set(QUESTIONS), "add the question to ALL in chatcore/reports/questions.py"


def test_a_question_asked_by_name_is_the_question(db: Database) -> None:
    viewer = make_viewer(db)
    # With tools and windows, so that every question has something to answer.
    write_called(db, viewer, start=NOW - timedelta(days=7), end=NOW, turns=40, seed=1)
    make_title_usage(db, viewer, at=NOW - timedelta(days=1))
    before = analytics.previous_period(FILTERS.period, FILTERS.time_zone, now=NOW)
    given = {"now": NOW, "step": "day", "other": before, "reference": RATES.reference, "watts": RATES.watts}
    for name, question in QUESTIONS.items():
        more = {part: value for part, value in given.items() if part in inspect.signature(question).parameters}
        asked = ask(db, viewer, name, FILTERS, now=NOW, rates=RATES)
        assert len(asked) > 0, name
        pd.testing.assert_frame_equal(asked, question(db, viewer, FILTERS, **more))
    weeks = ask(db, viewer, "speed-over-time", FILTERS, now=NOW, step="week")
    assert set(weeks["start"].dt.day_of_week) == {0}


def test_a_name_nobody_knows_and_a_step_of_none_are_told(db: Database) -> None:
    viewer = make_viewer(db)
    with pytest.raises(Invalid, match="no question 'weather'") as unknown:
        ask(db, viewer, "weather", FILTERS, now=NOW)
    assert "messages_per_day" in unknown.value.hint
    with pytest.raises(Invalid, match="no step") as stepless:
        ask(db, viewer, "models", FILTERS, now=NOW, step="week")
    assert "speed_over_time" in stepless.value.hint
    with pytest.raises(Invalid, match="models compares with no other period") as alone:
        ask(db, viewer, "models", FILTERS, now=NOW, other=Period(NOW - timedelta(days=3), NOW))
    assert "compare_periods" in alone.value.hint
    with pytest.raises(Invalid, match="speed_over_time cannot be asked by hour") as coarse:
        ask(db, viewer, "speed_over_time", FILTERS, now=NOW, step="hour")
    assert "week" in coarse.value.hint


def test_every_question_says_in_a_sentence_what_it_asks() -> None:
    for name in QUESTIONS:
        assert meaning(name).endswith("?"), name
