"""Commands that bring chats here and give them back: import, imports, export."""

import json
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chatcore.cli_database import database_option, opened
from chatcore.cli_progress import progress
from chatcore.errors import Invalid

if TYPE_CHECKING:
    from chatcore.db import Database
    from chatcore.importing import Pace, Preview, Report
    from chatcore.parts import Viewer

SHOWN_ROWS = 20
user_option = click.option("--user", metavar="ID", help="Whose: an id or an e-mail; without it the local owner's.")


def person(db: "Database", named: str | None) -> "Viewer":
    """The local owner, or the person of this id or e-mail. Raises what `chatcore.stats.person` raises."""
    from chatcore.accounts import local_owner
    from chatcore.stats import person as find

    return local_owner(db, now=datetime.now(UTC)) if named is None else find(db, named)


@click.command("import")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--from", "source_url", metavar="URL", help="Take over an older database with the tables users, conversations and messages.")
@click.option("--dry-run", is_flag=True, help="Say what is in the file, and import nothing.")
@click.option("--folder", metavar="PATH", help="Put new chats into this folder, such as Work/Plans.")
@click.option("--tag", "tags", multiple=True, metavar="NAME", help="Put this tag on new chats; may be repeated.")
@click.option("--report", "report_to", type=click.Path(path_type=Path), help="Write the whole report as JSON to this file.")
@user_option
@database_option
def import_chats(file: Path | None, source_url: str | None, url: str | None, **options: object) -> None:
    """Import the chats of another program from FILE, or take over an older database; running it again changes nothing."""
    if (file is None) == (source_url is None):
        raise Invalid(
            "Nothing to import is named." if file is None else "A file and --from are named.", "Name a file, or a database with --from URL."
        )
    if source_url is not None:
        take_over(source_url, url)
        return
    assert file is not None
    with opened(url, migrated=True) as db:
        run(db, file, options)


def run(db: "Database", file: Path, options: dict[str, object]) -> None:
    """Looks at the file, imports it unless it is a dry run, and says what happened."""
    from chatcore.importing import Options, import_file, preview
    from chatcore.search.merging import Gathering

    viewer = person(db, text(options["user"]))
    tags = tuple(map(str, options["tags"])) if isinstance(options["tags"], tuple) else ()
    told = preview(db, viewer, file)
    show_preview(told)
    if options["dry_run"]:
        return
    line = Line()
    report = import_file(
        db,
        viewer,
        file,
        now=datetime.now(UTC),
        options=Options(folder_id=folder_of(db, viewer, text(options["folder"])), tags=tags),
        expected=told.messages,
        on_pace=line.show,
    )
    line.end()
    show_report(report)
    if isinstance(options["report_to"], Path):
        options["report_to"].write_text(json.dumps(report.as_json(), ensure_ascii=False, indent=2))
    # Here nobody else has time for it. In a large database it takes a while, and everything is said and written before.
    Gathering(db).finish()


def text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def folder_of(db: "Database", viewer: "Viewer", path: str | None) -> int | None:
    """The folder of this path, made where it is missing."""
    from chatcore.importing.writing import ensure_folder

    return ensure_folder(db, viewer, path) if path else None


class Line:
    """How far an import is, how fast and how long it takes still, on one line of a terminal; silent where nobody looks."""

    def __init__(self) -> None:
        self.shows = sys.stderr.isatty()
        self.width = 0

    def show(self, pace: "Pace") -> None:
        """Draws the line anew."""
        if self.shows:
            left = f", {pace.left_s:,.0f} s left" if pace.left_s is not None else ""
            line = f"Messages {pace.done:,} of {pace.expected:,} ({pace.messages_per_s:,.0f} a second{left})"
            click.echo("\r" + line.ljust(self.width), err=True, nl=False)
            self.width = len(line)

    def end(self) -> None:
        if self.width:
            click.echo(err=True)


def show_preview(told: "Preview") -> None:
    """What is in the file."""
    when = f", {told.first_at:%Y-%m-%d} to {told.last_at:%Y-%m-%d}" if told.first_at and told.last_at else ""
    click.echo(f"{told.label}: {told.chats:,} chats ({told.new_chats:,} are not here yet), {told.messages:,} messages{when}")
    if told.models:
        shown = [f"{model} ({answers:,})" for model, answers in list(told.models.items())[:8]]
        click.echo(f"Models: {', '.join(shown)}" + (f" and {len(told.models) - 8:,} more" if len(told.models) > 8 else ""))
    if told.files:
        click.echo(f"Files: {told.files:,}")
    show_left("Left out of chats, or mended:", dict(told.notes))
    show_left("Chats that cannot be imported:", dict(told.reasons), [(skipped.name, skipped.reason) for skipped in told.skipped])


def show_report(report: "Report") -> None:
    """What was done."""
    chats, messages = report.chats, report.messages
    click.echo(
        f"\nChats     {chats.get('imported', 0):,} imported, {chats.get('updated', 0):,} updated, {chats.get('unchanged', 0):,} unchanged, "
        f"{chats.get('skipped', 0):,} skipped"
    )
    kept = f", {messages['kept']:,} kept as you changed them here" if messages.get("kept") else ""
    click.echo(
        f"Messages  {messages.get('imported', 0):,} imported, {messages.get('updated', 0):,} updated, "
        f"{messages.get('unchanged', 0):,} unchanged{kept}"
    )
    done = sum(messages.values())
    click.echo(f"Took {report.duration_s:,.1f} s, {done / max(report.duration_s, 0.001):,.0f} messages a second.")
    click.echo(f"To take it back: python -m chatcore imports undo {report.run_id}")


def show_left(title: str, counts: dict[str, int], rows: list[tuple[str, str]] | None = None) -> None:
    """Reasons with their numbers, the most frequent first, and the first chats by name."""
    if not counts:
        return
    click.echo(f"\n{title}")
    for reason, number in sorted(counts.items(), key=lambda item: -item[1]):
        click.echo(f"  {number:,}: {reason}")
    for name, reason in (rows or [])[:SHOWN_ROWS]:
        click.echo(f"    {name}: {reason}")
    if rows and sum(counts.values()) > SHOWN_ROWS:
        click.echo(f"    and {sum(counts.values()) - SHOWN_ROWS:,} more")


def take_over(source_url: str, url: str | None) -> None:
    """Takes over an older database, and says what came."""
    from chatcore.takeover import take_over as take

    with opened(url, migrated=True) as db, progress("Messages") as show:
        report = take(db, source_url, now=datetime.now(UTC), on_progress=show)
    for kind in ("user", "chat", "message"):
        new, known = report.imported.get(kind, 0), report.unchanged.get(kind, 0)
        click.echo(f"{kind.capitalize() + 's':<10}{new:,} taken over, {known:,} were here already")
    if report.odd_tool_calls:
        click.echo(f"{report.odd_tool_calls:,} messages have tool calls that are no JSON; they were taken over as they are.")
    if report.reasons:
        click.echo("\nNot taken over:")
        for reason, count in sorted(report.reasons.items(), key=lambda item: -item[1]):
            click.echo(f"  {count:,}: {reason}")
        for row in report.skipped[:SHOWN_ROWS]:
            click.echo(f"  {row.kind} {row.external_id or '(no id)'}: {row.reason}")
        if len(report.skipped) > SHOWN_ROWS:
            click.echo(f"  and {sum(report.reasons.values()) - SHOWN_ROWS:,} more")


@click.group("imports", invoke_without_command=True)
@user_option
@database_option
@click.pass_context
def imports(ctx: click.Context, user: str | None, url: str | None) -> None:
    """List the imports so far; `imports undo ID` takes one back."""
    if ctx.invoked_subcommand is not None:
        return
    from chatcore.cli_stats import aligned
    from chatcore.importing import list_imports

    with opened(url, migrated=True, must_exist=True) as db:
        runs = list_imports(db, person(db, user))
    if not runs:
        click.echo("Nothing was imported yet.")
        return
    head = ("Id", "Began", "Format", "File", "State", "Chats here")
    rows = [(str(run.id), f"{run.started_at:%Y-%m-%d %H:%M}", run.format, run.file_name, run.state, f"{run.chats:,}") for run in runs]
    click.echo(aligned(head, rows))


@imports.command("undo")
@click.argument("run_id", metavar="ID", type=click.IntRange(1))
@user_option
@database_option
def undo(run_id: int, user: str | None, url: str | None) -> None:
    """Take away what an import brought; chats in which you went on writing stay."""
    from chatcore.importing import undo_import

    with opened(url, migrated=True, must_exist=True) as db:
        undone = undo_import(db, person(db, user), run_id, now=datetime.now(UTC))
    click.echo(f"Took away {undone.chats:,} chats and {undone.messages:,} messages.")
    if undone.kept_chats:
        click.echo(f"Kept {undone.kept_chats:,} chats in which you went on writing.")


@click.command("export")
@click.option(
    "--form",
    default="json",
    show_default=True,
    metavar="NAME",
    help="json, markdown, html, openai, sharegpt, dpo, messages-csv, messages-parquet, answers-csv, answers-parquet.",
)
@click.option("--chat", "chat_id", metavar="ID", type=click.UUID, help="Only this chat.")
@click.option("--search", "words", metavar="TEXT", default="", help="Only chats in which this search finds something.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Where to write; - for standard output. Without it a file with the day in its name, here.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@user_option
@database_option
def export_chats(
    form: str, chat_id: uuid.UUID | None, words: str, out: Path | None, force: bool, user: str | None, url: str | None
) -> None:
    """Write chats down in an open form: one, what a search finds, or all that are not in the trash."""
    from chatcore.exporting import choose, export, file_name, form_named

    chosen_form, now = form_named(form), datetime.now(UTC)
    with opened(url, migrated=True, must_exist=True) as db, progress("Messages") as show:
        viewer = person(db, user)
        chosen = choose(db, viewer, chat_id=chat_id, text=words, now=now, zone=now.astimezone().tzinfo or UTC)
        path = out or Path(file_name(chosen_form, chosen, now=now))
        if str(path) == "-":
            export(db, viewer, chosen_form, chosen, sys.stdout.buffer)
            return
        if path.exists() and not force:
            raise Invalid(f"{path} is there already.", "Choose another name with --out, or write over it with --force.")
        # A file that is there is whole: one that was ended in the middle has another name.
        part = path.with_name(f"{path.name}.part")
        try:
            with part.open("wb") as stream:
                chats = export(db, viewer, chosen_form, chosen, stream, on_progress=show)
            part.replace(path)
        except OSError as error:
            raise Invalid(f"{path} cannot be written: {error.strerror}.", "Choose another place with --out.") from error
        finally:
            part.unlink(missing_ok=True)
    click.echo(f"Wrote {chats:,} chats to {path}.")
