"""Rows written past SQLAlchemy are what SQLAlchemy reads."""

from datetime import timedelta

import sqlalchemy as sa

from chatcore.bulk import insert_rows
from chatcore.columns import new_chat_id
from chatcore.db import Database
from chatcore.rows import CHATS
from tests.factories import NOW, make_viewer

NAMES = ("id", "user_id", "title", "created_at", "updated_at", "pinned", "last_message_at", "archived", "provider", "model_name")


def test_each_row_keeps_its_own_times_ids_and_flags_and_what_is_unknown(db: Database) -> None:
    ada, later = make_viewer(db, "Ada"), NOW + timedelta(microseconds=1)
    times = [(NOW, None), (NOW, NOW), (later, None), (NOW, later), (later, later)]
    rows = [
        (new_chat_id(), ada.user_id, f"Chat {number}", at, at, number % 2 == 1, last_at, False, "p", "m")
        for number, (at, last_at) in enumerate(times)
    ]
    with db.write() as tx:
        insert_rows(tx, CHATS, NAMES, rows)
        insert_rows(tx, CHATS, NAMES, iter([]))
    with db.read() as tx:
        assert tx.execute(sa.select(*(CHATS.c[name] for name in NAMES)).order_by(CHATS.c.title)).all() == rows
