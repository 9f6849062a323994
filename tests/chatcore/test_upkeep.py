"""The thread that does what a database needs now and then."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from chatcore.core import open_core
from chatcore.db import Database
from chatcore.history import append, delete_chats, get_chat, list_chats
from chatcore.migrations import search_index
from chatcore.parts import Shelf
from chatcore.search import count_hits, search
from chatcore.settings import Settings
from chatcore.upkeep import Job, Upkeep, empty_trash, index_messages, jobs
from tests.answers import LIMIT_S, until
from tests.conftest import NOW
from tests.factories import make_chat, make_exchange, make_viewer

DAY = timedelta(days=1)


@contextmanager
def upkeep(*todo: Job) -> Iterator[Upkeep]:
    opened = Upkeep(todo, first_after_s=0)
    opened.open()
    try:
        yield opened
    finally:
        opened.close(LIMIT_S)


def countdown(steps: int, done: list[str], name: str) -> Callable[[], bool]:
    """A job that has more to do until it has done so many steps."""

    def step() -> bool:
        done.append(name)
        return done.count(name) < steps

    return step


def test_a_job_that_has_more_to_do_goes_on_at_once_and_then_waits_for_its_turn() -> None:
    done: list[str] = []
    with upkeep(Job("a", 3600, countdown(5, done, "a")), Job("b", 0.001, lambda: False)):
        until(lambda: len(done) == 5)
    assert len(done) == 5


def test_a_long_job_lets_the_others_come_between_its_steps() -> None:
    done: list[str] = []
    with upkeep(Job("long", 3600, countdown(3, done, "long")), Job("short", 3600, countdown(1, done, "short"))):
        until(lambda: len(done) == 4)
    assert done == ["long", "short", "long", "long"]


def test_a_job_that_fails_is_logged_and_tried_again_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    times, done = iter(range(100)), threading.Event()

    def fails_twice() -> bool:
        if next(times) < 2:
            raise RuntimeError("a bug")
        done.set()
        return False

    other: list[str] = []
    with caplog.at_level(logging.INFO), upkeep(Job("shaky", 0.001, fails_twice), Job("other", 0.001, countdown(0, other, "other"))):
        assert done.wait(LIMIT_S)
        until(lambda: bool(other))
    failures = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(failures) == 2
    assert all("shaky" in record.message and record.exc_info for record in failures)


def test_closing_waits_for_the_step_it_is_in_and_no_other_begins(caplog: pytest.LogCaptureFixture) -> None:
    started, go_on, steps = threading.Event(), threading.Event(), []

    def step() -> bool:
        steps.append(1)
        started.set()
        assert go_on.wait(LIMIT_S)
        raise RuntimeError("the database was closed meanwhile")

    opened = Upkeep([Job("slow", 0.001, step)], first_after_s=0)
    opened.open()
    assert started.wait(LIMIT_S)
    opened.close(0.01)
    go_on.set()
    opened.close(LIMIT_S)
    opened.close()
    assert steps == [1]
    assert not caplog.records
    assert "chatcore-upkeep" not in [thread.name for thread in threading.enumerate()]


def test_closing_before_the_first_turn_ends_at_once() -> None:
    opened = Upkeep([Job("never", 1, lambda: pytest.fail("its time has not come"))], first_after_s=3600)
    opened.open()
    opened.close(LIMIT_S)
    assert "chatcore-upkeep" not in [thread.name for thread in threading.enumerate()]


def test_upkeep_without_jobs_ends() -> None:
    with upkeep():
        until(lambda: "chatcore-upkeep" not in [thread.name for thread in threading.enumerate()])


def test_a_core_has_its_upkeep_and_ends_it(migrated_database_url: str) -> None:
    core = open_core(Settings(database_url=migrated_database_url, ollama_host="http://127.0.0.1:9"))
    names = [thread.name for thread in threading.enumerate()]
    core.close()
    assert "chatcore-upkeep" in names
    assert "chatcore-upkeep" not in [thread.name for thread in threading.enumerate()]


# --- the trash ---------------------------------------------------------------------------------------------------


def test_the_trash_is_emptied_after_its_days_and_the_ledger_stays(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    ada, bob = make_viewer(db, "Ada"), make_viewer(db, "Bob")
    for viewer in (ada, bob):
        old, young, kept = (make_chat(db, viewer, title=title).id for title in ("31 days", "29 days", "kept"))
        for chat_id in (old, young, kept):
            make_exchange(db, viewer, chat_id)
        delete_chats(db, viewer, [old], now=NOW - 31 * DAY)
        delete_chats(db, viewer, [young], now=NOW - 29 * DAY)
    (job,) = (job for job in jobs(db, Settings(database_url=""), clock=lambda: NOW) if job.name == "empty the trash")
    with caplog.at_level(logging.INFO, logger="chatcore"), upkeep(job):
        until(lambda: all(len(list_chats(db, viewer, shelf=Shelf.TRASH).items) == 1 for viewer in (ada, bob)))
    for viewer in (ada, bob):
        assert [chat.title for chat in list_chats(db, viewer, shelf=Shelf.TRASH).items] == ["29 days"]
        assert [chat.title for chat in list_chats(db, viewer).items] == ["kept"]
    with db.read() as tx:
        assert tx.execute(sa.text("SELECT count(*), count(session_id) FROM generation")).one() == (6, 4)
    assert "Deleted 2 chats for ever that had been in the trash for 30 days." in caplog.text


@pytest.mark.parametrize("now", [NOW, datetime(9999, 12, 31, tzinfo=NOW.tzinfo)])
def test_no_days_keep_the_trash_for_ever(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    delete_chats(db, viewer, [chat.id], now=NOW - 9999 * DAY)
    assert empty_trash(db, keep_days=0, now=now) is False
    assert get_chat(db, viewer, chat.id)


def test_messages_from_before_the_search_index_are_indexed_while_others_write(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer, title="Tides", messages=450)
    with db.migration() as connection:
        search_index.drop(connection)
        search_index.create(connection)
    assert search(db, viewer, "message", now=NOW).hits == ()
    assert search(db, viewer, "message", now=NOW).indexed == 0.0
    assert index_messages(db)  # titles
    assert index_messages(db)
    part = search(db, viewer, "message", now=NOW)
    assert 0 < part.indexed < 1
    assert [hit.snippet for hit in part.hits[:2]] == ["message 449", "message 448"]
    append(db, viewer, chat.id, role="user", content="written meanwhile", now=NOW + DAY)
    assert [hit.snippet for hit in search(db, viewer, "meanwhile", now=NOW).hits] == ["written meanwhile"]
    with caplog.at_level(logging.INFO, logger="chatcore.upkeep"):
        while index_messages(db):
            pass
    assert "Every message is indexed for the search." in caplog.messages
    assert count_hits(db, viewer, "message", now=NOW) == 450
    assert search(db, viewer, "message", now=NOW).indexed == 1.0
