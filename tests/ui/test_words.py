"""Numbers and times as people read them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ui import words

NOW = datetime(2026, 3, 14, 15, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (999, "999"), (1000, "1k"), (1234, "1.2k"), (34_567, "35k"), (5_600_000, "5.6M"), (2e9, "2B")]
)
def test_short_counts_have_at_most_five_characters(number: float, text: str) -> None:
    assert words.short_count(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (0.44, "0.4 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (125, "2 min 5 s"),
        (3600, "1 h"),
        (11_400, "3 h 10 min"),
    ],
)
def test_durations_name_their_units(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.0, "0 ms"), (0.0031, "3 ms"), (0.099, "99 ms"), (0.0996, "0.1 s"), (12.0, "12 s")])
def test_what_took_no_tenth_of_a_second_is_told_in_milliseconds(seconds: float, text: str) -> None:
    assert words.time_taken(seconds) == text


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        (0, "$0.00"), (0.00001, "less than $0.0001"), (0.00005, "$0.0001"), (0.0042, "$0.0042"), (0.5, "$0.5000"), (0.99996, "$1.00"),
        (12.345, "$12.35"), (999.994, "$999.99"), (999.996, "$1,000"), (12345.6, "$12,346"),
    ],
)  # fmt: skip
def test_money_has_the_digits_that_say_something(usd: float, text: str) -> None:
    assert words.money(usd) == text


@pytest.mark.parametrize(
    ("wh", "text"), [(0, "0.0 Wh"), (0.04, "less than 0.1 Wh"), (9.9, "9.9 Wh"), (646.2, "646 Wh"), (1234, "1.2 kWh"), (123_456, "123 kWh")]
)
def test_energy_names_its_unit(wh: float, text: str) -> None:
    assert words.energy(wh) == text


@pytest.mark.parametrize(("tokens", "text"), [(512, "512"), (8192, "8k"), (131_072, "128k"), (1_048_576, "1M"), (1_000_000, "1M")])
def test_context_sizes_are_written_as_their_makers_do(tokens: int, text: str) -> None:
    assert words.context_size(tokens) == text


def test_a_moment_is_told_in_the_zone_of_the_reader() -> None:
    late = datetime(2026, 3, 13, 23, 30, tzinfo=UTC)
    assert words.moment(late, now=NOW) == "Yesterday 23:30"
    assert words.within(words.moment(late, now=NOW)) == "yesterday 23:30"
    assert words.moment(late, now=NOW, zone=ZoneInfo("Europe/Berlin")) == "00:30"
    assert words.moment(datetime(2025, 3, 3, tzinfo=UTC), now=NOW) == "3 Mar 2025"


@pytest.mark.parametrize(
    ("days", "heading"), [(0, "Today"), (1, "Yesterday"), (2, "Last 7 days"), (8, "Last 30 days"), (70, "January 2026")]
)
def test_chats_stand_under_headings_by_age(days: int, heading: str) -> None:
    assert words.age_group(NOW - timedelta(days=days), now=NOW) == heading


def test_a_zone_nobody_knows_is_utc() -> None:
    assert words.zone("Mars/Olympus") is UTC
    assert words.zone("../etc/passwd") is UTC
    assert words.zone(None) is UTC


def test_plain_text_escapes_what_markdown_would_eat() -> None:
    assert words.plain("a *b* `c` [d](e) :red[f]\n$g$") == r"a \*b\* \`c\` \[d\]\(e\) \:red\[f\] \$g\$"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Fetch it with `ollama pull a_b`, or wait.", "Fetch it with `ollama pull a_b`, or wait."),
        ("`ollama serve`", "`ollama serve`"),
        ("one ` alone :red[x]", r"one \` alone \:red\[x\]"),
        ("", ""),
        # Nobody should click on the address of a server that is away.
        ("Cannot reach Ollama at http://127.0.0.1:9. Start it.", "Cannot reach Ollama at `http://127.0.0.1:9`. Start it."),
        ("lab (http://[::1]:8000/v1)", r"lab \(`http://[::1]:8000/v1`\)"),
        ("as in `lab=http://lab:8000/v1`", "as in `lab=http://lab:8000/v1`"),
        ("Open https://ollama.com/connect?key=y.", r"Open https\://ollama.com/connect?key=y."),
    ],
)
def test_what_people_are_told_to_type_is_shown_as_code(text: str, shown: str) -> None:
    assert words.with_code(text) == shown
