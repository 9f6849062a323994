"""What narrows a search, and what a click on it does to the search text."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.search.query import read_query
from chatcore.search.results import Facet, Facets
from ui.sessions.facets import as_data, find, is_on, toggled

QWEN = Facet("qwen3:8b", (("model", "qwen3:8b"),), 3)
GUIDE = Facet("guide", (("model", "guide"),), 1)
MARCH = Facet("2026-03", (("after", "2026-03"), ("before", "2026-04")), 4)
YOU = Facet("user", (("role", "user"),), 2)
WORK = Facet("hard work", (("tag", "hard work"),), 2)
DISK = Facet('5" disk', (("tag", '5" disk'),), 1)
FACETS = Facets(of=4, complete=True, models=(QWEN, GUIDE), months=(MARCH,), roles=(YOU,), tags=(WORK,))
NOW = datetime(2026, 3, 14, tzinfo=UTC)


@pytest.mark.parametrize(("text", "facet", "wanted"), [
    ("tides", QWEN, "tides model:qwen3:8b"),
    ("tides model:qwen3:8b", QWEN, "tides"),
    ("tides model:qwen moon", QWEN, "tides moon model:qwen3:8b"),
    ("tides -model:guide", QWEN, "tides -model:guide model:qwen3:8b"),
    ("Model:guide tides", QWEN, "tides model:qwen3:8b"),
    ("tides", MARCH, "tides after:2026-03 before:2026-04"),
    ("tides after:2026-03-10", MARCH, "tides after:2026-03-10 after:2026-03 before:2026-04"),
    ("tides after:2026-03 before:2026-04", MARCH, "tides"),
    ('"two tides"', WORK, '"two tides" tag:"hard work"'),
    ('tides tag:"hard work"', WORK, "tides"),
    ("tides tag:home", WORK, 'tides tag:home tag:"hard work"'),
    ("model:qwen3:8b", QWEN, ""),
    ('8" tides', DISK, '8 tides tag:“5" disk”'),
    ('tides tag:“5" disk”', DISK, "tides"),
    ('tides TAG:"Hard Work"', WORK, "tides"),
])  # fmt: skip
def test_a_click_puts_a_value_into_the_text_or_takes_it_out(text: str, facet: Facet, wanted: str) -> None:
    assert toggled(text, facet) == wanted


@given(st.text(st.sampled_from('ab :"“»-*'), max_size=20), st.sampled_from([QWEN, GUIDE, MARCH, YOU, WORK, DISK]))
def test_a_second_click_takes_back_what_the_first_put_in(text: str, facet: Facet) -> None:
    once = toggled(text, facet)
    assert is_on(once, facet)
    again = toggled(once, facet)
    assert not is_on(again, facet)
    assert read_query(again, now=NOW).groups == read_query(text, now=NOW).groups


def test_values_are_shown_as_people_read_them() -> None:
    shown = {value["label"]: value["count"] for group in as_data("tides", FACETS) for value in values(group)}
    assert shown == {"qwen3:8b": "3", "Built-in guide": "1", "You": "2", "hard work": "2"}


def test_a_value_that_all_hits_have_is_offered_only_to_be_taken_back() -> None:
    assert "months" not in [group["kind"] for group in as_data("tides", FACETS)]
    (march,) = (
        value for group in as_data("tides after:2026-03 before:2026-04", FACETS) if group["kind"] == "months" for value in values(group)
    )
    assert (march["label"], march["on"]) == ("March 2026", True)


@pytest.mark.parametrize(("kind", "key", "found"), [
    ("models", "guide", GUIDE), ("models", "gone:7b", None), ("of", 4, None), (None, None, None), ([], {}, None), ("__class__", "x", None),
])  # fmt: skip
def test_only_values_that_are_there_can_be_clicked(kind: object, key: object, found: Facet | None) -> None:
    assert find(FACETS, kind, key) == found


def values(group: dict[str, object]) -> list[dict[str, object]]:
    found = group["values"]
    assert isinstance(found, list)
    return found
