"""How much an installation holds, over everybody: for who runs it, at the command line only. No text is read."""

from dataclasses import dataclass

import sqlalchemy as sa

from chatcore.accounts import USERS, VIEWER_COLUMNS
from chatcore.db import Database
from chatcore.errors import Conflict, NotFound
from chatcore.parts import Viewer
from chatcore.rows import CHATS, GENERATIONS, MESSAGES
from chatcore.texts import storable

SHOWN_PEOPLE = 10


@dataclass(frozen=True, slots=True)
class ModelUse:
    """What was asked of one model. Tokens are None if no answer has a known count, which is not the same as 0."""

    provider: str
    model: str
    answers: int
    failed: int
    input_tokens: int | None
    output_tokens: int | None


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts of the whole database, and what each model was used for, most answers first."""

    people: int
    chats: int
    chats_in_trash: int
    messages: int
    models: tuple[ModelUse, ...]


def count_all(db: Database) -> Stats:
    """Everything in one consistent look."""
    answers = sa.func.count().label("answers")
    by_model = (
        sa.select(
            GENERATIONS.c.provider,
            GENERATIONS.c.model_name.label("model"),
            answers,
            sa.func.count().filter(GENERATIONS.c.state == "failed").label("failed"),
            sa.cast(sa.func.sum(GENERATIONS.c.input_tokens), sa.BigInteger).label("input_tokens"),
            sa.cast(sa.func.sum(GENERATIONS.c.output_tokens), sa.BigInteger).label("output_tokens"),
        )
        .group_by(GENERATIONS.c.provider, GENERATIONS.c.model_name)
        .order_by(answers.desc(), GENERATIONS.c.provider, GENERATIONS.c.model_name)
    )
    chats = sa.select(sa.func.count().label("all"), sa.func.count(CHATS.c.deleted_at).label("trash"))
    with db.read() as tx:
        found = tx.execute(chats).mappings().one()
        return Stats(
            people=tx.execute(sa.select(sa.func.count()).select_from(USERS)).scalar_one(),
            chats=found["all"],
            chats_in_trash=found["trash"],
            messages=tx.execute(sa.select(sa.func.count()).select_from(MESSAGES)).scalar_one(),
            models=tuple(ModelUse(**row) for row in tx.execute(by_model).mappings()),
        )


def person(db: Database, wanted: str) -> Viewer:
    """The person of this id or e-mail. Raises NotFound if there is none, Conflict for an e-mail that several people have."""
    name = storable(wanted)
    match = sa.or_(USERS.c.id == name, USERS.c.email == name)
    with db.read() as tx:
        found = tx.execute(sa.select(*VIEWER_COLUMNS).where(match).order_by(USERS.c.id != name, USERS.c.id).limit(SHOWN_PEOPLE)).all()
        if not found:
            ids = tx.execute(sa.select(USERS.c.id).order_by(USERS.c.id).limit(SHOWN_PEOPLE + 1)).scalars().all()
    if not found:
        known = ", ".join(ids[:SHOWN_PEOPLE]) + (" and more" if len(ids) > SHOWN_PEOPLE else "")
        raise NotFound(f"There is no person {wanted!r}.", f"Known here: {known}." if ids else "Nobody has used this database yet.")
    if found[0].id != name and len(found) > 1:
        raise Conflict(f"Several people have the e-mail {wanted}.", f"Name one by the id: {', '.join(row.id for row in found)}.")
    return Viewer(user_id=found[0].id, name=found[0].name, email=found[0].email, is_owner=found[0].is_owner)
