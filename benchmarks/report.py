"""Results on the screen and as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from benchmarks.figures import Figure
from chatcore.errors import Invalid

FORMAT = 1
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """A figure with where it comes from."""

    scenario: str
    engine: str
    figure: Figure

    @property
    def key(self) -> Key:
        """What makes it the same figure in two runs."""
        return self.scenario, self.engine, self.figure.name


def line(row: Row) -> str:
    """One figure as it comes, for the one who waits."""
    return f"{row.engine:<10} {row.figure.name:<58} {number(row.figure.value):>9} {row.figure.unit:<12} {verdict(row.figure)}"


def table(rows: Sequence[Row], earlier: Mapping[Key, float]) -> str:
    """All figures as a Markdown table; with earlier ones a column for them and for the change."""
    head = ["scenario", "engine", "figure", "value", "unit", "budget", "kept"]
    body = [
        [row.scenario, row.engine, row.figure.name, number(row.figure.value), row.figure.unit,
         "" if row.figure.budget is None else number(row.figure.budget), verdict(row.figure)]
        for row in rows
    ]  # fmt: skip
    if earlier:
        head += ["earlier", "change"]
        for cells, row in zip(body, rows, strict=True):
            cells += compared(row.figure.value, earlier.get(row.key))
    return markdown(head, body)


def markdown(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """A table whose columns are as wide as their widest cell."""
    widths = [max(len(cells[column]) for cells in [head, *body]) for column in range(len(head))]
    lines = [head, ["-" * width for width in widths], *body]
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |" for cells in lines)


def compared(value: float, before: float | None) -> list[str]:
    """The earlier value and the change in percent."""
    if before is None:
        return ["", "new"]
    return [number(before), f"{(value / before - 1) * 100:+.0f} %" if before else ""]


def verdict(figure: Figure) -> str:
    return {None: "", True: "yes", False: "NO"}[figure.kept]


def number(value: float) -> str:
    """Three digits that matter, no more than can be measured."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def write(
    path: Path,
    rows: Sequence[Row],
    *,
    started: datetime,
    machine: Mapping[str, object],
    quick: bool,
    corpus: Mapping[str, object] | None = None,
) -> None:
    """Writes a run as JSON; benchmarks/README.md describes the format. `corpus` says what was measured on, where that is one."""
    results = [{"scenario": row.scenario, "engine": row.engine} | row.figure.as_json() for row in rows]
    run: dict[str, object] = {"format": FORMAT, "started_at": started.isoformat(), "quick": quick, "machine": dict(machine)}
    run |= {"corpus": dict(corpus)} if corpus else {}
    run["results"] = results
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(run, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read(path: Path) -> dict[Key, float]:
    """The values of an earlier run. Raises Invalid for a file that is none."""
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
        if run["format"] != FORMAT:
            raise ValueError(f"format {run['format']}")
        return {(row["scenario"], row["engine"], row["name"]): float(row["value"]) for row in run["results"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Invalid(f"{path} is no result of this program: {error}.", "Name a file from benchmarks/results.") from error
