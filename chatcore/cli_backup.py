"""Commands that keep a whole database: backup, backups, restore, copy."""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chatcore.cli_database import checked_url, database_option
from chatcore.errors import Invalid
from chatcore.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

    from chatcore.backup.folder import Backup

CONFIRMATION = "restore"


class Stages:
    """What a command is doing and how far it is, on one line of a terminal; elsewhere a line for each stage that ends."""

    def __init__(self) -> None:
        self.shows = sys.stderr.isatty()
        self.stage = ""
        self.began = self.drawn = time.monotonic()
        self.width = 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage != self.stage:
            self.end()
            self.stage, self.began = stage, time.monotonic()
        elif time.monotonic() - self.drawn < 0.1:
            return
        self.drawn = time.monotonic()
        if self.shows:
            line = f"{stage} {done:,} of {total:,} ({done * 100 // total}%)" if total else f"{stage} …"
            click.echo("\r" + line.ljust(self.width), err=True, nl=False)
            self.width = len(line)

    def end(self) -> None:
        """Says how long the stage took."""
        if self.stage:
            took = f"{self.stage}: {time.monotonic() - self.began:,.1f} s"
            click.echo(("\r" if self.width else "") + took.ljust(self.width), err=True)
        self.stage, self.width = "", 0


def chosen(url: str | None) -> tuple["URL", Settings]:
    """The database a command works on, and the settings with it."""
    from dataclasses import replace

    from sqlalchemy.engine import make_url

    settings = Settings.from_env()
    if url is not None:
        settings = replace(settings, database_url=checked_url(url))
    return make_url(settings.database_url), settings


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), help="Where to put it, instead of CHATCORE_BACKUP_FOLDER.")
@database_option
def backup(folder: Path | None, url: str | None) -> None:
    """Make a backup of the whole database, also while the app runs, and check that it is whole."""
    from chatcore.backup.folder import Made
    from chatcore.backup.making import make_backup

    address, settings = chosen(url)
    stages = Stages()
    try:
        made = make_backup(address, folder or settings.backups_at, Made.BY_HAND, now=datetime.now(UTC), on_progress=stages)
    finally:
        stages.end()
    click.echo(f"Made {made.path} ({made.size_bytes / 1e6:,.1f} MB), {holds(made)}, and found it whole.")


def holds(backup: "Backup") -> str:
    """What is known of what a backup holds."""
    manifest = backup.manifest
    return "nothing is known of what it holds" if manifest is None else f"{manifest.messages:,} messages in {manifest.chats:,} chats"


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), help="Where to look, instead of CHATCORE_BACKUP_FOLDER.")
@database_option
def backups(folder: Path | None, url: str | None) -> None:
    """List the backups there are."""
    from chatcore.backup.folder import list_folder
    from chatcore.cli_stats import aligned

    at = folder or chosen(url)[1].backups_at
    found = list_folder(at)
    if not found:
        click.echo(f"There are no backups in {at}.")
        return
    head = ("Made (UTC)", "By", "MB", "Schema", "Messages", "Found whole", "File")
    rows = [
        (
            f"{one.made_at:%Y-%m-%d %H:%M}", one.made.value, f"{one.size_bytes / 1e6:,.1f}",
            one.manifest.revision if one.manifest else "-", f"{one.manifest.messages:,}" if one.manifest else "-",
            f"{one.verified_at:%Y-%m-%d %H:%M}" if one.verified_at else "never", one.name,
        )
        for one in found
    ]  # fmt: skip
    click.echo(f"{at}\n\n{aligned(head, rows)}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask, where there is a database already.")
@database_option
def restore(file: Path, yes: bool, url: str | None) -> None:
    """Put a backup in the place of the database; the one before is kept. Stop chatcore first."""
    from chatcore.backup.folder import look
    from chatcore.backup.making import check_backup
    from chatcore.backup.placing import look_at
    from chatcore.backup.restoring import restore as put_back

    address, settings = chosen(url)
    now, stages = datetime.now(UTC), Stages()
    try:
        path = find_file(file, settings)
        manifest = check_backup(path, now=now, on_progress=stages).manifest
        stages.end()
        place = look_at(address)
        click.echo(
            f"{path} is whole: {manifest.messages:,} messages in {manifest.chats:,} chats, of {look(path).made_at:%Y-%m-%d %H:%M} UTC, "
            f"schema {manifest.revision}."
        )
        if not place.is_empty and not yes:
            click.echo(f"The database {place.label} has {place.holds}. It is kept aside, and the backup takes its place.")
            if click.prompt(f'Write "{CONFIRMATION}" to go on', default="", show_default=False) != CONFIRMATION:
                raise Invalid("Nothing was changed.", f'Write "{CONFIRMATION}" when asked, or call it with --yes.')
        done = put_back(path, address, settings.backups_at, now=now, on_progress=stages)
    finally:
        stages.end()
    click.echo(f"Restored {place.label}." + (f" The database before is kept as {done.aside}." if done.aside else ""))


def find_file(file: Path, settings: Settings) -> Path:
    """A backup as somebody names it: by its path, or by its name in the folder."""
    return settings.backups_at / file if not file.exists() and file.name == str(file) else file


def examine_backup(file: Path, url: str | None) -> None:
    """Says whether a backup is whole, as the doctor says it."""
    from chatcore.backup.folder import look
    from chatcore.backup.making import check_backup
    from chatcore.doctor import Finding, Level

    path, stages = find_file(file, chosen(url)[1]), Stages()
    known = look(path)
    try:
        checked = check_backup(path, now=datetime.now(UTC), on_progress=stages)
    except Invalid as error:
        stages.end()
        click.echo(Finding("backup", Level.PROBLEM, error.message, error.hint))
        sys.exit(1)
    finally:
        stages.end()
    manifest = checked.manifest
    click.echo(
        Finding("backup", Level.OK, f"whole: {manifest.messages:,} messages in {manifest.chats:,} chats, schema {manifest.revision}")
    )
    if known.sha256 is None:
        click.echo(Finding("seal", Level.NOTE, "nothing stands beside it that would tell whether it has changed since it was made."))
    else:
        click.echo(Finding("seal", Level.OK, f"as it was when it was made ({checked.sha256[:12]})"))


@click.command("copy")
@click.option("--from", "source", metavar="URL", required=True, help="The database to copy; it is only read.")
@click.option("--to", "target", metavar="URL", required=True, help="A new or empty database, of the same engine or the other.")
def copy(source: str, target: str) -> None:
    """Copy a whole database to another address, from SQLite to PostgreSQL or back, and compare both."""
    from sqlalchemy.engine import make_url

    from chatcore.backup.copying import copy_database
    from chatcore.db import label_of

    addresses = make_url(checked_url(source, "--from")), make_url(checked_url(target, "--to"))
    stages, begun = Stages(), time.monotonic()
    try:
        copied = copy_database(*addresses, now=datetime.now(UTC), on_progress=stages)
    finally:
        stages.end()
    for name, content in copied.tables.items():
        if content.rows:
            click.echo(f"{name:<20}{content.rows:>12,} rows, equal ({content.sha256[:12]})")
    click.echo(f"\nCopied {copied.rows:,} rows to {label_of(addresses[1])} in {time.monotonic() - begun:,.1f} s.")
    if not copied.is_indexed:
        click.echo(
            "The search finds its messages while chatcore runs, the newest first. To index all of them now: python -m chatcore migrate"
        )
    click.echo(f"What is written to {label_of(addresses[0])} from now on is not in it. Start chatcore with DATABASE_URL on the copy.")
