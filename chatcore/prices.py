"""What an answer of a hosted model cost, by a price list that comes with the package genai-prices: no network, no updates.

Whoever sells no tokens has no price, and no price is None, never 0: the guide, Ollama on this machine, and Ollama's cloud
too, which bills the time of its processors within a subscription (its plans of June 2026). Costs are in USD and of tokens
alone: writing to a seller's cache, searches and tools that a seller bills apart are not in them.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from chatcore.errors import Invalid
from chatcore.parts import Usage

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, Provider, TieredPrices

log = logging.getLogger(__name__)

# Who sells by the token, by the names the list has for them: only a provider called exactly so has prices. The list itself
# would also take "my-openai-gateway" for OpenAI, and has to be imported (0.1 s, 7 MB) to say that it does not know a name.
SELLERS = frozenset(
    {
        "anthropic",
        "aws",
        "azure",
        "cerebras",
        "cohere",
        "deepseek",
        "fireworks",
        "google",
        "groq",
        "minimax",
        "mistral",
        "moonshotai",
        "novita",
        "openai",
        "openrouter",
        "perplexity",
        "together",
        "x-ai",
        "zai",
    }
)
CURRENCY = "USD"
# The source of a cost that the server told with its answer, as OpenRouter does.
SERVER = "provider"
REFERENCE_VARIABLE = "CHATCORE_REFERENCE_MODEL"
# Models that Ollama passes on to its cloud end so.
CLOUD_ENDINGS = (":cloud", "-cloud")
# Names of models are made by people and servers: the memory of them has an end.
REMEMBERED = 1000

_told: set[tuple[str, str]] = set()
# Endpoints elsewhere that are called otherwise than a seller, as the settings of this process have them.
_elsewhere: set[str] = set()


@dataclass(frozen=True, slots=True)
class Price:
    """What an answer cost. `source` names the list, and who counted the tokens if it was not the model server."""

    amount: float
    currency: str
    source: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A hosted model whose prices are put on the tokens of local ones: an equivalent, never a cost. USD per million tokens."""

    name: str
    source: str
    input_usd: float
    cached_usd: float
    output_usd: float

    def equivalent_usd(self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float:
        """What so many tokens would cost at this model, in USD; `input_tokens` includes the cached ones, `output_tokens` the reasoning.

        They may be sums over many answers. So the basic prices are taken: what a seller adds for a long prompt or for each
        request is not in it.
        """
        cached = min(cached_tokens, input_tokens)
        usd = (input_tokens - cached) * self.input_usd + cached * self.cached_usd + output_tokens * self.output_usd
        return usd / 1_000_000


def note_elsewhere(providers: Iterable[str]) -> None:
    """From now on the models of these providers, and of no others that are not sellers, run on somebody else's machines."""
    _elsewhere.clear()
    _elsewhere.update(providers)


def runs_here(provider: str, model_name: str) -> bool:
    """Whether a local model answers: one that has an equivalent and takes energy here. The guide is no model.

    As far as names and addresses tell: what a server passes on to another without saying so counts as local, and so does what a
    server answered that is not set up any more.
    """
    if provider == "guide" or provider in SELLERS or provider in _elsewhere:
        return False
    return not (provider == "ollama" and model_name.endswith(CLOUD_ENDINGS))


def price(provider: str, model_name: str, usage: Usage, *, at: datetime, usage_source: str | None) -> Price | None:
    """What an answer that was asked for `at` cost; None where nobody knows. Never raises: the log says once for each model why.

    What the server itself says it takes counts before any list, unless it runs here. Estimated tokens are priced too, since a
    seller bills a stopped answer like any other; then the source says so.
    """
    if usage.cost_usd is not None and provider != "guide" and not runs_here(provider, model_name):
        return Price(usage.cost_usd, CURRENCY, SERVER)
    if provider not in SELLERS or usage.input_tokens is None or usage.output_tokens is None:
        return None
    try:
        found = find_priced(provider, model_name, usage.response_model, at)
        if found is None:
            tell(provider, model_name, f"{list_name()} has no price per token of it")
            return None
        amount = tokens_usd(*found, usage, at)
        source = list_name() if usage_source == "reported" else f"{list_name()}, {usage_source} tokens"
    except Exception as error:  # noqa: BLE001  # whatever is wrong with the list or a server's counts, the answer has to be saved
        tell(provider, model_name, repr(error))
        return None
    return Price(amount, CURRENCY, source)


def columns(price: Price | None) -> dict[str, object]:
    """The columns of the usage ledger that hold a price; empty without one."""
    if price is None:
        return {"cost": None, "cost_currency": None, "cost_source": None}
    return {"cost": price.amount, "cost_currency": price.currency, "cost_source": price.source}


def tokens_usd(seller: "Provider", model: "ModelInfo", usage: Usage, at: datetime) -> float:
    """The price of the tokens; those of the cache and of reasoning are part of the others. Raises ValueError for more parts than whole."""
    from genai_prices import Usage as Tokens

    tokens = Tokens(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cached_tokens,
        output_reasoning_tokens=usage.reasoning_tokens,
    )
    return float(model.calc_price(tokens, seller, genai_request_timestamp=at).total_price)


def find_priced(provider: str, asked: str, answered: str | None, at: datetime) -> "tuple[Provider, ModelInfo] | None":
    """The model whose price counts: the one the server says answered if the list knows it, else the one asked for.

    None if the list knows neither, or one of them without prices, as it does free models and those in preview: a free
    model may answer under the name of the one that is sold.
    """
    names = (answered, asked) if answered else (asked,)
    known = [found for name in names if (found := find_listed(provider, name)) is not None]
    for _, model in known:
        prices = model.get_prices(at)
        if prices.input_mtok is None or prices.output_mtok is None:
            return None
    return known[0] if known else None


@lru_cache(REMEMBERED)
def find_listed(provider: str, model_name: str) -> "tuple[Provider, ModelInfo] | None":
    """The model in the list, whatever spelling of its name the list knows."""
    from genai_prices.data_snapshot import get_snapshot

    try:
        return get_snapshot().find_provider_model(model_name, None, provider, None)
    except LookupError:
        return None


def find_reference(name: str, *, at: datetime) -> Reference:
    """The reference model as a person named it (seller/model), with its prices of that time. Raises Invalid."""
    seller, _, model_name = name.partition("/")
    if seller not in SELLERS or not model_name:
        raise Invalid(
            f"{REFERENCE_VARIABLE}={name!r} names no model that is sold by the token.",
            f"Write seller/model, such as openai/gpt-5-mini, or leave it unset. Sellers: {', '.join(sorted(SELLERS))}.",
        )
    found = find_priced(seller, model_name, None, at)
    if found is None:
        raise Invalid(
            f"{REFERENCE_VARIABLE}={name!r} has no price per token in {list_name()}.",
            "Write the model as the seller's own programming interface names it, such as openai/gpt-5-mini, or leave it unset.",
        )
    prices = found[1].get_prices(at)
    input_usd, output_usd = basic(prices.input_mtok), basic(prices.output_mtok)
    cached_usd = input_usd if prices.cache_read_mtok is None else basic(prices.cache_read_mtok)
    return Reference(name, list_name(), input_usd, cached_usd, output_usd)


def basic(price: "Decimal | TieredPrices | None") -> float:
    """A price without what long prompts cost more."""
    return float(price if isinstance(price, Decimal) else price.base) if price is not None else 0.0


def list_name() -> str:
    """The price list with its version: every version has its own prices."""
    from genai_prices import __version__

    return f"genai-prices {__version__}"


def tell(provider: str, model_name: str, why: str) -> None:
    """Says in the log that answers of a model have no cost, once."""
    about = (provider, model_name)
    if about not in _told and len(_told) < REMEMBERED:
        _told.add(about)
        log.warning("answers of %s/%s have no cost: %s", provider, model_name, why)
