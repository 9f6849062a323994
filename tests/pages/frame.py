"""Runs the pages as a browser would ask for them, on a database of the test's own."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import UnknownElement

from chatcore.core import Core, shared
from chatcore.parts import State, Viewer

MAIN = Path(__file__).resolve().parents[2] / "pages" / "_frame.py"
# A page runs in 0.1 s; the machines tests run on are busy.
TIMEOUT_S = 60
# From now to noon.
TO_NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - datetime.now(UTC)


def noon_clock() -> datetime:
    """A clock that the tests began with at noon of this day: whenever they run, hours before are today too, and no midnight passes."""
    return datetime.now(UTC) + TO_NOON


@dataclass(frozen=True)
class Frame:
    """The app of one test; `viewer` is the local owner."""

    viewer: Viewer

    @property
    def core(self) -> Core:
        """What the pages work with."""
        return shared()

    def new(self) -> AppTest:
        """A browser session that has not asked for anything yet."""
        return AppTest.from_file(str(MAIN), default_timeout=TIMEOUT_S)

    def run(self, **params: str) -> AppTest:
        """A browser session that opened the chat page with these query parameters."""
        at = self.new()
        for name, value in params.items():
            at.query_params[name] = value
        at.run()
        assert not at.exception
        return at


def components(at: AppTest, name: str) -> list[UnknownElement]:
    """The components of this name on the page, in their order."""
    found = [element for element in at.get("bidi_component") if isinstance(element, UnknownElement)]
    return [element for element in found if element.proto.component_name == name]


def until(condition: Callable[[], bool], *, timeout_s: float = 60.0) -> None:
    """Waits until something is so; the time limit is generous because it only matters when it never is."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)


FINAL = frozenset(State) - {State.RUNNING}
