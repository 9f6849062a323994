"""What a chart draws: as few marks as can be seen, and names in order."""

import pytest

from chatcore.reports.series import grain_of


@pytest.mark.parametrize(
    ("count", "series", "grain"), [(1, 2, "day"), (30, 8, "day"), (90, 2, "day"), (90, 8, "week"), (365, 2, "week"), (4000, 8, "month")]
)
def test_long_ranges_are_drawn_in_longer_steps(count: int, series: int, grain: str) -> None:
    assert grain_of(count, series) == grain
