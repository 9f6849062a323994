"""What a chat's model is told beside the messages, and how it is asked: system prompt, think level, parameters. Pure values.

The parameters have Ollama's names; a provider whose server has others translates them, and leaves out what it does not know.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chatcore.errors import Invalid
from chatcore.parts import Capability, ChatRequest, ModelInfo, Turn
from chatcore.texts import storable

# Some 20,000 tokens: above that it is no instruction any more, and every request carries it.
LONGEST_SYSTEM_PROMPT = 80_000
MOST_STOPS = 8
LONGEST_STOP = 200
THINK_LEVELS = ("off", "on", "low", "medium", "high")
STEPS = ("low", "medium", "high")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number a model can be given: its range, ends included, and whether it is whole."""

    name: str
    least: float
    most: float
    whole: bool = False


# Ranges: those of Ollama's documentation (modelfile.mdx) where it has any, else what a server can do anything with.
PARAMETERS = (
    Parameter("temperature", 0.0, 2.0),
    Parameter("top_p", 0.0, 1.0),
    Parameter("top_k", 0, 1000, whole=True),
    Parameter("min_p", 0.0, 1.0),
    Parameter("repeat_penalty", 0.0, 2.0),
    Parameter("seed", 0, 2**31 - 1, whole=True),
    Parameter("num_ctx", 512, 2**21, whole=True),
    Parameter("num_predict", 1, 2**20, whole=True),
)
BY_NAME = {parameter.name: parameter for parameter in PARAMETERS}
STOP = "stop"
NAMES = (*BY_NAME, STOP)

Option = int | float | list[str]
Options = dict[str, Option]


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """The settings of a chat. None, and a parameter that is not there, mean that the model's own hold.

    `think` is a level of THINK_LEVELS; `options` has names of NAMES only. Made by `clean_settings`, or read from the database.
    """

    system_prompt: str | None = None
    think: str | None = None
    options: Options = field(default_factory=dict)

    @property
    def is_plain(self) -> bool:
        """Whether nothing is set."""
        return self == PLAIN

    @property
    def window(self) -> int | None:
        """The context window that is asked for, in tokens."""
        found = self.options.get("num_ctx")
        return found if isinstance(found, int) else None


PLAIN = ChatSettings()


# --- checking ----------------------------------------------------------------------------------------------------


def clean_settings(system_prompt: str | None = None, think: str | None = None, options: Mapping[str, object] | None = None) -> ChatSettings:
    """Settings as they are stored; what is empty counts as not set. Raises Invalid naming what cannot be."""
    system_prompt = storable(system_prompt or "").strip()
    if len(system_prompt) > LONGEST_SYSTEM_PROMPT:
        raise Invalid(
            f"The system prompt has {len(system_prompt):,} characters, the most is {LONGEST_SYSTEM_PROMPT:,}.",
            "Shorten it: every request carries all of it.",
        )
    if think and think not in THINK_LEVELS:
        raise Invalid(f"There is no think level {think[:40]!r}.", f"Choose one of {', '.join(THINK_LEVELS)}, or none.")
    return ChatSettings(system_prompt or None, think or None, clean_options(options or {}))


def clean_options(options: Mapping[str, object]) -> Options:
    """Parameters in the order of NAMES, those that are None left out. Raises Invalid for an unknown name and for a value out of
    its range."""
    for name in options:
        if name not in NAMES:
            raise Invalid(f"The parameter {name[:40]!r} is not known here.", f"Known are: {', '.join(NAMES)}.")
    cleaned: Options = {}
    for name in NAMES:
        value = options.get(name)
        if value is None:
            continue
        if name == STOP:
            if stops := clean_stops(value):
                cleaned[STOP] = stops
        else:
            cleaned[name] = clean_number(BY_NAME[name], value)
    return cleaned


def clean_number(parameter: Parameter, value: object) -> int | float:
    """A number in its range. Raises Invalid."""
    hint = f"Give a {'whole ' * parameter.whole}number from {parameter.least:,g} to {shown(parameter.most)}, or none."
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise Invalid(f"{parameter.name} is not a number.", hint)
    if parameter.whole and value != int(value):
        raise Invalid(f"{parameter.name} is not a whole number.", hint)
    if not parameter.least <= value <= parameter.most:
        raise Invalid(f"{parameter.name} is {value:g}, which is out of its range.", hint)
    return int(value) if parameter.whole else float(value)


def shown(number: float) -> str:
    """A limit with its thousands."""
    return f"{number:,.0f}" if number == int(number) else f"{number:g}"


def clean_stops(value: object) -> list[str]:
    """The texts at which a model stops, each once. Raises Invalid."""
    if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(text, str) for text in value):
        raise Invalid("stop is not a list of texts.", 'Give a list such as ["END"], or none.')
    stops = [storable(text) for text in dict.fromkeys(value) if text]
    if len(stops) > MOST_STOPS:
        raise Invalid(f"There are {len(stops)} stop texts, the most is {MOST_STOPS}.", "Leave some out.")
    for text in stops:
        if len(text) > LONGEST_STOP:
            raise Invalid(f"A stop text has {len(text):,} characters, the most is {LONGEST_STOP}.", "Shorten it.")
    return stops


# --- stored ------------------------------------------------------------------------------------------------------


def dump_options(options: Options) -> str | None:
    """Parameters as the database has them, None for none."""
    return json.dumps(options, ensure_ascii=False) if options else None


def load_settings(system_prompt: str | None, think: str | None, options: str | None) -> ChatSettings:
    """Settings from their columns. Of what another program wrote there, what we cannot use is left out: the chat goes on."""
    try:
        found = json.loads(options) if options else {}
    except ValueError:
        found = {}
    usable: Options = {}
    for name, value in found.items() if isinstance(found, dict) else ():
        try:
            usable |= clean_options({name: value})
        except Invalid:
            continue
    return ChatSettings(system_prompt or None, think if think in THINK_LEVELS else None, clean_options(usable))


# --- asked -------------------------------------------------------------------------------------------------------


def request(settings: ChatSettings, model_name: str, turns: Sequence[Turn]) -> ChatRequest:
    """What a provider is asked: the system prompt first, then the turns, with the settings of the chat."""
    system = (Turn("system", settings.system_prompt),) if settings.system_prompt else ()
    options: dict[str, object] = dict(settings.options)
    return ChatRequest(model_name, (*system, *turns), think=think_value(settings.think, model_name), options=options)


def think_value(level: str | None, model_name: str) -> bool | str | None:
    """A think level as servers take it; None where nothing is to be said, which leaves it to the model."""
    if level is None or (level in ("off", "on") and always_thinks(model_name)):
        return None
    return level if level in STEPS else level == "on"


def think_levels(model: ModelInfo | None) -> tuple[str, ...]:
    """The levels a model offers; none for one that does not think or says nothing of it, nor for one that is not there."""
    if model is None or Capability.THINKING not in (model.capabilities or ()):
        return ()
    return STEPS if always_thinks(model.id) else THINK_LEVELS


def always_thinks(model_name: str) -> bool:
    """Whether a model cannot be kept from thinking: gpt-oss knows steps only (https://ollama.com/library/gpt-oss)."""
    return "gpt-oss" in model_name.lower()
