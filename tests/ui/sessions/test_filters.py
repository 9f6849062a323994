"""The filters of the session page and the URL."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.organise.folders import NO_FOLDER
from chatcore.parts import Shelf
from chatcore.search.query import LONGEST_QUERY, read_query
from chatcore.search.results import Order
from ui.sessions.filters import CUSTOM, DAYS, PARAMS, SORTS, Asked, ChatFilters, Known, Search, folded, read, read_search, turned

MODELS = [("ollama", "qwen3:8b"), ("ollama", "llama3.2:3b"), ("guide", "guide")]
KNOWN = Known(MODELS, {7: "Work", 8: "Work/Plans for May"}, ["work", "to read"])
DAY = st.dates(date(1970, 1, 1), date(2100, 1, 1))
NAMES = st.sampled_from([*DAYS, ""])


def as_url(filters: Asked) -> dict[str, list[str]]:
    return {name: value if isinstance(value, list) else [value] for name, value in filters.params().items()}


@given(
    st.sampled_from(Shelf),
    st.sampled_from([None, NO_FOLDER, 7, 8]),
    st.lists(st.sampled_from(KNOWN.tags), unique=True),
    st.lists(st.sampled_from(["ollama", "guide"]), unique=True),
    st.lists(st.sampled_from([model for _, model in MODELS]), unique=True),
    st.one_of(NAMES, st.tuples(DAY, DAY)),
    st.sampled_from(list(SORTS)),
)
def test_what_is_written_into_a_url_is_read_from_it(
    shelf: Shelf, folder: int | None, tags: list[str], providers: list[str], models: list[str], days: str | tuple[date, date], sort: str
) -> None:
    span, first, last = (days, None, None) if isinstance(days, str) else (CUSTOM, min(days), max(days))
    filters = ChatFilters(shelf, folder, tuple(tags), tuple(providers), tuple(models), span, first, last, sort)
    assert read(as_url(filters), KNOWN) == (filters, ())
    assert read_search(as_url(filters)) is None


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50).map(str.strip).filter(bool), st.sampled_from(Order))
def test_a_search_is_read_from_the_url_it_is_written_into(text: str, order: Order) -> None:
    assert read_search(as_url(Search(text, order))) == Search(text, order)


@pytest.mark.parametrize("params", [{}, {"q": [""]}, {"q": ["  "]}, {"order": ["best"]}])
def test_without_a_text_the_url_asks_for_the_list(params: dict[str, list[str]]) -> None:
    assert read_search(params) is None


def test_an_endless_text_and_an_unknown_order_are_no_error() -> None:
    search = read_search({"q": ["x" * 5000], "order": ["sideways"]})
    assert search == Search("x" * LONGEST_QUERY)


@pytest.mark.parametrize(("filters", "text"), [
    (ChatFilters(), "tides"),
    (ChatFilters(Shelf.TRASH), "tides is:trash"),
    (ChatFilters(models=("qwen3:8b", "a b")), 'tides model:qwen3:8b model:"a b"'),
    (ChatFilters(folder=8, tags=("to read", "work")), 'tides folder:"Work/Plans for May" tag:"to read" tag:work'),
    (ChatFilters(folder=NO_FOLDER), "tides"),
    (ChatFilters(Shelf.ARCHIVED, providers=("ollama",), range="30d"), "tides is:archived provider:ollama after:30d"),
    (ChatFilters(range=CUSTOM, first=date(2026, 3, 1), last=date(2026, 3, 31)), "tides after:2026-03-01 before:2026-04-01"),
])  # fmt: skip
def test_who_searches_in_a_narrowed_list_finds_only_what_is_in_it(filters: ChatFilters, text: str) -> None:
    assert folded("tides", filters, KNOWN.folders) == text
    assert read_query(text, now=datetime(2026, 3, 14, tzinfo=UTC)).notices == ()


def test_every_time_of_the_list_can_be_said_in_a_search() -> None:
    now = datetime(2026, 3, 14, 15, tzinfo=UTC)
    for name in DAYS:
        period = ChatFilters(range=name).period(now=now, zone=UTC)
        after = read_query(folded("", ChatFilters(range=name), {}), now=now).after
        assert period
        assert after
        assert timedelta(0) <= period.start - after <= timedelta(days=1)


@given(st.dictionaries(st.sampled_from(PARAMS), st.lists(st.text(max_size=20), max_size=3)))
def test_no_url_is_an_error(params: dict[str, list[str]]) -> None:
    filters, _ = read(params, KNOWN)
    filters.browse(now=datetime(2026, 3, 14, tzinfo=UTC), zone=ZoneInfo("Pacific/Kiritimati"))


def test_a_tag_is_known_in_any_case_and_a_folder_that_is_gone_is_told() -> None:
    filters, unknown = read({"tag": ["WORK", "work", "gone"], "folder": ["9"]}, KNOWN)
    assert (filters.tags, filters.folder) == (("work",), None)
    assert set(unknown) == {"tag “gone”", "folder “9”"}


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
