"""The cost of an answer in the usage ledger: written with its end, and never in the way of it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from genai_prices import __version__

from chatcore import chat
from chatcore.db import Database
from chatcore.history import get_message
from chatcore.parts import Finished, FinishReason, State, TextDelta, Usage
from tests.answers import ask, ended, leave_running, ledger_row, running
from tests.chatcore.test_ledger import DEAD
from tests.factories import GENERATIONS, make_viewer
from tests.scripted import Scripted

LIST = f"genai-prices {__version__}"
NOTHING = (None, None, None)
DONE = Finished(FinishReason.STOP)
O3 = Usage(input_tokens=1_000_000, output_tokens=100_000, cached_tokens=400_000, reasoning_tokens=60_000, response_model="o3")
O3_USD = 0.6 * 2 + 0.4 * 0.5 + 0.1 * 8


def cost_of(row: sa.RowMapping) -> tuple[object, object, object]:
    return row["cost"], row["cost_currency"], row["cost_source"]


def answered(db: Database, *play: object, provider: str = "openai") -> sa.RowMapping:
    """The ledger's row of an answer that went so."""
    ada = make_viewer(db)
    with running(db, Scripted(*play, name=provider)) as runner:
        sent = ask(runner, ada, provider=provider)
        return ledger_row(db, ended(db, ada, sent.answer_id)[1].id)


def test_a_hosted_answer_has_its_cost_from_its_end_on(db: Database) -> None:
    row = answered(db, TextDelta("Because."), O3, DONE)
    assert cost_of(row) == (pytest.approx(O3_USD), "USD", LIST)
    assert (row["cached_tokens"], row["reasoning_tokens"], row["usage_source"]) == (400_000, 60_000, "reported")


@pytest.mark.parametrize("provider", ["ollama", "guide", "scripted"])
def test_an_answer_that_nobody_bills_by_the_token_has_no_cost(db: Database, provider: str) -> None:
    row = answered(db, TextDelta("Because."), O3, DONE, provider=provider)
    assert cost_of(row) == NOTHING
    assert row["output_tokens"] == 100_000


def test_an_answer_of_a_model_that_the_list_does_not_know_ends_without_a_cost(db: Database) -> None:
    row = answered(db, TextDelta("Because."), replace(O3, response_model=None), DONE)
    assert (row["state"], *cost_of(row)) == ("complete", *NOTHING)


def test_an_answer_whose_numbers_cannot_be_ends_without_a_cost(db: Database) -> None:
    row = answered(db, TextDelta("Because."), replace(O3, cached_tokens=9_000_000), DONE)
    assert (row["state"], *cost_of(row)) == ("complete", *NOTHING)


def test_a_part_that_no_count_can_be_is_left_out_and_the_rest_is_priced(db: Database) -> None:
    row = answered(db, TextDelta("Because."), replace(O3, cached_tokens=-1, reasoning_tokens=2**60), DONE)
    assert (row["cached_tokens"], row["reasoning_tokens"]) == (None, None)
    assert cost_of(row) == (pytest.approx(2 + 0.8), "USD", LIST)


def test_an_answer_that_failed_before_anything_was_counted_has_no_cost(db: Database) -> None:
    row = answered(db, RuntimeError("a bug"))
    assert (row["state"], *cost_of(row)) == ("failed", *NOTHING)


def test_a_stopped_answer_costs_what_its_estimated_tokens_cost_and_says_so(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("The far side"), Usage(response_model="o3"), name="openai")
    with running(db, provider) as runner:
        sent = ask(runner, ada, "Why are there two tides a day?", provider="openai")
        for update in runner.follow_sync(ada, sent.answer_id):
            if update.text:
                break
        chat.stop(runner, ada, sent.answer_id, now=datetime.now(UTC))
        row = ledger_row(db, ended(db, ada, sent.answer_id)[1].id)
    assert (row["state"], row["input_tokens"], row["output_tokens"], row["usage_source"]) == ("stopped", 7, 1, "estimated")
    assert cost_of(row) == (pytest.approx((7 * 2 + 1 * 8) / 1e6), "USD", f"{LIST}, estimated tokens")


def test_an_orphan_of_a_hosted_model_costs_what_is_estimated_of_it(db: Database) -> None:
    ada = make_viewer(db)
    answer = leave_running(db, ada, "The moon pulls", owner=DEAD, prompt="Why are there tides?")
    with db.write() as tx:
        tx.execute(sa.update(GENERATIONS).where(GENERATIONS.c.message_id == answer.id).values(provider="openai", model_name="o3"))
    with running(db, Scripted()):
        generation = get_message(db, ada, answer.id).generation
    assert generation is not None
    assert generation.state is State.INTERRUPTED
    assert cost_of(ledger_row(db, generation.id)) == (pytest.approx((5 * 2 + 3 * 8) / 1e6), "USD", f"{LIST}, estimated tokens")
