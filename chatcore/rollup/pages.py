"""The rollup's format: what a person wrote and was answered on one day, a row for each message and each attempt, in arrays.

Not sums: a sum is of one zone, one filter and no percentile. A row of 20 or 63 bytes keeps every question exact, in any
zone, and numpy counts a million of them in milliseconds. No text is in it. See docs/decisions/0011.
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from chatcore.parts import Role, State

# The (provider, model name) pairs of an answer (one) or of the answers to a prompt (any number); '' for a name that is not known.
Models = tuple[tuple[str, str], ...]
Array = npt.NDArray[np.void]

# Places in these tuples are what a page holds: add at the end only.
ROLES = (Role.USER, Role.ASSISTANT)
STATES = (State.RUNNING, State.COMPLETE, State.STOPPED, State.FAILED, State.INTERRUPTED)
SOURCES = (None, "reported", "estimated", "imported")
# A number nobody knows: no count is negative. Times and costs that are not known are NaN.
UNKNOWN = -1
NO_CHAT = 0
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
# As they are kept, to save room. Times, speeds and costs with 32 bits are exact to a ten-millionth of themselves; no answer has
# 2**31 tokens, and no day so many names.
KEPT_AS = {"models": "<u2", "error": "<u2", "cost": "<f4", **dict.fromkeys(COUNTS, "<i4")}
KEPT_MESSAGE, KEPT_ANSWER = (
    np.dtype([(name, KEPT_AS.get(name, row[name])) for name in row.names or () if name != "user"]) for row in (MESSAGE, ANSWER)
)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Messages (of MESSAGE) and attempts (of ANSWER), each the oldest first, and the names that they point to.

    `errors[0]` is '' for an attempt without an error.
    """

    messages: Array
    answers: Array
    models: tuple[Models, ...]
    errors: tuple[str, ...]
    users: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Rows as the database keeps them: the names as JSON, the arrays as bytes. Equal rows make equal pages."""

    names: str
    messages: bytes
    answers: bytes


def chat_key(chat_id: uuid.UUID | None) -> int:
    """Half of a chat's id, the random one: two of a million chats share it in one of ten million installations."""
    return NO_CHAT if chat_id is None else chat_id.int & (2**63 - 1)


def pack(messages: Sequence[tuple[object, ...]], answers: Sequence[tuple[object, ...]], names: "Names") -> Page:
    """The page of rows of MESSAGE and ANSWER, without the user, and the names that they point to."""
    told = json.dumps([tuple(names.models), tuple(names.errors)], ensure_ascii=False, separators=(",", ":"))
    return Page(told, np.array(messages, KEPT_MESSAGE).tobytes(), np.array(answers, KEPT_ANSWER).tobytes())


@lru_cache(maxsize=20_000)
def unpack_names(names: str) -> tuple[tuple[Models, ...], tuple[str, ...]]:
    """Models and errors of a page. Kept, because reading the JSON takes longer than the arrays."""
    models, errors = json.loads(names)
    return tuple(tuple((provider, model) for provider, model in pairs) for pairs in models), tuple(errors)


class Names:
    """Gives every name its place, in the order they come."""

    def __init__(self) -> None:
        self.models: dict[Models, int] = {}
        self.errors: dict[str, int] = {"": 0}

    def of_models(self, models: Models) -> int:
        """The place of a set of models."""
        return self.models.setdefault(models, len(self.models))

    def of_error(self, error: str | None) -> int:
        """The place of an error."""
        return self.errors.setdefault(error or "", len(self.errors))


def join(pages: Sequence[tuple[str, Page]]) -> Rows:
    """The rows of pages, each with whose it is, one after the other."""
    names, users = Names(), dict[str, int]()
    # The names of all pages in one list: where those of a page begin plus a place in the page is a place in it.
    models: list[int] = []
    errors: list[int] = []
    begins: dict[str, tuple[int, int]] = {}
    places: list[tuple[int, int, int]] = []
    for user_id, page in pages:
        if page.names not in begins:
            begins[page.names] = len(models), len(errors)
            own_models, own_errors = unpack_names(page.names)
            models += map(names.of_models, own_models)
            errors += map(names.of_error, own_errors)
        places.append((*begins[page.names], users.setdefault(user_id, len(users))))
    first_model, first_error, user = np.array(places, dtype=np.int64).reshape(-1, 3).T
    messages, sizes = joined([page.messages for _, page in pages], KEPT_MESSAGE, MESSAGE)
    messages["user"] = np.repeat(user, sizes)
    messages["models"] = np.array(models, dtype=np.int64)[messages["models"] + np.repeat(first_model, sizes)]
    answers, sizes = joined([page.answers for _, page in pages], KEPT_ANSWER, ANSWER)
    answers["user"] = np.repeat(user, sizes)
    answers["models"] = np.array(models, dtype=np.int64)[answers["models"] + np.repeat(first_model, sizes)]
    answers["error"] = np.array(errors, dtype=np.int64)[answers["error"] + np.repeat(first_error, sizes)]
    return Rows(messages, answers, tuple(names.models), tuple(names.errors), tuple(users))


def joined(parts: Sequence[bytes], kept: np.dtype[np.void], row: np.dtype[np.void]) -> tuple[Array, npt.NDArray[np.int64]]:
    """The rows of several arrays, their users still open, and how many rows each array has."""
    found = np.frombuffer(b"".join(parts), kept)
    rows = np.empty(len(found), row)
    for name in kept.names or ():
        rows[name] = found[name]
    return rows, np.array([len(part) for part in parts], dtype=np.int64) // kept.itemsize
