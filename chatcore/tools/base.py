"""What every tool does, and how its arguments and its result are kept in bounds."""

import json
import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from chatcore.parts import ToolSpec, Viewer
from chatcore.texts import storable

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

# Characters of a result that the model is given and the message keeps: some 4,000 tokens, half of a small model's window.
LONGEST_RESULT = 16_000
BUILT_IN = "Built in"

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Context:
    """On whose behalf a tool runs, in which chat, and when."""

    viewer: Viewer
    chat_id: uuid.UUID
    now: datetime


class ToolFailed(Exception):
    """A tool could not do what was asked. Its text is told to the model and shown to the person."""


class Tool(Protocol):
    """One thing a model can ask for. It knows values only, never the database; it runs on the Runner's event loop."""

    @property
    def name(self) -> str:
        """What the model calls it: letters, digits, underscores and hyphens, at most 64."""

    @property
    def description(self) -> str:
        """What it does and when to use it, told to the model and shown to people."""

    @property
    def schema(self) -> Json:
        """The JSON Schema of its arguments, an object."""

    @property
    def read_only(self) -> bool:
        """Whether it changes nothing anywhere: such a tool runs without asking, and several of them at once."""

    @property
    def source(self) -> str:
        """Where it comes from, for people: 'Built in', or the name of its server."""

    async def run(self, arguments: Json, context: Context) -> str:
        """What it found. The arguments fit the schema. Raises ToolFailed with a sentence; whatever else it raises is a bug."""


@dataclass(frozen=True, slots=True)
class ServerState:
    """How a server of tools is. `error` is a sentence for people, None while nothing is wrong."""

    name: str
    connected: bool
    tools: int = 0
    error: str | None = None


class ToolServer(Protocol):
    """A program that offers tools. It lives on the Runner's event loop and connects when its tools are first asked for."""

    @property
    def name(self) -> str:
        """The name in the configuration, with which the names of its tools begin."""

    @property
    def state(self) -> ServerState:
        """How it is now."""

    @property
    def tools(self) -> Sequence[Tool]:
        """Its tools as they were last known."""

    async def ready(self) -> None:
        """Returns when it is connected or the attempt to connect has failed. Never raises for what a server does."""

    async def close(self) -> None:
        """Ends the connection, and the process if there is one."""


@dataclass(frozen=True, slots=True)
class Found:
    """A message of one's own that matches a search."""

    chat_title: str
    role: str
    created_at: datetime
    text: str


# The viewer's own messages that match, best first, at most so many, without those of one chat. It may block.
Search = Callable[[Viewer, str, int, uuid.UUID], Sequence[Found]]


def spec(tool: Tool) -> ToolSpec:
    """The tool as a model is told of it."""
    return ToolSpec(tool.name, tool.description, tool.schema)


def problem(schema: Json, arguments: Json) -> str | None:
    """What is wrong with the arguments of a call, as the model is told; None if they fit the schema."""
    # Here, because jsonschema takes 0.1 s to import and most answers call no tool.
    from jsonschema.exceptions import SchemaError, best_match
    from referencing.exceptions import Unresolvable

    try:
        errors = list(validator(json.dumps(schema)).iter_errors(arguments))
    except (SchemaError, Unresolvable, RecursionError, re.error) as error:
        return f"The tool's own schema is broken ({type(error).__name__}), so it cannot be called."
    if not errors:
        return None
    worst = best_match(errors)
    where = ".".join(str(step) for step in worst.absolute_path)
    return f"The arguments do not fit{f' at {where}' if where else ''}: {storable(worst.message)[:500]}"


@lru_cache(maxsize=128)
def validator(schema_text: str) -> "Validator":
    """Checks values against a schema. References lead nowhere outside of it: a schema must not make us fetch anything."""
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry

    schema = json.loads(schema_text)
    chosen = validator_for(schema, default=Draft202012Validator)
    chosen.check_schema(schema)
    return chosen(schema, registry=Registry())


def cut_result(text: str) -> str:
    """A result as it is kept: storable, and at most 16,000 characters with a mark where it was cut."""
    text = storable(text)
    if len(text) <= LONGEST_RESULT:
        return text
    return f"{text[:LONGEST_RESULT]}\n[Cut here: the result has {len(text):,} characters, these are the first {LONGEST_RESULT:,}.]"
