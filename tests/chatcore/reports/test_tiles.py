"""The number tiles: what people read for each value and change."""

import pandas as pd
import pytest

from chatcore.reports.files import csv_of
from chatcore.reports.tiles import delta_text, help_text, tiles_of, value_text


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        ("messages", 0.0, "0"), ("messages", 12345.0, "12,345"), ("tokens", 1_234_567.0, "1.2M"), ("tokens", None, "–"),
        ("s", 0.35, "350 ms"), ("s", 2.04, "2.0 s"), ("s", 75.0, "1 min 15 s"), ("s", None, "–"),
        ("tokens/s", 42.04, "42.0"), ("tokens/s", 1234.5, "1,234"), ("share", 0.0, "0%"), ("share", 0.004, "0.4%"), ("share", 0.123, "12%"),
    ],
)  # fmt: skip
def test_values_have_their_unit_and_unknown_is_a_dash(unit: str, value: float | None, text: str) -> None:
    assert value_text(unit, value) == text


@pytest.mark.parametrize(
    ("kind", "change", "text"),
    [
        ("relative", 0.124, "+12%"), ("relative", -1.0, "-100%"), ("relative", 0.001, 0), ("relative", 25.0, "26 times"),
        ("points", -0.004, "-0.4 pts"), ("points", 0.0001, 0), ("new", None, "New"), ("none", None, None),
    ],
)  # fmt: skip
def test_changes_are_short_and_zero_is_no_change(kind: str, change: float | None, text: str | int | None) -> None:
    assert delta_text(kind, change) == text


def frame_of(**cells: object) -> pd.DataFrame:
    row = {"measure": "output_tokens", "unit": "tokens", "value": 10.0, "previous": 5.0, "change": 1.0, "change_kind": "relative"}
    return pd.DataFrame([row | {"over": 4, "previous_over": 2, "estimated": 1} | cells])


def test_a_tile_says_over_how_many_answers_it_is() -> None:
    (tile,) = tiles_of(frame_of(over=12345), compare=True)
    assert (tile.label, tile.value, tile.delta, tile.detail) == ("Tokens out", "10", "+100%", "over 12k")


def test_estimated_tokens_are_told() -> None:
    assert help_text("output_tokens", 4, 1).endswith("Here over 4 answers. The tokens of 25% of them are estimated.")
    assert "estimated" not in help_text("output_tokens", 4, 0)
    assert help_text("output_tokens", 1, 0).endswith("Here over 1 answer.")


def test_active_days_are_of_the_days_of_the_period() -> None:
    (tile,) = tiles_of(frame_of(measure="active_days", unit="days", value=3.0, over=30, estimated=pd.NA), compare=False)
    assert (tile.value, tile.delta, tile.detail) == ("3", None, "of 30")


def test_a_csv_has_plain_days_utc_times_and_no_formulas() -> None:
    frame = pd.DataFrame({"day": pd.to_datetime(["2026-03-14"]), "provider": ["ollama"], "model_name": ["=cmd()"], "answers": [3]})
    assert csv_of(frame) == b"day,provider,model_name,answers\n2026-03-14,ollama,'=cmd(),3\n"
    last = pd.DataFrame({"model_name": ["a,b"], "last_used_at": pd.to_datetime(["2026-03-14T15:09:26.5Z"])})
    assert csv_of(last) == b'model_name,last_used_at\n"a,b",2026-03-14T15:09:26Z\n'
    weeks = pd.DataFrame({"start": pd.to_datetime(["2026-03-09"]), "answers": [3]})
    assert csv_of(weeks) == b"start,answers\n2026-03-09,3\n"
