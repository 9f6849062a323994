"""How much an installation holds, over everybody: for who runs it, at the command line only. No text is read."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import SQLModel

from chatcore.db import Database
from chatcore.rows import CHATS, GENERATIONS, MESSAGES

USERS = SQLModel.metadata.tables["users"]


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
