"""The clock, the calculator and the search of one's own history."""

import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.errors import Invalid
from chatcore.parts import Viewer
from chatcore.tools.base import Context, Found, ToolFailed
from chatcore.tools.calculator import shown, worked_out
from chatcore.tools.clock import Clock
from chatcore.tools.history import HistorySearch

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
ADA = Viewer("ada", "Ada")
HERE = Context(ADA, uuid.UUID(int=1), NOW)


async def test_the_clock_tells_the_time_of_a_zone() -> None:
    assert await Clock().run({}, HERE) == "Saturday, 14 March 2026, 15:09:26 in UTC (2026-03-14T15:09:26+00:00)"
    assert "16:09:26 in Europe/Berlin (2026-03-14T16:09:26+01:00)" in await Clock().run({"zone": "Europe/Berlin"}, HERE)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "/etc/localtime", "a\0b"])
async def test_a_zone_nobody_knows_is_told(zone: str) -> None:
    with pytest.raises(ToolFailed, match="There is no time zone"):
        await Clock().run({"zone": zone}, HERE)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2 + 2", "4"),
        ("0.1 + 0.2", "0.3"),
        ("2^10", "1024"),
        ("-3 ** 2", "-9"),
        ("(3 + 4) * sqrt(16)", "28"),
        ("7 // 2 + 7 % 2", "4"),
        ("10 / 4", "2.5"),
        ("12345678901234567890 * 98765432109876543210", "1219326311370217952237463801111263526900"),
        ("factorial(20)", "2432902008176640000"),
        ("round(pi, 3)", "3.142"),
        ("max(1, 2, 3) - min(4, 5)", "-1"),
    ],
)
def test_the_calculator_is_exact(expression: str, value: str) -> None:
    assert shown(worked_out(expression)) == value


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').system('true')",
        "open('/etc/passwd')",
        "(1).__class__",
        "[1][0]",
        "lambda: 1",
        "x",
        "'a' * 9",
        "True + 1",
        "1 if 1 else 2",
        "sqrt(*[4])",
        "round(2.5, ndigits=1)",
        "1 +",
        "1; 2",
        "f'{1}'",
        "1j",
        "(" * 240 + "1" + ")" * 240,
        "1" + "+1" * 249,
        "9" * 501,
    ],
)
def test_what_is_no_arithmetic_is_refused(expression: str) -> None:
    with pytest.raises(ToolFailed):
        worked_out(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "9**9**9",
        "2**100000",
        "10**1000*10**1000",
        "factorial(401)",
        "factorial(10**9)",
        "1e308*10 - 1e308*10",
        "exp(1000)",
        "1/0",
        "(-8)**0.5",
    ],
)
def test_what_would_take_for_ever_is_refused_at_once(expression: str) -> None:
    # Without its bounds the calculator would not come back from these.
    with suppress(ToolFailed):
        assert shown(worked_out(expression)) in ("nan", "inf")


@given(st.text(alphabet="0123456789+-*/%().^ episqrtlogmax,", max_size=60))
def test_the_calculator_answers_or_says_why_not(expression: str) -> None:
    with suppress(ToolFailed):
        assert shown(worked_out(expression))


async def test_the_history_is_searched_for_the_person_who_asks() -> None:
    asked: list[tuple[Viewer, str, int, uuid.UUID]] = []

    def search(viewer: Viewer, query: str, limit: int, without: uuid.UUID) -> Sequence[Found]:
        asked.append((viewer, query, limit, without))
        return [Found("Tides", "user", NOW, "Why are there two tides a day?")]

    assert await HistorySearch(search).run({"query": "tides"}, HERE) == "[Tides, user, 2026-03-14]\nWhy are there two tides a day?"
    assert asked == [(ADA, "tides", 5, HERE.chat_id)]


async def test_a_search_that_finds_nothing_or_fails_says_so() -> None:
    def broken(viewer: Viewer, query: str, limit: int, without: uuid.UUID) -> Sequence[Found]:
        raise Invalid("The search is too long.", "Use fewer words.")

    assert "Nothing in the history" in await HistorySearch(lambda viewer, query, limit, without: ()).run({"query": "x"}, HERE)
    with pytest.raises(ToolFailed, match=r"The search is too long\. Use fewer words\."):
        await HistorySearch(broken).run({"query": "x"}, HERE)
