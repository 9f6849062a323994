"""Periods that have a name, and how a period is said."""

from datetime import date

import pytest

from chatcore.analytics import whole_days
from chatcore.analytics.ranges import days_text


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        (date(2026, 3, 3), date(2026, 3, 3), "3 Mar 2026"),
        (date(2026, 3, 1), date(2026, 3, 31), "1 to 31 Mar 2026"),
        (date(2026, 2, 27), date(2026, 3, 1), "27 Feb to 1 Mar 2026"),
        (date(2025, 12, 31), date(2026, 1, 1), "31 Dec 2025 to 1 Jan 2026"),
    ],
)
def test_a_period_is_said_shortly(first: date, last: date, text: str) -> None:
    assert days_text(whole_days(first, last, "Asia/Kolkata"), "Asia/Kolkata") == text
