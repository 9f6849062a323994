"""Outcomes and feedback against the same numbers counted by hand, answer by answer, on both engines."""

from collections import Counter
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from chatcore.analytics import Filters, compare_periods, feedback, messages_behind, outcomes, outcomes_over_time, quality_report, whole_days
from chatcore.analytics.filters import Step
from chatcore.analytics.intervals import wilson
from chatcore.db import Database
from chatcore.errors import Denied
from chatcore.parts import Period, State, Viewer
from tests.chatcore.analytics_rows import Rows, person, write_beside_a_stranger
from tests.chatcore.test_analytics_speed import FIRST, LAST, ZONES, inside, same, start_of
from tests.factories import make_chat, make_exchange, make_viewer, rate

ENDS = ("complete", "stopped", "failed", "interrupted")


@pytest.fixture
def viewer(db: Database, now: datetime) -> Viewer:
    return person(db, "ann", now)


@pytest.fixture
def rows(db: Database, viewer: Viewer, now: datetime) -> Rows:
    """Two months of answers in every state, some of them rated, beside a stranger's."""
    return write_beside_a_stranger(db, viewer, turns=250, now=now)


@pytest.fixture
def answers(rows: Rows) -> pd.DataFrame:
    return rows.answers


def test_outcomes_are_counted_with_their_errors(db: Database, viewer: Viewer, answers: pd.DataFrame) -> None:
    filters = Filters(whole_days(FIRST, LAST, "UTC"))
    frame = outcomes(db, viewer, filters)
    rows = inside(answers, filters)
    by_hand = Counter(
        (row["provider"], row["model_name"], row["state"], row["error_type"] if isinstance(row["error_type"], str) else "") for row in rows
    )
    keys = zip(frame["provider"], frame["model_name"], frame["state"], frame["error_type"], strict=True)
    assert dict(zip(keys, frame["answers"], strict=True)) == by_hand
    finished = Counter((row["provider"], row["model_name"]) for row in rows if row["state"] != "running")
    for told in frame.to_dict("records"):
        of = finished[told["provider"], told["model_name"]]
        assert same(told["share"], None if told["state"] == "running" else told["answers"] / of)
    assert list(frame["answers"]) == sorted(frame["answers"], reverse=True)


@pytest.mark.parametrize("step", ["day", "week", "month"])
@pytest.mark.parametrize("time_zone", ZONES)
def test_each_step_has_its_own_outcomes(db: Database, viewer: Viewer, answers: pd.DataFrame, time_zone: str, step: Step) -> None:
    filters = Filters(whole_days(FIRST, LAST, time_zone), models=("qwen3:8b",), time_zone=time_zone)
    frame = outcomes_over_time(db, viewer, filters, step=step)
    expected: dict[date, Counter[str]] = {}
    for row in inside(answers, filters):
        started = row["started_at"]
        assert isinstance(started, datetime)
        if row["model_name"] == "qwen3:8b":
            day = started.astimezone(ZoneInfo(time_zone)).date()
            expected.setdefault(start_of(day, step), Counter())[str(row["state"])] += 1
    assert [start.date() for start in frame["start"]] == sorted(expected)
    for told in frame.to_dict("records"):
        own = expected[told["start"].date()]
        assert told["answers"] == own.total()
        assert {state: told[state] for state in ENDS} == {state: own[state] for state in ENDS}
        finished = own.total() - own["running"]
        for state in ("failed", "stopped"):
            assert same(told[f"{state}_share"], own[state] / finished if finished else None)


def test_ratings_are_counted_by_the_model_that_answered(db: Database, viewer: Viewer, rows: Rows) -> None:
    filters = Filters(whole_days(FIRST, LAST, "Asia/Kathmandu"), time_zone="Asia/Kathmandu")
    frame = feedback(db, viewer, filters)
    rated = rows.feedback.drop(columns="created_at").merge(rows.messages, left_on="message_id", right_on="id")
    rated = rated[(rated["created_at"] >= filters.period.start) & (rated["created_at"] < filters.period.end)]
    by_hand = Counter(zip(rated["provider"], rated["model_name"], rated["rating"], strict=True))
    assert len(frame) == 4
    for told in frame.to_dict("records"):
        up, down = (by_hand[(told["provider"], told["model_name"], rating)] for rating in (1, -1))
        assert (told["up"], told["down"], told["rated_answers"]) == (up, down, up + down)
        around = wilson(up / (up + down), up + down)
        assert (told["up_share"], told["up_share_low"], told["up_share_high"]) == (up / (up + down), around.low, around.high)
        own = Filters(filters.period, (told["provider"],), (told["model_name"],), filters.time_zone)
        for rating, number in ((1, up), (-1, down), (0, up + down)):
            assert len(messages_behind(db, viewer, own, rating=rating, limit=1_000).items) == number
    assert sum(frame["rated_answers"]) == len(rated)
    (guide,) = feedback(db, viewer, Filters(filters.period, models=("guide",))).to_dict("records")
    assert guide == frame[frame["model_name"] == "guide"].iloc[0].to_dict()


def test_a_rating_that_somebody_else_gave_is_not_the_viewers(db: Database, now: datetime) -> None:
    ada, bob = make_viewer(db, "Ada"), make_viewer(db, "Bob")
    _, answer = make_exchange(db, ada, make_chat(db, ada).id)
    rate(db, bob, answer.id, -1)
    filters = Filters(Period(now - timedelta(days=365), now + timedelta(days=365)))
    assert feedback(db, ada, filters).empty
    assert feedback(db, bob, filters).empty
    assert not messages_behind(db, ada, filters, rating=0).items
    assert not messages_behind(db, bob, filters, rating=0).items


def test_the_owner_counts_everybodys_ratings_and_nobody_else_does(db: Database, now: datetime) -> None:
    owner, bob = make_viewer(db, "Ada", is_owner=True), make_viewer(db, "Bob")
    for viewer, rating in ((owner, 1), (bob, -1)):
        _, answer = make_exchange(db, viewer, make_chat(db, viewer).id)
        rate(db, viewer, answer.id, rating)
    period = Period(now - timedelta(days=365), now + timedelta(days=365))
    (row,) = feedback(db, owner, Filters(period, everybody=True)).to_dict("records")
    assert (row["up"], row["down"]) == (1, 1)
    assert feedback(db, owner, Filters(period))["rated_answers"].to_list() == [1]
    with pytest.raises(Denied):
        feedback(db, bob, Filters(period, everybody=True))
    with pytest.raises(Denied):
        compare_periods(db, bob, Filters(period, everybody=True), other=period, now=now)
    both = compare_periods(db, owner, Filters(period, everybody=True), other=period, now=now)
    assert both["over_after"][0] == 2


def test_nothing_and_one_answer_have_a_quality_too(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    filters = Filters(Period(now - timedelta(days=365), now + timedelta(days=365)))
    empty = quality_report(db, viewer, filters)
    assert [len(frame) for frame in (empty.outcomes, empty.over_time, empty.feedback)] == [0, 0, 0]
    chat = make_chat(db, viewer)
    _, answer = make_exchange(db, viewer, chat.id, state=State.STOPPED)
    unrated = quality_report(db, viewer, filters)
    assert unrated.feedback.empty, "not rated is not a share of 0"
    rate(db, viewer, answer.id)
    one = quality_report(db, viewer, filters)
    assert one.outcomes[["state", "answers", "share"]].to_dict("records") == [{"state": "stopped", "answers": 1, "share": 1.0}]
    assert one.over_time[[*ENDS, "stopped_share"]].to_dict("records") == [
        {"complete": 0, "stopped": 1, "failed": 0, "interrupted": 0, "stopped_share": 1.0}
    ]
    (row,) = one.feedback.to_dict("records")
    assert (row["rated_answers"], row["up_share"], round(row["up_share_low"], 4), row["up_share_high"]) == (1, 1.0, 0.2065, 1.0)
    # The types are the same with and without rows, so a chart or a file never meets another column.
    for name in ("outcomes", "over_time", "feedback"):
        assert dict(getattr(one, name).dtypes) == dict(getattr(empty, name).dtypes)
