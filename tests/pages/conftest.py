"""The app with its core open on the database of the test."""

from collections.abc import Iterator

import pytest

from chatcore.accounts import local_owner
from chatcore.core import close_shared, shared
from tests.databases import on_one_engine
from tests.pages.frame import Frame, noon_clock

CLOSED_PORT = "http://127.0.0.1:9"


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What a page says is the same on either database."""
    on_one_engine(metafunc)


@pytest.fixture
def frame(migrated_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Frame]:
    """The pages on a migrated, empty database, with no model server."""
    from datetime import UTC, datetime

    monkeypatch.setenv("DATABASE_URL", migrated_database_url)
    monkeypatch.setenv("OLLAMA_HOST", CLOSED_PORT)
    close_shared()
    # A page waits 0.3 s for a server's first answer; a busy machine takes longer even to be refused.
    monkeypatch.setattr("chatcore.core.PAGE_WAIT_S", 20.0)
    yield Frame(local_owner(shared().db, now=datetime.now(UTC)))
    close_shared()


@pytest.fixture
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages, too, go by the clock that began at noon."""
    monkeypatch.setattr("ui.app.now", noon_clock)
