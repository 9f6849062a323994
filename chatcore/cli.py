"""The command line: serve, migrate, import, imports, export, backup, backups, restore, copy, demo, search, models, stats, report,
prices, doctor: see docs/cli.md.

What a command needs is imported inside it, so that --help and mistakes answer at once.
"""

import json
import os
import socket
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import click

from chatcore import __version__
from chatcore.cli_backup import backup, backups, copy, examine_backup, restore
from chatcore.cli_database import checked_url, database_option, opened
from chatcore.cli_models import models
from chatcore.cli_progress import Progress as Progress
from chatcore.cli_progress import progress
from chatcore.cli_stats import aligned, report, stats
from chatcore.cli_transfer import export_chats, import_chats, imports
from chatcore.errors import ChatcoreError, Conflict, Invalid
from chatcore.settings import ROOT

DEFAULT_PORT = 8501
LOCAL = ("localhost", "127.0.0.1", "::1")


class Commands(click.Group):
    """The group of commands; what goes wrong is told in a sentence and a hint, with exit status 1."""

    def invoke(self, ctx: click.Context) -> object:
        """Runs the command that was named."""
        try:
            return super().invoke(ctx)
        except ChatcoreError as error:
            click.echo(error.message, err=True)
            if error.hint:
                click.echo(error.hint, err=True)
            ctx.exit(1)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="chatcore")
def main() -> None:
    """A self-hosted chat dashboard for language models."""


# --- serve -------------------------------------------------------------------------------------------------------


@main.command()
@click.option("--host", help="Address to listen on: localhost (default) for this machine only, 0.0.0.0 for the network.")
@click.option("--port", type=click.IntRange(1, 65535), help=f"Port to listen on (default {DEFAULT_PORT}).")
@click.option("--reload", is_flag=True, help="Run changed pages and ui files at the next click, for who works on them.")
@database_option
def serve(host: str | None, port: int | None, reload: bool, url: str | None) -> None:
    """Start the app: pages, REST and everything else in one process."""
    configured = server_section()
    host = host or os.environ.get("STREAMLIT_SERVER_ADDRESS") or str(configured.get("address") or LOCAL[0])
    port = port or int(os.environ.get("STREAMLIT_SERVER_PORT") or str(configured.get("port") or DEFAULT_PORT))
    check_port(host, port)
    if url is not None:
        os.environ["DATABASE_URL"] = checked_url(url)
    if host not in LOCAL:
        click.echo(f"Listening on {host}: without sign-in everybody who reaches port {port} reads and writes your chats.", err=True)
    watch = "auto" if reload else "none"
    options = ["--server.address", host, "--server.port", str(port), "--server.fileWatcherType", watch]
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), *options]
    if os.name == "nt":
        # exec on Windows gives the prompt back while the server still runs.
        sys.exit(subprocess.call(command))
    os.execv(command[0], command)


def server_section() -> dict[str, object]:
    """The [server] part of .streamlit/config.toml; empty if there is none. Raises Invalid for a file that is not TOML."""
    path = ROOT / ".streamlit" / "config.toml"
    try:
        section = tomllib.loads(path.read_text()).get("server", {})
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{path} is not valid TOML: {error}.", "Correct it, or restore it from the repository.") from error
    return section if isinstance(section, dict) else {}


def check_port(host: str, port: int) -> None:
    """Raises Conflict if something listens there already, Invalid for an address that is not this machine's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        if os.name != "nt":
            # A port that a server left a moment ago is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except socket.gaierror as error:
            raise Invalid(f"{host} is not an address.", "Use localhost, 0.0.0.0 or an address of this machine with --host.") from error
        except PermissionError as error:
            raise Invalid(f"You may not listen on port {port}.", "Choose one above 1023 with --port.") from error
        except OSError as error:
            if error.errno == errno_of("EADDRNOTAVAIL"):
                raise Invalid(f"{host} is not an address of this machine.", "Use localhost or 0.0.0.0 with --host.") from error
            raise Conflict(
                f"Port {port} is in use.", "Stop the program that listens there (another chatcore?), or choose another port with --port."
            ) from error


def errno_of(name: str) -> int:
    """The number of an error of the operating system."""
    import errno

    return int(getattr(errno, name))


# --- the database ------------------------------------------------------------------------------------------------


@main.command()
@database_option
def migrate(url: str | None) -> None:
    """Bring the database to the newest schema, as every start does, index all messages for the search, and stop there."""
    from chatcore.search.build import build_index

    show_log()
    with opened(url, migrated=True) as db:
        click.echo(f"{db.label} has the newest schema.")
        with progress("Messages indexed") as show:
            indexed = build_index(db, on_progress=show)
        if indexed:
            click.echo(f"Indexed {indexed:,} messages and titles.")


@main.command()
@click.option("--messages", type=click.IntRange(1), default=5000, show_default=True, help="How many messages to write.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another number makes other texts.")
@click.option("--users", type=click.IntRange(1, 1000), default=1, show_default=True, help="How many people; the first is the local owner.")
@click.option("--force", is_flag=True, help="Write into a database that has chats already.")
@database_option
def demo(messages: int, seed: int, users: int, force: bool, url: str | None) -> None:
    """Fill the database with made-up chats, to try things out."""
    from chatcore import demo as sample

    with opened(url, migrated=True) as db, progress("Messages") as show:
        filled = sample.fill(db, messages=messages, seed=seed, users=users, now=datetime.now(UTC), force=force, on_progress=show)
    click.echo(f"Wrote {filled.messages:,} messages in {filled.chats:,} chats and {filled.answers:,} answers to {db.label}.")


@main.command()
@click.argument("text")
@click.option("--best", is_flag=True, help="The best match first, among the newest 1,000; else the newest first.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many messages to print.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
@database_option
def search(text: str, best: bool, limit: int, as_json: bool, url: str | None) -> None:
    """Find what was said in the chats of the local owner: words, "phrases", -without, prefix*, OR, model:name, after:2026-03."""
    from chatcore import cli_search
    from chatcore.accounts import local_owner

    now = datetime.now(UTC)
    with opened(url, migrated=True, must_exist=True) as db:
        found = cli_search.find(db, local_owner(db, now=now), text, best=best, limit=limit, now=now)
    if as_json:
        click.echo(json.dumps(cli_search.as_json(found), ensure_ascii=False, indent=2))
        return
    for hit in found.hits:
        click.echo(cli_search.printed(hit, bold=sys.stdout.isatty()) + "\n")
    for remark in cli_search.remarks(found, limit):
        click.echo(remark, err=True)


@main.command("prices")
@click.option("--fill", is_flag=True, help="Write the costs, at the prices of the time of each answer. A cost that is there stays.")
@database_option
def price_older(fill: bool, url: str | None) -> None:
    """Count the answers of hosted models that have no cost, and price them with --fill."""
    from chatcore import backfill
    from chatcore.prices import list_name

    with opened(url, migrated=True, must_exist=True) as db, progress("Answers") as show:
        found = backfill.price_older(db, write=fill, on_progress=show)
    if not found:
        click.echo("Every answer of a hosted model has its cost.")
        return
    head = ("Provider", "Model", "Without a cost", "With a price", "USD")
    rows = [(of.provider, of.model_name, f"{of.answers:,}", f"{of.listed:,}", f"{of.usd:.4f}" if of.listed else "-") for of in found]
    click.echo(aligned(head, rows) + "\n")
    priced, unknown = sum(of.listed for of in found), sum(of.answers - of.listed for of in found)
    if priced and fill:
        click.echo(f"Priced {priced:,} answers by {list_name()}.")
    elif priced:
        click.echo(f"{priced:,} answers have a price in {list_name()}. To write their costs: python -m chatcore prices --fill")
    if unknown:
        click.echo(f"{unknown:,} answers have none there and stay without a cost, which is not 0.")


@main.command()
@click.option("--repair", is_flag=True, help="Correct what can be corrected without losing anything, then check again.")
@click.option("--rebuild-search", is_flag=True, help="Build the search index anew from the messages, then check.")
@click.option("--thorough", is_flag=True, help="Compare every word of the search index too; on SQLite nobody can write meanwhile.")
@click.option("--backup", "file", type=click.Path(path_type=Path), help="Check this backup instead, by its path or its name.")
@database_option
def doctor(repair: bool, rebuild_search: bool, thorough: bool, file: Path | None, url: str | None) -> None:
    """Check the database: integrity, the laws of the schema, the counters, the search index. Or check a backup."""
    from chatcore import doctor as examination
    from chatcore.search.build import rebuild_index

    if file is not None:
        examine_backup(file, url)
        return
    with opened(url, migrated=False, must_exist=True) as db:
        if repair:
            click.echo(f"Corrected {examination.repair(db):,} rows.\n")
        if rebuild_search:
            with progress("Messages") as show:
                built = rebuild_index(db, on_progress=show)
            click.echo(f"Indexed {built:,} messages and titles.\n")
        findings = examination.examine(db, thorough=thorough)
        for finding in findings:
            click.echo(finding)
    if any(finding.level is examination.Level.PROBLEM for finding in findings):
        sys.exit(1)


# --- shared ------------------------------------------------------------------------------------------------------


def show_log() -> None:
    """What chatcore logs goes to the terminal: the steps of a migration and the name of the backup."""
    import logging

    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("chatcore").setLevel(logging.INFO)


main.add_command(stats)
main.add_command(report)
main.add_command(models)
main.add_command(import_chats)
main.add_command(imports)
main.add_command(export_chats)
main.add_command(backup)
main.add_command(backups)
main.add_command(restore)
main.add_command(copy)
