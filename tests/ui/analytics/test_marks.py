"""What was clicked is what is listed: each mark of a chart and each cell of the model table as a question of its own."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from chatcore.analytics import Filters, Games, whole_days
from chatcore.analytics.filters import FineStep, Step
from chatcore.errors import Invalid
from chatcore.parts import Period, Role, State
from chatcore.reports import palette, series
from ui.analytics.marks import (
    Lengths,
    in_busy_hours,
    in_calendar,
    in_changed_models,
    in_changes,
    in_cost,
    in_costs,
    in_ended,
    in_feedback,
    in_lengths,
    in_messages,
    in_models,
    in_outcomes,
    in_speed,
    in_tokens,
    in_win_rates,
)

ZONE = "America/New_York"
# The clocks of New York change on 8 March 2026.
FILTERS = Filters(whole_days(date(2026, 3, 3), date(2026, 4, 10), ZONE), providers=("ollama",), time_zone=ZONE)
DAYS = pd.DataFrame({"day": pd.to_datetime(["2026-03-05"] * 10), "model_name": [f"m{n}" for n in range(10)], "input_tokens": range(10)})
PER_DAY = DAYS.assign(output_tokens=1)


def local(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=ZoneInfo(ZONE))


@pytest.mark.parametrize(
    ("grain", "step", "start", "end"),
    [
        ("day", "2026-03-08", (2026, 3, 8), (2026, 3, 9)),
        ("week", "2026-03-02", (2026, 3, 3), (2026, 3, 9)),
        ("week", "2026-03-09", (2026, 3, 9), (2026, 3, 16)),
        ("month", "2026-03-01", (2026, 3, 3), (2026, 4, 1)),
        ("month", "2026-04-01", (2026, 4, 1), (2026, 4, 11)),
    ],
)
def test_a_bar_is_the_days_it_was_drawn_over(grain: Step, step: str, start: tuple[int, int, int], end: tuple[int, int, int]) -> None:
    marked = in_messages([{"step": step, "author": series.PEOPLE}], FILTERS, grain)
    assert marked
    assert marked.filters == replace(FILTERS, period=Period(local(*start), local(*end)))
    assert (marked.role, marked.answers) == (Role.USER, False)


@pytest.mark.parametrize(("step", "end"), [("2026-03-07T23:00", (2026, 3, 8)), ("2026-04-10T23:00", (2026, 4, 11))])
def test_a_bar_of_an_hour_is_its_hour(step: str, end: tuple[int, int, int]) -> None:
    marked = in_messages([{"step": step, "author": series.PEOPLE}], FILTERS, "hour")
    assert marked
    assert marked.filters.period == Period(local(*end) - timedelta(hours=1), local(*end))
    assert marked.title.endswith("2026, 23:00 to 00:00")


def test_a_cell_of_the_calendar_is_its_day() -> None:
    marked = in_calendar([{"step": "2026-03-08"}], FILTERS)
    assert marked
    assert marked.title == "Messages, Sunday 8 March 2026"
    assert marked.filters == replace(FILTERS, period=Period(local(2026, 3, 8), local(2026, 3, 9)))
    assert (marked.role, marked.answers) == (None, False)


def test_a_bar_of_the_lengths_is_the_chats_of_so_many_messages() -> None:
    lengths = pd.DataFrame({"messages_from": [1, 2, 3, 5], "messages_to": [1, 2, 4, 8]})
    assert in_lengths([{"length": "5 to 8"}], lengths) == Lengths(5, 8)
    assert in_lengths([{"length": "1"}], lengths) == Lengths(1, 1)
    assert in_lengths([{"length": "9 to 16"}], lengths) is None, "a bar of a chart that had longer chats a moment ago"


def test_the_parts_of_a_bar_are_told_apart() -> None:
    by_model = in_messages([{"step": "2026-03-05", "author": series.MACHINES}], FILTERS, "day")
    assert by_model
    assert by_model.role is Role.ASSISTANT
    assert by_model.title == "Messages of models, Thursday 5 March 2026"


def test_a_models_part_of_the_tokens_is_its_answers() -> None:
    marked = in_tokens([{"step": "2026-03-05", "model": "m9"}], FILTERS, "day", PER_DAY)
    assert marked
    assert marked.answers
    assert (marked.filters.models, marked.filters.providers) == (("m9",), ("ollama",))


def test_other_models_are_those_that_the_chart_draws_together() -> None:
    marked = in_tokens([{"step": "2026-03-05", "model": palette.OTHER}], FILTERS, "day", PER_DAY)
    assert marked
    assert marked.filters.models == ("m0", "m1", "m2")
    assert in_tokens([{"step": "2026-03-05", "model": "unheard of"}], FILTERS, "day", PER_DAY) is None


def test_a_cell_of_the_busy_hours_is_its_hour_of_every_week() -> None:
    marked = in_busy_hours([{"day": "Tue", "hour": 23}], FILTERS)
    assert marked
    assert marked.hour_of_week == (1, 23)
    assert marked.title == "Messages, Tuesday 23:00 to 00:00"
    assert marked.filters == FILTERS


@pytest.mark.parametrize(
    ("column", "state", "title"),
    [
        ("model_name", None, "Answers of llama3.2:3b"),
        ("failed_share", State.FAILED, "Failed answers of llama3.2:3b"),
        ("stopped", State.STOPPED, "Stopped answers of llama3.2:3b"),
        ("interrupted", State.INTERRUPTED, "Interrupted answers of llama3.2:3b"),
    ],
)
def test_a_cell_of_the_models_is_what_its_column_counts(column: str, state: State | None, title: str) -> None:
    models = pd.DataFrame({"provider": ["guide", "ollama"], "model_name": ["guide", "llama3.2:3b"]})
    marked = in_models([(1, column)], FILTERS, models)
    assert marked
    assert (marked.state, marked.title, marked.answers) == (state, title, True)
    assert (marked.filters.providers, marked.filters.models) == (("ollama",), ("llama3.2:3b",))
    assert in_models([(2, column)], FILTERS, models) is None, "a row of a table that was longer a moment ago"


def test_a_point_of_a_line_is_its_models_answers_of_that_time() -> None:
    marked = in_speed([{"step": "2026-04-01", "provider": "ollama", "model": "qwen3:8b"}], FILTERS, "month")
    assert marked
    assert (marked.title, marked.answers) == ("Answers of qwen3:8b, April 2026", True)
    assert marked.filters == replace(FILTERS, period=Period(local(2026, 4, 1), local(2026, 4, 11)), models=("qwen3:8b",))


def test_a_models_part_of_the_cost_is_its_priced_answers() -> None:
    over_time = pd.DataFrame({"model_name": [f"m{n}" for n in range(10)], "cost_usd": range(10), "answers_with_cost": [0, *[1] * 9]})
    marked = in_cost([{"step": "2026-03-05", "model": "m9"}], FILTERS, "day", over_time)
    assert marked
    assert (marked.title, marked.answers, marked.priced) == ("Priced answers of m9, Thursday 5 March 2026", True, True)
    assert (marked.filters.models, marked.filters.providers) == (("m9",), ("ollama",))
    assert marked.filters.period == Period(local(2026, 3, 5), local(2026, 3, 6))
    others = in_cost([{"step": "2026-03-05", "model": palette.OTHER}], FILTERS, "day", over_time)
    assert others
    assert others.filters.models == ("m1", "m2"), "what has no cost is in no bar"
    assert in_cost([{"step": "2026-03-05", "model": "m0"}], FILTERS, "day", over_time) is None


@pytest.mark.parametrize(
    ("column", "priced", "title"),
    [
        ("model_name", None, "Answers of llama3.2:3b"),
        ("answers", None, "Answers of llama3.2:3b"),
        ("cost_usd", True, "Priced answers of llama3.2:3b"),
        ("answers_without_cost", False, "Answers without a price of llama3.2:3b"),
    ],
)
def test_a_cell_of_the_costs_is_what_its_column_counts(column: str, priced: bool | None, title: str) -> None:
    costs = pd.DataFrame({"provider": ["guide", "ollama"], "model_name": ["guide", "llama3.2:3b"]})
    marked = in_costs([(1, column)], FILTERS, costs)
    assert marked
    assert (marked.priced, marked.title, marked.answers) == (priced, title, True)
    assert (marked.filters.providers, marked.filters.models) == (("ollama",), ("llama3.2:3b",))
    assert in_costs([(2, column)], FILTERS, costs) is None


def test_a_line_of_the_outcomes_is_the_answers_that_ended_so() -> None:
    table = pd.DataFrame(
        {"provider": ["ollama"] * 2, "model_name": ["m", "m"], "state": ["complete", "failed"], "error_type": ["", "server_error"]}
    )
    whole, failed = (in_outcomes([(row, "answers")], FILTERS, table) for row in (0, 1))
    assert whole
    assert failed
    assert (whole.state, whole.error_type, whole.title) == (State.COMPLETE, None, "Answers of m: complete")
    assert (failed.state, failed.error_type, failed.title) == (State.FAILED, "server_error", "Answers of m: failed, server error")
    assert (failed.filters.providers, failed.filters.models) == (("ollama",), ("m",))
    assert in_outcomes([(2, "answers")], FILTERS, table) is None


def test_without_a_click_there_is_no_list() -> None:
    assert in_messages([], FILTERS, "day") is in_tokens([], FILTERS, "day", PER_DAY) is in_busy_hours([], FILTERS) is None
    assert in_calendar([], FILTERS) is None
    assert in_lengths([], DAYS) is None
    assert in_cost([], FILTERS, "day", DAYS) is in_costs([], FILTERS, DAYS) is None
    assert in_models([], FILTERS, DAYS) is in_outcomes([], FILTERS, DAYS) is in_speed([], FILTERS, "day") is None


def test_what_no_chart_has_is_refused() -> None:
    grains: tuple[FineStep, ...] = ("day", "hour")
    for step, grain in product(("2027-01-01", "tomorrow", None), grains):
        with pytest.raises(Invalid):
            in_messages([{"step": step, "author": series.PEOPLE}], FILTERS, grain)
    with pytest.raises(Invalid, match="02:00"):
        in_messages([{"step": "2026-03-08T02:00", "author": series.PEOPLE}], FILTERS, "hour")
    for cell in ({"day": "Noday", "hour": 1}, {"day": "Mon", "hour": "one"}, {}):
        with pytest.raises(Invalid):
            in_busy_hours([cell], FILTERS)


def test_a_part_of_the_outcomes_over_time_is_the_answers_that_ended_so() -> None:
    marked = in_ended([{"step": "2026-03-09", "state": "failed"}], FILTERS, "week")
    assert marked
    assert (marked.title, marked.state, marked.answers) == ("Failed answers, Week from Monday 9 March 2026", State.FAILED, True)
    assert marked.filters.period == Period(local(2026, 3, 9), local(2026, 3, 16))
    assert in_ended([], FILTERS, "day") is None
    with pytest.raises(Invalid, match="outcome that is none"):
        in_ended([{"step": "2026-03-09", "state": "lost"}], FILTERS, "week")


def test_a_cell_of_the_ratings_is_the_answers_rated_so() -> None:
    table = pd.DataFrame({"provider": ["ollama"], "model_name": ["qwen3:8b"]})
    for column, rating, title in (("up", 1, "Liked"), ("up_share", 1, "Liked"), ("down", -1, "Disliked"), ("rated_answers", 0, "Rated")):
        marked = in_feedback([(0, column)], FILTERS, table)
        assert marked
        assert (marked.title, marked.rating, marked.role) == (f"{title} answers of qwen3:8b", rating, Role.ASSISTANT)
        assert marked.filters == replace(FILTERS, providers=("ollama",), models=("qwen3:8b",))
        assert not marked.answers
    assert in_feedback([(1, "up")], FILTERS, table) is None


def test_a_cell_of_the_blind_comparisons_is_the_answers_of_these_games() -> None:
    rates = pd.DataFrame({"provider": ["ollama"], "model_name": ["qwen3:8b"]})
    qwen, guide = ("ollama", "qwen3:8b"), ("guide", "guide")
    for column, result, title in (
        ("wins", "wins", "Preferred answers"), ("losses", "losses", "Beaten answers"), ("games", None, "Answers"),
    ):  # fmt: skip
        marked = in_win_rates([(0, column)], FILTERS, rates)
        assert marked
        assert (marked.title, marked.games) == (f"{title} of qwen3:8b in blind comparisons", Games(qwen, result=result))  # type: ignore[arg-type]  # a literal
        assert not marked.answers
    pairs = rates.assign(rival_provider="guide", rival_model_name="guide")
    both = in_win_rates([(0, "both_bad")], FILTERS, pairs)
    assert both
    assert both.games == Games(qwen, guide, "both_bad")
    assert both.title.endswith("both answers of each game (both bad)")
    assert in_win_rates([(1, "wins")], FILTERS, rates) is None


def test_a_number_of_a_comparison_is_the_answers_of_its_period() -> None:
    before, after = (replace(FILTERS, period=whole_days(date(2026, month, 1), date(2026, month, 10), ZONE)) for month in (2, 4))
    rows = pd.DataFrame({"measure": ["failed_share", "median_time_to_first_chunk_s", "messages_per_day"]})
    failed, waited, written = (
        in_changes([(place, column)], rows, before, after) for place, column in enumerate(("before", "after", "change"))
    )
    assert failed
    assert waited
    assert written
    assert (failed.title, failed.state, failed.filters) == ("Failed answers, 1 to 10 Feb 2026", State.FAILED, before)
    assert (waited.title, waited.state, waited.filters, waited.answers) == ("Answers, 1 to 10 Apr 2026", None, after, True)
    assert (written.title, written.answers, written.filters) == ("Messages, 1 to 10 Apr 2026", False, after)
    table = pd.DataFrame({"provider": ["ollama"], "model_name": ["qwen3:8b"]})
    of_model = in_changed_models([(0, "stopped_share.before")], table, before, after)
    assert of_model
    assert (of_model.title, of_model.state) == ("Stopped answers of qwen3:8b, 1 to 10 Feb 2026", State.STOPPED)
    assert of_model.filters == replace(before, models=("qwen3:8b",))
    whole_row = in_changed_models([(0, "model_name")], table, before, after)
    assert whole_row
    assert (whole_row.title, whole_row.filters.period) == ("Answers of qwen3:8b, 1 to 10 Apr 2026", after.period)
    assert in_changes([], rows, before, after) is in_changed_models([(3, "x")], table, before, after) is None
