"""Whose numbers of which days: the options that `stats` and `report` share, and what they mean in a database."""

import functools
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from chatcore.cli_database import database_option
from chatcore.errors import Invalid, NotFound

if TYPE_CHECKING:
    from chatcore.analytics import Filters
    from chatcore.analytics.ranges import Known
    from chatcore.db import Database
    from chatcore.parts import Viewer

SHOWN_NAMES = 10
LOCALTIME = Path("/etc/localtime")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose numbers of which days, as the options say it."""

    last: str | None
    week: bool
    month: bool
    first_day: str | None
    last_day: str | None
    zone: str | None
    models: tuple[str, ...]
    providers: tuple[str, ...]
    user: str | None
    tags: tuple[str, ...] = ()
    folder: str | None = None
    role: str | None = None
    imported: bool | None = None
    everybody: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """The same, looked up in the database; `compare`: whether there is a period before this one. `folders`: the paths of those meant."""

    viewer: "Viewer"
    filters: "Filters"
    compare: bool
    folders: tuple[str, ...]


NOTHING = Wanted(None, False, False, None, None, None, (), (), None)
OPTIONS = (
    click.option("--last", metavar="PERIOD", help="today, 7d, 30d (default), 90d, 12m, any other number of days such as 14d, or all."),
    click.option("--week", is_flag=True, help="The same as --last 7d."),
    click.option("--month", is_flag=True, help="The same as --last 30d."),
    click.option("--from", "first_day", metavar="DAY", help="The first day, such as 2026-03-01; with --to instead of --last."),
    click.option("--to", "last_day", metavar="DAY", help="The last day; today without it."),
    click.option("--zone", metavar="NAME", help="Whose days and hours, such as Europe/Berlin; without it those of this machine."),
    click.option("--model", "models", metavar="NAME", multiple=True, help="Only this model; may be repeated."),
    click.option("--provider", "providers", metavar="NAME", multiple=True, help="Only this provider; may be repeated."),
    click.option("--tag", "tags", metavar="NAME", multiple=True, help="Only chats with this tag; repeated, with all of them."),
    click.option("--folder", metavar="PATH", help="Only chats in this folder or below it, such as Work/Plans."),
    click.option("--role", type=click.Choice(["user", "assistant"]), help="Of messages only prompts, or only answers."),
    click.option("--imported/--live", "imported", default=None, help="Only what an import brought, or only what was written here."),
    click.option("--everybody", is_flag=True, help="All people together; for the owner."),
    click.option("--user", metavar="ID", help="Whose numbers: an id or an e-mail. Without it those of the local owner."),
    database_option,
)


def asks(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the options that say whose numbers of which days; it takes them as one `Wanted`."""

    @functools.wraps(command)
    def with_options(
        *, last: str | None, week: bool, month: bool, first_day: str | None, last_day: str | None, zone: str | None,
        models: tuple[str, ...], providers: tuple[str, ...], user: str | None, tags: tuple[str, ...], folder: str | None,
        role: str | None, imported: bool | None, everybody: bool, **rest: object,
    ) -> None:  # fmt: skip
        narrowed = (models, providers, user, tags, folder, role, imported, everybody)
        command(Wanted(last, week, month, first_day, last_day, zone, *narrowed), **rest)

    for option in reversed(OPTIONS):
        with_options = option(with_options)
    return with_options


def look_up(db: "Database", wanted: Wanted, *, now: datetime) -> Subject:
    """The person, the days, the models and the chats that the options name. Raises NotFound or Invalid for what there is not."""
    from chatcore import analytics
    from chatcore.accounts import local_owner
    from chatcore.analytics.filters import zone
    from chatcore.analytics.ranges import Known
    from chatcore.parts import Role
    from chatcore.stats import person

    own_zone = wanted.zone or machine_zone()
    own = zone(own_zone)
    viewer = person(db, wanted.user) if wanted.user is not None else local_owner(db, now=now)
    news = analytics.activity(db, viewer, everybody=wanted.everybody)
    days = [moment.astimezone(own).date() for moment in ((news.first, news.last) if news else (now, now))]
    places = analytics.known_places(db, viewer)
    known = Known(
        analytics.known_models(db, viewer, everybody=wanted.everybody),
        days[0],
        days[1],
        now.astimezone(own).date(),
        places.tags,
        places.folders,
    )
    first, last = chosen_days(wanted, known)
    providers = chosen_names(wanted.providers, known.providers, "provider")
    models = chosen_names(wanted.models, known.models, "model")
    filters = analytics.Filters(
        analytics.whole_days(first, last, own_zone), providers, models, own_zone,
        tags=chosen_tags(wanted.tags, known.tags),
        folder=wanted.folder,
        role=Role(wanted.role) if wanted.role else None,
        imported=wanted.imported,
        everybody=wanted.everybody,
    )  # fmt: skip
    return Subject(viewer, filters, compare=wanted.last != "all", folders=chosen_folders(db, viewer, filters, known))


def chosen_days(wanted: Wanted, known: "Known") -> tuple[date, date]:
    """The first and the last day, both included. Raises Invalid for a period that is none, and for two at once."""
    from chatcore.analytics.ranges import DAYS, DEFAULT_RANGE, days_of

    between = wanted.first_day is not None or wanted.last_day is not None
    if sum((wanted.last is not None, wanted.week, wanted.month, between)) > 1:
        raise Invalid("There are two periods.", "Give one of --last, --week, --month, and --from with --to.")
    if between:
        return days_between(wanted, known.today)
    name = "7d" if wanted.week else "30d" if wanted.month else wanted.last if wanted.last is not None else DEFAULT_RANGE
    if name in DAYS or name == "all":
        return days_of(name, known)
    # A century: before it nothing can have been written.
    if re.fullmatch(r"[1-9]\d{0,4}d", name, re.ASCII) and int(name[:-1]) <= 36_500:
        return known.today - timedelta(days=int(name[:-1]) - 1), known.today
    raise Invalid(f"There is no period {name!r}.", f"Use {', '.join(DAYS)}, any other number of days such as 14d, or all.")


def days_between(wanted: Wanted, today: date) -> tuple[date, date]:
    """From the first to the last day; without the last until today, without the first the 30 days up to the last."""
    last = day_of(wanted.last_day, "--to") if wanted.last_day is not None else None
    first = day_of(wanted.first_day, "--from") if wanted.first_day is not None else None
    last = last or max(today, first or today)
    first = first or last - timedelta(days=29)
    if first > last:
        raise Invalid(f"{last.isoformat()} is before {first.isoformat()}.", "Give the earlier day with --from, the later with --to.")
    return first, last


def day_of(text: str, option: str) -> date:
    """A day such as 2026-03-14. Raises Invalid for another text, and for a day of another age."""
    from chatcore.analytics.ranges import EARLIEST, LATEST

    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"{option} {text!r} is not a day.", "Write it as 2026-03-14.") from error
    if not EARLIEST <= day <= LATEST:
        raise Invalid(f"{option} {text} is too far away.", f"Use a day from {EARLIEST.year} to {LATEST.year - 1}.")
    return day


def chosen_names(asked: Sequence[str], known: Sequence[str], noun: str) -> tuple[str, ...]:
    """The names, sorted. Raises NotFound for one that was never asked: a table of zeros would hide a slip of the pen."""
    for name in asked:
        if name not in known:
            raise NotFound(f"No {noun} {name!r} was ever asked.", known_names(known, "No answers are known yet."))
    return tuple(sorted(set(asked)))


def chosen_tags(asked: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """The tags as they are spelled, in the order of the list. Raises NotFound for one that is not there."""
    from chatcore.organise.names import key_of

    spelled = {key_of(name): name for name in known}
    for name in asked:
        if key_of(name) not in spelled:
            raise NotFound(f"There is no tag {name!r}.", known_names(known, "There are no tags yet."))
    wanted = {key_of(name) for name in asked}
    return tuple(name for key, name in spelled.items() if key in wanted)


def chosen_folders(db: "Database", viewer: "Viewer", filters: "Filters", known: "Known") -> tuple[str, ...]:
    """The paths of the folders that are meant. Raises NotFound for one that is not there."""
    from chatcore.analytics import folder_paths

    try:
        return folder_paths(db, viewer, filters)
    except NotFound as error:
        raise NotFound(error.message, known_names([path for _, path in known.folders], "There are no folders yet.")) from error


def known_names(known: Sequence[str], nothing: str) -> str:
    """The names there are, as a hint; `nothing` is said where there is none."""
    more = f" and {len(known) - SHOWN_NAMES:,} more" if len(known) > SHOWN_NAMES else ""
    return f"Known here: {', '.join(known[:SHOWN_NAMES])}{more}." if known else nothing


def machine_zone() -> str:
    """The name of the zone this machine is set to; UTC where it has a name that nobody knows, or tells none."""
    names = [os.environ.get("TZ", "").removeprefix(":")]
    if not names[0]:
        # On Linux and macOS a link into the zones of the system.
        names.append(str(LOCALTIME.resolve()).partition("zoneinfo/")[2])
    for name in names:
        try:
            if name and ZoneInfo(name).key == name:
                return name
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return "UTC"
