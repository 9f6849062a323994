"""Frames as people read them."""

from datetime import UTC, datetime

import pandas as pd
import pytest

from chatcore.reports.tables import head_of, number_text, table_of, tiles_table


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("model_name", "Model"), ("median_time_to_first_chunk_s", "First chunk, s"), ("time_to_first_chunk_s_p50", "First chunk, s, half"),
        ("duration_s_p99", "Whole answer, s, 99 of 100"), ("output_tokens_per_s_p1", "Tokens/s, slowest 100th"),
        ("load_share", "Loading, %"), ("tool_share", "Tool, %"), ("waiting_s", "Waiting, s"), ("cost_usd", "Cost, USD"), ("day", "Day"),
    ],
)  # fmt: skip
def test_a_head_has_its_unit_last(name: str, head: str) -> None:
    assert head_of(name) == head


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("answers", 12345, "12,345"), ("time_to_first_chunk_s_p90", 1.2345, "1.23"), ("output_tokens_per_s_p50", 33.84, "33.8"),
        ("prompt_tokens_per_s_p50", 1234.5, "1,234"), ("failed_share", 0.0271, "2.7"), ("share", 1.0, "100.0"),
        ("answers_with_duration_s", 3, "3"), ("change", 0.125, "0.12"), ("cost_usd", 0.00123, "0.0012"),
    ],
)  # fmt: skip
def test_a_number_has_the_digits_of_its_unit(name: str, value: float, text: str) -> None:
    assert number_text(name, value) == text


def test_days_hours_times_and_states_are_said_and_the_unknown_is_a_dash() -> None:
    frame = pd.DataFrame(
        {
            "day": pd.to_datetime(["2026-03-14"]),
            "weekday": [6],
            "hour": [9],
            "last_used_at": pd.to_datetime([datetime(2026, 3, 14, 20, 9, tzinfo=UTC)]),
            "state": ["failed"],
            "error_type": ["server_error"],
            "input_tokens": pd.array([pd.NA], dtype="Int64"),
        }
    )
    table = table_of(frame, "Asia/Kolkata")
    assert table.rows == (("2026-03-14", "Sun", "09:00", "2026-03-15 01:39", "Failed", "Server error", "–"),)
    assert table.numeric == (False, False, False, False, False, False, True)
    assert table_of(frame, "UTC", columns=("hour", "day", "gone")).heads == ("Hour", "Day")


def test_tiles_say_what_was_before_only_where_something_was() -> None:
    row = {"measure": "output_tokens", "unit": "tokens", "value": 10.0, "previous": 5.0, "change": 1.0, "change_kind": "relative"}
    frame = pd.DataFrame([row | {"over": 4, "previous_over": 2, "estimated": 1}])
    assert tiles_table(frame, compare=True).rows == (("Tokens out", "10", "over 4", "5", "+100%"),)
    assert tiles_table(frame, compare=False).rows == (("Tokens out", "10", "over 4"),)
