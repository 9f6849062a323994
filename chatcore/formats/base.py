"""What every format of an export has in common: the values it reads, and the shape it must have.

A format knows how one program writes down its chats, and nothing else: no database, and no other format. Whatever is in a
file, reading it ends in conversations and in reasons, never in an exception.
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from chatcore.archive import DAMAGE, UNREADABLE, Opened, Unpackable
from chatcore.json_values import NO_JSON, Spoiled, values
from chatcore.parts import Role, State, Usage, Vote
from chatcore.texts import storable

# What is looked at to know a format: not the first value alone, which may be an odd one out.
LOOKED_AT = 20
# Times outside are a mistake of the file. ChatGPT and its like are younger than 2015; old chats may be put into these formats.
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
LARGEST_COUNT = 2**53
NAME_CHARACTERS = 200
MOST_MESSAGES = 200_000
UNKNOWN_MODEL = "unknown"


@dataclass(frozen=True, slots=True)
class Call:
    """A tool that a model called, and what came of it. `position` is how much of the text stood before it, in characters;
    `round` counts the model's turns within the answer, from 1."""

    id: str
    name: str
    arguments: dict[str, object] | None
    raw: str = ""
    result: str | None = None
    error: str | None = None
    position: int = 0
    round: int = 1
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One entry of the ledger for an answer, as our own export has it: its columns by name."""

    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A file that belongs to a message. `read` gives its bytes; it raises Unpackable if they are not there."""

    name: str
    media_type: str
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Message:
    """A message as a file has it. `parent` is the external id of the message it follows, None for a first one; None elsewhere
    means that the file does not say. `rating` is 1 or -1. Times in seconds. Only our own export has `stored_calls`, the text of the
    tool calls as it was stored, `attempts`, which then stand for usage, times and error, and `rating_note`."""

    external_id: str
    parent: str | None
    role: Role
    text: str
    created_at: datetime | None = None
    reasoning: str = ""
    provider: str | None = None
    model: str | None = None
    calls: tuple[Call, ...] = ()
    files: tuple[Enclosed, ...] = ()
    state: State = State.COMPLETE
    error: str | None = None
    usage: Usage = field(default_factory=Usage)
    duration_s: float | None = None
    time_to_first_chunk_s: float | None = None
    finish_reason: str | None = None
    rating: int | None = None
    rating_note: str | None = None
    stored_calls: str | None = None
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class ComparedPair:
    """Two answers to one prompt that were compared, by their external ids, as our own export has them. `vote` with its time is None
    where nobody voted."""

    left: str
    right: str
    is_blind: bool
    created_at: datetime | None
    vote: Vote | None = None
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """A chat as a file has it. `messages` has parents before their children; `current` is the external id of the message it
    ends with as it was shown. `notes` counts what was left out of it, by reason. `ours` says that it is an export of chatcore,
    whose ids mean something here; only that has a `folder`, as a path, and `comparisons`."""

    external_id: str
    title: str
    messages: tuple[Message, ...]
    current: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    provider: str = "imported"
    model: str = UNKNOWN_MODEL
    system_prompt: str | None = None
    pinned: bool = False
    archived: bool = False
    tags: tuple[str, ...] = ()
    folder: str | None = None
    notes: Mapping[str, int] = field(default_factory=dict)
    ours: bool = False
    comparisons: tuple[ComparedPair, ...] = ()


@dataclass(frozen=True, slots=True)
class Broken:
    """A chat that cannot be read: its title or its place in the file, and why."""

    name: str
    reason: str


Read = Conversation | Broken


@dataclass(frozen=True, slots=True)
class Look:
    """What a format is known by: the first objects of the JSON in a file, `spoiled` why one cannot be read; or tables with columns."""

    items: tuple[dict[str, object], ...] = ()
    tables: Mapping[str, frozenset[str]] = field(default_factory=dict)
    spoiled: str = ""

    def any_has(self, *keys: str) -> bool:
        """Whether one of the objects has all these keys."""
        return any(item.keys() >= set(keys) for item in self.items)


class Format(Protocol):
    """How one program writes down its chats. `hint` says where a person gets such a file."""

    name: str
    label: str
    hint: str

    def fits(self, look: Look) -> bool:
        """Whether a file looks like this format."""
        ...

    def read(self, opened: Opened) -> Iterator[Read]:
        """Every chat of a file, one at a time; never raises for what is in the file."""
        ...


class Unfit(Exception):
    """A chat that is not built as its format wants it; the text says why."""


def look_at(opened: Opened) -> Look:
    """What the formats may know a file by. Raises Unpackable."""
    if opened.tables is not None:
        return Look(tables=opened.tables.columns)
    found: list[dict[str, object]] = []
    spoiled = ""
    for document in opened.documents:
        try:
            with document.open() as stream:
                for number, value in enumerate(values(stream)):
                    if isinstance(value, dict):
                        found.append(value)
                    elif isinstance(value, Spoiled) and not value.reason.startswith(NO_JSON):
                        spoiled = spoiled or value.reason
                    if len(found) >= LOOKED_AT or number >= LOOKED_AT * 5:
                        break
        except UNREADABLE as error:
            # What is behind that place is told when the file is read.
            if found:
                break
            raise error if isinstance(error, Unpackable) else Unpackable(f"{document.name} is damaged") from error
        if len(found) >= LOOKED_AT:
            break
    return Look(items=tuple(found), spoiled=spoiled)


def read_json(opened: Opened, convert: Callable[[dict[str, object]], Conversation]) -> Iterator[Read]:
    """Each object in the documents of a file as a chat. `convert` raises Unfit."""
    for document in opened.documents:
        number = 0
        try:
            with document.open() as stream:
                for number, value in enumerate(values(stream), 1):
                    yield converted(value, f"{document.name}, entry {number}", convert)
        except Unpackable as error:
            yield Broken(f"{document.name}, after entry {number}", str(error))
        except DAMAGE as error:
            yield Broken(f"{document.name}, after entry {number}", f"the file is damaged there ({type(error).__name__})")


def converted(value: object, name: str, convert: Callable[[dict[str, object]], Conversation]) -> Read:
    """A value as a chat, or the reason why it is none."""
    if isinstance(value, Spoiled):
        return Broken(name, value.reason)
    if not isinstance(value, dict):
        return Broken(name, "it is no chat")
    title = said(value.get("title")) or said(value.get("name"))
    shown = f"“{title[:80]}” ({name})" if title else name
    try:
        conversation = convert(value)
    except Unfit as error:
        return Broken(shown, str(error))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError) as error:
        # Files of strangers: what no one has thought of ends here, as a reason with its chat, and the next chat is read.
        return Broken(shown, f"it is not built as expected ({type(error).__name__})")
    return conversation if conversation.messages else Broken(shown, "it has no messages")


# --- reading values that may be anything -------------------------------------------------------------------------


def said(value: object) -> str:
    """The text, empty for what is none."""
    return value if isinstance(value, str) else ""


def known(value: object) -> str | None:
    """A name such as that of a model; None where there is none."""
    return storable(value.strip())[:NAME_CHARACTERS] or None if isinstance(value, str) else None


def named(value: object) -> str | None:
    """An id: text or a whole number, as text."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value) or None


def mapping(value: object) -> dict[str, object]:
    """The object, empty for what is none."""
    return value if isinstance(value, dict) else {}


def listed(value: object) -> list[object]:
    """The list, empty for what is none."""
    return value if isinstance(value, list) else []


def objects(value: object) -> list[dict[str, object]]:
    """The objects of a list."""
    return [item for item in listed(value) if isinstance(item, dict)]


def number(value: object) -> float | None:
    """A finite number that is not negative; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) and 0 <= found < LARGEST_COUNT else None


def count(value: object) -> int | None:
    """A whole number that is not negative; None for anything else."""
    found = number(value)
    return None if found is None else int(found)


def moment(value: object) -> datetime | None:
    """A time: seconds, milliseconds, micro- or nanoseconds since 1970, or ISO 8601 (without a zone: UTC). None for what is no
    time between 1990 and 2100."""
    try:
        if isinstance(value, str):
            text = value.strip()
            found = datetime.fromtimestamp(float(text), UTC) if text.replace(".", "", 1).isdigit() else datetime.fromisoformat(text)
            found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        else:
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e20:
                return None
            seconds = float(value)
            while seconds > 1e11:
                seconds /= 1000
            found = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return found if EARLIEST <= found <= LATEST else None


def seconds_between(start: object, end: object) -> float | None:
    """How long it took; None where a time is missing or they are the wrong way round."""
    first, last = moment(start), moment(end)
    return (last - first).total_seconds() if first and last and last >= first else None


def as_text(value: object) -> str:
    """What a tool said: text as it is, anything else as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    try:
        return json.dumps(value, ensure_ascii=False)
    except (ValueError, TypeError, RecursionError):
        return str(type(value).__name__)


def call(call_id: object, name: object, arguments: object, **rest: object) -> Call:
    """A tool call; `arguments` may be an object, or the text of one."""
    raw, error = "", None
    if isinstance(arguments, str):
        raw = arguments
        try:
            arguments = json.loads(arguments) if arguments.strip() else {}
        except (ValueError, RecursionError):
            error = "The arguments are no JSON."
    found = arguments if isinstance(arguments, dict) else None
    result = rest.get("result")
    return Call(
        id=named(call_id) or "",
        name=known(name) or "tool",
        arguments=found,
        raw=raw if found is None else "",
        error=error,
        result=None if result is None else as_text(result),
        duration_s=number(rest.get("duration_s")),
    )


def digest(*parts: str) -> str:
    """A short id made of texts: the same for the same texts."""
    made = hashlib.blake2b(digest_size=16)
    for part in parts:
        made.update(part.encode("utf-8", "replace") + b"\0")
    return made.hexdigest()


def digest_of(value: object) -> str:
    """The same for a value of JSON. Raises Unfit for one that is too deep."""
    try:
        return digest(json.dumps(value, sort_keys=True, ensure_ascii=False))
    except RecursionError:
        raise Unfit("it is nested too deep") from None


# --- from pieces to a tree of messages ---------------------------------------------------------------------------


@dataclass(slots=True)
class Piece:
    """Something in a conversation before it is a message: several pieces of the model's side make one answer.

    `side` is None for what nobody sees, so what follows it follows what it follows; `note` then says what it is, and is empty for
    what is nothing at all. `results`
    are what tools said: (id of the call or None, name of the tool or None, text).
    """

    id: str
    parent: str | None
    side: Role | None
    text: str = ""
    note: str = "hidden context"
    reasoning: str = ""
    calls: list[Call] = field(default_factory=list)
    results: list[tuple[str | None, str | None, str]] = field(default_factory=list)
    files: list[Enclosed] = field(default_factory=list)
    created_at: datetime | None = None
    provider: str | None = None
    model: str | None = None
    state: State = State.COMPLETE
    error: str | None = None
    usage: Usage = field(default_factory=Usage)
    duration_s: float | None = None
    time_to_first_chunk_s: float | None = None
    rating: int | None = None

    @property
    def says_something(self) -> bool:
        """Whether there is anything to keep."""
        return bool(self.text.strip() or self.reasoning or self.calls or self.results or self.files or self.error)


@dataclass(frozen=True, slots=True)
class Tree:
    """The messages that pieces make, parents first, the one that is shown last, and what was left out, counted by reason."""

    messages: tuple[Message, ...]
    current: str | None
    notes: dict[str, int]


EMPTY = "empty messages"


def in_a_row(pieces: Sequence[Piece]) -> Sequence[Piece]:
    """Pieces of a format without branches: each follows the one before."""
    previous: str | None = None
    for piece in pieces:
        piece.parent, previous = previous, piece.id
    return pieces


def assemble(pieces: Sequence[Piece], current: str | None = None) -> Tree:
    """The tree of messages. Parents that are missing or lead in a circle are left out, ids that come twice are taken once, and
    consecutive pieces of the model's side become one answer. Raises Unfit above 200,000 pieces."""
    if len(pieces) > MOST_MESSAGES:
        raise Unfit(f"it has more than {MOST_MESSAGES:,} messages")
    notes: Counter[str] = Counter()
    by_id: dict[str, Piece] = {}
    for piece in pieces:
        if piece.id in by_id:
            notes["messages with an id that came before"] += 1
        else:
            by_id[piece.id] = piece
        if piece.side is None:
            notes[piece.note] += 1
        elif not piece.says_something:
            piece.side = None
            notes[EMPTY] += 1
    parents = parents_of({piece.id: piece.parent for piece in by_id.values()}, notes)
    order = parents_first(parents)
    visible = visible_children(by_id, parents, order)
    turns: list[Turn] = []
    turn_of: dict[str, Turn | None] = {}
    for piece_id in order:
        piece, parent = by_id[piece_id], parents[piece_id]
        before = turn_of[parent] if parent is not None else None
        if piece.side is None:
            turn_of[piece_id] = before
            continue
        # Where several answers go on from here, none of them is the rest of this one; hidden pieces on the way count too.
        alone = parent is not None and visible[parent] <= 1
        if before is not None and alone and piece.side is before.role is Role.ASSISTANT and visible[before.pieces[-1].id] <= 1:
            before.pieces.append(piece)
            turn_of[piece_id] = before
            continue
        turn = Turn(piece, before)
        turns.append(turn)
        turn_of[piece_id] = turn
    shown = turn_of.get(current) if current is not None else None
    if current is not None and current not in turn_of:
        notes["the message that was shown is missing: the newest one is shown"] += 1
    messages = tuple(turn.message() for turn in turns)
    notes.pop("", None)
    return Tree(messages, shown.id if shown else newest_leaf(messages), dict(notes))


def parents_of(named_parents: Mapping[str, str | None], notes: Counter[str]) -> dict[str, str | None]:
    """The parent of each id, None for one whose parent is missing, and where a circle is cut."""
    parents: dict[str, str | None] = {}
    for piece_id, parent in named_parents.items():
        parents[piece_id] = parent if parent in named_parents else None
        if parent is not None and parent not in named_parents:
            notes["messages whose predecessor is missing: they begin a branch"] += 1
    done: set[str] = set()
    for piece_id in parents:
        path: dict[str, None] = {}
        walk: str | None = piece_id
        while walk is not None and walk not in done:
            if walk in path:
                parents[walk] = None
                notes["messages that follow each other in a circle: cut open"] += 1
                break
            path[walk] = None
            walk = parents[walk]
        done.update(path)
    return parents


def parents_first(parents: Mapping[str, str | None]) -> list[str]:
    """The ids, each after its parent: branch by branch, siblings in the order of the file."""
    children: dict[str | None, list[str]] = {}
    for piece_id, parent in parents.items():
        children.setdefault(parent, []).append(piece_id)
    order: list[str] = []
    stack = list(reversed(children.get(None, [])))
    while stack:
        piece_id = stack.pop()
        order.append(piece_id)
        stack.extend(reversed(children.get(piece_id, [])))
    return order


def visible_children(by_id: Mapping[str, Piece], parents: Mapping[str, str | None], order: Sequence[str]) -> dict[str, int]:
    """How many children of each piece lead to something that is seen."""
    visible = dict.fromkeys(order, 0)
    for piece_id in reversed(order):
        parent = parents[piece_id]
        if parent is not None and (by_id[piece_id].side is not None or visible[piece_id]):
            visible[parent] += 1
    return visible


class Turn:
    """A message while pieces are put to it."""

    def __init__(self, piece: Piece, before: "Turn | None") -> None:
        self.pieces = [piece]
        self.parent = before.id if before else None

    @property
    def id(self) -> str:
        return self.pieces[0].id

    @property
    def role(self) -> Role:
        return self.pieces[0].side or Role.ASSISTANT

    def message(self) -> Message:
        """All pieces as one message: texts one below the other, calls where they stand in it, results with their calls."""
        text, reasoning, rounds = "", [], 0
        calls: list[Call] = []
        for piece in self.pieces:
            if piece.text.strip():
                text += ("\n\n" if text else "") + piece.text.strip("\n")
            if piece.reasoning:
                reasoning.append(piece.reasoning)
            rounds += bool(piece.calls)
            calls += [placed(one, position=len(text), round=rounds) for one in piece.calls]
            for result in piece.results:
                answer(calls, result, position=len(text))
        first, last = self.pieces[0], self.pieces[-1]
        return Message(
            external_id=first.id,
            parent=self.parent,
            role=self.role,
            text=text,
            created_at=next((piece.created_at for piece in self.pieces if piece.created_at), None),
            reasoning="\n\n".join(reasoning),
            provider=next((piece.provider for piece in reversed(self.pieces) if piece.provider), None),
            model=next((piece.model for piece in reversed(self.pieces) if piece.model), None),
            calls=tuple(calls),
            files=tuple(enclosed for piece in self.pieces for enclosed in piece.files),
            state=State.FAILED if any(piece.error for piece in self.pieces) else last.state,
            error=next((piece.error for piece in reversed(self.pieces) if piece.error), None),
            usage=used_by([piece.usage for piece in self.pieces]),
            duration_s=summed([piece.duration_s for piece in self.pieces]),
            time_to_first_chunk_s=first.time_to_first_chunk_s,
            rating=next((piece.rating for piece in reversed(self.pieces) if piece.rating), None),
        )


def placed(one: Call, *, position: int, round: int) -> Call:
    """The call at its place in the whole answer."""
    return Call(one.id, one.name, one.arguments, one.raw, one.result, one.error, position, round, one.duration_s)


def answer(calls: list[Call], result: tuple[str | None, str | None, str], *, position: int) -> None:
    """Puts what a tool said to its call: the one it names, else the first without a result; a result nobody asked for becomes a
    call of its own."""
    call_id, name, text = result
    for place, one in enumerate(calls):
        if one.result is None and (one.id == call_id if call_id and any(other.id == call_id for other in calls) else True):
            calls[place] = Call(one.id, one.name, one.arguments, one.raw, text, one.error, one.position, one.round, one.duration_s)
            return
    calls.append(Call(call_id or "", name or "tool", None, "", text, None, position, calls[-1].round if calls else 1))


def summed(parts: Sequence[float | None]) -> float | None:
    """The sum of what is known; None if nothing is."""
    there = [part for part in parts if part is not None]
    return sum(there) if there else None


def used_by(parts: Sequence[Usage]) -> Usage:
    """What the requests behind one answer used together."""
    if len(parts) == 1:
        return parts[0]
    return Usage(
        input_tokens=summed_count([part.input_tokens for part in parts]),
        output_tokens=summed_count([part.output_tokens for part in parts]),
        load_s=summed([part.load_s for part in parts]),
        prompt_s=summed([part.prompt_s for part in parts]),
        eval_s=summed([part.eval_s for part in parts]),
    )


def summed_count(parts: Sequence[int | None]) -> int | None:
    there = [part for part in parts if part is not None]
    return sum(there) if there else None


def newest_leaf(messages: Sequence[Message]) -> str | None:
    """The message that a chat ends with when it does not say so: the latest that nothing follows."""
    followed = {message.parent for message in messages}
    leaves = [(message.created_at or EARLIEST, place) for place, message in enumerate(messages) if message.external_id not in followed]
    return messages[max(leaves)[1]].external_id if leaves else None
