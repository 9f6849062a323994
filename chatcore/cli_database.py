"""The database a command works on: its option, and how it is opened and closed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chatcore.errors import Invalid
from chatcore.settings import database_url

if TYPE_CHECKING:
    from chatcore.db import Database

database_option = click.option(
    "--database-url", "url", metavar="URL", help="The database, instead of DATABASE_URL: sqlite:///path/to/file.db or postgresql://..."
)


@contextmanager
def opened(url: str | None, *, migrated: bool, must_exist: bool = False) -> "Iterator[Database]":
    """The database a command works on, closed at the end. Raises Invalid for a SQLite file that has to be there and is not."""
    from chatcore.db import init_db, open_database

    url = checked_url(url) if url is not None else database_url(os.environ.get("DATABASE_URL", ""))
    if must_exist and url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///").partition("?")[0]).exists():
        raise Invalid(
            f"There is no database {url}.", "Name another with --database-url or DATABASE_URL, or make it: python -m chatcore migrate"
        )
    db = open_database(url)
    try:
        if migrated:
            init_db(db)
        yield db
    finally:
        db.close()


def checked_url(url: str, option: str = "--database-url") -> str:
    """The URL of a database as given with an option. Raises Invalid, naming the option."""
    if not url.strip():
        raise Invalid(f"{option} is empty.", "Write sqlite:///path/to/file.db or postgresql://user:password@host:5432/name.")
    try:
        return database_url(url)
    except Invalid as error:
        raise Invalid(error.message.replace("DATABASE_URL", option), error.hint.partition(", or leave")[0].rstrip(".") + ".") from error
