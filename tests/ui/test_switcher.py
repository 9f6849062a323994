"""What the quick switcher takes from the browser, and that it knows every page."""

from pathlib import Path

import pytest

from ui.switcher import COMMANDS, OWNERS, PAGES, Place, read_place

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("sent", "place"),
    [
        ({"page": "", "params": {"c": "1", "m": "2"}}, Place("", {"c": "1", "m": "2"})),
        ({"page": "", "params": {}}, Place("", {})),
        ({"page": "sessions", "params": {"q": "C++"}}, Place("sessions", {"q": "C++"})),
        ({"page": "analytics"}, Place("analytics", {})),
        ({"page": "", "params": {"embed": "true", "m": 7}}, Place("", {"m": "7"})),
    ],
)
def test_a_place_is_a_page_and_the_parameters_that_are_known(sent: object, place: Place) -> None:
    assert read_place(sent) == place


@pytest.mark.parametrize(
    "sent", [None, "", "sessions", 5, [], {}, {"page": None}, {"page": "../app"}, {"page": ["sessions"]}, {"params": {}}]
)
def test_what_names_no_page_leads_nowhere(sent: object) -> None:
    assert read_place(sent) is None


def test_every_page_of_the_navigation_can_be_gone_to() -> None:
    scripts = {path for path in (ROOT / "pages").glob("*.py") if not path.name.startswith("_")}
    assert set(PAGES.values()) == scripts
    assert {page for _, page in (*COMMANDS, *OWNERS)} == set(PAGES)
