"""Charts are small, colours belong to names, and every chart is a valid one."""

from datetime import date

import pandas as pd
import pytest

from chatcore.reports import palette, series
from ui.analytics import charts


def days(count: int) -> pd.Series:
    return pd.Series(pd.date_range(date(2026, 1, 1), periods=count, freq="D", unit="us"))


def tokens(count: int, models: int) -> pd.DataFrame:
    """Frame of `analytics.tokens_per_day`: every model on every day, the first with most."""
    rows = [
        {"day": day, "provider": "p", "model_name": f"model-{n:02}", "answers": 1, "input_tokens": 10 * (models - n), "output_tokens": 5}
        for day in days(count)
        for n in range(models)
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize("count", [1, 7, 30, 90, 365, 1000])
@pytest.mark.parametrize("models", [1, 8, 20])
def test_a_chart_has_at_most_about_400_marks_and_six_labels(count: int, models: int) -> None:
    frame = tokens(count, models)
    grain = series.grain_of(count, min(models, series.MAX_MODELS + 1))
    spec = charts.tokens_chart(frame, days(count), grain, known_models=frame["model_name"].unique().tolist()).to_dict()
    (rows,) = spec["datasets"].values()
    assert 0 < len(rows) <= series.MAX_MARKS + 2 * (series.MAX_MODELS + 1)
    assert len(spec["encoding"]["x"]["axis"]["values"]) <= 6
    assert sum(row["tokens"] for row in rows) == int((frame["input_tokens"] + frame["output_tokens"]).sum())


@pytest.mark.parametrize("models", [1, 8, 20])
def test_the_bars_of_the_cost_add_up_to_what_is_known(models: int) -> None:
    rows = [
        {"start": day, "provider": "p", "model_name": f"model-{n:02}", "answers": 2, "answers_with_cost": n % 3,
         "answers_without_cost": 2 - n % 3, "cost_usd": 0.01 * (n + 1) if n % 3 else float("nan")}
        for day in days(30)
        for n in range(models + 1)
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    spec = charts.cost_chart(frame, days(30), "day", known_models=frame["model_name"].unique().tolist()).to_dict()
    (drawn,) = spec["datasets"].values()
    assert sum(row["cost_usd"] for row in drawn) == pytest.approx(frame["cost_usd"].sum())
    assert sum(row["answers_with_cost"] for row in drawn) == frame["answers_with_cost"].sum()
    assert len({row["model"] for row in drawn}) <= series.MAX_MODELS + 1
    assert "model-00" not in {row["model"] for row in drawn}, "nobody knows what it cost"


def test_models_beyond_the_largest_are_drawn_together_in_grey() -> None:
    frame = tokens(3, 12)
    spec = charts.tokens_chart(frame, days(3), "day", known_models=frame["model_name"].unique().tolist()).to_dict()
    scale = spec["encoding"]["color"]["scale"]
    assert scale["domain"] == [*(f"model-{n:02}" for n in range(7)), palette.OTHER]
    assert scale["range"][-1] == palette.GREY
    assert len(set(scale["range"])) == 8


def test_messages_of_people_and_models_are_summed_by_week() -> None:
    frame = pd.DataFrame({"day": days(14), "user_messages": 1, "assistant_messages": 2, "messages": 3})
    (rows,) = charts.messages_chart(frame, "week").to_dict()["datasets"].values()
    assert [(row["step"], row["author"], row["messages"]) for row in rows] == [
        ("2025-12-29", "You", 4), ("2026-01-05", "You", 7), ("2026-01-12", "You", 3),
        ("2025-12-29", "Models", 8), ("2026-01-05", "Models", 14), ("2026-01-12", "Models", 6),
    ]  # fmt: skip
    assert rows[0]["when"] == "Week from Monday 29 December 2025"


def hours(busy: dict[tuple[int, int], int]) -> pd.DataFrame:
    return pd.DataFrame([{"weekday": day, "hour": hour, "messages": busy.get((day, hour), 0)} for day in range(7) for hour in range(24)])


def test_the_heatmap_has_168_cells_and_names_the_busiest() -> None:
    frame = hours({(6, 23): 1234, (0, 0): 3})
    (rows,) = charts.busy_hours_chart(frame).to_dict()["datasets"].values()
    assert len(rows) == 168
    assert rows[-1]["when"] == "Sunday 23:00 to 00:00"
    assert series.busiest(frame) == "Busiest: Sunday 23:00 to 00:00, 1,234 messages."
    assert series.busiest(hours({})) == ""
    assert series.busiest(hours({(1, 9): 1})) == "Busiest: Tuesday 09:00 to 10:00, 1 message."


def test_the_same_model_at_two_providers_is_two_lines() -> None:
    days = pd.Series(pd.to_datetime(["2026-03-01", "2026-03-02"]))
    frame = pd.DataFrame(
        {
            "start": days[[0, 1, 0, 1]].to_list(),
            "provider": ["ollama", "ollama", "other", "ollama"],
            "model_name": ["qwen3:8b", "qwen3:8b", "qwen3:8b", "guide"],
            "answers": [3, 1, 2, 1],
            "output_tokens_per_s_p50": [20.0, 21.0, 5.0, None],
        }
    )
    chart = charts.speed_chart(frame, "output_tokens_per_s_p50", days, "day", unit="tokens/s", form=".1f", known_models=["qwen3:8b"])
    spec = chart.to_dict()
    (rows,) = spec["datasets"].values()
    lines = [(row["line"], row["value"]) for row in rows]
    assert lines == [("qwen3:8b (ollama)", 20.0), ("qwen3:8b (ollama)", 21.0), ("qwen3:8b (other)", 5.0)]
    (domain,) = {tuple(layer["encoding"]["color"]["scale"]["domain"]) for layer in spec["layer"]}
    assert domain == ("qwen3:8b (ollama)", "qwen3:8b (other)")
