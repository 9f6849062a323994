"""The tiles of the tab Cost: what is known is said, what is not is a dash, and who pays nobody is told so."""

import random
from datetime import timedelta
from xml.etree import ElementTree

import pytest

from chatcore.analytics import CostReport, Filters, Rates, cost_report
from chatcore.db import Database
from chatcore.parts import Period, Viewer
from chatcore.prices import Reference
from chatcore.reports.cost_tiles import cost_tiles
from chatcore.reports.page import html_report
from tests.chatcore.analytics_rows import Maker
from tests.factories import NOW, make_viewer

WEEK = Filters(Period(NOW - timedelta(days=7), NOW))
REFERENCE = Reference("openai/made-up", "a list", input_usd=1.0, cached_usd=1.0, output_usd=1.0)
RATES = Rates(REFERENCE, 120.0)
HOSTED, CLOUD, LOCAL = ("openai", "gpt-x"), ("ollama", "big:cloud"), ("ollama", "small:3b")


def write(db: Database, *answers: tuple[tuple[str, str], int, float | None]) -> Viewer:
    """Answers of 30 s with 1,000 tokens: (provider, model), so many days ago, its cost."""
    viewer = make_viewer(db)
    made = Maker(db, viewer, random.Random(1))
    for (provider, model), days_ago, cost in answers:
        at = NOW - timedelta(days=days_ago)
        made.turn(at, answers=1)
        made.answers[-1] |= {
            "provider": provider, "model_name": model, "state": "complete", "finished_at": at + timedelta(seconds=31), "error_type": None,
            "duration_s": 30.0, "input_tokens": 800, "output_tokens": 200, "usage_source": "reported", "cost": cost,
            "cost_currency": None if cost is None else "USD", "cost_source": None if cost is None else "a list",
        }  # fmt: skip
    made.save()
    return viewer


def report_of(db: Database, viewer: Viewer, rates: Rates = RATES) -> CostReport:
    return cost_report(db, viewer, WEEK, now=NOW, rates=rates)


def shown(report: CostReport, *, compare: bool = True) -> dict[str, tuple[str, str | int | None, str]]:
    return {tile.label: (tile.value, tile.delta, tile.detail) for tile in cost_tiles(report, compare=compare)}


def test_cost_unpriced_equivalent_and_energy_are_four_tiles(db: Database) -> None:
    viewer = write(db, (HOSTED, 9, 0.5), (HOSTED, 2, 0.5), (HOSTED, 1, 0.25), (HOSTED, 1, None), (CLOUD, 1, None), (LOCAL, 1, None))
    assert shown(report_of(db, viewer)) == {
        "Cost": ("$0.7500", "+50%", "over 2"),
        "Without a price": ("2", None, "of 4 hosted"),
        "Equivalent": ("$0.0010", None, "at made-up"),
        "Energy, an estimate": ("1.0 Wh", None, "at 120 W"),
    }
    assert shown(report_of(db, viewer), compare=False)["Cost"] == ("$0.7500", None, "over 2")


def test_a_cost_that_nobody_knows_is_a_dash_and_not_nothing(db: Database) -> None:
    viewer = write(db, (CLOUD, 1, None))
    assert shown(report_of(db, viewer)) == {"Cost": ("–", None, "over 0"), "Without a price": ("1", None, "of 1 hosted")}


@pytest.mark.parametrize(("rates", "more"), [(Rates(), []), (RATES, ["Equivalent", "Energy, an estimate"])])
def test_who_has_local_models_only_is_told_that_nobody_bills_them(db: Database, rates: Rates, more: list[str]) -> None:
    tiles = shown(report_of(db, write(db, (LOCAL, 1, None), (LOCAL, 2, None)), rates))
    assert list(tiles) == ["Local answers", *more]
    assert tiles["Local answers"] == ("2", None, "billed by nobody")


def test_the_report_has_the_cards_of_what_is_known(db: Database) -> None:
    viewer = write(db, (HOSTED, 2, 0.5), (HOSTED, 1, 0.25), (LOCAL, 1, None))
    titles = {}
    for rates in (RATES, Rates()):
        page = ElementTree.fromstring(html_report(db, viewer, WEEK, now=NOW, rates=rates).removeprefix("<!DOCTYPE html>"))
        titles[rates.watts] = ["".join(found.itertext()) for found in page.iter("h2")][-5:]
        (over_time,) = (part for part in page.iter("section") if "Cost per day by model" in "".join(part.itertext()))
        numbers = [["".join(cell.itertext()) for cell in row] for body in over_time.iter("tbody") for row in body]
        assert [row[1:] for row in numbers] == [["gpt-x", "0.5000", "1"], ["gpt-x", "0.2500", "1"]]
        assert "gpt-x: $0.5000" in "".join(title.text or "" for title in over_time.iter("title"))
    local = ["What local models would cost elsewhere", "Energy of local models, an estimate"]
    assert titles[120.0] == ["Cost per day by model", "What each model cost", *local, "Kinds of tokens"]
    assert titles[None][-3:] == ["Cost per day by model", "What each model cost", "Kinds of tokens"]
