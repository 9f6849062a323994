"""Charts as drawings: heights say the numbers, axes have round ones."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as some

from chatcore.reports.markup import Markup
from chatcore.reports.svg import HEIGHT, LABELS, WIDTH, Series, bars, cells, legend, lines, ticks


def elements(drawn: Markup, name: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(drawn).iter(name))


@pytest.mark.parametrize(
    ("top", "whole", "found"),
    [
        (0, True, (0, 1)),
        (1, True, (0, 1)),
        (3, True, (0, 1, 2, 3)),
        (184, True, (0, 50, 100, 150, 200)),
        (0.35, False, (0, 0.1, 0.2, 0.3, 0.4)),
    ],
)
def test_ticks_are_round(top: float, whole: bool, found: tuple[float, ...]) -> None:
    assert ticks(top, whole=whole) == pytest.approx(found)


@given(some.floats(0, 1e12), some.booleans())
def test_ticks_reach_the_top_and_are_few(top: float, whole: bool) -> None:
    found = ticks(top, whole=whole)
    assert found[0] == 0
    assert found[-1] >= top * 0.999999
    assert 2 <= len(found) <= 6


def test_bars_stand_on_each_other_and_are_as_high_as_their_numbers() -> None:
    series = [Series("You", "#111111", [4, 0], ["a", "b"]), Series("Models", "#222222", [6, 5], ["c", "d"])]
    drawn = bars(series, ["1 Mar", "2 Mar"], "Messages")
    rects = elements(drawn, "rect")
    assert [float(rect.attrib["height"]) for rect in rects] == pytest.approx([0.4 * HEIGHT, 0.6 * HEIGHT, 0.5 * HEIGHT], abs=0.1)
    assert float(rects[0].attrib["y"]) == pytest.approx(0.6 * HEIGHT, abs=0.1)
    assert float(rects[1].attrib["y"]) == pytest.approx(0, abs=0.1)
    assert [title.text for title in elements(drawn, "title")] == ["a", "c", "d"]
    assert all(float(rect.attrib["x"]) + float(rect.attrib["width"]) <= WIDTH for rect in rects)


def test_a_line_leaves_out_what_is_unknown() -> None:
    drawn = lines([Series("qwen3:8b", "#111111", [1.0, None, 2.0], ["a", "", "c"])], ["1 Mar", "2 Mar", "3 Mar"], "Speed", unit="s")
    (line,) = elements(drawn, "polyline")
    assert len(line.attrib["points"].split()) == 2
    assert [title.text for title in elements(drawn, "title")] == ["a", "c"]


def test_cells_are_fuller_where_there_is_more_and_an_empty_week_is_drawn() -> None:
    week = [[day * hour for hour in range(24)] for day in range(7)]
    told = [["x"] * 24] * 7
    drawn = elements(cells(week, told, ["d"] * 7, ["h"] * 24, "Hours"), "rect")
    opacity = [float(cell.attrib["fill-opacity"]) for cell in drawn]
    assert (min(opacity), opacity[-1], len(opacity)) == (0.08, 1.0, 168)
    empty = elements(cells([[0] * 24] * 7, told, ["d"] * 7, ["h"] * 24, "Hours"), "rect")
    assert {cell.attrib["fill-opacity"] for cell in empty} == {"0.08"}


@pytest.mark.parametrize("steps", [0, 1, 7, 30, 400])
def test_a_chart_has_as_many_labels_as_a_narrow_screen_has_room_for(steps: int) -> None:
    drawn = bars([Series("You", "#111111", [1] * steps, ["x"] * steps)], [f"{n}" for n in range(steps)], "Messages")
    (under,) = (found for found in elements(drawn, "div") if found.attrib.get("class") == "under")
    assert len(under) <= LABELS
    assert len(elements(drawn, "rect")) == steps


def test_a_legend_names_every_series() -> None:
    names = [found.text for found in elements(legend([Series("a<b", "#111111", [], [])]), "bdi")]
    assert names == ["a<b"]
