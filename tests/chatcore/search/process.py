"""A process of its own that fills the index or imports, until it is done or killed: started by test_build and test_import.

python -m tests.chatcore.search.process build DATABASE_URL: indexes what is not indexed yet, and prints one JSON line for each
step: {"done": number, "of": number}.

python -m tests.chatcore.search.process import DATABASE_URL USER_ID: imports chats for ever, one transaction each, and prints
{"chats": number} after each.
"""

import json
import sys
from datetime import timedelta

import sqlalchemy as sa

from chatcore.db import Database, open_database
from chatcore.history import append_in, create_chat_in
from chatcore.parts import Role, Viewer
from chatcore.rows import CHATS, MESSAGES
from chatcore.search.build import build_index
from tests.conftest import NOW

MESSAGES_A_CHAT = 20


def say(**words: object) -> None:
    print(json.dumps(words), flush=True)


def build(db: Database) -> None:
    """Indexes everything."""
    build_index(db, on_progress=lambda done, of: say(done=done, of=of))


def import_chats(db: Database, user_id: str) -> None:
    """Writes chats with numbered words: some rows one by one as the product does, the rest at once as an import does."""
    viewer, number = Viewer(user_id, user_id), 0
    while True:
        now = NOW + timedelta(minutes=number)
        with db.write() as tx:
            chat = create_chat_in(tx, viewer, now=now, title=f"chat{number}")
            first = append_in(tx, viewer, chat.id, role=Role.USER, content=f"moon chat{number}", now=now)
            rows = [
                {"session_id": chat.id, "user_id": user_id, "role": "user", "content": f"moon word{place} chat{number}"}
                | {"created_at": now + timedelta(seconds=place), "parent_id": first.id}
                for place in range(1, MESSAGES_A_CHAT)
            ]
            tx.execute(sa.insert(MESSAGES), rows)
            tx.execute(sa.update(CHATS).where(CHATS.c.id == chat.id).values(title=f"imported chat{number}"))
        number += 1
        say(chats=number)


def main(task: str, url: str, *rest: str) -> None:
    db = open_database(url)
    if task == "build":
        build(db)
    else:
        import_chats(db, *rest)
    db.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
