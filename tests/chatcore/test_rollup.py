"""The rollup says what the tables say, whatever was done in whatever order, and a page that is behind is never believed."""

import json
import random
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from sqlmodel import Session

from chatcore import analytics, doctor, upkeep
from chatcore.analytics import Filters
from chatcore.db import Database
from chatcore.history import delete_chats, purge_chats, restore_chats
from chatcore.parts import Period, Role, Viewer
from chatcore.rollup import making, tables
from chatcore.rollup.days import day_of, start_of
from chatcore.rollup.gather import dirty_days, kept_pages, rows_of
from chatcore.rollup.making import refresh, refresh_step, remake_wrong, waiting_days, wrong_days, wrong_days_of
from chatcore.rollup.pages import Names, Page, join, pack
from chatcore.rollup.tables import read_days
from chatcore.settings import Settings
from tests.chatcore.analytics_rows import TABLES, Maker, person, write_history
from tests.factories import make_chat, make_exchange, make_message, make_viewer

START, END = datetime(2026, 1, 10, tzinfo=UTC), datetime(2026, 2, 10, tzinfo=UTC)
ALL = Filters(Period(START - timedelta(days=40), END + timedelta(days=40)), time_zone="Asia/Kolkata")
MESSAGES, GENERATIONS, REFS = TABLES["chatmessage"], TABLES["generation"], TABLES["importref"]


def is_right(db: Database) -> bool:
    """Whether every page that no mark excuses is as the tables say."""
    with db.read() as tx:
        return list(wrong_days(tx)) == []


def marked(db: Database, viewer: Viewer) -> set[int]:
    with db.read() as tx:
        return dirty_days(tx, viewer.user_id, None, None)


def pages_of(db: Database, viewer: Viewer) -> list[tuple[int, Page]]:
    with db.read() as tx:
        return sorted(kept_pages(tx, viewer.user_id, 0, 2_000_000))


def counted(db: Database, viewer: Viewer) -> tuple[object, ...]:
    """Some numbers of the page, which look at everything in the rows."""
    report = analytics.report(db, viewer, ALL, now=END)
    speeds, ended = analytics.speed_report(db, viewer, ALL, step="week"), analytics.outcomes(db, viewer, ALL)
    tools, windows = analytics.tools(db, viewer, ALL), analytics.context(db, viewer, ALL)
    frames = (
        tools,
        windows,
        report.tiles,
        report.messages_per_day,
        report.tokens_per_day,
        report.models,
        report.busy_hours,
        speeds.speed,
        ended,
    )
    return tuple(frame.to_csv() for frame in frames)


@pytest.fixture
def ann(db: Database, now: datetime) -> Viewer:
    viewer = person(db, "ann", now)
    write_history(db, viewer, start=START, end=END, turns=120)
    return viewer


# --- marks -------------------------------------------------------------------------------------------------------


def test_a_message_marks_its_day_and_that_of_the_prompt_it_answers(db: Database) -> None:
    viewer = make_viewer(db)
    evening = datetime(2026, 3, 14, 23, 59, 59, 999_999, tzinfo=UTC)
    chat = make_chat(db, viewer, now=evening)
    make_message(db, viewer, chat.id, now=evening)
    assert marked(db, viewer) == {day_of(evening)}
    refresh(db)
    assert marked(db, viewer) == set()
    make_message(db, viewer, chat.id, role=Role.ASSISTANT, now=evening + timedelta(days=3))
    assert marked(db, viewer) == {day_of(evening), day_of(evening) + 3}


def test_what_is_not_counted_marks_nothing(db: Database, ann: Viewer) -> None:
    refresh(db)
    with db.write() as tx:
        tx.execute(sa.update(MESSAGES).values(content="longer", status=MESSAGES.c.status))
        tx.execute(sa.update(GENERATIONS).values(heartbeat_at=END))
        tx.execute(sa.update(TABLES["chatsession"]).values(title="renamed", pinned=True))
    assert marked(db, ann) == set()


def test_a_person_who_goes_leaves_neither_marks_nor_pages(db: Database, ann: Viewer) -> None:
    refresh(db)
    with db.write() as tx:
        tx.execute(sa.delete(TABLES["users"]).where(TABLES["users"].c.id == ann.user_id))
    assert (marked(db, ann), pages_of(db, ann)) == (set(), [])


# --- pages -------------------------------------------------------------------------------------------------------


def test_the_numbers_are_the_same_before_while_and_after_the_pages_are_made(db: Database, ann: Viewer) -> None:
    before = counted(db, ann)
    assert refresh_step(db)
    assert marked(db, ann) != set() != {day for day, _ in pages_of(db, ann)}
    assert counted(db, ann) == before
    refresh(db)
    assert marked(db, ann) == set()
    assert counted(db, ann) == before
    assert is_right(db)


def test_a_page_that_is_marked_is_not_believed(db: Database, ann: Viewer) -> None:
    refresh(db)
    before = counted(db, ann)
    with db.write() as tx:
        tx.execute(sa.delete(GENERATIONS).where(GENERATIONS.c.state == "complete"))
    after = counted(db, ann)
    assert after != before
    refresh(db)
    assert counted(db, ann) == after
    assert is_right(db)


def test_making_pages_twice_changes_nothing(db: Database, ann: Viewer) -> None:
    refresh(db)
    once = pages_of(db, ann)
    with db.write() as tx:
        tx.execute(sa.update(GENERATIONS).values(cost=None))
    assert marked(db, ann) != set()
    refresh(db)
    assert pages_of(db, ann) == once


def test_days_with_very_many_marks_are_made_one_by_one(db: Database, ann: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "MOST_MARKS", 1)
    waiting = marked(db, ann)
    assert len(waiting) > 1
    refresh_step(db)
    assert marked(db, ann) == waiting - {max(waiting)}
    refresh(db)
    assert is_right(db)


def test_what_changes_while_a_page_is_made_is_counted_after_all(db: Database, ann: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    day = max(marked(db, ann))
    seen: list[int] = []

    def read_and_change(tx: Session, user_id: str, first: int, last: int) -> Sequence[tuple[int, Page]]:
        pages = read_days(tx, user_id, first, last)
        if not seen and first <= day <= last:
            seen.append(day)
            maker = Maker(db, ann, random.Random(5))
            maker.turn(datetime.fromtimestamp(day * 86_400 + 60, UTC), answers=2)
            maker.save()
        return pages

    monkeypatch.setattr(tables, "read_days", read_and_change)
    refresh_step(db)
    assert seen == [day]
    assert day in marked(db, ann)
    monkeypatch.undo()
    refresh(db)
    assert is_right(db)
    with db.read() as tx:
        written = rows_of(tx, ann, Period(datetime.fromtimestamp(day * 86_400, UTC), datetime.fromtimestamp((day + 1) * 86_400, UTC)))
    assert datetime.fromtimestamp(day * 86_400 + 60, UTC).timestamp() * 1_000_000 in written.messages["at"]


def test_of_two_that_make_the_same_page_the_one_that_looked_earlier_gives_way(
    db: Database, ann: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[int] = []

    def read_late(tx: Session, user_id: str, first: int, last: int) -> Sequence[tuple[int, Page]]:
        pages = read_days(tx, user_id, first, last)
        if not turns:
            turns.append(first)
            with db.write() as other:
                other.execute(sa.delete(MESSAGES).where(MESSAGES.c.role == "assistant"))
            refresh(db)
        return pages

    monkeypatch.setattr(tables, "read_days", read_late)
    refresh_step(db)
    assert marked(db, ann) == set()
    assert is_right(db)


def test_the_doctor_finds_a_page_that_lies_and_remakes_it(db: Database, ann: Viewer) -> None:
    refresh(db)
    before = counted(db, ann)
    days = TABLES["usage_day"]
    lying, gone = [day for day, page in pages_of(db, ann) if page.answers][:2]
    with db.write() as tx:
        tx.execute(sa.update(days).where(days.c.day == lying).values(answers=b""))
        tx.execute(sa.delete(days).where(days.c.day == gone))
    with db.read() as tx:
        assert len(list(wrong_days(tx))) == 2
    assert remake_wrong(db) == 2
    assert counted(db, ann) == before
    assert is_right(db)
    with db.read() as tx:
        assert waiting_days(tx) == 0


def test_the_doctor_says_which_days_are_counted_wrong_and_repairs_them(db: Database, ann: Viewer) -> None:
    def finding() -> doctor.Finding:
        return next(found for found in doctor.examine(db, now=END) if found.check == "rollup")

    assert (finding().level, "counted anew" in finding().message) == (doctor.Level.OK, True)
    for job in upkeep.jobs(db, Settings("unused")):
        while "rollup" in job.name and job.run():
            pass
    assert finding().message == "counted as the tables say"
    days, (day, _) = TABLES["usage_day"], pages_of(db, ann)[0]
    with db.write() as tx:
        tx.execute(sa.delete(days).where(days.c.day == day))
    assert finding().level is doctor.Level.PROBLEM
    assert finding().examples == (f"ann {start_of(day):%Y-%m-%d}",)
    assert doctor.repair(db) >= 1
    assert finding().level is doctor.Level.OK


def test_others_are_not_in_a_page(db: Database, ann: Viewer, now: datetime) -> None:
    before = counted(db, ann)
    bob = person(db, "bob", now)
    write_history(db, bob, start=START, end=END, turns=40, seed=4)
    refresh(db)
    assert counted(db, ann) == before
    assert counted(db, bob) != before


# --- any order of anything ---------------------------------------------------------------------------------------


def chats_of(db: Database, viewer: Viewer) -> list[uuid.UUID]:
    chats = TABLES["chatsession"]
    with db.read() as tx:
        return list(tx.execute(sa.select(chats.c.id).where(chats.c.user_id == viewer.user_id).order_by(chats.c.id)).scalars())


def write_more(db: Database, viewer: Viewer, luck: random.Random) -> None:
    write_history(db, viewer, start=START, end=END, turns=3, seed=luck.randrange(1000))


def answer_an_old_prompt(db: Database, viewer: Viewer, luck: random.Random) -> None:
    theirs = sa.and_(MESSAGES.c.role == "user", MESSAGES.c.user_id == viewer.user_id)
    with db.read() as tx:
        prompts = tx.execute(sa.select(MESSAGES.c.id, MESSAGES.c.session_id).where(theirs).order_by(MESSAGES.c.id)).all()
    if prompts:
        prompt = luck.choice(prompts)
        maker = Maker(db, viewer, luck)
        maker.answer(prompt.session_id, prompt.id, END - timedelta(hours=luck.randrange(600)))
        maker.save()


def delete_a_chat(db: Database, viewer: Viewer, luck: random.Random) -> None:
    chats = chats_of(db, viewer)
    if chats:
        purge_chats(db, viewer, [luck.choice(chats)], forget_usage=luck.random() < 0.5)


def trash_and_restore(db: Database, viewer: Viewer, luck: random.Random) -> None:
    chats = chats_of(db, viewer)[:2]
    delete_chats(db, viewer, chats, now=END)
    restore_chats(db, viewer, chats)


def change_rows(db: Database, viewer: Viewer, luck: random.Random) -> None:
    """What an importer or a person at the database might do."""
    moved = sa.update(GENERATIONS).where(GENERATIONS.c.id % 5 == luck.randrange(5))
    with db.write() as tx:
        if luck.random() < 0.5:
            when = END - timedelta(hours=luck.randrange(900))
            tx.execute(moved.values(started_at=when, input_tokens=7, output_tokens=3, usage_source="reported"))
        else:
            tx.execute(sa.update(MESSAGES).where(MESSAGES.c.id % 7 == 0).values(created_at=START + timedelta(hours=luck.randrange(900))))
            tx.execute(sa.update(MESSAGES).where(MESSAGES.c.role == "assistant", MESSAGES.c.id % 4 == 1).values(model_name="renamed"))


def import_something(db: Database, viewer: Viewer, luck: random.Random) -> None:
    with db.read() as tx:
        theirs = sa.select(MESSAGES.c.id).where(MESSAGES.c.user_id == viewer.user_id)
        messages = list(tx.execute(theirs.order_by(MESSAGES.c.id)).scalars())
    if messages:
        row = {"source": "x", "kind": "message", "external_id": str(uuid.uuid4()), "user_id": viewer.user_id, "imported_at": END}
        with db.write() as tx:
            tx.execute(REFS.insert().values(**row, message_id=luck.choice(messages)))


def call_tools(db: Database, viewer: Viewer, luck: random.Random) -> None:
    call = {"id": "1", "name": luck.choice("ab"), "arguments": {}, "round": 1, "position": 0, "state": luck.choice(("done", "failed"))}
    some_of = sa.and_(MESSAGES.c.user_id == viewer.user_id, MESSAGES.c.role == "assistant", MESSAGES.c.id % 3 == luck.randrange(3))
    window = {"context_window": 4096, "context_tokens": luck.randrange(5000), "left_out": luck.random() < 0.5, "finish_reason": "length"}
    theirs = sa.and_(GENERATIONS.c.user_id == viewer.user_id, GENERATIONS.c.id % 3 == luck.randrange(3))
    with db.write() as tx:
        tx.execute(sa.update(MESSAGES).where(some_of).values(tool_calls=json.dumps([call])))
        tx.execute(sa.update(GENERATIONS).where(theirs).values(window))


def make_some_pages(db: Database, viewer: Viewer, luck: random.Random) -> None:
    refresh_step(db)


DEEDS: tuple[Callable[[Database, Viewer, random.Random], None], ...] = (
    write_more, answer_an_old_prompt, delete_a_chat, trash_and_restore, change_rows, call_tools, import_something, make_some_pages,
    make_some_pages,
)  # fmt: skip


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deeds=some.lists(some.sampled_from(DEEDS), min_size=3, max_size=12), seed=some.integers(0, 2**16))
def test_whatever_is_done_the_pages_say_what_the_tables_say(
    db: Database, now: datetime, deeds: list[Callable[[Database, Viewer, random.Random], None]], seed: int
) -> None:
    luck = random.Random(seed)
    viewer = person(db, f"ann-{uuid.uuid4()}", now)
    write_more(db, viewer, luck)
    for deed in deeds:
        deed(db, viewer, luck)
        with db.read() as tx:
            assert list(wrong_days_of(tx, viewer.user_id)) == []
    shown = counted(db, viewer)
    refresh(db)
    with db.read() as tx:
        assert list(wrong_days_of(tx, viewer.user_id)) == []
    assert marked(db, viewer) == set()
    assert counted(db, viewer) == shown


# --- the format --------------------------------------------------------------------------------------------------


def test_pages_with_other_names_at_the_same_places_are_joined_by_name() -> None:
    def page(at: int, *models: tuple[str, str]) -> Page:
        names = Names()
        messages = [(at, 1, names.of_models((model,)), 0, False) for model in models]
        return pack(messages, [(at, 1, *[0] * 4, *[0.0] * 6, 0, names.of_error(f"error {at}"), 0, 0, False)], names)

    a, b = ("p", "a"), ("p", "b")
    pages = [page(1, a, b), page(2, b, a), page(3, b)]
    names, messages, answers = ([getattr(own, part) for own in pages] for part in ("names", "messages", "answers"))
    joined = join(["ann", "bob", "ann"], names, messages, answers)
    assert [joined.models[place][0] for place in joined.messages["models"]] == [a, b, b, a, b]
    assert [joined.errors[place] for place in joined.answers["error"]] == ["error 1", "error 2", "error 3"]
    assert [joined.users[place] for place in joined.messages["user"]] == ["ann", "ann", "bob", "bob", "ann"]


def test_chats_of_an_exchange_are_told_apart(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    for number in range(5):
        chat = make_chat(db, viewer, now=now)
        make_exchange(db, viewer, chat.id, now=now + timedelta(minutes=number))
    with db.read() as tx:
        rows = rows_of(tx, viewer, Period(now - timedelta(days=1), now + timedelta(days=1)))
    assert len(set(rows.messages["chat"].tolist())) == 5
    assert set(rows.answers["chat"].tolist()) <= set(rows.messages["chat"].tolist())
