"""Tools and windows against the same numbers counted by hand, call by call, on both engines."""

import json
import random
import uuid
from collections.abc import Hashable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from chatcore.analytics import (
    CallBehind,
    CallsMeant,
    FillsMeant,
    Filters,
    calls_behind,
    context,
    context_fill,
    fills_behind,
    previous_period,
    tool_errors,
    tool_report,
    tool_rounds,
    tools,
    tools_over_time,
    whole_days,
)
from chatcore.analytics.filters import Step
from chatcore.analytics.intervals import wilson
from chatcore.db import Database
from chatcore.errors import Denied, Invalid
from chatcore.history import delete_chats, purge_chats
from chatcore.parts import Period, Viewer
from chatcore.rollup.making import refresh, wrong_days
from tests.chatcore.analytics_rows import TABLES, Maker, person
from tests.chatcore.called_rows import TOOLS, write_beside_a_stranger, write_called
from tests.chatcore.test_analytics_speed import FIRST, LAST, ZONES, same, start_of
from tests.factories import make_chat, make_exchange, make_viewer

START, END = datetime(2026, 2, 20, tzinfo=UTC), datetime(2026, 4, 20, tzinfo=UTC)
MESSAGES, GENERATIONS = TABLES["chatmessage"], TABLES["generation"]
OPEN = ("waiting", "running")


def inside(rows: pd.DataFrame, filters: Filters, at: str = "at") -> pd.DataFrame:
    chosen = rows[(rows[at] >= filters.period.start) & (rows[at] < filters.period.end)]
    return chosen[chosen["model_name"].isin(filters.models)] if filters.models else chosen


def same_numbers(told: dict[Hashable, Any], calls: pd.DataFrame) -> None:
    """A row of a frame about calls says what pandas says of them."""
    states = calls["state"].value_counts()
    done, failed, declined = (int(states.get(name, 0)) for name in ("done", "failed", "declined"))
    running = int(calls["state"].isin(OPEN).sum())
    assert (told["calls"], told["done"], told["failed"], told["declined"]) == (len(calls), done, failed, declined)
    assert (told["stopped"], told["running"]) == (int(states.get("stopped", 0)), running)
    assert same(told["failed_share"], failed / (done + failed) if done + failed else None)
    around = wilson(failed / (done + failed), done + failed) if done + failed else None
    assert same(told["failed_share_low"], around.low if around else None)
    assert same(told["failed_share_high"], around.high if around else None)
    assert same(told["declined_share"], declined / (len(calls) - running) if len(calls) > running else None)
    times = calls["duration_s"].dropna().astype(np.float32).astype(float)
    assert told["calls_with_call_duration_s"] == len(times)
    for part in (50, 90, 95, 99):
        assert same(told[f"call_duration_s_p{part}"], float(times.quantile(part / 100)) if len(times) else None)
    assert told["answers"] == calls["message"].nunique()


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=some.integers(0, 2**16),
    time_zone=some.sampled_from(ZONES),
    step=some.sampled_from(("day", "week", "month")),
    models=some.sampled_from(((), ("qwen3:8b",))),
    is_made=some.booleans(),
)
def test_tools_are_counted_as_pandas_counts_them(
    db: Database, now: datetime, seed: int, time_zone: str, step: Step, models: tuple[str, ...], is_made: bool
) -> None:
    viewer = person(db, f"ann-{uuid.uuid4()}", now)
    written, answers = write_beside_a_stranger(db, viewer, now, start=START, end=END, turns=50, seed=uuid.uuid4().int % 10**9 + seed)
    if is_made:
        refresh(db)
    with db.read() as tx:
        assert list(wrong_days(tx)) == []
    filters = Filters(whole_days(FIRST, LAST, time_zone), models=models, time_zone=time_zone)
    calls = inside(written, filters)
    report = tool_report(db, viewer, filters, now=END, step=step)
    assert set(report.tools["tool"]) == set(calls["tool"])
    assert list(report.tools["calls"]) == sorted(report.tools["calls"], reverse=True)
    for told in report.tools.to_dict("records"):
        same_numbers(told, calls[calls["tool"] == told["tool"]])
    for told in report.models.to_dict("records"):
        own = calls[(calls["provider"] == told["provider"]) & (calls["model_name"] == told["model_name"])]
        same_numbers(told, own)
        rounds = own.groupby("message")["round"].max()
        assert (same(told["rounds_p50"], rounds.quantile(0.5)), told["most_rounds"]) == (True, rounds.max())
    days = calls["at"].map(lambda at: start_of(at.astimezone(ZoneInfo(time_zone)).date(), step))
    assert [start.date() for start in report.over_time["start"]] == sorted(set(days))
    for told in report.over_time.to_dict("records"):
        same_numbers(told, calls[days == told["start"].date()])
    by_hand = calls.dropna(subset="reason").groupby(["tool", "state", "reason"]).size().to_dict()
    keys = zip(report.errors["tool"], report.errors["state"], report.errors["reason"], strict=True)
    assert dict(zip(keys, report.errors["calls"], strict=True)) == by_hand
    rounds = calls.groupby("message")["round"].max().value_counts().sort_index()
    assert dict(zip(report.rounds["rounds"], report.rounds["answers"], strict=True)) == rounds.to_dict()
    assert report.rounds["calls"].sum() == len(calls)
    earlier = previous_period(filters.period, time_zone, now=END)
    assert report.tiles["previous"][0] == len(inside(written, Filters(earlier, models=models)))
    windows_are_right(db, viewer, filters, inside(answers, filters, "started_at"))


def windows_are_right(db: Database, viewer: Viewer, filters: Filters, answers: pd.DataFrame) -> None:
    """The frames about windows say what pandas says of the attempts."""
    reported = answers["usage_source"] == "reported"
    tokens = answers["context_tokens"].where(answers["context_tokens"].notna(), answers["input_tokens"]).where(reported)
    share = tokens / answers["context_window"]
    frame = context(db, viewer, filters)
    for told in frame.to_dict("records"):
        own = (answers["provider"] == told["provider"]) & (answers["model_name"] == told["model_name"])
        known = share[own].dropna()
        assert told["answers_with_fill"] == len(known)
        assert same(told["fill_share_p90"], known.astype(np.float32).astype(float).quantile(0.9) if len(known) else None)
        assert (told["above_80"], told["above_95"]) == ((known >= 0.8).sum(), (known >= 0.95).sum())
        cut = answers[own]
        assert told["left_out"] == (cut["left_out"] == True).sum()  # noqa: E712  # None is neither
        assert told["cut_short"] == (cut["finish_reason"] == "length").sum()
        assert told["refused"] == (cut["error_type"] == "context_length").sum()
        mine = Filters(filters.period, (str(told["provider"]),), (str(told["model_name"]),), filters.time_zone)
        for meant, number in (
            (FillsMeant(at_least=0.8), told["above_80"]), (FillsMeant(cut="left_out"), told["left_out"]), (FillsMeant(), len(known)),
        ):  # fmt: skip
            assert len(fills_behind(db, viewer, mine, meant=meant, limit=1000).items) == number
    assert frame["answers_with_fill"].sum() == share.notna().sum()
    fills = context_fill(db, viewer, filters)
    parts = np.minimum(np.floor(share.dropna() * 20 + 1e-9), 20).astype(int).value_counts()
    assert fills["answers"].to_list() == [parts.get(part, 0) for part in range(21)]
    fullest = int(fills["answers"].to_numpy().nonzero()[0][-1])
    behind = fills_behind(db, viewer, filters, meant=FillsMeant(part=fullest), limit=1000).items
    assert len(behind) == fills["answers"][fullest]


@pytest.fixture
def ann(db: Database, now: datetime) -> Viewer:
    return person(db, "ann", now)


def test_a_list_holds_exactly_the_calls_that_its_number_counts(db: Database, ann: Viewer) -> None:
    written, _ = write_called(db, ann, start=START, end=END, turns=50, seed=3)
    filters = Filters(Period(START, END))
    for told in tools(db, ann, filters).to_dict("records"):
        for ended in ("done", "failed", "declined", "stopped", "running", None):
            found = calls_behind(db, ann, filters, meant=CallsMeant(tool=told["tool"], ended=ended), limit=1000).items
            assert len(found) == told[ended or "calls"]
    for told in tool_errors(db, ann, filters).to_dict("records"):
        meant = CallsMeant(tool=told["tool"], ended=told["state"], reason=told["reason"])
        assert len(calls_behind(db, ann, filters, meant=meant, limit=1000).items) == told["calls"]
    for told in tool_rounds(db, ann, filters).to_dict("records"):
        assert len(calls_behind(db, ann, filters, meant=CallsMeant(rounds=told["rounds"]), limit=1000).items) == told["calls"]
    seen: list[CallBehind] = []
    cursor = None
    while True:
        page = calls_behind(db, ann, filters, limit=7, cursor=cursor)
        seen += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    by_hand = written.sort_values(["at", "message", "place"], ascending=[False, False, True])
    assert [(call.message_id, call.tool, call.snippet) for call in seen] == list(
        zip(by_hand["message"], by_hand["tool"], by_hand["result"], strict=True)
    )
    assert {call.tool for call in calls_behind(db, ann, filters, meant=CallsMeant(server="files"), limit=1000).items} == {
        tool for tool in TOOLS if tool.startswith("files")
    }


def test_what_no_call_is_cannot_be_listed(db: Database, ann: Viewer) -> None:
    filters = Filters(Period(START, END))
    for meant in (CallsMeant(ended="eaten"), CallsMeant(reason="hunger")):
        with pytest.raises(Invalid):
            calls_behind(db, ann, filters, meant=meant)
    with pytest.raises(Invalid):
        fills_behind(db, ann, filters, meant=FillsMeant(cut="paper"))


def test_nothing_and_one_call_are_counted_too(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    filters = Filters(Period(now - timedelta(days=3), now + timedelta(days=3)))
    empty = tool_report(db, viewer, filters, now=now)
    chat = make_chat(db, viewer)
    _, answer = make_exchange(db, viewer, chat.id, now=now)
    call = {"id": "1", "name": "calculator", "arguments": {}, "round": 1, "position": 0, "state": "failed", "duration_s": 0.5}
    with db.write() as tx:
        tx.execute(sa.update(MESSAGES).where(MESSAGES.c.id == answer.id).values(tool_calls=json.dumps([call])))
    one = tool_report(db, viewer, filters, now=now)
    for name in ("tiles", "tools", "servers", "models", "over_time", "errors", "rounds"):
        assert dict(getattr(one, name).dtypes) == dict(getattr(empty, name).dtypes), name
        assert len(getattr(empty, name)) == (4 if name == "tiles" else 0)
    (told,) = one.tools.to_dict("records")
    assert (told["tool"], told["server"], told["failed_share"], told["call_duration_s_p99"]) == ("calculator", "Built in", 1.0, 0.5)
    assert one.errors.to_dict("records") == [{"tool": "calculator", "state": "failed", "reason": "tool_failed", "calls": 1, "share": 1.0}]
    assert (one.rounds["rounds"].to_list(), one.rounds["answers"].to_list()) == ([1], [1])
    assert (empty.tiles["value"][0], one.tiles["value"][0]) == (0, 1)
    assert context(db, viewer, filters).empty


def test_calls_in_another_form_are_none(db: Database, now: datetime) -> None:
    viewer, odd = (
        make_viewer(db),
        '{"id": "1", "name": "n", "arguments": {}, "round": 99999, "position": 0, "state": "done", "duration_s": -1}',
    )
    for text in ("no JSON", "{}", "[1]", '[{"id": "x", "name": "y", "arguments": {}}]', f"[{odd}]"):
        _, answer = make_exchange(db, viewer, make_chat(db, viewer).id, now=now)
        with db.write() as tx:
            tx.execute(sa.update(MESSAGES).where(MESSAGES.c.id == answer.id).values(tool_calls=text))
    (told,) = tools(db, viewer, Filters(Period(now - timedelta(days=1), now + timedelta(days=1)))).to_dict("records")
    assert (told["calls"], told["calls_with_call_duration_s"]) == (1, 0), "what says nothing that can be is in no number"


def test_calls_go_with_their_chat_and_windows_stay(db: Database, now: datetime) -> None:
    viewer = person(db, "ann", now)
    write_called(db, viewer, start=START, end=END, turns=20, seed=5)
    filters = Filters(Period(START, END))
    before, full = tools(db, viewer, filters), context_fill(db, viewer, filters)
    with db.read() as tx:
        chats = list(tx.execute(sa.select(TABLES["chatsession"].c.id).where(TABLES["chatsession"].c.user_id == viewer.user_id)).scalars())
    delete_chats(db, viewer, chats, now=END)
    pd.testing.assert_frame_equal(tools(db, viewer, filters), before)
    assert calls_behind(db, viewer, filters).items[0].in_trash
    purge_chats(db, viewer, chats)
    assert tools(db, viewer, filters).empty
    pd.testing.assert_frame_equal(context_fill(db, viewer, filters), full)
    (first, *_) = fills_behind(db, viewer, filters).items
    assert (first.chat_id, first.snippet) == (None, "")


def test_the_calls_of_an_answer_that_grows_are_marked_only_when_they_change(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    _, answer = make_exchange(db, viewer, make_chat(db, viewer).id, now=now)
    filters = Filters(Period(now - timedelta(days=1), now + timedelta(days=1)))
    call = {"id": "1", "name": "calculator", "arguments": {}, "round": 1, "position": 0, "state": "running"}
    refresh(db)

    def save(content: str, state: str) -> int:
        text = json.dumps([call | {"state": state}])
        with db.write() as tx:
            tx.execute(sa.update(MESSAGES).where(MESSAGES.c.id == answer.id).values(content=content, tool_calls=text))
        with db.read() as tx:
            marks = tx.execute(sa.select(sa.func.count()).select_from(TABLES["usage_dirty"])).scalar_one()
        refresh(db)
        return int(marks)

    assert [save("a", "running"), save("ab", "running"), save("abc", "done")] == [1, 0, 1]
    assert tools(db, viewer, filters)["done"].to_list() == [1]


def test_the_owner_counts_everybodys_calls_and_lists_nobodys(db: Database, now: datetime) -> None:
    owner, bob = make_viewer(db, "Ada", is_owner=True), person(db, "bob", now)
    theirs, _ = write_called(db, bob, start=START, end=END, turns=10, seed=8)
    everybody = Filters(Period(START, END), everybody=True)
    assert tools(db, owner, everybody)["calls"].sum() == len(theirs)
    assert tools(db, owner, Filters(Period(START, END))).empty
    for ask in (tools, context, calls_behind, fills_behind):
        with pytest.raises(Denied):
            ask(db, bob, everybody)
    with pytest.raises(Denied):
        calls_behind(db, owner, everybody)


def test_a_day_in_another_zone_has_other_calls(db: Database, ann: Viewer) -> None:
    made = Maker(db, ann, random.Random(1))
    made.turn(datetime(2026, 3, 8, 18, 20, tzinfo=UTC), answers=1)
    made.save()
    call = {"id": "1", "name": "n", "arguments": {}, "round": 1, "position": 0, "state": "done"}
    with db.write() as tx:
        tx.execute(sa.update(MESSAGES).where(MESSAGES.c.role == "assistant").values(tool_calls=json.dumps([call])))
    for time_zone, day in (("Asia/Kathmandu", date(2026, 3, 9)), ("UTC", date(2026, 3, 8))):
        frame = tools_over_time(db, ann, Filters(whole_days(FIRST, LAST, time_zone), time_zone=time_zone))
        assert [start.date() for start in frame["start"]] == [day]
