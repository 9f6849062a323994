"""What a person thinks of an answer: a thumb and, if they like, a note."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import SQLModel

from chatcore.db import Database
from chatcore.errors import Invalid
from chatcore.history import no_message, possible_id
from chatcore.parts import Role, Viewer
from chatcore.rows import LARGEST_ID, MESSAGES, parts_of
from chatcore.texts import storable

FEEDBACK = SQLModel.metadata.tables["feedback"]
LONGEST_NOTE = 2000


@dataclass(frozen=True, slots=True)
class Rating:
    """A thumb: 1 up, -1 down."""

    rating: int
    note: str | None = None


def rate(db: Database, viewer: Viewer, message_id: int, *, rating: int | None, note: str | None = None, now: datetime) -> Rating | None:
    """Rates an answer, in the place of what was said before; None takes the rating back, with its note.

    Raises NotFound, Invalid: no answer, another number than 1 and -1, a note above 2,000 characters or without a thumb.
    """
    if rating not in (1, -1, None):
        raise Invalid(f"An answer cannot be rated {rating}.", "Send 1 for good, -1 for bad.")
    note = storable(note).strip() or None if note else None
    if note is not None and len(note) > LONGEST_NOTE:
        raise Invalid(f"The note has {len(note):,} characters, the most is {LONGEST_NOTE:,}.", "Say it shorter.")
    if note is not None and rating is None:
        raise Invalid("A note needs a thumb.", "Rate the answer up or down, then say why.")
    theirs = sa.and_(MESSAGES.c.id == possible_id(message_id), MESSAGES.c.user_id == viewer.user_id)
    given = sa.and_(FEEDBACK.c.message_id == message_id, FEEDBACK.c.user_id == viewer.user_id)
    with db.write() as tx:
        # Locked, so that the second click of a double click waits for the first.
        role = tx.execute(sa.select(MESSAGES.c.role).where(theirs).with_for_update(key_share=True)).scalar()
        if role is None:
            raise no_message()
        if role != Role.ASSISTANT:
            raise Invalid("Only an answer can be rated.", "Choose the answer to the prompt, not the prompt itself.")
        tx.execute(sa.delete(FEEDBACK).where(given))
        if rating is None:
            return None
        values = {"user_id": viewer.user_id, "message_id": message_id, "rating": rating, "note": note, "created_at": now}
        tx.execute(sa.insert(FEEDBACK).values(values))
    return Rating(rating, note)


def ratings(db: Database, viewer: Viewer, message_ids: Iterable[int]) -> dict[int, Rating]:
    """What the viewer said of these messages, in one statement; those they did not rate are left out."""
    found: dict[int, Rating] = {}
    columns = (FEEDBACK.c.message_id, FEEDBACK.c.rating, FEEDBACK.c.note)
    with db.read() as tx:
        for part in parts_of(message_id for message_id in message_ids if abs(message_id) <= LARGEST_ID):
            given = sa.select(*columns).where(FEEDBACK.c.user_id == viewer.user_id, FEEDBACK.c.message_id.in_(part))
            found |= {row.message_id: Rating(row.rating, row.note) for row in tx.execute(given)}
    return found
