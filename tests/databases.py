"""Databases on a PostgreSQL server for one test after the other: emptied and used again, because to copy one takes five times as long."""

import contextlib
import uuid
import zlib
from types import TracebackType
from typing import Self

import psycopg
import pytest

ENGINES = ("sqlite", "postgresql")
# What a test may have changed besides rows: every change of a table, an index, a trigger or a statistic leaves another row here.
CATALOGS = (
    "pg_class", "pg_attribute", "pg_attrdef", "pg_constraint", "pg_index", "pg_trigger", "pg_proc", "pg_type", "pg_namespace",
    "pg_extension", "pg_statistic", "pg_db_role_setting", "public.alembic_version",
)  # fmt: skip
SCHEMA = " UNION ALL ".join(f"SELECT '{name}', count(*), sum(xmin::text::bigint) FROM {name}" for name in CATALOGS)
# Without triggers and keys, so that no order is needed and no trigger fills a table again.
EMPTY = """
SET session_replication_role = replica;
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE format('DELETE FROM %I', one.tablename);
    END LOOP;
    FOR one IN SELECT sequencename, start_value FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL LOOP
        PERFORM setval(format('public.%I', one.sequencename)::regclass, one.start_value, false);
    END LOOP;
END $$
"""
OTHERS = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
# What was deleted stays in the files: a database that has grown to so many times its size is dropped.
GROWN = 2
RESTING = 1


def psycopg_url(url: str) -> str:
    """The URL as psycopg itself takes it."""
    return url.replace("postgresql+psycopg://", "postgresql://")


def with_database(url: str, name: str) -> str:
    """The URL of another database on the same server."""
    head, question, query = psycopg_url(url).partition("?")
    return f"{head.rpartition('/')[0]}/{name}{question}{query}"


class Stock:
    """Migrated databases without rows, copied from a template as they are needed."""

    def __init__(self, server: str, template: str) -> None:
        self._server = server
        self._template = template
        self._free: list[str] = []
        self._admin = psycopg.connect(psycopg_url(server), autocommit=True)
        with self._open(template) as made:
            self._schema, self._size_bytes = state_of(made)

    def take(self) -> str:
        """The name of a database that nobody else uses. Always a new one: what a process remembers of a database, it remembers by name."""
        name = f"t_{uuid.uuid4().hex}"
        # One rests, so that whoever emptied it has gone, for whom a renaming would wait.
        if len(self._free) > RESTING:
            self._admin.execute(f'ALTER DATABASE "{self._free.pop(0)}" RENAME TO "{name}"')
        else:
            self._admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{self._template}"')
        return name

    def give_back(self, name: str) -> None:
        """Ends whoever is still connected, and keeps the database for the next test if it can be made as good as new."""
        kept = False
        # The test may have dropped it, and whoever is no superuser cannot switch triggers off.
        with contextlib.suppress(psycopg.OperationalError, psycopg.errors.InsufficientPrivilege), self._open(name) as used:
            used.execute(OTHERS)
            schema, size_bytes = state_of(used)
            if schema == self._schema and size_bytes < GROWN * self._size_bytes:
                used.execute(EMPTY)
                kept = True
        if kept:
            self._free.append(name)
        else:
            self._drop(name)

    def _open(self, name: str) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(with_database(self._server, name), autocommit=True)

    def _drop(self, name: str) -> None:
        self._admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for name in self._free:
            self._drop(name)
        self._admin.close()


def state_of(database: psycopg.Connection[tuple[object, ...]]) -> tuple[list[tuple[object, ...]], int]:
    """What the schema of a database is, as something to compare, and how much room it takes."""
    size = database.execute("SELECT pg_database_size(current_database())").fetchone()
    assert size is not None
    return database.execute(SCHEMA).fetchall(), int(str(size[0]))


def on_one_engine(metafunc: pytest.Metafunc) -> None:
    """Runs a test on one engine instead of both, half of the tests on each, always the same: for what stands above the database and
    shows the same on either. A test that names its engines has those."""
    named = [str(mark.args[0]) for mark in metafunc.definition.iter_markers("parametrize")]
    if "migrated_database_url" in metafunc.fixturenames and "migrated_database_url" not in named:
        engine = ENGINES[zlib.crc32(metafunc.function.__name__.encode()) % len(ENGINES)]
        metafunc.definition.add_marker(pytest.mark.parametrize("migrated_database_url", [engine], indirect=True))
