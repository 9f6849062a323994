"""The filters of the analytics page and the URL: what can be shared is in the URL, and a bad URL is told, never an error.

`?range=90d&model=qwen3:8b` or `?from=2026-03-01&to=2026-03-14&provider=ollama`; what stands at its default is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from chatcore.analytics import Filters, whole_days
from chatcore.analytics.ranges import DEFAULT_RANGE, EARLIEST, LATEST, RANGES, Known, days_of

PARAMS = ("range", "from", "to", "provider", "model")


@dataclass(frozen=True, slots=True)
class Choice:
    """What the person chose: a range with its local days, both included, and providers and models (none = all)."""

    range: str
    first: date
    last: date
    providers: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    def filters(self, time_zone: str) -> Filters:
        """The filters as questions take them."""
        return Filters(whole_days(self.first, self.last, time_zone), self.providers, self.models, time_zone)

    def params(self) -> dict[str, list[str]]:
        """The choice as it stands in the URL."""
        params: dict[str, list[str]] = {}
        if self.range == "custom":
            params = {"from": [self.first.isoformat()], "to": [self.last.isoformat()]}
        elif self.range != DEFAULT_RANGE:
            params = {"range": [self.range]}
        return params | {name: list(values) for name, values in (("provider", self.providers), ("model", self.models)) if values}


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
    return Reading(Choice(range_name, first, last, providers, models), (*notes, *unknown_providers, *unknown_models))


def read_names(asked: Sequence[str], known: Sequence[str], noun: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The asked names that are known, in order, and a note on each that is not."""
    notes = tuple(
        f"You have not used a {noun} named “{shorten(name)}”, so it is left out of the filter." for name in asked if name not in known
    )
    return tuple(sorted({name for name in asked if name in known})), notes


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
