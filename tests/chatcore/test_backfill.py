"""The costs of older answers, filled in later: at the price of their time, and never over a cost that is there."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from genai_prices import __version__

from chatcore.backfill import ROWS_A_STEP, Unpriced, price_older
from chatcore.db import Database
from chatcore.parts import Viewer
from tests.answers import ledger_row
from tests.chatcore.test_costs import NOTHING, cost_of
from tests.factories import GENERATIONS, NOW, make_chat, make_exchange, make_viewer

LIST = f"genai-prices {__version__}"
BEFORE_O3_WAS_CHEAPER = datetime(2025, 6, 9, 12, 30, tzinfo=UTC)


def make_hosted(db: Database, ada: Viewer, *, now: datetime = NOW, **changed: object) -> int:
    """A complete answer of o3 as it was written before costs were known; its generation."""
    _, answer = make_exchange(db, ada, make_chat(db, ada).id, now=now, input_tokens=1_000_000, output_tokens=100_000)
    assert answer.generation is not None
    values = {"provider": "openai", "model_name": "o3", "response_model": "o3", **changed}
    with db.write() as tx:
        tx.execute(sa.update(GENERATIONS).where(GENERATIONS.c.id == answer.generation.id).values(values))
        tx.execute(sa.text("DELETE FROM usage_dirty"))
    return answer.generation.id


def dirty(db: Database) -> list[tuple[str, int]]:
    with db.read() as tx:
        return [(row.user_id, row.day) for row in tx.execute(sa.text("SELECT user_id, day FROM usage_dirty ORDER BY user_id, day"))]


def test_older_answers_get_the_price_of_their_time_and_say_that_it_came_later(db: Database) -> None:
    ada = make_viewer(db)
    old, new = make_hosted(db, ada, now=BEFORE_O3_WAS_CHEAPER), make_hosted(db, ada)
    estimated = make_hosted(db, ada, usage_source="estimated")
    found = price_older(db, write=True)
    assert cost_of(ledger_row(db, old)) == (pytest.approx(10 + 4), "USD", f"{LIST}, filled in later")
    assert cost_of(ledger_row(db, new)) == (pytest.approx(2 + 0.8), "USD", f"{LIST}, filled in later")
    assert cost_of(ledger_row(db, estimated)) == (pytest.approx(2 + 0.8), "USD", f"{LIST}, estimated tokens, filled in later")
    assert [(of.model_name, of.answers, of.listed) for of in found] == [("o3", 3, 3)]
    assert found[0].usd == pytest.approx(14 + 2.8 + 2.8)


def test_the_days_of_what_was_priced_are_counted_anew(db: Database) -> None:
    ada = make_viewer(db)
    make_hosted(db, ada, model_name="a model of tomorrow", response_model=None, now=NOW - timedelta(days=2))
    make_hosted(db, ada)
    price_older(db, write=True)
    assert dirty(db) == [(ada.user_id, int(NOW.timestamp() // 86400))]


def test_a_cost_that_is_there_stays_and_a_second_run_finds_nothing(db: Database) -> None:
    ada = make_viewer(db)
    known = make_hosted(db, ada, cost=0.5, cost_currency="EUR", cost_source="the bill")
    later = make_hosted(db, ada)
    price_older(db, write=True)
    with db.write() as tx:
        tx.execute(sa.text("DELETE FROM usage_dirty"))
    once = ledger_row(db, later)
    assert price_older(db, write=True) == []
    assert cost_of(ledger_row(db, known)) == (0.5, "EUR", "the bill")
    assert ledger_row(db, later) == once
    assert dirty(db) == []


def test_what_has_no_price_stays_without_one_and_is_told(db: Database) -> None:
    ada = make_viewer(db)
    tomorrow = make_hosted(db, ada, model_name="tomorrow", response_model=None)
    local = make_hosted(db, ada, provider="ollama")
    uncounted = make_hosted(db, ada, input_tokens=None, output_tokens=None, usage_source=None)
    assert price_older(db, write=True) == [Unpriced("openai", "tomorrow", answers=1, listed=0, usd=0.0)]
    assert [cost_of(ledger_row(db, row)) for row in (tomorrow, local, uncounted)] == [NOTHING] * 3


def test_without_write_it_only_looks(db: Database) -> None:
    ada = make_viewer(db)
    row = make_hosted(db, ada)
    assert [asdict(of) for of in price_older(db, write=False)] == [
        {"provider": "openai", "model_name": "o3", "answers": 1, "listed": 1, "usd": pytest.approx(2.8)}
    ]
    assert cost_of(ledger_row(db, row)) == NOTHING
    assert dirty(db) == []


def test_all_are_found_in_several_steps_those_without_a_price_among_them(db: Database) -> None:
    ada = make_viewer(db)
    first = ledger_row(db, make_hosted(db, ada))
    copies = [
        dict(first) | {"id": None, "message_id": None, "model_name": model, "response_model": None}
        for number in range(ROWS_A_STEP + 20)
        for model in [("o3", "tomorrow")[number % 2]]
    ]
    with db.write() as tx:
        tx.execute(sa.insert(GENERATIONS), [{name: value for name, value in copy.items() if name != "id"} for copy in copies])
    told: list[tuple[int, int]] = []
    found = price_older(db, write=True, on_progress=lambda done, total: told.append((done, total)))
    assert [(of.model_name, of.answers, of.listed) for of in found] == [("o3", 261, 261), ("tomorrow", 260, 0)]
    assert told == [(500, 521), (521, 521)]
    with db.read() as tx:
        assert tx.execute(sa.select(sa.func.count()).where(GENERATIONS.c.cost.is_not(None))).scalar_one() == 261
