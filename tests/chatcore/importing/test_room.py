"""An import writes much at once where nobody waits, and makes room for who does."""

import gc
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatcore import history
from chatcore.db import Database, open_database
from chatcore.importing import Pace, import_file, room
from chatcore.importing.room import Room
from chatcore.importing.turns import TURN_S, VALUES_A_LOOK, short_turns
from chatcore.parts import Role, Viewer
from chatcore.search import count_hits
from chatcore.search.check import compare_all
from chatcore.thread import open_thread
from tests.answers import until
from tests.chatcore.importing.test_importing import line, refuse_no, write
from tests.factories import NOW, make_viewer


@pytest.fixture
def ada(db: Database) -> Viewer:
    return make_viewer(db, "Ada")


@pytest.fixture
def other(db: Database) -> Iterator[Database]:
    """The same database as another program has it open."""
    opened = open_database(db.url.render_as_string(hide_password=False))
    yield opened
    opened.close()


def test_a_transaction_ends_when_somebody_stands_in_line(db: Database, ada: Viewer) -> None:
    taken = Room.of(db)
    chat = history.create_chat(db, ada, now=NOW)
    waiting = threading.Thread(target=history.append, args=(db, ada, chat.id), kwargs={"role": Role.USER, "content": "moon", "now": NOW})
    with db.write() as tx:
        taken.begin(tx)
        assert not taken.is_over()
        if db.is_sqlite:
            waiting.start()
            until(lambda: db.is_awaited)
        assert taken.is_over() == db.is_sqlite
    if db.is_sqlite:
        waiting.join()
    assert not db.is_awaited


def test_transactions_are_short_beside_another_program_that_writes(
    db: Database, ada: Viewer, other: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "BESIDE_OTHERS_S", -1.0)
    taken = Room.of(db)
    over = []
    for writer in (db, db, other):
        with db.write() as tx:
            taken.begin(tx)
            over.append(taken.is_over())
        # Only what the other program does counts, not folding the log.
        history.create_chat(writer, ada, now=NOW)
        db.fold_log()
    with db.write() as tx:
        taken.begin(tx)
        over.append(taken.is_over())
    assert over == [False, False, False, db.is_sqlite]


@pytest.mark.parametrize("limit_s", [-1.0, 10.0])
def test_chats_come_whole_wherever_transactions_end(
    db: Database, ada: Viewer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit_s: float
) -> None:
    """After each look or never; and what was written before a refusal, in the same transaction, is written again and not mixed up."""
    monkeypatch.setattr(room, "MESSAGES_A_LOOK", 2)
    monkeypatch.setattr(room, "ALONE_S", limit_s)
    monkeypatch.setattr("chatcore.search.entering.MESSAGES_A_PIECE", 3)
    refuse_no(db)
    texts = {name: [f"{name} moon {place}" for place in range(7)] for name in ("a", "b", "c")}
    chats = [*(line(name, texts[name]) for name in texts), line("x", ["no"])]
    paces: list[int] = []

    def note(pace: Pace) -> None:
        paces.append(pace.done)

    report = import_file(db, ada, write(tmp_path, chats), now=NOW, on_pace=note)
    assert (report.chats, report.messages) == ({"imported": 3, "skipped": 1}, {"imported": 21})
    for found in report.imported:
        thread = open_thread(db, ada, found.chat_id).messages
        assert [message.content for message in thread] == texts[thread[0].content[0]]
        assert history.get_chat(db, ada, found.chat_id).message_count == 7
    assert len(paces) == (10 if db.is_sqlite and limit_s < 0 else 1)
    assert count_hits(db, ada, "moon") == 21
    assert compare_all(db) is None


def test_turns_are_short_and_looks_for_garbage_rare_until_the_last_import_ends() -> None:
    usual, looks = sys.getswitchinterval(), gc.get_threshold()
    with short_turns():
        with short_turns():
            assert sys.getswitchinterval() == pytest.approx(TURN_S)
            assert gc.get_threshold() == (VALUES_A_LOOK, *looks[1:])
        assert sys.getswitchinterval() == pytest.approx(TURN_S)
        assert gc.get_threshold() == (VALUES_A_LOOK, *looks[1:])
    assert sys.getswitchinterval() == usual
    assert gc.get_threshold() == looks


def test_who_never_looks_for_garbage_goes_on_so() -> None:
    looks = gc.get_threshold()
    gc.set_threshold(0)
    try:
        with short_turns():
            assert gc.get_threshold()[0] == 0
        assert gc.get_threshold()[0] == 0
    finally:
        gc.set_threshold(*looks)
