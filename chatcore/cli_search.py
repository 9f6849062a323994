"""What `python -m chatcore search` prints: for each hit when, where, who, the piece of text, and the address that opens it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from chatcore.api.values import Json, hit_json
from chatcore.db import Database
from chatcore.parts import Viewer
from chatcore.search import search
from chatcore.search.results import Hit, Mark, Order, Results
from chatcore.texts import harmless

BOLD, PLAIN = "\x1b[1m", "\x1b[0m"


class MachineZone(tzinfo):
    """The time zone this machine is set to, with its summer time: the standard library has the offset of a moment only."""

    def utcoffset(self, when: datetime | None) -> timedelta | None:
        return when.replace(tzinfo=None).astimezone().utcoffset() if when else None

    def dst(self, _: datetime | None) -> timedelta | None:
        return None

    def tzname(self, when: datetime | None) -> str | None:
        return when.replace(tzinfo=None).astimezone().tzname() if when else None

    def fromutc(self, when: datetime) -> datetime:
        return when.replace(tzinfo=UTC).astimezone().replace(tzinfo=self)


def find(db: Database, viewer: Viewer, text: str, *, best: bool, limit: int, now: datetime) -> Results:
    """The messages that match; days begin where this machine is."""
    return search(db, viewer, text, order=Order.BEST if best else Order.NEWEST, limit=limit, now=now, zone=MachineZone())


def as_json(found: Results) -> Json:
    """What was found, as GET /api/v1/search writes it."""
    return {"hits": [hit_json(hit) for hit in found.hits], "notices": found.notices, "indexed": found.indexed}


def remarks(found: Results, limit: int) -> list[str]:
    """What there is to say about the answer, a sentence each."""
    said = list(found.notices)
    if not found.hits:
        said.append("No message matches.")
    if found.next_cursor:
        said.append(f"There are more than {limit:,}: ask for more with --limit, or narrow the search.")
    if found.indexed < 1:
        said.append(f"{int(found.indexed * 100)}% of the messages can be found so far. For the rest: python -m chatcore migrate")
    return said


def printed(hit: Hit, *, bold: bool) -> str:
    """A hit in three lines; `bold` marks what matches, for a terminal."""
    model = "Built-in guide" if hit.provider == "guide" else hit.model_name
    where = " · ".join(part for part in ("trash" if hit.in_trash else "", "archived" if hit.archived else "") if part)
    head = [f"{hit.created_at.astimezone():%Y-%m-%d %H:%M}", harmless(hit.chat_title), harmless(model or hit.role), where]
    text = with_marks(harmless(hit.snippet), hit.marks) if bold else harmless(hit.snippet)
    return "\n".join(("  ".join(part for part in head if part), f"  {text}", f"  {address(hit)}"))


def address(hit: Hit) -> str:
    """The path of the chat page at this message."""
    return f"/?c={hit.chat_id}&m={hit.message_id}"


def with_marks(text: str, marks: Sequence[Mark]) -> str:
    """The text with the places that match in bold."""
    pieces, at = [], 0
    for start, end in marks:
        pieces += [text[at:start], BOLD, text[start:end], PLAIN]
        at = end
    return "".join([*pieces, text[at:]])
