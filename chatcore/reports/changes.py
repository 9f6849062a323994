"""Two periods beside each other as people read them: rows of `analytics.compare_periods` in words."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from chatcore import phrases
from chatcore.analytics import Pair, Verdict
from chatcore.analytics.answers import MODEL
from chatcore.analytics.ranges import days_text
from chatcore.reports.tables import Table
from chatcore.reports.tiles import UNKNOWN, number, value_text

LABELS = {
    "median_output_tokens_per_s": "Tokens per second",
    "median_time_to_first_chunk_s": "First chunk",
    "p90_time_to_first_chunk_s": "First chunk, 9 of 10",
    "failed_share": "Failed answers",
    "stopped_share": "Stopped answers",
    "messages_per_day": "Messages a day",
    "chats_per_day": "Chats a day",
    "answers_per_day": "Answers a day",
    "tokens_per_day": "Tokens a day",
}
# More messages is neither good nor bad, and neither is stopping an answer.
MORE_IS: dict[str, Literal["better", "worse"]] = {
    "median_output_tokens_per_s": "better",
    "median_time_to_first_chunk_s": "worse",
    "p90_time_to_first_chunk_s": "worse",
    "failed_share": "worse",
}
# What became of a speed, told at first sight: measure -> (more, less, its unit in a sentence).
FASTER = {
    "median_output_tokens_per_s": ("writes faster", "writes slower", " tokens a second"),
    "median_time_to_first_chunk_s": ("begins later", "begins sooner", ""),
}
MOST_MODELS = 3
ONE_IN = 20


@dataclass(frozen=True, slots=True)
class Change:
    """One number before and after, in texts. `means`: better, worse or neither, where it is more than noise."""

    measure: str
    label: str
    before: str
    after: str
    change: str
    between: str
    verdict: Verdict
    over: str
    means: Literal["better", "worse", ""]

    @property
    def is_sure(self) -> bool:
        return self.verdict is Verdict.MORE

    @property
    def said(self) -> str:
        """The verdict with what it is over."""
        return f"{self.verdict.value.capitalize()}, {self.over}"


def changes_of(frame: pd.DataFrame) -> tuple[Change, ...]:
    """The rows of a frame, in its order."""
    return tuple(change_of(row) for row in frame.to_dict("records"))


def over_all(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of all models together."""
    return frame[frame["model_name"].isna()].reset_index(drop=True)


def of_models(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of single models."""
    return frame[frame["model_name"].notna()].reset_index(drop=True)


def change_of(row: dict[Hashable, object]) -> Change:
    """One row."""
    measure, unit, verdict = str(row["measure"]), str(row["unit"]), Verdict(str(row["verdict"]))
    before, after, difference, ratio, low, high = (
        number(row[name]) for name in ("before", "after", "difference", "ratio", "difference_low", "difference_high")
    )
    over_before, over_after = (phrases.short_count(float(str(row[name]))) for name in ("over_before", "over_after"))
    means: Literal["better", "worse", ""] = ""
    if verdict is Verdict.MORE and difference and measure in MORE_IS:
        means = MORE_IS[measure] if difference > 0 else "worse" if MORE_IS[measure] == "better" else "better"
    return Change(
        measure=measure,
        label=LABELS[measure],
        before=amount_text(unit, before),
        after=amount_text(unit, after),
        change=change_text(unit, difference, ratio),
        between="" if low is None or high is None else f"{signed(unit, low)} to {signed(unit, high)}",
        verdict=verdict,
        over=f"{over_before} and {over_after} {row['over_unit']}",
        means=means,
    )


def amount_text(unit: str, value: float | None) -> str:
    """A number of this unit; a small number a day with its fraction."""
    if value is not None and unit in ("messages", "chats", "answers") and abs(value) < 10:
        return f"{value:.1f}"
    return value_text(unit, value)


def signed(unit: str, value: float) -> str:
    """A difference with its sign; of shares in points."""
    if unit == "share":
        text = f"{value * 100:+.1f}"
        return "0 pts" if float(text) == 0 else f"{text} pts"
    text = amount_text(unit, abs(value))
    return f"{'-' if value < 0 else '+'}{text}"


def change_text(unit: str, difference: float | None, ratio: float | None) -> str:
    """The change: +35%, 12 times, of shares in points; New where nothing was before, a dash where one of the two is unknown."""
    if difference is None:
        return UNKNOWN
    if unit == "share":
        return signed(unit, difference)
    if ratio is None:
        return "New" if difference > 0 else "0%"
    if ratio >= 10:
        return f"{ratio:,.0f} times"
    text = f"{(ratio - 1) * 100:+.0f}"
    return "0%" if float(text) == 0 else f"{text}%"


def arrow(change: Change) -> str:
    """The change with the way it goes, where it is more than noise."""
    if not change.is_sure:
        return change.change
    return f"{'▼' if change.change.startswith('-') else '▲'} {change.change}"


def empty_sides(frame: pd.DataFrame) -> list[str]:
    """Which of before and after has neither a message nor an answer."""
    rows = over_all(frame)
    asked = rows["over_unit"] == "answers"
    daily = rows[~asked]
    return [
        side for side in ("before", "after") if not rows.loc[asked, f"over_{side}"].any() and not daily[side].fillna(0).astype(bool).any()
    ]


def headlines(frame: pd.DataFrame) -> list[str]:
    """Did it become faster? A sentence for each model that did or did not by more than noise, which is what most people compare two
    periods for. Over all models only where none is in both: another mix of models is not another speed."""
    models = of_models(frame)
    rows = (over_all(frame).assign(model_name="All models together") if models.empty else models).query("measure in @FASTER")
    said, unsure = [], 0
    for (provider, model), own in rows.groupby(MODEL, sort=False, dropna=False):
        name = phrases.model_name(provider if isinstance(provider, str) else None, str(model))
        changed = [part for part in (faster(row) for row in own.to_dict("records")) if part]
        if changed:
            said.append(f"{name} {' and '.join(changed)}.")
        elif set(own["verdict"]) != {Verdict.LITTLE.value}:
            unsure += 1
    kept = [*said[:MOST_MODELS], f"{phrases.plural(len(said) - MOST_MODELS, 'more model')} changed too."][: len(said)]
    if not said:
        kept = ["Nothing became faster or slower by more than noise." if unsure else "There is too little to say whether it became faster."]
    if models.empty and said:
        kept.append("No model was used in both periods, so these are different models.")
    return kept


def faster(row: dict[Hashable, object]) -> str:
    """What became of a speed, as the end of a sentence; empty where it could be noise."""
    change, difference = change_of(row), number(row["difference"])
    if not change.is_sure or difference is None:
        return ""
    more, less, unit = FASTER[change.measure]
    return f"{more if difference > 0 else less}, {change.after}{unit} instead of {change.before}"


def by_chance(frame: pd.DataFrame) -> str:
    """How many of these comparisons look like more than noise when nothing has changed."""
    told = int((frame["verdict"] != Verdict.LITTLE.value).sum())
    if not told:
        return ""
    expected = max(1, int(told / ONE_IN + 0.5))
    return (
        f"Of {phrases.plural(told, 'comparison')} with enough to say, about {expected} would look like more than noise by chance "
        "even if nothing had changed."
    )


def pair_text(pair: Pair, time_zone: str) -> str:
    """What is compared with what."""
    return f"{days_text(pair.after, time_zone)} compared with {days_text(pair.before, time_zone)}"


def changes_table(frame: pd.DataFrame) -> Table:
    """The rows of a frame as texts; those of all models have no name."""
    names = (phrases.model_name(None, name) if isinstance(name, str) else "All models" for name in frame["model_name"])
    rows = tuple(
        (name, one.label, one.before, one.after, one.change, one.between, one.verdict.value, one.over)
        for name, one in zip(names, changes_of(frame), strict=True)
    )
    heads = ("Model", "", "Before", "After", "Change", "Between", "", "Over")
    return Table(heads, rows, tuple(place in (2, 3, 4, 5) for place in range(len(heads))))
