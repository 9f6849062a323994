"""An import that is killed leaves every message either whole and to be found, or not there at all."""

from itertools import islice

import sqlalchemy as sa

from chatcore.db import Database, open_database
from chatcore.history import list_chats
from chatcore.search import count_hits, find_chats, search
from chatcore.search.check import compare_all
from tests.answers import until
from tests.chatcore.search.children import child
from tests.chatcore.search.process import MESSAGES_A_CHAT
from tests.factories import make_viewer

KILLS = 3


def test_a_kill_in_the_middle_of_an_import_leaves_the_index_right(db: Database) -> None:
    viewer = make_viewer(db)
    seen = 0
    for kill in range(KILLS):
        with child("import", db, viewer.user_id) as lines:
            # Another number each time, so that the kill comes at another place of the work.
            seen += max(line["chats"] for line in islice(lines, 3 + 5 * kill))
        check(db, seen)
        again = open_database(db.url.render_as_string(hide_password=False))
        check(again, seen)
        again.close()
    number = count_hits(db, viewer, "moon", cap=100_000)
    assert number >= seen * MESSAGES_A_CHAT
    assert number % MESSAGES_A_CHAT == 0
    assert len(list_chats(db, viewer, limit=1000).items) * MESSAGES_A_CHAT == number
    assert len(find_chats(db, viewer, "imported", limit=1000)) * MESSAGES_A_CHAT == number
    # Each of the children began with chat0, and none was cut off before it.
    assert len(search(db, viewer, '"word7 chat0"').hits) == KILLS
    assert search(db, viewer, "-chat:imported").hits == ()


def check(db: Database, at_least: int) -> None:
    """Every message has its entry and every entry its message, with the words of that message."""
    if not db.is_sqlite:
        # The server needs a moment to see that the process is gone, and undoes its transaction then.
        until(lambda: numbers(db, "pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'") == 0)
    messages = numbers(db, "chatmessage")
    assert messages >= at_least * MESSAGES_A_CHAT
    assert messages % MESSAGES_A_CHAT == 0
    assert numbers(db, "message_search") == numbers(db, "message_search s JOIN chatmessage m ON m.id = s.message_id") == messages
    assert numbers(db, "chat_search") == numbers(db, "chatsession")
    assert compare_all(db) is None


def numbers(db: Database, table: str) -> int:
    with db.read() as tx:
        number: int = tx.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one()
    return number
