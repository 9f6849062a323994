"""What a URL of the analytics page means, and what it means when it is wrong."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as some

from chatcore.analytics import Filters
from chatcore.analytics.ranges import DEFAULT_RANGE, RANGES, Known
from chatcore.organise.folders import NO_FOLDER
from chatcore.parts import Role
from ui.analytics.filters import PARAMS, Choice, read_url

KNOWN = Known(
    (("ollama", "qwen3:8b"), ("ollama", "llama3.2:3b"), ("guide", "guide")),
    date(2025, 6, 1),
    date(2026, 3, 10),
    date(2026, 3, 14),
    tags=("tea", "Work"),
    folders=((7, "Work"), (9, "Work/Plans")),
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


def test_tags_folder_role_and_origin_are_in_the_url() -> None:
    choice, notes = read(tag=["WORK", "tea", "work"], folder="9", role="assistant", origin="live")
    assert notes == ()
    assert (choice.tags, choice.folder, choice.role, choice.imported) == (("tea", "Work"), 9, Role.ASSISTANT, False)
    assert choice.hidden == 4
    assert choice.filters("UTC") == Filters(
        choice.filters("UTC").period, tags=("tea", "Work"), folder=9, role=Role.ASSISTANT, imported=False
    )
    assert read(folder="0")[0].folder == NO_FOLDER


def test_what_is_not_the_viewers_or_means_nothing_is_left_out_and_told() -> None:
    choice, notes = read(tag=["tea", "gone"], folder="8", role="system", origin="**mars**")
    assert choice == Choice("30d", choice.first, choice.last, tags=("tea",))
    assert notes == (
        "You have no tag named “gone”, so it is left out of the filter.",
        "The folder of this address is not among yours, so chats of every folder are counted.",
        "There is no role “system”, so it is left out of the filter.",
        "There is no origin “??mars??”, so it is left out of the filter.",
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


@given(some.dictionaries(some.sampled_from((*PARAMS, "c")), some.lists(some.text(max_size=12), max_size=3)))
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
    narrowed=some.fixed_dictionaries(
        {
            "tags": some.sampled_from(((), ("tea",), KNOWN.tags)),
            "folder": some.sampled_from((None, NO_FOLDER, 7, 9)),
            "role": some.sampled_from((None, *Role)),
            "imported": some.sampled_from((None, True, False)),
        }
    ),
)
def test_a_choice_survives_the_url(
    name: str, first: date, second: date, providers: set[str], models: set[str], narrowed: dict[str, object]
) -> None:
    days = (min(first, second), max(first, second)) if name == "custom" else (KNOWN.today, KNOWN.today)
    choice = Choice(name, *days, tuple(sorted(providers)), tuple(sorted(models)), **narrowed)  # type: ignore[arg-type]  # fields of it
    again = read_url(choice.params(), KNOWN)
    assert again.notes == ()
    assert again.choice.params() == choice.params()
    assert again.choice == replace(choice, first=again.choice.first, last=again.choice.last)


def test_what_stands_at_its_default_is_not_in_the_url() -> None:
    assert Choice(DEFAULT_RANGE, date(2026, 2, 13), date(2026, 3, 14)).params() == {}
