"""The names people give: one line, something to see, and the same name whatever its case."""

import unicodedata

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

import chatcore.models  # noqa: F401  # fills the metadata
from chatcore.errors import Invalid
from chatcore.parts import Viewer
from chatcore.texts import CONTROL, storable

USERS = SQLModel.metadata.tables["users"]


def clean_name(name: str, *, what: str, longest: int, without: str = "") -> str:
    """The name as it is stored: on one line, in Unicode's composed form. Raises Invalid if nothing can be seen of it, if it
    is longer than `longest` characters, or if it has one of the characters of `without`."""
    name = unicodedata.normalize("NFC", " ".join(storable(CONTROL.sub(" ", name)).split()))
    # Unassigned ones (Cn) count as seen: new emoji are that to an older Python.
    if all(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zs", "Zl", "Zp") for character in name):
        raise Invalid(f"The name of the {what} is empty.", "Give it a name of at least one letter.")
    if len(name) > longest:
        raise Invalid(f"The name of the {what} has {len(name):,} characters, the most is {longest}.", "Choose a shorter one.")
    for character in without:
        if character in name:
            raise Invalid(f"The name of the {what} has a {character!r} in it.", f"Choose one without {character!r}.")
    return name


def key_of(name: str) -> str:
    """What two spellings of one name have in common."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", storable(name)).casefold())


def take_turn(tx: Session, viewer: Viewer) -> None:
    """Lets nobody else change this person's order until the transaction ends: what is checked first then still holds.

    SQLite has one writer anyway. On PostgreSQL rows that only point to the person do not wait.
    """
    tx.execute(sa.select(USERS.c.id).where(USERS.c.id == viewer.user_id).with_for_update(key_share=True))
