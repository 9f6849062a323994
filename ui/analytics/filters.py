"""The filters of the analytics page and the URL: what can be shared is in the URL, and a bad URL is told, never an error.

`?range=90d&model=qwen3:8b` or `?from=2026-03-01&to=2026-03-14&provider=ollama`; what stands at its default is left out. Besides
`tag` (by name, in any case), `folder` (by id, since its name may change; 0 for no folder), `role` and `origin`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from chatcore.analytics import Filters, whole_days
from chatcore.analytics.ranges import DEFAULT_RANGE, EARLIEST, LATEST, RANGES, Known, days_of
from chatcore.organise.folders import NO_FOLDER
from chatcore.organise.names import key_of
from chatcore.parts import Role

PERIOD_PARAMS = ("range", "from", "to")
PARAMS = (*PERIOD_PARAMS, "provider", "model", "tag", "folder", "role", "origin")
Value = TypeVar("Value")
# What stands in the URL for messages that were imported and for those that were not.
ORIGINS = {"imported": True, "live": False}


@dataclass(frozen=True, slots=True)
class Choice:
    """What the person chose: a range with its local days, both included, and what narrows it (see `Filters`; none = all)."""

    range: str
    first: date
    last: date
    providers: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    folder: int | None = None
    role: Role | None = None
    imported: bool | None = None

    @property
    def hidden(self) -> int:
        """How many filters are set that stand behind the button More filters."""
        return bool(self.tags) + (self.folder is not None) + (self.role is not None) + (self.imported is not None)

    @property
    def origin(self) -> str | None:
        """Imported or live, as it stands in the URL."""
        return next((name for name, imported in ORIGINS.items() if imported is self.imported), None)

    def filters(self, time_zone: str) -> Filters:
        """The filters as questions take them."""
        days = whole_days(self.first, self.last, time_zone)
        return Filters(
            days, self.providers, self.models, time_zone, tags=self.tags, folder=self.folder, role=self.role, imported=self.imported
        )

    def params(self) -> dict[str, list[str]]:
        """The choice as it stands in the URL."""
        params: dict[str, list[str]] = {}
        if self.range == "custom":
            params = {"from": [self.first.isoformat()], "to": [self.last.isoformat()]}
        elif self.range != DEFAULT_RANGE:
            params = {"range": [self.range]}
        return params | self.narrowings()

    def narrowings(self) -> dict[str, list[str]]:
        """The part of the URL that says what is counted of the period."""
        params = {
            "provider": list(self.providers),
            "model": list(self.models),
            "tag": list(self.tags),
            "folder": [] if self.folder is None else [str(self.folder)],
            "role": [] if self.role is None else [self.role.value],
            "origin": [] if self.origin is None else [self.origin],
        }
        return {name: values for name, values in params.items() if values}


@dataclass(frozen=True, slots=True)
class Reading:
    """A choice read from a URL, and a sentence for each part of it that could not be used."""

    choice: Choice
    notes: tuple[str, ...]


def read_url(params: Mapping[str, Sequence[str]], known: Known) -> Reading:
    """The choice a URL stands for. What is unknown or malformed is ignored and told in `notes`."""
    range_name, first, last, notes = read_days(params, known)
    providers, unknown_providers = read_names(params.get("provider", ()), known.providers, "provider")
    models, unknown_models = read_names(params.get("model", ()), known.models, "model")
    tags, unknown_tags = read_tags(params.get("tag", ()), known.tags)
    folder, unknown_folder = read_folder(params.get("folder", ()), known)
    role, unknown_role = read_one(params.get("role", ()), {role.value: role for role in Role}, "role")
    imported, unknown_origin = read_one(params.get("origin", ()), ORIGINS, "origin")
    unknown = (*unknown_providers, *unknown_models, *unknown_tags, *unknown_folder, *unknown_role, *unknown_origin)
    return Reading(Choice(range_name, first, last, providers, models, tags, folder, role, imported), (*notes, *unknown))


def read_names(asked: Sequence[str], known: Sequence[str], noun: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The asked names that are known, in order, and a note on each that is not."""
    notes = tuple(
        f"You have not used a {noun} named “{shorten(name)}”, so it is left out of the filter." for name in asked if name not in known
    )
    return tuple(sorted({name for name in asked if name in known})), notes


def read_tags(asked: Sequence[str], known: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The asked tags as they are spelled, in the order of the list, and a note on each that is not there."""
    wanted = {key_of(name): name for name in asked}
    spelled = {key_of(name): name for name in known}
    notes = tuple(
        f"You have no tag named “{shorten(name)}”, so it is left out of the filter." for key, name in wanted.items() if key not in spelled
    )
    return tuple(name for key, name in spelled.items() if key in wanted), notes


def read_folder(asked: Sequence[str], known: Known) -> tuple[int | None, tuple[str, ...]]:
    """The folder asked for, NO_FOLDER for chats in none, and a note on one that is not there."""
    found, notes = read_one(asked, {str(folder): folder for folder in (NO_FOLDER, *(folder for folder, _ in known.folders))}, "folder")
    return found, ("The folder of this address is not among yours, so chats of every folder are counted.",) if notes else ()


def read_one(asked: Sequence[str], values: Mapping[str, Value], noun: str) -> tuple[Value | None, tuple[str, ...]]:
    """The value of the last word asked for, and a note on one that means nothing."""
    if not asked or asked[-1] in values:
        return (values[asked[-1]] if asked else None), ()
    return None, (f"There is no {noun} “{shorten(asked[-1])}”, so it is left out of the filter.",)


def read_days(params: Mapping[str, Sequence[str]], known: Known) -> tuple[str, date, date, tuple[str, ...]]:
    """The range, its first and last day, and notes on what could not be read."""
    if params.get("from") or params.get("to"):
        return read_custom(params, known)
    name = params["range"][-1] if params.get("range") else DEFAULT_RANGE
    if name in RANGES and name != "custom":
        return name, *days_of(name, known), ()
    note = f"There is no range “{shorten(name)}”; the last 30 days are shown."
    return DEFAULT_RANGE, *days_of(DEFAULT_RANGE, known), (note,)


def read_custom(params: Mapping[str, Sequence[str]], known: Known) -> tuple[str, date, date, tuple[str, ...]]:
    """Days from `from` to `to`; a missing end is today, a missing start 30 days before the end."""
    texts = {name: params[name][-1] for name in ("from", "to") if params.get(name)}
    days: dict[str, date] = {}
    for name, text in texts.items():
        try:
            days[name] = min(max(date.fromisoformat(text), EARLIEST), LATEST)
        except ValueError:
            note = f"“{shorten(text)}” is not a day such as {known.today.isoformat()}; the last 30 days are shown."
            return DEFAULT_RANGE, *days_of(DEFAULT_RANGE, known), (note,)
    last = days.get("to", max(known.today, days.get("from", known.today)))
    first = days.get("from", last - timedelta(days=29))
    return "custom", min(first, last), max(first, last), ()


def shorten(text: str) -> str:
    """A stranger's text, cut and without what would be read as markup."""
    plain = "".join(sign if sign.isalnum() or sign in " -_.:/" else "?" for sign in text)
    return plain if len(plain) <= 60 else plain[:59] + "…"
