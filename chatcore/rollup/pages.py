"""The rollup's format: what a person wrote and was answered on one day, a row for each message and each attempt, in arrays.

Not sums: a sum is of one zone, one filter and no percentile. A row of 20 or 63 bytes keeps every question exact, in any
zone, and numpy counts a million of them in milliseconds. No text is in it. See docs/decisions/0011.
"""

import json
import uuid
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeVar, cast

import numpy as np
import numpy.typing as npt

from chatcore.parts import CallError, CallState, Decision, Role, State
from chatcore.toolcalls import UNANSWERED

# The (provider, model name) pairs of an answer (one) or of the answers to a prompt (any number); '' for a name that is not known.
Models = tuple[tuple[str, str], ...]
Made = TypeVar("Made")
# Which array of details is meant.
Detail = Literal["calls", "fills"]
Column = npt.NDArray[Any]
Places = npt.NDArray[np.int64]
# Of a column that points to names: where the names of each page begin in a list, and what stands there.
Pointed = Mapping[str, tuple[Places, Places]]

# Places in these tuples are what a page holds: add at the end only.
ROLES = (Role.USER, Role.ASSISTANT)
STATES = (State.RUNNING, State.COMPLETE, State.STOPPED, State.FAILED, State.INTERRUPTED)
SOURCES = (None, "reported", "estimated", "imported")
CALL_STATES = tuple(CallState)
REASONS = (None, *(error.value for error in CallError), Decision.DECLINED.value, Decision.NEVER.value, UNANSWERED)
# What happened to the prompt or to the end of an answer, together in one number.
CUT_SHORT, REFUSED, LEFT_OUT = 1, 2, 4
# A number nobody knows: no count is negative. Times and costs that are not known are NaN.
UNKNOWN = -1
NO_CHAT = 0
HALF = 2**63 - 1
COUNTS = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")

# at: microseconds since 1970 (UTC). chat: see `chat_key`. models, error: places in `Rows.models` and `Rows.errors`.
# user: a place in `Rows.users`.
MESSAGE = np.dtype([("at", "<i8"), ("chat", "<i8"), ("models", "<i8"), ("role", "u1"), ("imported", "?"), ("user", "<i8")])
ANSWER = np.dtype(
    [
        ("at", "<i8"),
        ("chat", "<i8"),
        ("input_tokens", "<i8"),
        ("output_tokens", "<i8"),
        ("cached_tokens", "<i8"),
        ("reasoning_tokens", "<i8"),
        ("cost", "<f8"),
        ("time_to_first_chunk_s", "<f4"),
        ("duration_s", "<f4"),
        ("load_s", "<f4"),
        ("output_tokens_per_s", "<f4"),
        ("prompt_tokens_per_s", "<f4"),
        ("models", "<i8"),
        ("error", "<i8"),
        ("state", "u1"),
        ("source", "u1"),
        ("imported", "?"),
        ("user", "<i8"),
    ]
)
# Of its calls and its full windows a page has rows too; message, generation: their ids, so that a list finds them. tool: a place in
# `Details.tools`. place: which of its message's calls it is.
CALL = np.dtype(
    [
        ("at", "<i8"),
        ("chat", "<i8"),
        ("message", "<i8"),
        ("duration_s", "<f4"),
        ("models", "<i8"),
        ("tool", "<i8"),
        ("round", "<i8"),
        ("place", "<i8"),
        ("state", "u1"),
        ("reason", "u1"),
        ("imported", "?"),
        ("user", "<i8"),
    ]
)
FILL = np.dtype(
    [
        ("at", "<i8"),
        ("chat", "<i8"),
        ("generation", "<i8"),
        ("tokens", "<i8"),
        ("window", "<i8"),
        ("models", "<i8"),
        ("cut", "u1"),
        ("imported", "?"),
        ("user", "<i8"),
    ]
)
# As they are kept, to save room. Times, speeds and costs with 32 bits are exact to a ten-millionth of themselves; no answer has
# 2**31 tokens, and no day so many names.
KEPT_AS = {
    "cost": "<f4",
    **dict.fromkeys(("models", "error", "tool", "round", "place"), "<u2"),
    **dict.fromkeys((*COUNTS, "tokens", "window"), "<i4"),
}
KEPT_MESSAGE, KEPT_ANSWER, KEPT_CALL, KEPT_FILL = (
    np.dtype([(name, KEPT_AS.get(name, row[name])) for name in row.names or () if name != "user"]) for row in (MESSAGE, ANSWER, CALL, FILL)
)


class Runs(NamedTuple):
    """Rows of the same time that lie beside each other: where each run of them begins, how long it is, and its time."""

    firsts: Places
    lengths: Places
    at: Places


class Table:
    """Rows, a column at a time. A column is made when it is first asked for: of eighteen a question looks at a few.

    A row is a message, an attempt, or stands for all that are alike (`chatcore.rollup.cells`); `chatcore.rollup.measures` says how much
    each counts.
    """

    def __init__(self, number: int, make: Callable[[str], Column], sums: frozenset[str] = frozenset(), *, runs: Runs | None = None) -> None:
        """`sums`: the measures that are columns, where rows stand for many; `runs`: where that is known."""
        self._number = number
        self._make = make
        self._columns: dict[str, Column] = {}
        self.sums = sums
        self._runs = runs
        self._made: dict[Hashable, object] = {}

    def __len__(self) -> int:
        return self._number

    def __getitem__(self, name: str) -> Column:
        """The column, with the type that MESSAGE or ANSWER gives it, or a sum. Not to be changed: others see it too."""
        if name not in self._columns:
            self._columns[name] = self._make(name)
        return self._columns[name]

    def once(self, name: Hashable, make: Callable[[], Made]) -> Made:
        """What `make` makes of the rows, kept with them under this name: for what several questions of a page need."""
        if name not in self._made:
            self._made[name] = make()
        return cast(Made, self._made[name])

    @property
    def runs(self) -> Runs:
        """Rows of the same time: those that stand for many have the time of their day or hour."""
        if self._runs is None:
            firsts, lengths = runs_of(self["at"])
            self._runs = Runs(firsts, lengths, self["at"][firsts])
        return self._runs

    def where(self, chosen: npt.NDArray[np.bool_]) -> "Table":
        """The rows for which `chosen` is true, in their order."""
        places = np.flatnonzero(chosen)
        number = len(places)
        if number == len(self):
            return self
        if number and places[-1] - places[0] + 1 == number:
            beside = slice(places[0], places[-1] + 1)
            return Table(number, lambda name: self[name][beside], self.sums)
        return Table(number, lambda name: self[name][places], self.sums)


def runs_of(*columns: Column) -> tuple[Places, Places]:
    """Where runs of rows begin that are the same in all columns, and how long they are."""
    number = len(columns[0])
    begins = np.ones(number, dtype=np.bool_)
    if number:
        begins[1:] = columns[0][1:] != columns[0][:-1]
    for column in columns[1:]:
        begins[1:] |= column[1:] != column[:-1]
    firsts = np.flatnonzero(begins)
    return firsts, np.diff(firsts, append=number)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Messages (columns of MESSAGE) and attempts (of ANSWER), and the names that they point to: those of one person after those of
    another, each person's the oldest first.

    `errors[0]` is '' for an attempt without an error. `summed`: rows that stand for many, by the name of their kind in
    `chatcore.rollup.cells`; nothing where every message and attempt is a row of its own.
    """

    messages: Table
    answers: Table
    models: tuple[Models, ...]
    errors: tuple[str, ...]
    users: tuple[str, ...]
    summed: Mapping[str, Table] | None = None

    @property
    def chats(self) -> Table:
        """Messages that are told apart by chat."""
        return self.messages if self.summed is None else self.summed["chats"]

    @property
    def writers(self) -> Table:
        """Messages that are told apart by person."""
        return self.messages if self.summed is None else self.summed["writers"]

    @property
    def asked(self) -> Table:
        """Attempts that are told apart by person."""
        return self.answers if self.summed is None else self.summed["asked"]

    def measured(self, measure: str) -> Table:
        """Attempts that are told apart by a time or a speed: the value of each, or its `bucket` where rows stand for many."""
        return self.answers if self.summed is None else self.summed[measure]


@dataclass(frozen=True, slots=True, eq=False)
class Details:
    """Tool calls (columns of CALL) or full windows (of FILL), in the order of `Rows`, and the names that they point to."""

    rows: Table
    models: tuple[Models, ...]
    tools: tuple[str, ...]
    users: tuple[str, ...]


class Page(NamedTuple):
    """Rows as the database keeps them: the names as JSON, the arrays as bytes. Equal rows make equal pages."""

    names: str
    messages: bytes
    answers: bytes
    calls: bytes = b""
    fills: bytes = b""


def chat_key(chat_id: uuid.UUID | None) -> int:
    """Half of a chat's id, the random one: two of a million chats share it in one of ten million installations."""
    return NO_CHAT if chat_id is None else chat_id.int & HALF


def chat_key_of(chat_id: bytes | None) -> int:
    """The same from the bytes of the id: making an object of each takes a fifth of the time that a page takes."""
    return NO_CHAT if chat_id is None else int.from_bytes(chat_id[8:]) & HALF


def pack(
    messages: Sequence[tuple[object, ...]],
    answers: Sequence[tuple[object, ...]],
    names: "Names",
    *,
    calls: Sequence[tuple[object, ...]] = (),
    fills: Sequence[tuple[object, ...]] = (),
) -> Page:
    """The page of rows of MESSAGE, ANSWER, CALL and FILL, without the user, and the names that they point to."""
    # Tools only where there are any: pages without are as they were before there were tools.
    lists = [tuple(names.models), tuple(names.errors), *([tuple(names.tools)] if names.tools else [])]
    told = json.dumps(lists, ensure_ascii=False, separators=(",", ":"))
    kept = ((messages, KEPT_MESSAGE), (answers, KEPT_ANSWER), (calls, KEPT_CALL), (fills, KEPT_FILL))
    return Page(told, *(np.array(list(rows), row).tobytes() for rows, row in kept))


@lru_cache(maxsize=20_000)
def unpack_names(names: str) -> tuple[tuple[Models, ...], tuple[str, ...]]:
    """Models and errors of a page. Kept, because reading the JSON takes longer than the arrays."""
    models, errors, *_ = json.loads(names)
    return tuple(tuple((provider, model) for provider, model in pairs) for pairs in models), tuple(errors)


@lru_cache(maxsize=20_000)
def unpack_tools(names: str) -> tuple[str, ...]:
    """Tools of a page."""
    return tuple(tool for tools in json.loads(names)[2:] for tool in tools)


class Names:
    """Gives every name its place, in the order they come."""

    def __init__(self) -> None:
        self.models: dict[Models, int] = {}
        self.errors: dict[str, int] = {"": 0}
        self.tools: dict[str, int] = {}

    def of_models(self, models: Models) -> int:
        """The place of a set of models."""
        return self.models.setdefault(models, len(self.models))

    def of_error(self, error: str | None) -> int:
        """The place of an error."""
        return self.errors.setdefault(error or "", len(self.errors))

    def of_tool(self, tool: str) -> int:
        """The place of a tool."""
        return self.tools.setdefault(tool, len(self.tools))


def join(users: Sequence[str], names: Sequence[str], messages: Sequence[bytes], answers: Sequence[bytes]) -> Rows:
    """The rows of pages, one after the other: whose each page is, and its three parts."""
    people = dict[str, int]()
    all_names, pointed = point(names)
    user = np.array([people.setdefault(user_id, len(people)) for user_id in users], dtype=np.int64)
    return Rows(
        table(messages, KEPT_MESSAGE, MESSAGE, user, pointed),
        table(answers, KEPT_ANSWER, ANSWER, user, pointed),
        tuple(all_names.models),
        tuple(all_names.errors),
        tuple(people),
    )


def point(names: Sequence[str]) -> tuple[Names, Pointed]:
    """The names of all pages, each once, and how the columns that point to names find them."""
    all_names = Names()
    # The names of all pages in one list: where those of a page begin plus a place in the page is a place in it.
    models: list[int] = []
    errors: list[int] = []
    begins: dict[str, tuple[int, int]] = {}
    # Written out, because of years there are thousands of names, and calling a method for each takes longer than all the rest.
    all_models, all_errors = all_names.models, all_names.errors
    for page_names in dict.fromkeys(names):
        begins[page_names] = len(models), len(errors)
        own_models, own_errors = unpack_names(page_names)
        models += [all_models.setdefault(own, len(all_models)) for own in own_models]
        errors += [all_errors.setdefault(own, len(all_errors)) for own in own_errors]
    first_model, first_error = np.array([begins[page_names] for page_names in names], dtype=np.int64).reshape(-1, 2).T
    return all_names, {"models": (first_model, np.array(models, dtype=np.int64)), "error": (first_error, np.array(errors, dtype=np.int64))}


def join_details(kind: Detail, users: Sequence[str], names: Sequence[str], parts: Sequence[bytes]) -> Details:
    """The calls or full windows of pages, one after the other, as `join` has the rest: whose each page is, its names and that part."""
    begins: dict[str, tuple[int, int]] = {}
    models: dict[Models, int] = {}
    tools: dict[str, int] = {}
    people: dict[str, int] = {}
    # As in `join`; written out, because of a person's years there are thousands of names.
    of_models: list[int] = []
    of_tools: list[int] = []
    for page_names in dict.fromkeys(names):
        begins[page_names] = len(of_models), len(of_tools)
        of_models += [models.setdefault(own, len(models)) for own in unpack_names(page_names)[0]]
        of_tools += [tools.setdefault(own, len(tools)) for own in unpack_tools(page_names)]
    first_model, first_tool = np.array([begins[page_names] for page_names in names], dtype=np.int64).reshape(-1, 2).T
    user = np.array([people.setdefault(user_id, len(people)) for user_id in users], dtype=np.int64)
    pointed = {"models": (first_model, np.array(of_models, dtype=np.int64)), "tool": (first_tool, np.array(of_tools, dtype=np.int64))}
    kept, row = (KEPT_CALL, CALL) if kind == "calls" else (KEPT_FILL, FILL)
    return Details(table(parts, kept, row, user, pointed), tuple(models), tuple(tools), tuple(people))


def table(parts: Sequence[bytes], kept: np.dtype[np.void], row: np.dtype[np.void], user: Places, pointed: Pointed) -> Table:
    """The rows of several arrays. `user`: whose each array is; `pointed`: for a column that points to names, where the names of each
    array begin in the list behind it."""
    found = np.frombuffer(b"".join(parts), kept)
    sizes = np.fromiter(map(len, parts), np.int64, len(parts)) // kept.itemsize

    def make(name: str) -> Column:
        if name == "user":
            return np.repeat(user, sizes)
        if name in pointed:
            begins, of_all = pointed[name]
            names: Column = of_all[found[name] + np.repeat(begins, sizes)]
            return names
        column: Column = found[name].astype(row[name])
        return column

    return Table(len(found), make)
