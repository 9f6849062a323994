"""The number tiles of the tab Cost: what is known of hosted models, and of local ones what they would have cost and took."""

from chatcore import phrases
from chatcore.analytics import DEFINITIONS, CostReport
from chatcore.analytics.costs import HOSTED, LOCAL
from chatcore.reports.tiles import UNKNOWN, Tile, delta_text

LOCAL_ANSWERS = (
    "Answers of models on this machine, as far as their names tell: what a server passes on to another without saying so counts as local. "
    "Nobody bills them by the token."
)


def cost_tiles(report: CostReport, *, compare: bool) -> tuple[Tile, ...]:
    """The tiles of a period: two about hosted models if one was asked, else one about local ones; equivalent and energy where they
    are known. Without `compare` no change is shown."""
    tiles = hosted_tiles(report, compare=compare) or (local_tile(report),)
    return (*tiles, *equivalent_tile(report), *energy_tile(report))


def hosted_tiles(report: CostReport, *, compare: bool) -> tuple[Tile, ...]:
    """The known cost with its change, and how many answers are not in it; nothing if no hosted model was asked."""
    hosted = report.costs[report.costs["kind"] == HOSTED]
    if hosted.empty:
        return ()
    priced, unpriced = int(hosted["answers_with_cost"].sum()), int(hosted["answers_without_cost"].sum())
    cost = phrases.money(float(hosted["cost_usd"].sum())) if priced else UNKNOWN
    delta = delta_text(report.change_kind, report.change) if compare and priced else None
    known = f"over {phrases.short_count(priced)}"
    return (
        tile("cost_usd", "Cost", cost, known, f"{DEFINITIONS['cost_usd']} Here over {phrases.plural(priced, 'answer')}.", delta),
        tile(
            "answers_without_cost",
            "Without a price",
            phrases.count(unpriced),
            f"of {phrases.short_count(priced + unpriced)} hosted",
            DEFINITIONS["answers_without_cost"],
        ),
    )


def local_tile(report: CostReport) -> Tile:
    """How many answers were written on this machine."""
    answers = int(report.costs["answers"][report.costs["kind"] == LOCAL].sum())
    return tile("local_answers", "Local answers", phrases.count(answers), "billed by nobody", LOCAL_ANSWERS)


def equivalent_tile(report: CostReport) -> tuple[Tile, ...]:
    """What the tokens of local models would cost at the reference model."""
    known = report.equivalents.dropna(subset="equivalent_usd")
    if known.empty:
        return ()
    over = phrases.plural(int(known["answers_with_usage"].sum()), "answer")
    usd, model = float(known["equivalent_usd"].sum()), str(known["reference"].iloc[0])
    help_text = f"{DEFINITIONS['equivalents']} Here over {over}, at {model}."
    return (tile("equivalent_usd", "Equivalent", phrases.money(usd), f"at {model.partition('/')[2]}", help_text),)


def energy_tile(report: CostReport) -> tuple[Tile, ...]:
    """What local models took in energy, by an estimate."""
    known = report.energy.dropna(subset="energy_estimate_wh")
    if known.empty:
        return ()
    over = phrases.plural(int(known["answers_with_duration"].sum()), "answer")
    wh, watts = float(known["energy_estimate_wh"].sum()), float(known["watts"].iloc[0])
    help_text = f"{DEFINITIONS['energy']} Here over {over}."
    return (tile("energy_estimate_wh", "Energy, an estimate", phrases.energy(wh), f"at {watts:.0f} W", help_text),)


def tile(measure: str, label: str, value: str, detail: str, help_text: str, delta: str | int | None = None) -> Tile:
    """A tile, by default without a change."""
    return Tile(measure, label, value, delta, detail, help_text)
