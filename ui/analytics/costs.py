"""The tab that says what answers cost: known costs over time and by model, and of local models what they would cost and took."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from chatcore.analytics import DEFINITIONS, CostReport, Rates, cost_report
from chatcore.analytics.costs import HOSTED, LOCAL
from chatcore.analytics.filters import Step, local_days
from chatcore.analytics.ranges import days_text
from chatcore.prices import find_reference
from chatcore.reports.cost_tiles import cost_tiles
from chatcore.reports.tables import KINDS, known_columns
from ui import app, words
from ui.analytics import behind, charts, marks, tiles
from ui.analytics.cards import Shown, show_footer, show_no_match
from ui.analytics.marks import Marked

number, text = st.column_config.NumberColumn, st.column_config.TextColumn


def rates() -> Rates:
    """What local models are reckoned with here: the reference model and the watts that somebody set, or the cards tell."""
    core = app.core()
    name, meter = core.settings.reference_model, core.meter
    # A mean of samples moves all the time; a tenth of a watt is more than anybody knows.
    watts = None if meter.watts is None else round(meter.watts, 1)
    return Rates(find_reference(name, at=app.now()) if name else None, watts, meter.is_measured)


def show(shown: Shown) -> None:
    """Draws the tab."""
    grain, reckoned = shown.grain(), rates()
    report = shown.ask(cost_report, now=shown.as_of.minute, rates=reckoned, step=grain)
    if report.costs.empty:
        show_no_match("no answers")
        return
    compare = shown.choice.range != "all"
    tiles.show_tiles(cost_tiles(report, compare=compare))
    show_summary(report, shown, compare=compare)
    kinds = set(report.costs["kind"])
    if HOSTED in kinds:
        with st.container(border=True):
            show_over_time(report, shown, grain)
    with st.container(border=True):
        st.markdown("**What each model cost**" if HOSTED in kinds else "**Models that nobody bills**")
        show_models(report, shown)
    if LOCAL in kinds:
        show_local(report, reckoned, shown)
    with st.container(border=True):
        st.markdown("**Kinds of tokens**")
        show_table("token_kinds", report.token_kinds, TOKEN_COLUMNS, shown, "Kinds of tokens by model")
    if not report.titles.empty:
        with st.container(border=True):
            show_titles(report, shown)


def show_summary(report: CostReport, shown: Shown, *, compare: bool) -> None:
    """What is free, what the change compares with, and what can be clicked."""
    answers = report.costs.groupby("kind")["answers"].sum()
    sentences = []
    if HOSTED in answers.index and (local := int(answers.get(LOCAL, 0))):
        sentences.append(f"{words.plural(local, 'answer')} of models on this machine, which nobody bills.")
    is_compared = compare and report.change_kind != "none" and report.costs["answers_with_cost"].sum() > 0
    if is_compared:
        sentences.append(f"The change is against {days_text(report.previous, shown.wanted.time_zone)}.")
    what = "a bar or a line of a table" if report.costs["answers_with_cost"].sum() else "a line of a table"
    sentences.append(f"Click {what} to see the answers behind it.")
    st.caption(" ".join(sentences), help=DEFINITIONS["change"] if is_compared else None)


def show_over_time(report: CostReport, shown: Shown, grain: Step) -> None:
    """The known cost over time, with the answers behind a bar."""
    frame = report.over_time
    st.markdown(f"**Cost per {grain} by model**")
    if frame["answers_with_cost"].sum():
        days = local_days(shown.wanted.period, shown.wanted.time_zone).to_series()
        clicked = shown.show_chart(
            "cost_over_time",
            "Known cost over time, by model",
            lambda: charts.cost_chart(frame, days, grain, known_models=shown.known.models),
        )
        shown.show_behind("cost_over_time", marks.in_cost(clicked, shown.wanted, grain, frame))
    else:
        st.caption("No answer of this period has a price that is known here.")
    show_footer("cost_over_time", frame, shown.stamp)


def show_models(report: CostReport, shown: Shown) -> None:
    """One row per model, the dearest first."""
    columns = {
        "model_name": text("Model", pinned=True, width="medium"),
        "cost_usd": number("Cost", format="$%.4f", width=95, help=DEFINITIONS["cost_usd"]),
        "cost_per_1000_answers_usd": number("Per 1,000 answers", format="$%.2f"),
        "answers": number("Answers", format="localized"),
        "answers_with_cost": number("With a price", format="localized"),
        "answers_without_cost": number("Without a price", format="localized", help=DEFINITIONS["answers_without_cost"]),
        "kind": text("Runs", help="As far as the names of provider and model tell"),
        "input_tokens": number("Tokens in", format="localized"),
        "output_tokens": number("Tokens out", format="localized"),
        "provider": text("Provider"),
    }
    show_table("costs", report.costs, columns, shown, "Cost of each model")


def show_local(report: CostReport, reckoned: Rates, shown: Shown) -> None:
    """What local models would cost elsewhere, and the energy they took; of what is not set, how to set it."""
    draw = [show_equivalents] * (reckoned.reference is not None) + [show_energy] * (reckoned.watts is not None)
    marked: dict[str, Marked | None] = {}
    for place, card in zip(st.columns(len(draw)) if draw else (), draw, strict=True):
        with place, st.container(border=True, height="stretch"):
            marked |= card(report, reckoned, shown)
    # Under both, since a list in half the width would stretch the other card.
    for name, one in marked.items():
        shown.show_behind(name, one, border=True)
    hints = [HINTS[0]] * (reckoned.reference is None) + [HINTS[1]] * (reckoned.watts is None)
    if hints:
        st.caption("  \n".join(hints))


def show_equivalents(report: CostReport, reckoned: Rates, shown: Shown) -> dict[str, Marked | None]:
    """What local models would cost at the reference model; what was clicked, under the card's name."""
    st.markdown(f"**The same tokens at {words.plain(reckoned.reference.name if reckoned.reference else '')}**")
    marked = draw_table("equivalents", report.equivalents, EQUIVALENT_COLUMNS, shown, "Equivalent of local models")
    show_footer("equivalents", report.equivalents, shown.stamp)
    return {"equivalents": marked}


def show_energy(report: CostReport, reckoned: Rates, shown: Shown) -> dict[str, Marked | None]:
    """What local models took in energy, by an estimate; what was clicked, under the card's name."""
    st.markdown(f"**Energy, an estimate at {reckoned.watts:g} W**")
    if reckoned.measured:
        st.caption("The watts are what the graphics cards took lately while a model answered.")
    marked = draw_table("energy", report.energy, ENERGY_COLUMNS, shown, "Energy of local models, an estimate")
    show_footer("energy", report.energy, shown.stamp)
    return {"energy": marked}


def show_titles(report: CostReport, shown: Shown) -> None:
    """What models used to name chats: beside the answers, so no list of answers is behind it."""
    st.markdown("**Titles of chats**")
    st.caption("Beside the answers, and in none of the numbers above.")
    known = known_columns("titles", report.titles)
    st.dataframe(report.titles[known], hide_index=True, column_config=TITLE_COLUMNS, key=shown.key("titles"))
    show_footer("titles", report.titles, shown.stamp)


def show_table(name: str, frame: pd.DataFrame, columns: Mapping[str, object], shown: Shown, told: str) -> None:
    """A table with a row for each model, with the answers behind the cell that was clicked."""
    shown.show_behind(name, draw_table(name, frame, columns, shown, told))
    show_footer(name, frame, shown.stamp)


def draw_table(name: str, frame: pd.DataFrame, columns: Mapping[str, object], shown: Shown, told: str) -> Marked | None:
    """A table with a row for each model, without columns that nobody knows anything for; what was clicked."""
    known = set(known_columns(name, frame))
    drawn = frame.assign(kind=frame["kind"].map(KINDS)) if "kind" in frame else frame
    cells = behind.show_table(drawn, columns, shown.key(name), told, order=[column for column in columns if column in known])
    return marks.in_costs(cells, shown.wanted, frame)


# Said once, below what there is: how a person with local models gets the rest.
HINTS = (
    "To see what the same tokens would cost at a hosted model, start the app with its name, such as "
    "`CHATCORE_REFERENCE_MODEL=openai/gpt-5-mini`.",
    "To see an estimate of the energy, start the app with the watts that this machine takes while a model answers, such as "
    "`CHATCORE_WATTS=120`.",
)
MODEL_COLUMN, PROVIDER_COLUMN = text("Model", pinned=True, width="medium"), text("Provider")
TOKEN_COLUMNS: dict[str, object] = {
    "model_name": MODEL_COLUMN,
    "input_tokens": number("Tokens in", format="localized"),
    "cached_tokens": number("Of them cached", format="localized"),
    "cached_share": number("Cached", format=behind.PERCENT, help="Of the tokens read by the answers whose server tells it"),
    "answers_with_cached_tokens": number("Cache told by", format="localized", help="Answers whose server says what came out of its cache"),
    "output_tokens": number("Tokens out", format="localized"),
    "reasoning_tokens": number("Of them reasoning", format="localized"),
    "reasoning_share": number("Reasoning", format=behind.PERCENT, help="Of the tokens written by the answers whose server tells it"),
    "answers_with_reasoning_tokens": number("Reasoning told by", format="localized", help="Answers whose server says what was reasoning"),
    "answers_with_usage": number("Tokens known for", format="localized"),
    "answers": number("Answers", format="localized"),
    "provider": PROVIDER_COLUMN,
}
TITLE_COLUMNS = {
    "model_name": MODEL_COLUMN,
    "titles": number("Titles", format="localized", help=DEFINITIONS["titles"]),
    "input_tokens": number("Tokens in", format="localized"),
    "output_tokens": number("Tokens out", format="localized"),
    "titles_estimated": number("Estimated for", format="localized"),
    "cost_usd": number("Cost", format="$%.4f"),
    "titles_with_cost": number("With a price", format="localized"),
    "provider": PROVIDER_COLUMN,
}
EQUIVALENT_COLUMNS: dict[str, object] = {
    "model_name": MODEL_COLUMN,
    "equivalent_usd": number("Equivalent", format="$%.4f", help=DEFINITIONS["equivalents"]),
    "answers_with_usage": number("Tokens known for", format="localized"),
    "input_tokens": number("Tokens in", format="localized"),
    "output_tokens": number("Tokens out", format="localized"),
    "provider": PROVIDER_COLUMN,
}
ENERGY_COLUMNS: dict[str, object] = {
    "model_name": MODEL_COLUMN,
    "energy_estimate_wh": number("Estimate", format="%.1f Wh", help=DEFINITIONS["energy"]),
    "duration_s": number("Time", format="%.0f s"),
    "answers_with_duration": number("Time known for", format="localized"),
    "answers": number("Answers", format="localized"),
    "provider": PROVIDER_COLUMN,
}
