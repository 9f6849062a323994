"""What a URL of the analytics page means, and what it means when it is wrong."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as some

from chatcore.analytics.ranges import DEFAULT_RANGE, RANGES, Known
from ui.analytics.filters import Choice, read_url

KNOWN = Known(
    (("ollama", "qwen3:8b"), ("ollama", "llama3.2:3b"), ("guide", "guide")), date(2025, 6, 1), date(2026, 3, 10), date(2026, 3, 14)
)


def read(**params: str | list[str]) -> tuple[Choice, tuple[str, ...]]:
    reading = read_url({name.rstrip("_"): [value] if isinstance(value, str) else value for name, value in params.items()}, KNOWN)
    return reading.choice, reading.notes


def test_an_empty_url_is_the_last_30_days_with_today() -> None:
    assert read() == (Choice("30d", date(2026, 2, 13), date(2026, 3, 14)), ())


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("today", date(2026, 3, 14), date(2026, 3, 14)),
        ("7d", date(2026, 3, 8), date(2026, 3, 14)),
        ("12m", date(2025, 3, 15), date(2026, 3, 14)),
        ("all", date(2025, 6, 1), date(2026, 3, 14)),
    ],
)
def test_a_named_range_ends_today(name: str, first: date, last: date) -> None:
    choice, notes = read(range=name)
    assert (choice.first, choice.last, notes) == (first, last, ())


def test_all_time_reaches_rows_dated_in_the_future() -> None:
    known = Known((), date(2026, 3, 20), date(2026, 3, 20), date(2026, 3, 14))
    choice = read_url({"range": ["all"]}, known).choice
    assert (choice.first, choice.last) == (date(2026, 3, 14), date(2026, 3, 20))


def test_a_custom_range_may_lack_one_end_or_be_the_wrong_way_round() -> None:
    assert read(from_="2026-03-01", to="2026-03-05")[0] == Choice("custom", date(2026, 3, 1), date(2026, 3, 5))
    assert read(from_="2026-03-05", to="2026-03-01")[0] == Choice("custom", date(2026, 3, 1), date(2026, 3, 5))
    assert read(from_="2026-03-01")[0] == Choice("custom", date(2026, 3, 1), date(2026, 3, 14))
    assert read(to="2026-01-30")[0] == Choice("custom", date(2026, 1, 1), date(2026, 1, 30))


def test_unknown_models_and_providers_are_left_out_and_told() -> None:
    choice, notes = read(model=["qwen3:8b", "gpt-9"], provider="acme")
    assert (choice.models, choice.providers) == (("qwen3:8b",), ())
    assert notes == (
        "You have not used a provider named “acme”, so it is left out of the filter.",
        "You have not used a model named “gpt-9”, so it is left out of the filter.",
    )


@pytest.mark.parametrize("params", [{"range": "custom"}, {"range": "9d"}, {"from": "yesterday"}, {"to": "2026-02-30"}])
def test_a_malformed_period_falls_back_to_the_last_30_days_with_a_note(params: dict[str, str]) -> None:
    reading = read_url({name: [value] for name, value in params.items()}, KNOWN)
    assert reading.choice == read()[0]
    assert len(reading.notes) == 1
    assert "last 30 days are shown" in reading.notes[0]


def test_a_note_never_carries_markup() -> None:
    notes = read(model="**[x](http://evil)** <b>" + "y" * 200)[1]
    assert not set("*[]()<>") & set(notes[0])
    assert len(notes[0]) < 140


@given(
    some.dictionaries(some.sampled_from(("range", "from", "to", "model", "provider", "c")), some.lists(some.text(max_size=12), max_size=3))
)
def test_no_url_is_an_error(params: dict[str, list[str]]) -> None:
    choice = read_url(params, KNOWN).choice
    assert choice.first <= choice.last
    assert choice.filters("Asia/Kolkata").period.start < choice.filters("Asia/Kolkata").period.end


@given(
    name=some.sampled_from(tuple(RANGES)),
    first=some.dates(date(1970, 1, 1), date(2100, 1, 1)),
    second=some.dates(date(1970, 1, 1), date(2100, 1, 1)),
    providers=some.sets(some.sampled_from(KNOWN.providers)),
    models=some.sets(some.sampled_from(KNOWN.models)),
)
def test_a_choice_survives_the_url(name: str, first: date, second: date, providers: set[str], models: set[str]) -> None:
    days = (min(first, second), max(first, second)) if name == "custom" else (KNOWN.today, KNOWN.today)
    choice = Choice(name, *days, tuple(sorted(providers)), tuple(sorted(models)))
    again = read_url(choice.params(), KNOWN)
    assert again.notes == ()
    assert again.choice.params() == choice.params()
    assert (again.choice.range, again.choice.providers, again.choice.models) == (name, choice.providers, choice.models)


def test_what_stands_at_its_default_is_not_in_the_url() -> None:
    assert Choice(DEFAULT_RANGE, date(2026, 2, 13), date(2026, 3, 14)).params() == {}
