"""Charts as inline SVG. Only marks are drawn here: the drawing is stretched to the room there is, and what is to be read stands
beside it as HTML, which a narrow screen does not shrink.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from chatcore.phrases import short_count
from chatcore.reports.markup import Markup, joined, tag

WIDTH, HEIGHT = 1000.0, 280.0
LABELS = 6  # as many as fit a narrow screen
TICKS = 4


@dataclass(frozen=True, slots=True)
class Series:
    """A colour with its name and a value for each step, None for none; `told` says each value to who points at it."""

    name: str
    colour: str
    values: Sequence[float | None]
    told: Sequence[str]
    fullness: float = 1


@dataclass(frozen=True, slots=True)
class Day:
    """A cell of a calendar: its week and weekday as places, how full its colour is, and what is told to who points at it."""

    column: int
    row: int
    fullness: float
    told: str


def ticks(top: float, *, whole: bool) -> tuple[float, ...]:
    """Round numbers from 0 to `top` or a little more, about TICKS apart, in steps of 1, 2 or 5 times a power of ten."""
    least = max(top / TICKS, 1 if whole else 1e-6)
    power = 10.0 ** floor(log10(least))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * 0.999999)
    return tuple(step * number for number in range(max(1, ceil(top / step * 0.999999)) + 1))


def bars(
    series: Sequence[Series], labels: Sequence[str], alt: str, *, text: Callable[[float], str] = short_count, whole: bool = True
) -> Markup:
    """Bars over the steps, the series of each on top of each other, the first at the bottom. `text` says the numbers beside them,
    which are `whole` for counts."""
    steps = len(labels)
    totals = [sum(one.values[step] or 0 for one in series) for step in range(steps)]
    marks = ticks(max(totals, default=0), whole=whole)
    room = WIDTH / max(steps, 1)
    gap = room * (0.15 if steps <= 100 else 0.05)
    drawn = []
    for step in range(steps):
        at = HEIGHT
        for one in series:
            height = (one.values[step] or 0) / marks[-1] * HEIGHT
            if height:
                at -= height
                place = {"x": step * room + gap / 2, "y": at, "width": room - gap, "height": height}
                drawn.append(tag("g", tag("title", one.told[step]), tag("rect", **place, fill=one.colour)))
    return framed(joined(*drawn), marks, labels, alt, [text(mark) for mark in marks])


def lines(series: Sequence[Series], labels: Sequence[str], alt: str, *, unit: str) -> Markup:
    """A line for each series; where a value is missing it goes on to the next that is there."""
    steps = len(labels)
    marks = ticks(max((value for one in series for value in one.values if value is not None), default=0), whole=False)
    room = WIDTH / max(steps, 1)
    drawn = []
    for one in series:
        known = [(step, value) for step, value in enumerate(one.values) if value is not None]
        points = [((step + 0.5) * room, HEIGHT - value / marks[-1] * HEIGHT) for step, value in known]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        drawn.append(tag("polyline", points=path, class_="line", stroke=one.colour))
        for (step, _), (x, y) in zip(known, points, strict=True):
            # A line without length and with a round end: a circle would be stretched with the drawing.
            dot = tag("line", x1=x, y1=y, x2=x, y2=y, class_="dot", stroke=one.colour)
            drawn.append(tag("g", tag("title", one.told[step]), dot))
    return framed(joined(*drawn), marks, labels, alt, [f"{mark:g} {unit}" if mark else "0" for mark in marks])


def cells(rows: Sequence[Sequence[float]], told: Sequence[Sequence[str]], names: Sequence[str], labels: Sequence[str], alt: str) -> Markup:
    """A grid, the fuller the colour, the more. Opacity instead of a scale of colours reads the same on light and on dark."""
    top = max((value for row in rows for value in row), default=0) or 1
    width, height = WIDTH / len(labels), HEIGHT / len(rows)
    drawn = []
    for number, row in enumerate(rows):
        for place, value in enumerate(row):
            drawn.append(box(place * width, number * height, width, height, 0.08 + 0.92 * value / top, told[number][place]))
    beside = [tag("span", name, style=f"top:{(number + 0.5) / len(rows) * 100:.2f}%") for number, name in enumerate(names)]
    return plot(joined(*drawn), beside, labels, [0, 6, 12, 18, 23], alt)


def calendar(days: Sequence[Day], names: Sequence[str], labels: Sequence[str], shown: Sequence[int], alt: str) -> Markup:
    """A grid of days, a week in each column; of the labels under the weeks those that are `shown`."""
    width, height = WIDTH / len(labels), HEIGHT / len(names)
    drawn = joined(*(box(day.column * width, day.row * height, width, height, day.fullness, day.told) for day in days))
    beside = [tag("span", name, style=f"top:{(number + 0.5) / len(names) * 100:.2f}%") for number, name in enumerate(names)]
    return tag("div", plot(drawn, beside, labels, shown, alt), class_="days", style=f"max-width:{5 + len(labels) * 1.5:.1f}rem")


def box(x: float, y: float, width: float, height: float, fullness: float, told: str) -> Markup:
    """A cell of a grid, with a gap around it."""
    place = {"x": x + 2, "y": y + 2, "width": width - 4, "height": height - 4}
    return tag("g", tag("title", told), tag("rect", **place, rx=4.0, class_="cell", fill_opacity=f"{fullness:.2f}"))


def framed(drawn: Markup, marks: Sequence[float], labels: Sequence[str], alt: str, texts: Sequence[str]) -> Markup:
    """Marks over lines to read them by."""
    heights = [HEIGHT - mark / marks[-1] * HEIGHT for mark in marks]
    grid = [tag("line", x1=0.0, x2=WIDTH, y1=height, y2=height, class_="grid") for height in heights]
    beside = [tag("span", text, style=f"top:{height / HEIGHT * 100:.2f}%") for text, height in zip(texts, heights, strict=True)]
    shown = range(0, len(labels), max(1, -(-len(labels) // LABELS)))
    return plot(joined(*grid, drawn), beside, labels, shown, alt)


def plot(drawn: Markup, beside: Sequence[Markup], labels: Sequence[str], shown: Sequence[int], alt: str) -> Markup:
    """A drawing with what stands at its left and, of its labels, those that are shown below."""
    under = [tag("span", labels[place], style=f"left:{(place + 0.5) / len(labels) * 100:.2f}%") for place in shown]
    drawing = tag(
        "svg", drawn, viewBox=f"0 0 {WIDTH:.0f} {HEIGHT:.0f}", preserveAspectRatio="none", role="img", aria_label=alt, class_="drawing"
    )
    # What is beside the drawing is told by the table below it.
    texts = (tag("div", *beside, class_="beside", aria_hidden="true"), tag("div", *under, class_="under", aria_hidden="true"))
    return tag("div", texts[0], drawing, texts[1], class_="plot")


def legend(series: Sequence[Series]) -> Markup:
    """The names of the series with their colours."""
    entries = []
    for one in series:
        # Drawn, because printers leave out the colour of a background.
        square = tag("rect", width=12.0, height=12.0, rx=2.0, fill=one.colour, fill_opacity=f"{one.fullness:g}")
        swatch = tag("svg", square, width=12.0, height=12.0, aria_hidden="true")
        entries.append(tag("li", swatch, tag("bdi", one.name)))
    return tag("ul", *entries, class_="legend")
