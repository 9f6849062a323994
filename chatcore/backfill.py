"""What answers cost that were written before they were priced.

A person asks for it, no upkeep does it: the list has the price of the time of an answer only where it knows since when which
price holds, and one price for all time of the other models. So the source of such a cost says that it was filled in later.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from chatcore import prices
from chatcore.db import Database
from chatcore.parts import Usage
from chatcore.prices import Price
from chatcore.rows import GENERATIONS

# How many answers were looked at, of how many.
OnProgress = Callable[[int, int], None]

# Between two steps others write: pricing so many takes 0.1 to 0.2 s and is done outside the transaction.
ROWS_A_STEP = 500
LATER = "filled in later"

UNPRICED = sa.and_(
    GENERATIONS.c.cost.is_(None), GENERATIONS.c.input_tokens.is_not(None), GENERATIONS.c.provider.in_(sorted(prices.SELLERS))
)
MODEL = ("provider", "model_name", "response_model")
TOKENS = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "usage_source")
COLUMNS = [GENERATIONS.c[name] for name in ("id", "user_id", "started_at", *MODEL, *TOKENS)]


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Answers of one hosted model that have tokens and no cost. `listed`: so many have a price, `usd` together."""

    provider: str
    model_name: str
    answers: int = 0
    listed: int = 0
    usd: float = 0.0


def price_older(db: Database, *, write: bool, on_progress: OnProgress | None = None) -> list[Unpriced]:
    """All answers, whoever's, that have tokens and no cost, by model, the most first; with `write` those with a price get it.

    The price is that of the time of the answer. A cost that is there is never changed, so it can be run again, twice at
    once, and after it was ended half-way.
    """
    found: dict[tuple[str, str], Unpriced] = {}
    with db.read() as tx:
        total = tx.execute(sa.select(sa.func.count()).select_from(GENERATIONS).where(UNPRICED)).scalar_one()
    done, last_id = 0, 0
    while rows := read_step(db, last_id):
        priced = [(row, price_of(row)) for row in rows]
        if write:
            write_step(db, [(row, price) for row, price in priced if price is not None])
        for row, price in priced:
            model = found.setdefault((row.provider, row.model_name), Unpriced(row.provider, row.model_name))
            listed, usd = (0, 0.0) if price is None else (1, price.amount)
            found[row.provider, row.model_name] = replace(
                model, answers=model.answers + 1, listed=model.listed + listed, usd=model.usd + usd
            )
        done, last_id = done + len(rows), rows[-1].id
        if on_progress:
            on_progress(done, max(done, total))
    return sorted(found.values(), key=lambda model: (-model.answers, model.provider, model.model_name))


def read_step(db: Database, last_id: int) -> Sequence[sa.Row[tuple[object, ...]]]:
    """The next answers without a cost, along the primary key."""
    statement = sa.select(*COLUMNS).where(UNPRICED, GENERATIONS.c.id > last_id).order_by(GENERATIONS.c.id).limit(ROWS_A_STEP)
    with db.read() as tx:
        return tx.execute(statement).all()


def price_of(row: sa.Row[tuple[object, ...]]) -> Price | None:
    """What an answer cost by the list of today, at the price of its time."""
    usage = Usage(
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cached_tokens=row.cached_tokens,
        reasoning_tokens=row.reasoning_tokens,
        response_model=row.response_model,
    )
    price = prices.price(row.provider, row.model_name, usage, at=row.started_at, usage_source=row.usage_source)
    return None if price is None else replace(price, source=f"{price.source}, {LATER}")


def write_step(db: Database, priced: Sequence[tuple[sa.Row[tuple[object, ...]], Price]]) -> None:
    """Writes the costs in one transaction, but for answers that somebody else priced or forgot meanwhile."""
    with db.write() as tx:
        for row, price in priced:
            still = sa.and_(GENERATIONS.c.id == row.id, GENERATIONS.c.cost.is_(None))
            tx.execute(sa.update(GENERATIONS).where(still).values(prices.columns(price)))
