"""JSON of any size, one value at a time: the items of an array, or values one after the other (JSON lines).

The standard library reads a whole file or nothing. Here at most one value is in memory, a broken one does not take the rest
with it, and one that is nested deeper than the standard library can follow is read without recursion.
"""

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

CHUNK_BYTES = 1 << 20
# The largest chats that were seen have some 10 MB, pictures included; one value takes about 5 times its text in memory.
LONGEST_VALUE = 48 * 2**20
# How the reason begins of what is no value at all.
NO_JSON = "it is no valid JSON"
# LibreChat nests each answer into its prompt: two levels a message.
DEEPEST = 20_000

DECODER = json.JSONDecoder(strict=False)
SIGN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*("?)|[\[\]{}]', re.DOTALL)
REST_OF_TEXT = re.compile(r'[^"\\]*(?:\\.[^"\\]*)*("?)', re.DOTALL)
TOKEN = re.compile(r'\s*(?:([{}\[\],:])|("[^"\\]*(?:\\.[^"\\]*)*")|([^\s{}\[\],:"]+))', re.DOTALL)
COMMA = re.compile(r"[,\]]")
SPACE = re.compile(r"[\s\ufeff]*")
# How far from the end of what was read an error may lie that only means: read on (a number, a word, an escape cut in two).
CUT_CHARACTERS = 12


@dataclass(frozen=True, slots=True)
class Spoiled:
    """A value that cannot be read, and why."""

    reason: str


def values(stream: BinaryIO) -> Iterator[object]:
    """The items of the array in a stream, or the values that stand there one after the other; Spoiled for each that is none."""
    reader = Reader(stream)
    found = False
    while sign := reader.peek():
        found = True
        if sign == "[":
            reader.place += 1
            yield from items(reader)
        else:
            yield reader.take(lines=True)
    if not found:
        yield Spoiled("the file is empty")


def items(reader: "Reader") -> Iterator[object]:
    """The items of an array that has begun."""
    while sign := reader.peek():
        if sign in ",]":
            reader.place += 1
            if sign == "]":
                return
        else:
            yield reader.take(lines=False)
    yield Spoiled("the file ends too early: a part of it is missing")


class Reader:
    """A window on a stream of text: what stands before `place` is done with."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.buffer = ""
        self.place = 0
        self.ended = False

    def more(self) -> None:
        """Reads on, as much again as is kept, so that a long value is looked at a few times and not very often."""
        kept = self.buffer[self.place :]
        chunk = self.stream.read(max(CHUNK_BYTES, len(kept)))
        self.ended = not chunk
        self.buffer = kept + self.decoder.decode(chunk, self.ended)
        self.place = 0

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            space = SPACE.match(self.buffer, self.place)
            self.place = space.end() if space else self.place
            if self.place < len(self.buffer) or self.ended:
                return self.buffer[self.place : self.place + 1]
            self.more()

    def take(self, *, lines: bool) -> object:
        """The value that begins here, or why it is none; then the next one begins. With `lines` that is at the latest where a
        line begins with a brace."""
        while True:
            try:
                value, end = DECODER.raw_decode(self.buffer, self.place)
            except RecursionError:
                return self.take_deep()
            except json.JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated string") or error.pos >= len(self.buffer) - CUT_CHARACTERS
                if cut and not self.ended and len(self.buffer) - self.place <= LONGEST_VALUE:
                    self.more()
                    continue
                at_end = error.msg.startswith("Unterminated string") or error.pos >= len(self.buffer.rstrip())
                return self.spoiled(reason_of(error, cut=cut, ended=self.ended, at_end=at_end), lines=lines)
            except ValueError:
                return self.spoiled("it has a number that is too long", lines=lines)
            if end == len(self.buffer) and not self.ended and not isinstance(value, dict | list | str):
                self.more()
                continue
            self.place = end
            return value

    def take_deep(self) -> object:
        """The same for a value that is nested too deep for the standard library."""
        end, depth = self.find_end(keep=True)
        text = self.buffer[self.place : end]
        self.place = end
        if depth > DEEPEST:
            return Spoiled(f"it is nested more than {DEEPEST:,} deep")
        try:
            return build(text)
        except ValueError as error:
            return Spoiled(str(error))

    def spoiled(self, reason: str, *, lines: bool) -> Spoiled:
        """Goes behind a value that cannot be read."""
        if lines:
            self.place += 1
            while (following := self.buffer.find("\n{", self.place)) < 0 and not self.ended:
                self.place = max(self.place, len(self.buffer) - 1)
                self.more()
            self.place = following + 1 if following >= 0 else len(self.buffer)
        else:
            # What is no value at all has no end of its own either.
            begins = self.buffer[self.place : self.place + 1] in ("{", "[", '"')
            self.place = self.find_end(keep=False)[0] if begins else self.next_comma()
        return Spoiled(reason)

    def next_comma(self) -> int:
        """Where the item ends that is no value at all."""
        self.place += 1
        while True:
            found = COMMA.search(self.buffer, self.place)
            if found or self.ended:
                return found.start() if found else len(self.buffer)
            self.place = len(self.buffer)
            self.more()

    def find_end(self, *, keep: bool) -> tuple[int, int]:
        """Where the value ends that begins here, by its brackets, and how deep it goes; its text stays with `keep`, as long as it
        is not too deep to be used."""
        depth = deepest = 0
        place, in_text = self.place, False
        while True:
            if in_text and (rest := REST_OF_TEXT.match(self.buffer, place)):
                place, in_text = rest.end(), not rest[1]
                if depth == 0 and not in_text:
                    return place, deepest
            for sign in () if in_text else SIGN.finditer(self.buffer, place):
                place, token = sign.end(), sign[0][0]
                in_text = token == '"' and not sign[1]
                depth += (token in "[{") - (token in "]}")
                deepest = max(deepest, depth)
                if depth <= 0 and not in_text:
                    return place, deepest
            if self.ended:
                return len(self.buffer), max(deepest, DEEPEST + 1 if keep else 0)
            if keep and (deepest > DEEPEST or len(self.buffer) - self.place > LONGEST_VALUE):
                keep, deepest = False, DEEPEST + 1
            if not keep:
                self.place = place
            done = place - self.place
            self.more()
            place = self.place + done


def reason_of(error: json.JSONDecodeError, *, cut: bool, ended: bool, at_end: bool) -> str:
    """Why a value cannot be read, for people."""
    if ended and at_end:
        return "the file ends too early: a part of it is missing"
    if cut and not ended:
        return f"it is larger than {LONGEST_VALUE >> 20} MB"
    return f"{NO_JSON} ({error.msg[:80]})"


def build(text: str) -> object:
    """The value of a text that is nested deep, without recursion. Raises ValueError."""
    root: list[object] = []
    stack: list[list[object] | dict[str, object]] = [root]
    key: str | None = None
    place, end = 0, len(text.rstrip())
    while place < end:
        token = TOKEN.match(text, place)
        if token is None:
            raise ValueError("it is no valid JSON")
        place = token.end()
        sign, top = token[1], stack[-1]
        if sign in (",", ":"):
            continue
        if sign in ("]", "}"):
            if stack.pop() is root:
                raise ValueError("it is no valid JSON")
            continue
        value: object = ([] if sign == "[" else {}) if sign else json.loads(token[2] or token[3], strict=False)
        if isinstance(top, list):
            top.append(value)
        elif key is not None:
            top[key], key = value, None
        elif isinstance(value, str):
            key = value
            continue
        else:
            raise ValueError("it is no valid JSON (a key is no text)")
        if isinstance(value, list | dict):
            stack.append(value)
    if len(stack) != 1 or len(root) != 1:
        raise ValueError("it is no valid JSON")
    return root[0]
