"""What a mark of a chart or a cell of a table about tools and windows stands for. Nothing here draws."""

from collections.abc import Sequence

import pandas as pd

from chatcore.analytics import CallsMeant, FillsMeant, Filters
from chatcore.analytics.filters import Step
from chatcore.analytics.tools import ENDED
from chatcore.errors import Invalid
from chatcore.reports import series
from chatcore.reports.tables import CALLED, REASONS
from ui import words
from ui.analytics.marks import Marked, Selected, of_model, row_of, step_of, within

# Which calls a column of the tables counts; the others count every call.
COLUMNS = {
    "failed": "failed",
    "failed_share": "failed",
    "failed_share_low": "failed",
    "failed_share_high": "failed",
    "declined": "declined",
    "declined_share": "declined",
    "stopped": "stopped",
}
# Which answers a column of the table of windows counts.
CUTS = {
    "left_out": "Answers without the oldest messages",
    "cut_short": "Answers that were cut short",
    "refused": "Prompts that were too long",
}
ABOVE = {"above_80": 0.8, "above_80_share": 0.8, "above_95": 0.95, "above_95_share": 0.95}


def in_calls(selected: Selected, filters: Filters, grain: Step) -> Marked | None:
    """A part of a bar of the calls over time."""
    if not selected:
        return None
    step, state = step_of(selected[0], grain), end_of(selected[0].get("state"))
    title = f"{CALLED[state]} calls, {series.label_of(step, grain)}"
    return Marked(title, within(filters, step, grain), calls=CallsMeant(ended=state))


def in_tools(selected: Selected, filters: Filters) -> Marked | None:
    """A part of a tool's bar."""
    if not selected:
        return None
    tool, state = str(selected[0].get("tool")), end_of(selected[0].get("state"))
    return Marked(f"{CALLED[state]} calls of {tool}", filters, calls=CallsMeant(tool=tool, ended=state))


def in_rounds(selected: Selected, filters: Filters) -> Marked | None:
    """A bar of the rounds."""
    rounds = selected[0].get("rounds") if selected else None
    if rounds is None:
        return None
    if not isinstance(rounds, (int, float)):
        raise Invalid("The browser sent a number that is none.", "Reload the page and click again.")
    title = f"Calls of answers with {words.plural(int(rounds), 'round')} of tools"
    return Marked(title, filters, calls=CallsMeant(rounds=int(rounds)))


def in_tool_table(cells: Sequence[Sequence[object]], filters: Filters, frame: pd.DataFrame) -> Marked | None:
    """A cell of a table with a row for each tool, server or model that called: (row, column)."""
    row = row_of(cells, frame)
    if row is None:
        return None
    ended = COLUMNS.get(str(cells[0][1]))
    kind = f"{CALLED[ended]} calls" if ended else "Calls"
    if "tool" in row:
        return Marked(f"{kind} of {row['tool']}", filters, calls=CallsMeant(tool=str(row["tool"]), ended=ended))
    if "server" in row:
        return Marked(f"{kind} of tools from {row['server']}", filters, calls=CallsMeant(server=str(row["server"]), ended=ended))
    provider, model = str(row["provider"]), str(row["model_name"])
    return Marked(f"{kind} by {words.model_name(provider, model)}", of_model(filters, provider, model), calls=CallsMeant(ended=ended))


def in_errors(cells: Sequence[Sequence[object]], filters: Filters, errors: pd.DataFrame) -> Marked | None:
    """A cell of the table of errors: (row, column)."""
    row = row_of(cells, errors)
    if row is None:
        return None
    tool, reason = str(row["tool"]), str(row["reason"])
    title = f"Calls of {tool}: {REASONS[reason].lower()}"
    return Marked(title, filters, calls=CallsMeant(tool=tool, ended=str(row["state"]), reason=reason))


def in_fills(selected: Selected, filters: Filters, fills: pd.DataFrame) -> Marked | None:
    """A bar of the windows by how full they were."""
    part = selected[0].get("part") if selected else None
    if part is None:
        return None
    if not isinstance(part, (int, float)) or not 0 <= part < len(fills):
        raise Invalid("The browser sent a part of a window that is none.", "Reload the page and click again.")
    name = series.fills_by_part(fills)["name"][int(part)]
    return Marked(f"Answers with a window full by {name}", filters, fills=FillsMeant(part=int(part)))


def in_windows(cells: Sequence[Sequence[object]], filters: Filters, windows: pd.DataFrame) -> Marked | None:
    """A cell of the table of windows: (row, column)."""
    row = row_of(cells, windows)
    if row is None:
        return None
    column, provider, model = str(cells[0][1]), str(row["provider"]), str(row["model_name"])
    of, own = f"of {words.model_name(provider, model)}", of_model(filters, provider, model)
    if column in CUTS:
        return Marked(f"{CUTS[column]} {of}", own, fills=FillsMeant(cut=column))
    part = ABOVE.get(column)
    full = f" with a window full from {part:.0%} on" if part else " whose window is known"
    return Marked(f"Answers {of}{full}", own, fills=FillsMeant(at_least=part))


def end_of(told: object) -> str:
    """How the calls of a mark ended. Raises Invalid for what is none: what a browser sends is not to be trusted."""
    if str(told) not in ENDED:
        raise Invalid("The browser sent an end of calls that is none.", "Reload the page and click again.")
    return str(told)
