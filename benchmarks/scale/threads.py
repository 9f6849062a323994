"""Opening chats: a very long one at each place that can be asked for, and many different ones at their end."""

import uuid
from collections.abc import Iterator
from datetime import datetime
from functools import partial

import sqlalchemy as sa

from benchmarks.figures import Figure
from benchmarks.scale.ground import Ground, half_and_most
from chatcore import history
from chatcore.parts import Viewer
from chatcore.rows import CHATS, MESSAGES
from chatcore.thread import END, START, After, Around, Before, Place, first_since, open_thread

BUDGET_MS = 5.0
WINDOW = 40


def measure(ground: Ground) -> Iterator[Figure]:
    """`thread.open_thread` with 40 messages. "Another chat each time" opens none twice, spread over the two years."""
    db, budget = ground.db, ground.budget(BUDGET_MS)
    top = ground.people["top user"]
    if ground.filling.long_chat:
        long = uuid.UUID(ground.filling.long_chat)
        length = history.get_chat(db, top, long).message_count
        middle, when = middle_message(ground, long)
        places: dict[str, Place] = {
            "its end": END,
            "its start": START,
            "around its middle": Around(middle),
            "before its middle": Before(middle),
            "after its middle": After(middle),
        }
        for name, place in places.items():
            window = partial(open_thread, db, top, long, place=place, limit=WINDOW)
            yield from half_and_most(f"chat of {length:,}, {name}", ground.timed([window]), budget=budget)
        to_date = partial(first_since, db, top, long, moment=when)
        yield from half_and_most(f"chat of {length:,}, which message a date means", ground.timed([to_date]), budget=budget)
    for who, viewer in ground.people.items():
        chats = some_chats(ground, viewer, ground.effort.samples)
        if not chats:
            continue
        samples = [ground.once(partial(open_thread, db, viewer, chat, limit=WINDOW)) for chat in chats]
        yield from half_and_most(f"another chat each time, {who}", samples, budget=budget)
        again = ground.timed([partial(open_thread, db, viewer, chats[-1], limit=WINDOW)])
        yield from half_and_most(f"the same chat again, {who}", again, budget=budget)


def middle_message(ground: Ground, chat_id: uuid.UUID) -> tuple[int, datetime]:
    """The message in the middle of a chat, and when it was written."""
    theirs = sa.select(MESSAGES.c.id, MESSAGES.c.created_at).where(MESSAGES.c.session_id == chat_id).order_by(MESSAGES.c.id)
    with ground.db.read() as tx:
        rows = tx.execute(theirs).all()
    row = rows[len(rows) // 2]
    return row.id, row.created_at


def some_chats(ground: Ground, viewer: Viewer, number: int, *, least: int = 2, most: int = 80) -> list[uuid.UUID]:
    """So many chats of that length out of the trash, evenly over the time; fewer if there are fewer."""
    wanted = sa.and_(CHATS.c.user_id == viewer.user_id, CHATS.c.deleted_at.is_(None), CHATS.c.message_count.between(least, most))
    with ground.db.read() as tx:
        ids = tx.execute(sa.select(CHATS.c.id).where(wanted).order_by(CHATS.c.created_at, CHATS.c.id)).scalars().all()
    return [ids[place * len(ids) // number] for place in range(number)] if len(ids) > number else list(ids)
