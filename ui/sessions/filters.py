"""What the session page asks for, as it stands in the URL: shareable, and the only place where it is kept.

A search is `?q=tides model:qwen3:8b&order=best`: all that narrows it stands in its text. Without a text the page is a list:
`?shelf=archived&folder=7&tag=work&model=qwen3:8b&range=30d&sort=tokens`, or `from` and `to` instead of `range`: days in the
viewer's time zone, both included. A folder stands by its id, since its name may change. tag, provider and model may stand
several times. What stands at its default is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo

from chatcore.browse import Browse, Sort
from chatcore.organise.folders import NO_FOLDER
from chatcore.organise.names import key_of
from chatcore.parts import Period, Shelf
from chatcore.search.query import LONGEST_QUERY, with_filter
from chatcore.search.results import Order

SHELVES = {Shelf.ACTIVE: "Chats", Shelf.ARCHIVED: "Archived", Shelf.TRASH: "Trash"}
SORTS: dict[str, tuple[str, Sort, bool]] = {
    "newest": ("Latest activity", "updated", True),
    "oldest": ("Oldest activity", "updated", False),
    "created": ("Newest chats", "created", True),
    "created-oldest": ("Oldest chats", "created", False),
    "title": ("Title, A to Z", "title", False),
    "title-z": ("Title, Z to A", "title", True),
    "messages": ("Most messages", "messages", True),
    "messages-fewest": ("Fewest messages", "messages", False),
    "tokens": ("Most tokens", "tokens", True),
    "tokens-fewest": ("Fewest tokens", "tokens", False),
}
ANY_TIME, CUSTOM = "", "custom"
RANGES = {
    ANY_TIME: "Any time",
    "today": "Today",
    "7d": "Last 7 days",
    "30d": "Last 30 days",
    "90d": "Last 90 days",
    "12m": "Last 12 months",
    CUSTOM: "Custom range",
}
DAYS = {"today": 1, "7d": 7, "30d": 30, "90d": 90, "12m": 365}
# The same times as a search text says them.
AFTER = {"today": "today", "7d": "7d", "30d": "30d", "90d": "90d", "12m": "1y"}
# No chat is older or newer, and in between every day has a day after it in every time zone.
EARLIEST, LATEST = date(1970, 1, 1), date(2100, 1, 1)
PARAMS = ("shelf", "folder", "tag", "provider", "model", "range", "from", "to", "sort")


@dataclass(frozen=True, slots=True)
class Search:
    """A search: its text, never empty, and how the hits are sorted."""

    text: str
    order: Order = Order.NEWEST

    def params(self) -> dict[str, str | list[str]]:
        """The URL parameters that mean this, defaults left out."""
        params: dict[str, str | list[str]] = {"q": self.text}
        return params if self.order is Order.NEWEST else params | {"order": self.order.value}


@dataclass(frozen=True, slots=True)
class Known:
    """What a viewer can narrow the list by: (provider, model) pairs, the paths of folders by their ids, names of tags."""

    models: Sequence[tuple[str, str]] = ()
    folders: Mapping[int, str] = field(default_factory=dict)
    tags: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ChatFilters:
    """The choices of the list. `first` and `last` are days in the viewer's time zone, both included. `folder`: NO_FOLDER for
    chats that lie in none, None for all."""

    shelf: Shelf = Shelf.ACTIVE
    folder: int | None = None
    tags: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    range: str = ANY_TIME
    first: date | None = None
    last: date | None = None
    sort: str = "newest"

    @property
    def narrowed(self) -> bool:
        """Whether anything but the shelf decides which chats are shown."""
        return bool(self.hidden or self.folder is not None)

    @property
    def hidden(self) -> int:
        """How many filters are set that stand behind the Filters button."""
        return bool(self.tags) + bool(self.providers) + bool(self.models) + bool(self.range)

    def browse(self, *, now: datetime, zone: tzinfo) -> Browse:
        """The question for `chatcore.browse`."""
        _, key, descending = SORTS[self.sort]
        return Browse(
            folders=() if self.folder is None else (self.folder,),
            tags=self.tags,
            providers=self.providers,
            models=self.models,
            period=self.period(now=now, zone=zone),
            shelf=self.shelf,
            sort=key,
            descending=descending,
        )

    def period(self, *, now: datetime, zone: tzinfo) -> Period | None:
        """The time asked for, from midnight to midnight in the viewer's time zone; None for any time."""
        if self.range == CUSTOM and self.first and self.last:
            first, last = self.first, self.last
        elif self.range in DAYS:
            last = now.astimezone(zone).date()
            first = last - timedelta(days=DAYS[self.range] - 1)
        else:
            return None
        return Period(midnight(first, zone), midnight(last + timedelta(days=1), zone))

    def params(self) -> dict[str, str | list[str]]:
        """The URL parameters that mean this, defaults left out."""
        custom = self.range == CUSTOM
        params: dict[str, str | list[str]] = {
            "shelf": "" if self.shelf is Shelf.ACTIVE else self.shelf.value,
            "folder": "" if self.folder is None else str(self.folder),
            "tag": list(self.tags),
            "provider": list(self.providers),
            "model": list(self.models),
            "range": "" if custom else self.range,
            "from": self.first.isoformat() if custom and self.first else "",
            "to": self.last.isoformat() if custom and self.last else "",
            "sort": "" if self.sort == "newest" else self.sort,
        }
        return {name: value for name, value in params.items() if value}


Asked = Search | ChatFilters


def midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone)


def read(params: Mapping[str, Sequence[str]], known: Known) -> tuple[ChatFilters, tuple[str, ...]]:
    """The filters in a URL, and the parts of it that mean nothing here ('model gone:7b'), which are left out."""
    unknown: list[str] = []

    def one(name: str, choices: Sequence[str], default: str) -> str:
        value = (params.get(name) or [default])[-1]
        if value in choices:
            return value
        unknown.append(f"{name} “{value[:60]}”")
        return default

    def many(name: str, choices: Sequence[str]) -> tuple[str, ...]:
        values = tuple(dict.fromkeys(params.get(name) or []))
        unknown.extend(f"{name} “{value[:60]}”" for value in values if value not in choices)
        return tuple(value for value in values if value in choices)

    def tags() -> tuple[str, ...]:
        spelled = {key_of(name): name for name in known.tags}
        values = {key_of(value): value for value in params.get("tag") or []}
        unknown.extend(f"tag “{value[:60]}”" for key, value in values.items() if key not in spelled)
        return tuple(spelled[key] for key in values if key in spelled)

    def folder() -> int | None:
        value = one("folder", ["", str(NO_FOLDER), *map(str, known.folders)], "")
        return int(value) if value else None

    def day(name: str) -> date | None:
        value = (params.get(name) or [""])[-1]
        try:
            return min(max(date.fromisoformat(value), EARLIEST), LATEST) if value else None
        except ValueError:
            unknown.append(f"{name} “{value[:60]}”")
            return None

    first, last = day("from"), day("to")
    if first or last:
        # A missing end means that day alone.
        first, last = first or last, last or first
        if first and last and first > last:
            first, last = last, first
    filters = ChatFilters(
        shelf=Shelf(one("shelf", [shelf.value for shelf in Shelf], Shelf.ACTIVE.value)),
        folder=folder(),
        tags=tags(),
        providers=many("provider", [provider for provider, _ in known.models]),
        models=many("model", [model for _, model in known.models]),
        range=CUSTOM if first else one("range", [ANY_TIME, *DAYS], ANY_TIME),
        first=first,
        last=last,
        sort=one("sort", list(SORTS), "newest"),
    )
    return filters, tuple(unknown)


def read_search(params: Mapping[str, Sequence[str]]) -> Search | None:
    """The search in a URL; None if it asks for the list."""
    text = (params.get("q") or [""])[-1].strip()[:LONGEST_QUERY]
    order = (params.get("order") or [""])[-1]
    return Search(text, Order.BEST if order == Order.BEST else Order.NEWEST) if text else None


def folded(text: str, filters: ChatFilters, folders: Mapping[int, str]) -> str:
    """The search text with the filters of the list written into it: who searches in what they see finds only that. `folders`
    are the paths of folders by their ids."""
    wanted = [("is", filters.shelf.value)] if filters.shelf is not Shelf.ACTIVE else []
    if filters.folder is not None and filters.folder in folders:
        wanted.append(("folder", folders[filters.folder]))
    wanted += [("tag", tag) for tag in filters.tags]
    wanted += [("model", model) for model in filters.models]
    wanted += [("provider", provider) for provider in filters.providers]
    if filters.range in AFTER:
        wanted.append(("after", AFTER[filters.range]))
    elif filters.first and filters.last:
        wanted += [("after", filters.first.isoformat()), ("before", (filters.last + timedelta(days=1)).isoformat())]
    for name, value in wanted:
        text = with_filter(text, name, value)
    return text


def turned(sort: str, column: str) -> str:
    """The sort that a click on a column's head asks for: that column, or the other direction if it is sorted by it."""
    _, now_column, now_descending = SORTS[sort]
    wanted = [key for key, (_, name, _) in SORTS.items() if name == column]
    if not wanted:
        return sort
    if now_column != column:
        return wanted[0]
    return next(key for key in wanted if SORTS[key][2] != now_descending)
