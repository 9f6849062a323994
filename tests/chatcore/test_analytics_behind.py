"""A list behind a number holds exactly the rows that the number counts, the newest first, however it is paged."""

import random
import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from chatcore.analytics import (
    AnswerBehind,
    Filters,
    MessageBehind,
    answers_behind,
    busy_hours,
    messages_behind,
    models,
    outcomes,
    whole_days,
)
from chatcore.db import Database
from chatcore.errors import Invalid
from chatcore.history import delete_chats, purge_chats
from chatcore.parts import Page, Period, Role, State, Viewer
from tests.chatcore.analytics_rows import Maker, Rows, person, write_beside_a_stranger
from tests.factories import make_chat, make_exchange, make_viewer
from tests.plans import plans

ZONES = ("UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "America/New_York")
FIRST, LAST = date(2026, 3, 1), date(2026, 4, 12)


@pytest.fixture
def viewer(db: Database, now: datetime) -> Viewer:
    return person(db, "ann", now)


@pytest.fixture
def rows(db: Database, viewer: Viewer, now: datetime) -> Rows:
    """Three months around the clock changes, beside a stranger's."""
    return write_beside_a_stranger(db, viewer, turns=200, now=now, stranger_turns=30)


def walk(page_of: Callable[[str | None], Page[MessageBehind]] | Callable[[str | None], Page[AnswerBehind]]) -> Iterator[object]:
    """Every item of every page."""
    cursor = None
    while True:
        page = page_of(cursor)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def inside(times: "pd.Series[datetime]", period: Period) -> list[bool]:
    return [period.start <= at < period.end for at in times]


@pytest.mark.parametrize("role", [None, Role.USER, Role.ASSISTANT])
@pytest.mark.parametrize("time_zone", ZONES)
def test_the_messages_of_a_day_are_listed_newest_first(db: Database, viewer: Viewer, rows: Rows, time_zone: str, role: Role | None) -> None:
    filters = Filters(whole_days(date(2026, 3, 9), date(2026, 3, 12), time_zone), time_zone=time_zone)
    wanted = rows.messages[inside(rows.messages["created_at"], filters.period)]
    wanted = wanted if role is None else wanted[wanted["role"] == role.value]
    assert len(wanted) > 3
    found = [
        (item.message_id, item.role)
        for item in walk(lambda cursor: messages_behind(db, viewer, filters, role=role, limit=3, cursor=cursor))
        if isinstance(item, MessageBehind)
    ]
    ordered = wanted.sort_values(["created_at", "id"], ascending=False)
    assert found == list(zip(ordered["id"], ordered["role"], strict=True))


@pytest.mark.parametrize("time_zone", ZONES)
def test_each_cell_of_the_busy_hours_lists_as_many_messages_as_it_counts(db: Database, viewer: Viewer, rows: Rows, time_zone: str) -> None:
    filters = Filters(whole_days(FIRST, LAST, time_zone), time_zone=time_zone)
    cells = busy_hours(db, viewer, filters)
    full = cells[cells["messages"] > 0].sample(12, random_state=1)
    for weekday, hour, number in [*full.itertuples(index=False), (0, 0, cells["messages"].iloc[0])]:
        listed = messages_behind(db, viewer, filters, hour_of_week=(weekday, hour), limit=1000).items
        assert len(listed) == number
        local = [item.created_at.astimezone(ZoneInfo(time_zone)) for item in listed]
        assert {(at.weekday(), at.hour) for at in local} <= {(weekday, hour)}


def test_each_row_of_the_models_lists_its_attempts_by_outcome(db: Database, viewer: Viewer, rows: Rows) -> None:
    whole = Filters(whole_days(FIRST, LAST, "UTC"))
    table = models(db, viewer, whole)
    assert len(table) == 4
    for row in table.itertuples():
        filters = Filters(whole.period, providers=(str(row.provider),), models=(str(row.model_name),))
        assert len(answers_behind(db, viewer, filters, limit=1000).items) == row.answers
        for state in State:
            listed = answers_behind(db, viewer, filters, state=state, limit=1000).items
            assert len(listed) == getattr(row, state.value)
            assert {(item.provider, item.model_name, item.state) for item in listed} <= {(row.provider, row.model_name, state)}


def test_each_row_of_the_outcomes_lists_its_answers(db: Database, viewer: Viewer, rows: Rows) -> None:
    whole = Filters(whole_days(FIRST, LAST, "UTC"))
    table = outcomes(db, viewer, whole)
    assert {"failed", "complete"} <= set(table["state"])
    for row in table.itertuples():
        filters = Filters(whole.period, providers=(str(row.provider),), models=(str(row.model_name),))
        listed = answers_behind(db, viewer, filters, state=State(str(row.state)), error_type=str(row.error_type) or None, limit=1000).items
        assert len(listed) == row.answers
        assert {item.error_type or "" for item in listed} == {row.error_type}


def test_answers_are_listed_newest_first_with_what_they_used(db: Database, viewer: Viewer, rows: Rows) -> None:
    filters = Filters(whole_days(date(2026, 3, 9), date(2026, 3, 15), "UTC"))
    wanted = rows.answers[inside(rows.answers["started_at"], filters.period)].sort_values(["started_at", "message_id"], ascending=False)
    found = [
        item for item in walk(lambda cursor: answers_behind(db, viewer, filters, limit=7, cursor=cursor)) if isinstance(item, AnswerBehind)
    ]
    assert len(found) > 7
    assert [item.message_id for item in found] == list(wanted["message_id"])
    for name in ("input_tokens", "output_tokens", "time_to_first_chunk_s", "duration_s", "error_type"):
        expected = [None if pd.isna(value) else value for value in wanted[name]]
        assert [getattr(item, name) for item in found] == expected, name


def test_with_models_chosen_the_prompts_they_answered_are_listed(db: Database, viewer: Viewer, now: datetime) -> None:
    maker = Maker(db, viewer, random.Random(1))
    maker.turn(now, answers=3)
    maker.turn(now + timedelta(minutes=10), answers=0)
    rows = maker.save()
    chosen = rows.answers["model_name"].iloc[0]
    filters = Filters(Period(now - timedelta(days=1), now + timedelta(days=1)), models=(chosen,))
    listed = messages_behind(db, viewer, filters).items
    answers = rows.messages[rows.messages["model_name"] == chosen]
    assert [item.message_id for item in listed if item.role is Role.USER] == [answers["parent_id"].iloc[0]]
    assert sorted(item.message_id for item in listed if item.role is Role.ASSISTANT) == sorted(answers["id"])


def test_a_message_says_where_it_lies_and_how_it_begins(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer, title="The tides")
    _, answered = make_exchange(db, viewer, chat.id, prompt="Why are there **two** tides a day?", answer="Because\nof the moon.")
    delete_chats(db, viewer, [chat.id], now=now)
    period = Period(now - timedelta(days=365), now + timedelta(days=365))
    prompt = next(item for item in messages_behind(db, viewer, Filters(period)).items if item.role is Role.USER)
    assert (prompt.chat_id, prompt.chat_title, prompt.in_trash, prompt.model_name) == (chat.id, "The tides", True, None)
    assert prompt.snippet == "Why are there two tides a day?"
    (answer,) = answers_behind(db, viewer, Filters(period)).items
    assert (answer.chat_id, answer.chat_title, answer.in_trash, answer.snippet) == (chat.id, "The tides", True, "Because of the moon.")
    assert answer.message_id == answered.id


def test_an_answer_of_a_chat_that_is_gone_is_still_listed(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    make_exchange(db, viewer, chat.id)
    delete_chats(db, viewer, [chat.id], now=now)
    purge_chats(db, viewer, [chat.id])
    filters = Filters(Period(now - timedelta(days=365), now + timedelta(days=365)))
    assert messages_behind(db, viewer, filters).items == ()
    (answer,) = answers_behind(db, viewer, filters).items
    assert (answer.message_id, answer.chat_id, answer.chat_title, answer.snippet) == (None, None, None, "")


def test_what_cannot_be_asked_says_so(db: Database, viewer: Viewer, rows: Rows) -> None:
    filters = Filters(whole_days(FIRST, LAST, "UTC"))
    for hour in ((7, 0), (0, 24), (-1, 0)):
        with pytest.raises(Invalid, match="No week has an hour"):
            messages_behind(db, viewer, filters, hour_of_week=hour)
    with pytest.raises(Invalid):
        answers_behind(db, viewer, filters, limit=0)
    cursor = messages_behind(db, viewer, filters, limit=1).next_cursor
    with pytest.raises(Invalid):
        answers_behind(db, viewer, filters, cursor=cursor)


def test_a_list_walks_along_the_time_and_reads_only_its_page(db: Database, viewer: Viewer, rows: Rows) -> None:
    filters = Filters(whole_days(FIRST, LAST, "UTC"))
    for call, index in ((messages_behind, r"ix_chatmessage_(user_)?created"), (answers_behind, "ix_generation_user_started")):
        ids, page = plans(db, partial(call, db, viewer, filters, limit=2))
        assert re.search(index, ids), ids
        assert "TEMP B-TREE" not in ids, ids
        assert "SCAN chatmessage" not in page, page
