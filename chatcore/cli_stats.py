"""`stats` and `report` of the command line: the questions of the analytics page as tables, CSV and JSON, and all of it as one file."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

import click

from chatcore.cli_database import opened
from chatcore.cli_subject import NOTHING, Wanted, asks, look_up
from chatcore.errors import Conflict, Invalid
from chatcore.texts import harmless

if TYPE_CHECKING:
    from chatcore.analytics import Filters, Pair, Rates
    from chatcore.analytics.filters import FineStep
    from chatcore.db import Database

# A longer head is broken, so that it does not make a column of short numbers wide.
HEAD_CHARACTERS = 12


# Why a question may have no answer though there are some.
MISSING = {
    "equivalents": "There is no answer of a local model in this period, or no CHATCORE_REFERENCE_MODEL, such as openai/gpt-5-mini.",
    "energy": "There is no answer of a local model in this period, or no CHATCORE_WATTS: what this machine takes while one answers.",
    "titles": "No model was asked for a title in this period.",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and what it is asked with beside the person and the days."""

    question: str
    step: "FineStep | None"
    against: str | None


# --- stats -------------------------------------------------------------------------------------------------------


@click.command()
@click.argument("question", required=False)
@click.option("--list", "names", is_flag=True, help="Name the questions, with what each answers.")
@asks
@click.option("--step", type=click.Choice(["hour", "day", "week", "month"]), help="How long a step over time is; day without it.")
@click.option(
    "--against", metavar="WHAT", help="For compare_periods: previous (default), year, a day (before and after it), or FIRST..LAST."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV, for spreadsheets.")
def stats(
    wanted: Wanted,
    *,
    question: str | None,
    names: bool,
    step: "FineStep | None",
    against: str | None,
    as_json: bool,
    as_csv: bool,
    url: str | None,
) -> None:
    """Answer a QUESTION of the analytics page; without one, count people, chats, messages and the tokens of each model over everybody."""
    if as_json and as_csv:
        raise Invalid("--json and --csv are two forms of the same.", "Give one of them.")
    if names:
        list_questions()
        return
    if question is None:
        if wanted != NOTHING or step or against or as_csv:
            raise Invalid("There is no question.", "Name one, such as: stats messages_per_day --last 7d. For all of them: stats --list")
        with opened(url, migrated=True, must_exist=True) as db:
            show_counts(db, as_json=as_json)
        return
    answer(wanted, Asked(question, step, against), form="json" if as_json else "csv" if as_csv else "table", url=url)


def list_questions() -> None:
    """Prints the names of the questions, each with what it answers."""
    from chatcore.reports.questions import QUESTIONS, meaning

    click.echo(aligned(("Question", ""), [(name, meaning(name)) for name in QUESTIONS]))


def answer(wanted: Wanted, asked: Asked, *, form: str, url: str | None) -> None:
    """Prints what a question answers, as JSON, CSV or a table."""
    from chatcore.analytics import keep_sums
    from chatcore.analytics.ranges import days_text
    from chatcore.reports.changes import by_chance, changes_table
    from chatcore.reports.files import csv_of, rows_of
    from chatcore.reports.narrowing import narrowings
    from chatcore.reports.questions import ask, known_name, meaning
    from chatcore.reports.tables import SHOWN, table_of, tiles_table

    now, name = datetime.now(UTC), known_name(asked.question)
    with opened(url, migrated=True, must_exist=True) as db:
        subject = look_up(db, wanted, now=now)
        pair = pair_for(name, asked.against, subject.filters, now=now)
        filters = replace(subject.filters, period=pair.after) if pair else subject.filters
        other = pair.before if pair else None
        if filters.everybody:
            keep_sums(db, subject.viewer, filters.time_zone)
        frame = ask(db, subject.viewer, name, filters, now=now, step=asked.step, other=other, rates=rates_of_settings(now))
    if form == "json":
        about = {
            "question": name,
            "user": subject.viewer.user_id,
            "start": filters.period.start.isoformat(),
            "end": filters.period.end.isoformat(),
            **({"before_start": pair.before.start.isoformat(), "before_end": pair.before.end.isoformat()} if pair else {}),
            "time_zone": filters.time_zone,
            "models": filters.models,
            "providers": filters.providers,
            "tags": filters.tags,
            "folders": subject.folders,
            "role": filters.role,
            "imported": filters.imported,
            "rows": rows_of(frame),
        }
        click.echo(json.dumps(about, ensure_ascii=False, indent=2))
        return
    if form == "csv":
        click.echo(csv_of(frame).decode(), nl=False)
        return
    days = days_text(filters.period, filters.time_zone)
    if pair:
        days += f", before: {days_text(pair.before, filters.time_zone)}"
    chosen = (f"{said} {', '.join(names)}".strip() for said, names in narrowings(filters, subject.folders))
    counted = (days, filters.time_zone, *chosen)
    click.echo(f"{meaning(name)}\n{harmless(' · '.join(counted))}\n")
    below = ""
    if name in ("tiles", "tool_tiles"):
        table = tiles_table(frame, compare=subject.compare)
    elif name == "compare_periods":
        table, below = changes_table(frame), by_chance(frame)
    else:
        table = table_of(frame, filters.time_zone, columns=SHOWN.get(name))
    right = [place for place, numeric in enumerate(table.numeric) if numeric]
    click.echo(aligned(table.heads, table.rows, right) if table.rows else MISSING.get(name, "There is nothing in this period."))
    if below:
        click.echo(f"\n{below}")


def pair_for(name: str, against: str | None, filters: "Filters", *, now: datetime) -> "Pair | None":
    """The two periods of a question that compares any two; None for the others. Raises Invalid for a text that names none."""
    from chatcore import analytics

    if name != analytics.compare_periods.__name__:
        if against:
            raise Invalid(f"{name} compares with no other period.", "Leave --against out, or ask compare_periods.")
        return None
    return analytics.pair_of(filters, analytics.read_against(against or "previous"), now=now)


def rates_of_settings(now: datetime) -> "Rates":
    """What local models are reckoned with, as the environment says it. Nobody measures here: only watts that were set count."""
    from chatcore.analytics import Rates
    from chatcore.prices import find_reference, note_elsewhere
    from chatcore.settings import Settings

    settings = Settings.from_env()
    note_elsewhere(settings.elsewhere)
    return Rates(find_reference(settings.reference_model, at=now) if settings.reference_model else None, settings.watts)


def show_counts(db: "Database", *, as_json: bool) -> None:
    """Prints how much the whole database holds."""
    from chatcore.stats import count_all

    counted = count_all(db)
    if as_json:
        click.echo(json.dumps(asdict(counted), ensure_ascii=False, indent=2))
        return
    click.echo(f"People    {counted.people:,}")
    click.echo(f"Chats     {counted.chats:,} ({counted.chats_in_trash:,} in the trash)")
    click.echo(f"Messages  {counted.messages:,}")
    if counted.models:
        head = ("Provider", "Model", "Answers", "Failed", "Tokens in", "Tokens out")
        rows = [
            (use.provider, use.model, f"{use.answers:,}", f"{use.failed:,}", tokens(use.input_tokens), tokens(use.output_tokens))
            for use in counted.models
        ]
        click.echo("\n" + aligned(head, rows))


# --- report ------------------------------------------------------------------------------------------------------


@click.command()
@asks
@click.option("--out", metavar="FILE", help="Where to write it, - for standard output. Without it, a name with the days, in this folder.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def report(wanted: Wanted, *, out: str | None, force: bool, url: str | None) -> None:
    """Write what the analytics page shows as one HTML file, which needs neither the app nor a network."""
    from chatcore.analytics.ranges import days_text
    from chatcore.reports.page import file_name, html_report

    now = datetime.now(UTC)
    with opened(url, migrated=True, must_exist=True) as db:
        subject = look_up(db, wanted, now=now)
        made = html_report(db, subject.viewer, subject.filters, now=now, compare=subject.compare, rates=rates_of_settings(now))
    if out == "-":
        click.echo(made, nl=False)
        return
    path = Path(out or file_name(subject.filters))
    write_file(path, made, force=force)
    click.echo(f"Wrote {path}: {days_text(subject.filters.period, subject.filters.time_zone)}.")


def write_file(path: Path, text: str, *, force: bool) -> None:
    """Writes a file. Raises Conflict for one that is there already without `force`, Invalid where none can be written."""
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise Conflict(f"{path} is there already.", "Write over it with --force, or name another file with --out.") from error
    except OSError as error:
        raise Invalid(
            f"{path} cannot be written: {error.strerror or error}.", "Name a file in a folder that is yours with --out."
        ) from error


# --- tables ------------------------------------------------------------------------------------------------------


def aligned(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] | None = None) -> str:
    """Rows as text, the columns in `right` right; without it all but the first two. What is in a name does not steer a terminal."""
    places = range(len(head))
    rows = [[harmless(cell) for cell in row] for row in rows]
    numbers = places[2:] if right is None else right
    found = [max((len(row[place]) for row in rows), default=0) for place in places]
    heads = [wrap(name, max(width, HEAD_CHARACTERS)) or [""] for name, width in zip(head, found, strict=True)]
    high = max(len(name) for name in heads)
    above = [[("", *name)[max(0, line - high + len(name) + 1)] for name in heads] for line in range(high)]
    widths = [max(width, *map(len, name)) for width, name in zip(found, heads, strict=True)]
    lines = []
    for row in (*above, *rows):
        cells = [row[place].rjust(widths[place]) if place in numbers else row[place].ljust(widths[place]) for place in places]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def tokens(count: int | None) -> str:
    """A number of tokens; unknown is not 0."""
    return "unknown" if count is None else f"{count:,}"
