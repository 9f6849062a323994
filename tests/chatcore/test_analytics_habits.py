"""Days, runs of days, steps of time and chats against the same numbers counted by hand, message by message, on both engines."""

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from chatcore.analytics import (
    Filters,
    activity_over_time,
    calendar,
    chat_depth,
    chat_lengths,
    habits,
    messages_behind,
    streaks,
    top_chats,
    whole_days,
)
from chatcore.analytics.filters import FineStep, local_days, midnight, whole_hour
from chatcore.analytics.habits import streaks_of
from chatcore.analytics.lengths import DELETED
from chatcore.db import Database
from chatcore.errors import Denied, Invalid
from chatcore.history import delete_chats, purge_chats
from chatcore.parts import Period, Viewer
from tests.chatcore.analytics_rows import Maker, Rows, person, write_beside_a_stranger
from tests.factories import make_chat, make_exchange, make_viewer
from tests.plans import plans

# Clocks change on 8 March 2026 in New York and on 5 April 2026 on Lord Howe (by half an hour).
FIRST, LAST = date(2026, 3, 1), date(2026, 4, 12)
ZONES = ("UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "America/New_York")
CHOICES: tuple[tuple[str, ...], ...] = ((), ("qwen3:8b",))
STEPS: tuple[FineStep, ...] = ("hour", "day", "week", "month")


@pytest.fixture
def viewer(db: Database, now: datetime) -> Viewer:
    return person(db, "ann", now)


@pytest.fixture
def rows(db: Database, viewer: Viewer, now: datetime) -> Rows:
    """Two months around the clock changes, beside a stranger's."""
    return write_beside_a_stranger(db, viewer, turns=150, now=now)


def filters_of(time_zone: str, models: tuple[str, ...] = ()) -> Filters:
    return Filters(whole_days(FIRST, LAST, time_zone), models=models, time_zone=time_zone)


Message = dict[str, object]


def counted(rows: Rows, filters: Filters) -> list[Message]:
    """The messages of the period: with models chosen, their answers and the prompts of these."""
    every = [{str(key): value for key, value in row.items()} for row in rows.messages.to_dict("records")]
    answers = [row for row in every if row["model_name"] in filters.models]
    chosen = {row["id"] for row in answers} | {row["parent_id"] for row in answers}
    return [row for row in every if filters.period.start <= at(row) < filters.period.end and (not filters.models or row["id"] in chosen)]


def at(row: Message) -> datetime:
    found = row["created_at"]
    assert isinstance(found, datetime)
    return found


def local(row: Message, time_zone: str) -> datetime:
    """What the clock on the wall showed."""
    return at(row).astimezone(ZoneInfo(time_zone)).replace(tzinfo=None)


def start_of(moment: datetime, step: FineStep) -> datetime:
    """The beginning of a moment's step."""
    hour = moment.replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    starts = {"hour": hour, "day": day, "week": day - timedelta(days=day.weekday()), "month": day.replace(day=1)}
    return starts[step]


# --- time --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("time_zone", ZONES)
def test_each_step_has_its_messages_and_chats(db: Database, viewer: Viewer, rows: Rows, time_zone: str) -> None:
    for step, models in product(STEPS, CHOICES):
        filters = filters_of(time_zone, models)
        frame = activity_over_time(db, viewer, filters, step=step)
        by_hand: dict[datetime, list[Message]] = {}
        for row in counted(rows, filters):
            by_hand.setdefault(start_of(local(row, time_zone), step), []).append(row)
        starts = [start + timedelta(hours=hour) for start, hour in zip(frame["start"], frame.get("hour", [0] * len(frame)), strict=True)]
        assert starts == sorted(set(starts))
        assert by_hand.keys() <= set(starts)
        for start, told in zip(starts, frame.to_dict("records"), strict=True):
            own = by_hand.get(start, [])
            roles = Counter(row["role"] for row in own)
            assert (told["messages"], told["user_messages"], told["assistant_messages"]) == (len(own), roles["user"], roles["assistant"])
            assert told["chats"] == len({row["session_id"] for row in own})


@pytest.mark.parametrize("time_zone", ZONES)
def test_no_hour_and_no_day_is_left_out(db: Database, viewer: Viewer, rows: Rows, time_zone: str) -> None:
    filters = filters_of(time_zone)
    days = (LAST - FIRST).days + 1
    hours = activity_over_time(db, viewer, filters, step="hour")
    assert list(hours["hour"]) == list(range(24)) * days
    assert len(activity_over_time(db, viewer, filters, step="day")) == len(calendar(db, viewer, filters)) == days


@pytest.mark.parametrize("time_zone", ZONES)
def test_an_hour_that_was_counted_lists_its_messages(db: Database, viewer: Viewer, rows: Rows, time_zone: str) -> None:
    frame = activity_over_time(db, viewer, filters_of(time_zone), step="hour")
    full = frame[frame["messages"] > 0].sample(12, random_state=1)
    for start, hour, number in zip(full["start"], full["hour"], full["messages"], strict=True):
        period = whole_hour((start + timedelta(hours=hour)).to_pydatetime(), time_zone)
        assert len(messages_behind(db, viewer, Filters(period, time_zone=time_zone), limit=1000).items) == number


def test_an_hour_that_a_clock_change_repeats_is_one_hour_of_both() -> None:
    repeated = whole_hour(datetime.fromisoformat("2026-11-01T01:00"), "America/New_York")
    assert repeated == Period(datetime(2026, 11, 1, 5, tzinfo=UTC), datetime(2026, 11, 1, 7, tzinfo=UTC))
    half = whole_hour(datetime.fromisoformat("2026-04-05T01:00"), "Australia/Lord_Howe")
    assert half.end - half.start == timedelta(minutes=90)
    with pytest.raises(Invalid, match="02:00"):
        whole_hour(datetime.fromisoformat("2026-03-08T02:00"), "America/New_York")


@pytest.mark.parametrize("time_zone", ZONES)
def test_the_calendar_has_a_row_for_each_day(db: Database, viewer: Viewer, rows: Rows, time_zone: str) -> None:
    for models in CHOICES:
        filters = filters_of(time_zone, models)
        messages = counted(rows, filters)
        by_day = Counter(local(row, time_zone).date() for row in messages)
        chats = Counter(day for day, _ in {(local(row, time_zone).date(), row["session_id"]) for row in messages})
        for number, told in enumerate(calendar(db, viewer, filters).to_dict("records")):
            day = FIRST + timedelta(days=number)
            assert (told["day"].date(), told["weekday"]) == (day, day.weekday())
            assert told["week"].date() == day - timedelta(days=day.weekday())
            assert (told["messages"], told["chats"]) == (by_day[day], chats[day])


# --- runs of days ------------------------------------------------------------------------------------------------


def runs_by_hand(days: set[date]) -> list[list[date]]:
    runs: list[list[date]] = []
    for day in sorted(days):
        if runs and day - runs[-1][-1] == timedelta(days=1):
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs


@settings(deadline=None)
@given(some.sets(some.integers(0, 20)), some.integers(-3, 24), some.booleans())
def test_runs_of_days_are_those_counted_by_hand(written: set[int], today: int, wrote_before: bool) -> None:
    first = date(2026, 3, 1)
    filters = Filters(whole_days(first, first + timedelta(days=20), "Australia/Lord_Howe"), time_zone="Australia/Lord_Howe")
    per_day = pd.Series([int(number in written) for number in range(21)])
    now = midnight(first + timedelta(days=today), "Australia/Lord_Howe") + timedelta(hours=9)
    current, longest = streaks_of(per_day, filters, now=now, wrote_before=wrote_before).to_dict("records")
    runs = runs_by_hand({first + timedelta(days=number) for number in written})
    most = max((len(run) for run in runs), default=0)
    check_run(longest, next((run for run in reversed(runs) if len(run) == most), []), wrote_before)
    until = {day for run in runs for day in run if day <= first + timedelta(days=today)}
    if 0 <= today <= 21:
        last = runs_by_hand(until)[-1:] or [[]]
        goes_on = last[0] and (first + timedelta(days=today) - last[0][-1]).days <= 1
        check_run(current, last[0] if goes_on else [], wrote_before)
    else:
        assert pd.isna(current["days"])
        assert not current["began_earlier"]


def check_run(told: dict[object, object] | dict[str, object], run: list[date], wrote_before: bool) -> None:
    shown = {str(name): value for name, value in told.items()}
    assert shown["days"] == len(run)
    ends = [None if pd.isna(shown[name]) else shown[name].date() for name in ("first_day", "last_day")]  # type: ignore[call-overload,attr-defined]  # cells of a frame
    assert ends == ([run[0], run[-1]] if run else [None, None])
    assert shown["began_earlier"] == (wrote_before and run[:1] == [date(2026, 3, 1)])


@pytest.mark.parametrize("time_zone", ZONES)
def test_the_runs_are_of_days_of_the_viewers_zone(db: Database, viewer: Viewer, rows: Rows, time_zone: str) -> None:
    filters = filters_of(time_zone)
    runs = runs_by_hand({local(row, time_zone).date() for row in counted(rows, filters)})
    current, longest = streaks(db, viewer, filters, now=midnight(LAST, time_zone)).to_dict("records")
    assert longest["days"] == max(len(run) for run in runs)
    assert current["days"] == (len(runs[-1]) if (LAST - runs[-1][-1]).days <= 1 else 0)


def test_today_without_a_message_does_not_break_the_run(db: Database, viewer: Viewer) -> None:
    maker = Maker(db, viewer, random.Random(1))
    for day in (9, 10, 11, 13):
        maker.turn(datetime(2026, 3, day, 12, tzinfo=UTC), answers=1)
    maker.save()
    filters = Filters(whole_days(date(2026, 3, 1), date(2026, 3, 14), "UTC"))
    for hour, day, days in ((20, 11, 3), (20, 12, 3), (0, 13, 1), (23, 14, 1)):
        frame = streaks(db, viewer, filters, now=datetime(2026, 3, day, hour, tzinfo=UTC))
        assert list(frame["days"]) == [days, 3], day
    late = streaks(
        db, viewer, replace(filters, period=whole_days(date(2026, 3, 1), date(2026, 3, 16), "UTC")), now=datetime(2026, 3, 15, tzinfo=UTC)
    )
    assert list(late["days"]) == [0, 3]
    assert late["first_day"].isna().to_list() == [True, False]


def test_a_run_that_began_before_the_period_says_so(db: Database, viewer: Viewer) -> None:
    maker = Maker(db, viewer, random.Random(1))
    for day in (8, 9, 10):
        maker.turn(datetime(2026, 3, day, 12, tzinfo=UTC), answers=1)
    maker.save()
    now = datetime(2026, 3, 10, 20, tzinfo=UTC)
    for first, earlier in ((9, True), (8, False), (7, False)):
        frame = streaks(db, viewer, Filters(whole_days(date(2026, 3, first), date(2026, 3, 10), "UTC")), now=now)
        assert list(frame["began_earlier"]) == [earlier] * 2, first
        assert list(frame["days"]) == [11 - max(first, 8)] * 2


# --- chats -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("models", CHOICES)
@pytest.mark.parametrize("time_zone", ["Asia/Kathmandu", "America/New_York"])
def test_the_top_chats_are_those_with_most_messages(
    db: Database, viewer: Viewer, rows: Rows, time_zone: str, models: tuple[str, ...]
) -> None:
    filters = filters_of(time_zone, models)
    by_chat: dict[object, list[Message]] = {}
    for row in counted(rows, filters):
        by_chat.setdefault(row["session_id"], []).append(row)
    ordered = sorted(by_chat.items(), key=lambda item: (len(item[1]), max(map(at, item[1]))), reverse=True)[:20]
    frame = top_chats(db, viewer, filters)
    assert list(frame["chat_id"]) == [str(chat) for chat, _ in ordered]
    answers = [
        row
        for row in rows.answers.to_dict("records")
        if filters.period.start <= row["started_at"] < filters.period.end and (not models or row["model_name"] in models)
    ]
    for told, (chat, messages) in zip(frame.to_dict("records"), ordered, strict=True):
        assert told["messages"] == len(messages)
        assert (told["first_message_at"], told["last_message_at"]) == (min(map(at, messages)), max(map(at, messages)))
        for name in ("input_tokens", "output_tokens"):
            known = [row[name] for row in answers if row["session_id"] == chat and not pd.isna(row[name])]
            assert (told[name] == sum(known)) if known else pd.isna(told[name])


def test_chats_of_so_many_messages_are_found(db: Database, viewer: Viewer, rows: Rows) -> None:
    filters = filters_of("UTC")
    lengths = Counter(row["session_id"] for row in counted(rows, filters))
    for least, most in ((1, 2), (3, 4), (5, 8)):
        found = top_chats(db, viewer, filters, least=least, most=most)
        assert list(found["messages"]) == sorted((n for n in lengths.values() if least <= n <= most), reverse=True)[:20]


def test_titles_and_trash_are_told_and_what_is_gone_is_one_line(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    filters = Filters(Period(now - timedelta(days=365), now + timedelta(days=365)))
    tides, bread, gone = (make_chat(db, viewer, title=title) for title in ("The tides", "=Bread", "Gone"))
    for chat, turns in ((tides, 1), (bread, 2), (gone, 3)):
        for _ in range(turns):
            make_exchange(db, viewer, chat.id, input_tokens=10, output_tokens=5)
    delete_chats(db, viewer, [bread.id, gone.id], now=now)
    purge_chats(db, viewer, [gone.id])
    frame = top_chats(db, viewer, filters)
    assert list(frame["title"]) == ["=Bread", "The tides", DELETED]
    assert list(frame["in_trash"]) == [True, False, False]
    assert list(frame["input_tokens"]) == [20, 10, 30]
    assert list(frame["messages"])[:2] == [4, 2]
    assert frame.iloc[2][["chat_id", "messages", "first_message_at", "last_message_at"]].isna().all()
    assert list(top_chats(db, viewer, filters, most=2)["title"]) == ["The tides"]
    # The types do not change with the last line, so a file never has another column.
    assert dict(frame.dtypes) == dict(top_chats(db, viewer, filters, most=2).dtypes)


def test_everybodys_days_are_counted_for_the_owner_but_no_titles_of_others(db: Database, viewer: Viewer, rows: Rows, now: datetime) -> None:
    owner = replace(person(db, "eve", now), is_owner=True)
    maker = Maker(db, owner, random.Random(5))
    maker.turn(datetime(2026, 3, 20, 12, tzinfo=UTC), answers=1)
    (chat,) = set(maker.save().messages["session_id"])
    filters = replace(filters_of("UTC"), everybody=True)
    found = habits(db, owner, filters, now=now)
    alone = [calendar(db, one, filters_of("UTC"))["messages"] for one in (owner, viewer, Viewer("bob", "bob"))]
    assert (found.calendar["messages"] == sum(alone)).all()
    assert list(found.top["chat_id"]) == list(top_chats(db, owner, filters)["chat_id"]) == [str(chat)]
    assert found.lengths["chats"].sum() > 10
    for question in (calendar, activity_over_time, top_chats, chat_lengths, chat_depth):
        with pytest.raises(Denied):
            question(db, viewer, filters)


def test_two_chats_of_one_moment_are_not_mixed_up(db: Database, viewer: Viewer, now: datetime) -> None:
    maker = Maker(db, viewer, random.Random(2))
    for _ in range(12):
        maker.turn(now, answers=1)
    rows = maker.save()
    frame = top_chats(db, viewer, Filters(Period(now - timedelta(days=1), now + timedelta(days=1))))
    assert dict(zip(frame["chat_id"], frame["messages"], strict=True)) == Counter(map(str, rows.messages["session_id"]))


@pytest.mark.parametrize("models", CHOICES)
def test_lengths_and_depth_are_those_of_each_chat(db: Database, viewer: Viewer, rows: Rows, models: tuple[str, ...]) -> None:
    filters = filters_of("Asia/Kathmandu", models)
    messages = counted(rows, filters)
    lengths = Counter(row["session_id"] for row in messages)
    prompts = Counter(row["session_id"] for row in messages if row["role"] == "user")
    frame = chat_lengths(db, viewer, filters)
    for told in frame.to_dict("records"):
        inside = sum(told["messages_from"] <= length <= told["messages_to"] for length in lengths.values())
        assert told["chats"] == inside
        assert told["share"] == pytest.approx(inside / len(lengths))
    assert frame["chats"].sum() == len(lengths)
    assert frame["chats"].iloc[-1] > 0
    assert list(frame["messages_to"]) == [2**place for place in range(len(frame))]
    depth = chat_depth(db, viewer, filters)
    for told, amounts in zip(depth.to_dict("records"), (lengths, prompts), strict=True):
        values = pd.Series([amounts[chat] for chat in lengths])
        assert (told["chats"], told["most"]) == (len(lengths), values.max())
        assert [told["p50"], told["p90"]] == pytest.approx([values.quantile(0.5), values.quantile(0.9)])


@pytest.mark.parametrize(("turns", "ends"), [(1, [1, 2]), (2, [1, 2, 4]), (4, [1, 2, 4, 8]), (5, [1, 2, 4, 8, 16])])
def test_the_last_bucket_is_that_of_the_longest_chat(db: Database, now: datetime, turns: int, ends: list[int]) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    for _ in range(turns):
        make_exchange(db, viewer, chat.id)
    frame = chat_lengths(db, viewer, Filters(Period(now - timedelta(days=365), now + timedelta(days=365))))
    assert list(frame["messages_to"]) == ends
    assert list(frame["chats"]) == [0] * (len(ends) - 1) + [1]


def test_titles_are_found_along_an_index(db: Database, viewer: Viewer, rows: Rows) -> None:
    found = [plan for plan in plans(db, lambda: top_chats(db, viewer, filters_of("UTC"))) if "chatsession" in plan]
    assert found
    assert "ix_chatmessage_user_created" in found[-1]


# --- all of it ---------------------------------------------------------------------------------------------------


def frames(found: object) -> Iterable[pd.DataFrame]:
    return [getattr(found, name) for name in ("calendar", "streaks", "over_time", "lengths", "depth", "top")]


def test_the_tab_reads_once_what_its_questions_answer_one_by_one(db: Database, viewer: Viewer, rows: Rows) -> None:
    filters, now = filters_of("America/New_York", ("qwen3:8b",)), midnight(LAST, "UTC")
    alone = (
        calendar(db, viewer, filters),
        streaks(db, viewer, filters, now=now),
        activity_over_time(db, viewer, filters, step="week"),
        chat_lengths(db, viewer, filters),
        chat_depth(db, viewer, filters),
        top_chats(db, viewer, filters),
    )
    for one, other in zip(frames(habits(db, viewer, filters, now=now, step="week")), alone, strict=True):
        pd.testing.assert_frame_equal(one, other)


def test_nothing_and_one_message_are_answered_too(db: Database, viewer: Viewer, now: datetime) -> None:
    filters = Filters(whole_days(now.date(), now.date(), "UTC"))
    empty = habits(db, viewer, filters, now=now)
    assert [len(frame) for frame in frames(empty)] == [1, 2, 1, 0, 2, 0]
    assert list(empty.streaks["days"]) == [0, 0]
    assert empty.depth["p50"].isna().all()
    maker = Maker(db, viewer, random.Random(1))
    maker.turn(now, answers=0)
    maker.save()
    one = habits(db, viewer, filters, now=now)
    assert list(one.streaks["days"]) == [1, 1]
    assert one.lengths.to_dict("records") == [{"messages_from": 1, "messages_to": 1, "chats": 1, "share": 1.0}]
    assert one.depth[["p50", "p90", "most"]].to_numpy().tolist() == [[1, 1, 1], [1, 1, 1]]
    assert one.top["input_tokens"].isna().all()
    for first, second in zip(frames(empty), frames(one), strict=True):
        assert dict(first.dtypes) == dict(second.dtypes)


def test_what_is_dated_in_the_future_counts_but_not_in_the_current_run(db: Database, viewer: Viewer, now: datetime) -> None:
    maker = Maker(db, viewer, random.Random(1))
    for days in (-1, 0, 1, 2):
        maker.turn(now + timedelta(days=days), answers=1)
    maker.save()
    filters = Filters(whole_days(now.date() - timedelta(days=5), now.date() + timedelta(days=5), "UTC"))
    assert list(streaks(db, viewer, filters, now=now)["days"]) == [2, 4]
    assert calendar(db, viewer, filters)["messages"].sum() == 8
    assert len(local_days(filters.period, "UTC")) == 11
