"""Two periods beside each other, in words."""

from collections.abc import Hashable
from datetime import date

import pandas as pd
import pytest

from chatcore.analytics import Pair, whole_days
from chatcore.analytics.compare import UNITS
from chatcore.analytics.samples import Verdict
from chatcore.reports.changes import FASTER, LABELS, MORE_IS, arrow, by_chance, change_of, changes_table, headlines, pair_text

SPEED, WAIT = "median_output_tokens_per_s", "median_time_to_first_chunk_s"


def row(
    measure: str, before: float | None, after: float | None, verdict: Verdict = Verdict.MORE, model: str | None = "qwen3:8b"
) -> dict[Hashable, object]:
    """A row of `analytics.compare_periods`."""
    difference = None if before is None or after is None else after - before
    ends = (None, None) if difference is None or verdict is Verdict.LITTLE else (difference - 1, difference + 1)
    return {
        "provider": model and "ollama", "model_name": model, "measure": measure, "unit": UNITS[measure], "before": before, "after": after,
        "difference": difference, "ratio": after / before if before and after is not None else None, "difference_low": ends[0],
        "difference_high": ends[1], "over_before": 120, "over_after": 1_300, "over_unit": "answers", "verdict": verdict.value,
    }  # fmt: skip


def test_every_measure_has_its_words() -> None:
    assert set(LABELS) == set(UNITS)
    assert set(MORE_IS) | set(FASTER) <= set(UNITS)


@pytest.mark.parametrize(
    ("measure", "before", "after", "texts"),
    [
        (SPEED, 20.0, 35.0, ("20.0", "35.0", "+75%", "▲ +75%", "better")),
        (SPEED, 35.0, 20.0, ("35.0", "20.0", "-43%", "▼ -43%", "worse")),
        (WAIT, 1.2, 0.6, ("1.2 s", "600 ms", "-50%", "▼ -50%", "better")),
        ("failed_share", 0.02, 0.1, ("2.0%", "10%", "+8.0 pts", "▲ +8.0 pts", "worse")),
        ("messages_per_day", 2.25, 40.0, ("2.2", "40", "18 times", "▲ 18 times", "")),
        ("tokens_per_day", 0.0, 123_456.0, ("0", "123k", "New", "▲ New", "")),
        ("stopped_share", 0.1, 0.05, ("10%", "5.0%", "-5.0 pts", "▼ -5.0 pts", "")),
    ],
)  # fmt: skip
def test_a_change_is_said_with_its_unit_and_what_it_means(measure: str, before: float, after: float, texts: tuple[str, ...]) -> None:
    change = change_of(row(measure, before, after))
    assert (change.before, change.after, change.change, arrow(change), change.means) == texts
    unsure = change_of(row(measure, before, after, Verdict.COULD))
    assert (arrow(unsure), unsure.means) == (texts[2], ""), "what could be noise goes no way and is neither better nor worse"


def test_what_is_unknown_is_a_dash() -> None:
    change = change_of(row(SPEED, None, 20.0, Verdict.LITTLE))
    assert (change.before, change.after, change.change, change.between, change.over) == ("–", "20.0", "–", "", "120 and 1.3k answers")


def test_the_first_sentences_say_whether_each_model_became_faster() -> None:
    frame = pd.DataFrame(
        [
            row(SPEED, 30.0, 20.0, model=None), row(SPEED, 20.0, 35.0), row(WAIT, 1.2, 0.6), row("failed_share", 0.1, 0.2),
            row(SPEED, 40.0, 41.0, Verdict.COULD, model="llama3.2:3b"), row(WAIT, 1.0, 2.0, model="llama3.2:3b"),
        ]
    )  # fmt: skip
    assert headlines(frame) == [
        "qwen3:8b writes faster, 35.0 tokens a second instead of 20.0 and begins sooner, 600 ms instead of 1.2 s.",
        "llama3.2:3b begins later, 2.0 s instead of 1.0 s.",
    ]
    many = pd.DataFrame([row(SPEED, 20.0, 35.0, model=f"m{number}") for number in range(5)])
    assert headlines(many)[3:] == ["2 more models changed too."]


def test_where_nothing_is_sure_the_first_sentence_says_that() -> None:
    assert headlines(pd.DataFrame([row(SPEED, 20.0, 21.0, Verdict.COULD)])) == ["Nothing became faster or slower by more than noise."]
    little = pd.DataFrame([row(SPEED, 20.0, 35.0, Verdict.LITTLE), row(SPEED, None, None, Verdict.LITTLE, model=None)])
    assert headlines(little) == ["There is too little to say whether it became faster."]
    other_models = pd.DataFrame([row(SPEED, 20.0, 35.0, model=None)])
    assert headlines(other_models) == [
        "All models together writes faster, 35.0 tokens a second instead of 20.0.",
        "No model was used in both periods, so these are different models.",
    ]


def test_it_is_said_how_many_would_look_like_more_by_chance() -> None:
    frame = pd.DataFrame([row(SPEED, 20.0, 21.0, Verdict.COULD)] * 50 + [row(SPEED, 20.0, 21.0, Verdict.LITTLE)])
    assert by_chance(frame).startswith("Of 50 comparisons with enough to say, about 3 would look like more than noise by chance")
    assert by_chance(frame[-1:]) == ""


def test_the_table_says_all_of_it() -> None:
    table = changes_table(pd.DataFrame([row(SPEED, 20.0, 35.0, model=None), row("failed_share", 0.02, 0.1)]))
    assert table.rows[0] == (
        "All models", "Tokens per second", "20.0", "35.0", "+75%", "+14.0 to +16.0", "more than noise", "120 and 1.3k answers",
    )  # fmt: skip
    assert table.rows[1][5] == "-92.0 pts to +108.0 pts"
    assert len(table.heads) == len(table.numeric) == len(table.rows[0])


def test_the_periods_are_named() -> None:
    march, february = (whole_days(date(2026, month, 1), date(2026, month, 10), "Asia/Kolkata") for month in (3, 2))
    assert pair_text(Pair(february, march), "Asia/Kolkata") == "1 to 10 Mar 2026 compared with 1 to 10 Feb 2026"
