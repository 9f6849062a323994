"""The filters of the session page and the URL."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.parts import Shelf
from ui.chat_filters import CUSTOM, DAYS, PARAMS, SORTS, ChatFilters, read, turned

KNOWN = [("ollama", "qwen3:8b"), ("ollama", "llama3.2:3b"), ("guide", "guide")]
DAY = st.dates(date(1970, 1, 1), date(2100, 1, 1))
NAMES = st.sampled_from([*DAYS, ""])


def as_url(filters: ChatFilters) -> dict[str, list[str]]:
    return {name: value if isinstance(value, list) else [value] for name, value in filters.params().items()}


@given(
    st.sampled_from(Shelf),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=50).map(str.strip),
    st.lists(st.sampled_from(["ollama", "guide"]), unique=True),
    st.lists(st.sampled_from([model for _, model in KNOWN]), unique=True),
    st.one_of(NAMES, st.tuples(DAY, DAY)),
    st.sampled_from(list(SORTS)),
)
def test_what_is_written_into_a_url_is_read_from_it(
    shelf: Shelf, text: str, providers: list[str], models: list[str], days: str | tuple[date, date], sort: str
) -> None:
    span, first, last = (days, None, None) if isinstance(days, str) else (CUSTOM, min(days), max(days))
    filters = ChatFilters(shelf, text, tuple(providers), tuple(models), span, first, last, sort)
    assert read(as_url(filters), KNOWN) == (filters, ())


@given(st.dictionaries(st.sampled_from(PARAMS), st.lists(st.text(max_size=20), max_size=3)))
def test_no_url_is_an_error(params: dict[str, list[str]]) -> None:
    filters, _ = read(params, KNOWN)
    filters.browse(now=datetime(2026, 3, 14, tzinfo=UTC), zone=ZoneInfo("Pacific/Kiritimati"))


def test_the_defaults_leave_the_url_clean() -> None:
    assert ChatFilters().params() == {}


def test_one_day_alone_is_that_day() -> None:
    filters, unknown = read({"from": ["2026-03-14"]}, KNOWN)
    period = filters.period(now=datetime(2026, 5, 1, tzinfo=UTC), zone=ZoneInfo("Europe/Berlin"))
    assert period is not None
    assert (period.start.isoformat(), period.end.isoformat()) == ("2026-03-14T00:00:00+01:00", "2026-03-15T00:00:00+01:00")
    assert unknown == ()


def test_the_last_seven_days_end_tonight() -> None:
    filters, _ = read({"range": ["7d"]}, KNOWN)
    period = filters.period(now=datetime(2026, 3, 14, 23, 30, tzinfo=UTC), zone=ZoneInfo("Asia/Tokyo"))
    assert period is not None
    assert (period.start.date(), period.end.date()) == (date(2026, 3, 9), date(2026, 3, 16))


@pytest.mark.parametrize(("sort", "column", "wanted"), [
    ("newest", "updated", "oldest"),
    ("oldest", "updated", "newest"),
    ("newest", "title", "title"),
    ("title", "title", "title-z"),
    ("newest", "colour", "newest"),
])  # fmt: skip
def test_a_click_on_a_columns_head_sorts_by_it_or_turns_it(sort: str, column: str, wanted: str) -> None:
    assert turned(sort, column) == wanted
