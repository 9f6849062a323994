"""The rollup's format: what a person wrote and was answered on one day, a row for each message and each attempt, in arrays.

Not sums: a sum is of one zone, one filter and no percentile. A row of some 20 or 80 bytes keeps every question exact, in any
zone, and numpy counts a million of them in milliseconds. No text is in it. See docs/decisions/0011.
"""

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

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

# at: microseconds since 1970 (UTC). chat: see `chat_key`. models, error: places in `Rows.models` and `Rows.errors`.
MESSAGE = np.dtype([("at", "<i8"), ("chat", "<i8"), ("models", "<u4"), ("role", "u1"), ("imported", "u1")])
# Times (s) and speeds (1/s) have 32 bits: they are exact to a ten-millionth of themselves, and quick to sort.
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
        ("models", "<u4"),
        ("error", "<u4"),
        ("state", "u1"),
        ("source", "u1"),
        ("imported", "u1"),
    ]
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


@dataclass(frozen=True, slots=True)
class Page:
    """Rows as the database keeps them: the names as JSON, the arrays as bytes. Equal rows make equal pages."""

    names: str
    messages: bytes
    answers: bytes


def chat_key(chat_id: uuid.UUID | None) -> int:
    """Half of a chat's id, the random one: two of a million chats share it in one of ten million installations."""
    return NO_CHAT if chat_id is None else chat_id.int & (2**63 - 1)


def pack(rows: Rows) -> Page:
    """The page of these rows."""
    names = json.dumps([rows.models, rows.errors], ensure_ascii=False, separators=(",", ":"))
    return Page(names, rows.messages.tobytes(), rows.answers.tobytes())


def unpack_names(names: str) -> tuple[tuple[Models, ...], tuple[str, ...]]:
    """Models and errors of a page."""
    models, errors = json.loads(names)
    return tuple(tuple((provider, model) for provider, model in pairs) for pairs in models), tuple(errors)


class Names:
    """Gives every name its place, in the order they come."""

    def __init__(self) -> None:
        self.models: dict[Models, int] = {}
        self.errors: dict[str, int] = {"": 0}
        self._known: dict[str, tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]] = {}

    def of_models(self, models: Models) -> int:
        """The place of a set of models."""
        return self.models.setdefault(models, len(self.models))

    def of_error(self, error: str | None) -> int:
        """The place of an error."""
        return self.errors.setdefault(error or "", len(self.errors))

    def places(self, names: str) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
        """For each place of a page's models and errors the place here. Most days have the names of the day before."""
        if names not in self._known:
            models, errors = unpack_names(names)
            self._known[names] = (
                np.array([self.of_models(pairs) for pairs in models], dtype=np.uint32),
                np.array([self.of_error(error) for error in errors], dtype=np.uint32),
            )
        return self._known[names]


def join(pages: Iterable[Page]) -> Rows:
    """The rows of pages that follow each other in time."""
    names = Names()
    messages, answers = [np.empty(0, MESSAGE)], [np.empty(0, ANSWER)]
    for page in pages:
        models, errors = names.places(page.names)
        if page.messages:
            # A copy, because what the driver gives is read-only.
            written = np.frombuffer(page.messages, MESSAGE).copy()
            written["models"] = models[written["models"]]
            messages.append(written)
        if page.answers:
            asked = np.frombuffer(page.answers, ANSWER).copy()
            asked["models"], asked["error"] = models[asked["models"]], errors[asked["error"]]
            answers.append(asked)
    return Rows(np.concatenate(messages), np.concatenate(answers), tuple(names.models), tuple(names.errors))
