"""What answers cost by the price list, and what tokens of local models would cost elsewhere."""

import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from genai_prices import __version__
from genai_prices.data_snapshot import DataSnapshot, get_snapshot, set_custom_snapshot
from genai_prices.types import ClauseEquals, ModelInfo, ModelPrice, Provider, Tier, TieredPrices

from chatcore import prices
from chatcore.errors import Invalid
from chatcore.parts import Usage
from chatcore.prices import Price, find_reference, note_elsewhere, price, runs_here
from chatcore.settings import ROOT, Settings
from tests.factories import NOW

LIST = f"genai-prices {__version__}"
# OpenAI made o3 cheaper on that day: from 10 and 40 USD a million tokens to 2 and 8.
BEFORE, AFTER = datetime(2025, 6, 9, 23, 59, tzinfo=UTC), datetime(2025, 6, 10, tzinfo=UTC)
MILLION = Usage(input_tokens=1_000_000, output_tokens=1_000_000)


def priced(model: str, usage: Usage, at: datetime = NOW, *, provider: str = "openai", source: str = "reported") -> Price | None:
    return price(provider, model, usage, at=at, usage_source=source)


@pytest.fixture(autouse=True)
def nothing_told_yet() -> None:
    prices._told.clear()


@pytest.fixture
def odd_list() -> Iterator[None]:
    """A price list with what ours does not have, or might have one day."""
    tiers = TieredPrices(Decimal(1), [Tier(200_000, Decimal(3))])
    models = {
        "stepped": ModelPrice(input_mtok=tiers, output_mtok=Decimal(5)),
        "negative": ModelPrice(input_mtok=Decimal(-1), output_mtok=Decimal(5)),
        "nothing": ModelPrice(),
        "listener": ModelPrice(input_mtok=Decimal(1)),
        "free": ModelPrice(input_mtok=Decimal(0), output_mtok=Decimal(0)),
    }
    listed = [ModelInfo(id=name, match=ClauseEquals(name), prices=model) for name, model in models.items()]
    set_custom_snapshot(DataSnapshot([Provider(id="openai", name="OpenAI", api_pattern="x", models=listed)], from_auto_update=False))
    prices.find_listed.cache_clear()
    yield
    set_custom_snapshot(None)
    prices.find_listed.cache_clear()


# --- what it costs -----------------------------------------------------------------------------------------------


def test_every_token_has_its_price_and_those_of_the_cache_a_lower_one() -> None:
    usage = Usage(input_tokens=1_000_000, output_tokens=100_000, cached_tokens=400_000, reasoning_tokens=60_000)
    found = priced("o3", usage)
    assert found is not None
    assert (found.currency, found.source) == ("USD", LIST)
    assert found.amount == pytest.approx(0.6 * 2 + 0.4 * 0.5 + 0.1 * 8)


def test_reasoning_has_a_price_of_its_own_where_the_seller_says_so() -> None:
    whole = priced("sonar-deep-research", Usage(input_tokens=0, output_tokens=1_000_000), provider="perplexity")
    half = priced("sonar-deep-research", Usage(input_tokens=0, output_tokens=1_000_000, reasoning_tokens=500_000), provider="perplexity")
    assert whole is not None
    assert half is not None
    assert (whole.amount, half.amount) == pytest.approx((8, 0.5 * 8 + 0.5 * 3))


def test_an_answer_has_the_price_of_its_time() -> None:
    before, after = priced("o3", MILLION, BEFORE), priced("o3", MILLION, AFTER)
    assert before is not None
    assert after is not None
    assert (before.amount, after.amount) == pytest.approx((50, 10))


def test_the_model_that_answered_is_priced_not_the_one_asked_for() -> None:
    asked, answered = priced("gpt-5-mini", MILLION), priced("gpt-5-mini", Usage(1_000_000, 1_000_000, response_model="o3"))
    assert asked is not None
    assert answered is not None
    assert answered.amount == pytest.approx(10) != asked.amount


def test_an_unknown_name_of_what_answered_leaves_the_price_of_what_was_asked_for() -> None:
    assert priced("o3", Usage(1_000_000, 1_000_000, response_model="o3-internal-7")) == priced("o3", MILLION)


@pytest.mark.parametrize("counted", ["estimated", "imported"])
def test_the_source_says_that_the_server_did_not_count(counted: str) -> None:
    found = priced("o3", MILLION, source=counted)
    assert found is not None
    assert found.source == f"{LIST}, {counted} tokens"


@pytest.mark.usefixtures("odd_list")
def test_a_long_prompt_costs_what_the_seller_takes_for_long_prompts() -> None:
    short, long = priced("stepped", Usage(200_000, 0)), priced("stepped", Usage(200_001, 0))
    assert short is not None
    assert long is not None
    assert (short.amount, long.amount) == pytest.approx((0.2, 0.600003))


@pytest.mark.usefixtures("odd_list")
def test_what_is_free_costs_nothing_and_is_known() -> None:
    assert priced("free", MILLION) == Price(0.0, "USD", LIST)


# --- what has no price -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("guide", "guide"),
        ("ollama", "qwen3:8b"),
        ("ollama", "o3"),
        ("ollama", "minimax-m2:cloud"),
        ("ollama", "gpt-oss:120b-cloud"),
        ("llamacpp", "o3"),
        ("my-openai-gateway", "o3"),
        ("OpenAI", "o3"),
        ("", "o3"),
        ("openai", ""),
        ("openai", "a model of tomorrow"),
        ("openai", "\x00" * 9),
    ],
)
def test_who_sells_no_tokens_and_what_the_list_does_not_know_has_no_price(provider: str, model: str) -> None:
    assert priced(model, MILLION, provider=provider) is None


@pytest.mark.parametrize("usage", [Usage(), Usage(input_tokens=1), Usage(output_tokens=1)])
def test_without_tokens_there_is_no_price(usage: Usage) -> None:
    assert priced("o3", usage) is None


@pytest.mark.usefixtures("odd_list")
@pytest.mark.parametrize("model", ["nothing", "listener", "negative"])
def test_a_model_without_a_usable_price_per_token_has_none(model: str) -> None:
    assert priced(model, MILLION) is None


@pytest.mark.usefixtures("odd_list")
@pytest.mark.parametrize(("asked", "answered"), [("nothing", "stepped"), ("stepped", "nothing")])
def test_a_free_model_has_no_price_under_whatever_name_it_answers(asked: str, answered: str) -> None:
    assert priced(asked, Usage(1000, 100, response_model=answered)) is None


def test_numbers_that_cannot_be_have_no_price(caplog: pytest.LogCaptureFixture) -> None:
    assert priced("o3", Usage(input_tokens=5, output_tokens=1, cached_tokens=6)) is None
    assert "cache_read_tokens (6) cannot exceed input_tokens (5)" in caplog.text
    assert priced("o3", MILLION) is not None


def test_what_has_no_price_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "chatcore.prices"):
        for _ in range(3):
            priced("a model of tomorrow", MILLION)
        priced("qwen3:8b", MILLION, provider="ollama")
    assert [record.message for record in caplog.records] == [
        f"answers of openai/a model of tomorrow have no cost: {LIST} has no price per token of it"
    ]


def test_made_up_names_do_not_fill_the_log_and_the_memory() -> None:
    for number in range(prices.REMEMBERED + 50):
        prices.tell("openai", f"made up {number}", "it is")
    assert len(prices._told) == prices.REMEMBERED


def test_every_seller_is_in_the_list_under_its_name() -> None:
    assert {provider.id for provider in get_snapshot().providers} >= prices.SELLERS


def test_the_list_is_not_loaded_for_local_models() -> None:
    code = (
        "import sys, datetime, chatcore.core\n"
        "from chatcore import prices\n"
        "from chatcore.parts import Usage\n"
        "now = datetime.datetime.now(datetime.UTC)\n"
        "for provider in ('ollama', 'guide', 'llamacpp'): prices.price(provider, 'x', Usage(1, 1), at=now, usage_source='reported')\n"
        "print('genai_prices' in sys.modules)\n"
        "print(prices.price('openai', 'o3', Usage(1, 1), at=now, usage_source='reported') is not None, 'genai_prices' in sys.modules)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout.splitlines() == ["False", "True True"]


# --- the equivalent ----------------------------------------------------------------------------------------------


def test_the_equivalent_is_what_the_tokens_would_cost_there() -> None:
    reference = find_reference("openai/o3", at=AFTER)
    assert (reference.name, reference.source) == ("openai/o3", LIST)
    assert reference.equivalent_usd(input_tokens=1_000_000, output_tokens=500_000) == pytest.approx(2 + 4)
    assert reference.equivalent_usd(input_tokens=1_000_000, output_tokens=0, cached_tokens=400_000) == pytest.approx(0.6 * 2 + 0.4 * 0.5)
    assert reference.equivalent_usd(input_tokens=10, output_tokens=0, cached_tokens=20) == pytest.approx(10 * 0.5 / 1e6)


def test_the_equivalent_of_a_sum_is_the_sum_of_the_equivalents() -> None:
    """So it can be made of the sums that the rollup has."""
    reference = find_reference("google/gemini-2.5-pro", at=NOW)
    one = reference.equivalent_usd(input_tokens=150_000, output_tokens=700)
    assert reference.equivalent_usd(input_tokens=300_000, output_tokens=1400) == pytest.approx(2 * one)


@pytest.mark.usefixtures("odd_list")
def test_the_equivalent_of_few_answers_is_their_price_but_for_long_prompts() -> None:
    reference, found = find_reference("openai/stepped", at=NOW), priced("stepped", Usage(1000, 100))
    assert found is not None
    assert reference.equivalent_usd(input_tokens=1000, output_tokens=100) == pytest.approx(found.amount)
    assert reference.equivalent_usd(input_tokens=1_000_000, output_tokens=0) == pytest.approx(1)


@pytest.mark.usefixtures("odd_list")
def test_a_reference_without_a_price_for_its_cache_takes_the_whole_prompt_in_full() -> None:
    reference = find_reference("openai/stepped", at=NOW)
    assert reference.equivalent_usd(input_tokens=1000, output_tokens=0, cached_tokens=500) == pytest.approx(0.001)


@pytest.mark.parametrize("name", ["gpt-5-mini", "ollama/qwen3:8b", "openai/", "/o3", "/", "openai/a model of tomorrow", "OpenAI/o3"])
def test_a_reference_that_is_not_sold_by_the_token_is_refused_with_what_to_write(name: str) -> None:
    with pytest.raises(Invalid, match="CHATCORE_REFERENCE_MODEL") as refused:
        find_reference(name, at=NOW)
    assert repr(name) in refused.value.message
    assert "openai/gpt-5-mini" in refused.value.hint


@pytest.mark.usefixtures("odd_list")
def test_a_reference_without_a_price_per_token_is_refused() -> None:
    with pytest.raises(Invalid, match="no price per token"):
        find_reference("openai/nothing", at=NOW)


def test_a_reference_of_a_router_keeps_the_rest_of_its_name() -> None:
    assert find_reference("openrouter/openai/gpt-5-mini", at=NOW).input_usd > 0


@pytest.mark.parametrize(
    ("provider", "model", "here"),
    [
        ("ollama", "qwen3:8b", True),
        ("llamacpp", "anything", True),
        ("ollama", "minimax-m2:cloud", False),
        ("ollama", "gpt-oss:120b-cloud", False),
        ("openai", "o3", False),
        ("guide", "guide", False),
    ],
)
def test_only_models_that_run_here_have_an_equivalent_and_take_energy(provider: str, model: str, here: bool) -> None:
    assert runs_here(provider, model) is here


def test_an_endpoint_elsewhere_does_not_run_here_and_one_of_this_network_does() -> None:
    settings = Settings.from_env({"CHATCORE_OPENAI_ENDPOINTS": "lab=http://10.0.0.5:8000, work=https://llm.example.org/v1"})
    note_elsewhere(settings.elsewhere)
    try:
        assert (runs_here("lab", "x"), runs_here("work", "x")) == (True, False)
    finally:
        note_elsewhere(())
    assert runs_here("work", "x")


def test_what_a_server_elsewhere_says_it_takes_comes_before_the_list(now: datetime) -> None:
    said = Usage(input_tokens=1000, output_tokens=100, cost_usd=0.5)
    assert price("openrouter", "openai/gpt-4o", said, at=now, usage_source="reported") == Price(0.5, "USD", "provider")
    free = Usage(input_tokens=1000, output_tokens=100, cost_usd=0.0)
    assert price("openrouter", "some/free-model", free, at=now, usage_source="reported") == Price(0.0, "USD", "provider")


def test_a_server_of_this_network_costs_nothing_whatever_it_says(now: datetime) -> None:
    said = Usage(input_tokens=1000, output_tokens=100, cost_usd=0.5)
    assert price("lab", "gpt-4o", said, at=now, usage_source="reported") is None
    assert price("guide", "guide", said, at=now, usage_source="reported") is None
