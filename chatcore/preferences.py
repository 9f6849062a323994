"""What a person chose for all of their chats."""

import json
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

import chatcore.models  # noqa: F401  # fills the metadata
from chatcore.db import Database
from chatcore.errors import Invalid
from chatcore.history import clean_name
from chatcore.organise.names import take_turn
from chatcore.parts import Viewer

SETTINGS = SQLModel.metadata.tables["user_setting"]
TITLES, TITLE_MODEL = "titles", "title_model"


@dataclass(frozen=True, slots=True)
class Preferences:
    """`titles`: whether a model names new chats. `title_model`: which one, as (provider, model); None for the one that answered."""

    titles: bool = True
    title_model: tuple[str, str] | None = None


def read_preferences(db: Database, viewer: Viewer) -> Preferences:
    """What the viewer chose; what they did not is as it is for everybody."""
    with db.read() as tx:
        return read_preferences_in(tx, viewer)


def read_preferences_in(tx: Session, viewer: Viewer) -> Preferences:
    """The same as `read_preferences` inside a transaction. What another program wrote there and we cannot use is left out."""
    rows = tx.execute(sa.select(SETTINGS.c.name, SETTINGS.c.value).where(SETTINGS.c.user_id == viewer.user_id))
    found = {row.name: loaded(row.value) for row in rows}
    model = found.get(TITLE_MODEL)
    named = isinstance(model, list) and len(model) == 2 and all(isinstance(part, str) and part for part in model)
    return Preferences(found.get(TITLES) is not False, (str(model[0]), str(model[1])) if isinstance(model, list) and named else None)


def write_preferences(db: Database, viewer: Viewer, preferences: Preferences) -> Preferences:
    """Changes all of it. Raises Invalid for a model that cannot name a chat."""
    model = preferences.title_model
    if model is not None:
        if model[0] == "guide":
            raise Invalid("The built-in guide cannot name chats.", "Choose a language model, or the one that answered.")
        model = (clean_name(model[0], "provider"), clean_name(model[1], "model"))
    values = {TITLES: preferences.titles, TITLE_MODEL: model}
    with db.write() as tx:
        take_turn(tx, viewer)
        tx.execute(sa.delete(SETTINGS).where(SETTINGS.c.user_id == viewer.user_id, SETTINGS.c.name.in_(list(values))))
        rows = [{"user_id": viewer.user_id, "name": name, "value": json.dumps(value)} for name, value in values.items()]
        tx.execute(sa.insert(SETTINGS), rows)
    return Preferences(preferences.titles, model)


def loaded(value: str) -> object:
    """A stored value; None for what is no JSON."""
    try:
        return json.loads(value)
    except ValueError:
        return None
