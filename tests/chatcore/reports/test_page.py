"""The HTML report: well-formed, by itself, with the numbers of the frames, whatever the names are."""

import dataclasses
import random
import re
from datetime import date, timedelta
from xml.etree import ElementTree

import pytest

from chatcore import analytics
from chatcore.analytics import DEFINITIONS, Filters, Rates, whole_days
from chatcore.db import Database
from chatcore.errors import NotFound
from chatcore.history import list_chats
from chatcore.organise.folders import NO_FOLDER, make_folder, move_chats
from chatcore.organise.tags import tag_chats
from chatcore.parts import Role, Viewer
from chatcore.reports.cost_tiles import cost_tiles
from chatcore.reports.page import file_name, html_report
from chatcore.reports.palette import colours
from chatcore.reports.tiles import tiles_of
from tests.chatcore import analytics_rows
from tests.chatcore.analytics_rows import Maker, write_history
from tests.factories import NOW, make_chat, make_exchange, make_viewer

ZONE = "Asia/Kolkata"
TODAY = date(2026, 3, 14)
MONTH = Filters(whole_days(date(2026, 2, 13), TODAY, ZONE), time_zone=ZONE)
HOSTILE = "</title><script>alert(1)</script>\"'&<img src=http://evil/x onerror=y>\u202e{}%s"


def read(report: str) -> ElementTree.Element:
    """The document; fails if it is not well-formed."""
    assert report.startswith('<!DOCTYPE html>\n<html lang="en">')
    return ElementTree.fromstring(report.removeprefix("<!DOCTYPE html>"))


def texts(page: ElementTree.Element, name: str) -> list[str]:
    return ["".join(found.itertext()) for found in page.iter(name)]


def card(page: ElementTree.Element, title: str) -> ElementTree.Element:
    (found,) = (section for section in page.iter("section") if texts(section, "h2") == [title])
    return found


def rows(part: ElementTree.Element) -> list[list[str]]:
    """The cells of a card's table."""
    (body,) = part.iter("tbody")
    return [["".join(cell.itertext()) for cell in row] for row in body]


def whole(text: str) -> int:
    return 0 if text == "–" else int(text.replace(",", ""))


@pytest.fixture
def ada(db: Database) -> Viewer:
    viewer = make_viewer(db)
    write_history(db, viewer, start=NOW - timedelta(days=70), end=NOW, turns=300)
    return viewer


def test_a_report_has_the_numbers_of_the_frames(db: Database, ada: Viewer) -> None:
    page = read(html_report(db, ada, MONTH, now=NOW))
    frames, speeds = analytics.report(db, ada, MONTH, now=NOW), analytics.speed_report(db, ada, MONTH)
    tiles = tiles_of(frames.tiles, compare=True)
    shown = [found for found in page.iter("dd") if found.attrib.get("class") == "value"]
    money = cost_tiles(analytics.cost_report(db, ada, MONTH, now=NOW, rates=Rates()), compare=True)
    assert [found.text for found in shown] == [tile.value for tile in (*tiles, *money)]
    per_day = frames.messages_per_day
    messages = rows(card(page, "Messages per day"))
    assert [(whole(row[1]), whole(row[2])) for row in messages] == list(
        zip(per_day["user_messages"], per_day["assistant_messages"], strict=True)
    )
    assert messages[-1][0] == "Saturday 14 March 2026"
    used = rows(card(page, "Tokens per day by model"))
    for place, name in ((2, "input_tokens"), (3, "output_tokens"), (4, "answers")):
        assert sum(whole(row[place]) for row in used) == frames.tokens_per_day[name].sum()
    models = rows(card(page, "Models"))
    assert [(row[0], whole(row[1])) for row in models] == list(zip(frames.models["model_name"], frames.models["answers"], strict=True))
    hours = rows(card(page, "Busy hours"))
    assert [whole(cell) for row in hours for cell in row[1:]] == frames.busy_hours["messages"].to_list()
    found = analytics.habits(db, ada, MONTH, now=NOW)
    days = [whole(cell) for row in rows(card(page, "Calendar")) for cell in row[1:] if cell]
    assert days == found.calendar["messages"].to_list()
    lengths = rows(card(page, "Length of chats, in messages"))
    assert [whole(row[2]) for row in lengths] == found.lengths["chats"].to_list()
    runs = rows(card(page, "Days in a row"))
    assert [whole(row[1]) for row in runs] == found.streaks["days"].to_list()
    ended = rows(card(page, "How answers ended"))
    quality = analytics.quality_report(db, ada, MONTH)
    assert [whole(row[3]) for row in ended] == quality.outcomes["answers"].to_list()
    by_day = rows(card(page, "How answers ended per day"))
    for place, state in enumerate(("complete", "stopped", "failed", "interrupted"), start=1):
        assert sum(whole(row[place]) for row in by_day) == quality.over_time[state].sum() > 0
    rated = rows(card(page, "Feedback"))
    assert [(row[0], whole(row[1])) for row in rated] == list(
        zip(quality.feedback["model_name"], quality.feedback["rated_answers"], strict=True)
    )
    voted = rows(card(page, "Blind comparisons"))
    assert [(row[0], whole(row[4])) for row in voted] == list(zip(quality.win_rates["model_name"], quality.win_rates["games"], strict=True))
    met = rows(card(page, "Who met whom"))
    assert [row[1] for row in met] == quality.win_rates_by_pair["rival_model_name"].to_list()
    changed = rows(card(page, "What changed"))
    frame = analytics.compare_periods(db, ada, MONTH, other=frames.previous, now=NOW)
    assert [row[6] for row in changed] == frame["verdict"].to_list()
    first = speeds.over_time["time_to_first_chunk_s_p50"].dropna()
    assert len(rows(card(page, "Time to first chunk per day"))) == len(first)


def test_a_report_needs_nothing_from_elsewhere_and_runs_nothing(db: Database, ada: Viewer) -> None:
    report = html_report(db, ada, MONTH, now=NOW)
    page = read(report)
    assert not [found.tag for found in page.iter() if found.tag in ("script", "link", "img", "iframe", "object", "a", "form", "base")]
    used = {name for found in page.iter() for name in found.attrib}
    assert not {name for name in used if name.startswith("on") or name in ("src", "href", "data", "action", "srcset")}
    assert not re.search(r"https?://|url\(|@import", report)
    assert "default-src 'none'" in {found.attrib.get("content", "").partition(";")[0] for found in page.iter("meta")}


def test_no_name_becomes_markup(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    viewer = dataclasses.replace(make_viewer(db), name=HOSTILE)
    maker = Maker(db, viewer, random.Random(3))
    monkeypatch.setattr(analytics_rows, "MODELS", ((HOSTILE, HOSTILE), ("ollama", "]]>\x1b<!--")))
    for hours in range(20):
        maker.turn(NOW - timedelta(hours=hours), answers=2)
    maker.save()
    report = html_report(db, viewer, dataclasses.replace(MONTH, models=(HOSTILE, "]]>\x1b<!--")), now=NOW)
    page = read(report)
    assert not {found.tag for found in page.iter()} & {"script", "img"}
    assert HOSTILE in [row[0] for row in rows(card(page, "Models"))]
    assert any(HOSTILE in text for text in texts(page, "p"))
    assert "\x1b" not in report


def test_a_model_has_the_colour_it_has_on_the_page_whatever_else_is_chosen(db: Database, ada: Viewer) -> None:
    own = colours([model for _, model in analytics.known_models(db, ada)])
    for models in ((), ("qwen3:8b",)):
        page = read(html_report(db, ada, dataclasses.replace(MONTH, models=models), now=NOW))
        (legend,) = (found for found in card(page, "Tokens per day by model").iter("ul"))
        shown = {"".join(entry.itertext()): next(entry.iter("rect")).attrib["fill"] for entry in legend}
        assert shown
        assert shown == {model: own[model] for model in shown}


def test_a_chart_has_its_numbers_its_definition_and_a_name(db: Database, ada: Viewer) -> None:
    page = read(html_report(db, ada, MONTH, now=NOW))
    for section in page.iter("section"):
        assert "How is this counted?" in texts(section, "summary")
        for drawing in section.iter("svg"):
            assert drawing.attrib.get("aria-label") or drawing.attrib.get("aria-hidden")
            if drawing.attrib.get("role") == "img":
                assert "Numbers" in texts(section, "summary")
    assert len([found for found in page.iter("svg") if found.attrib.get("role") == "img"]) == 8


def test_the_head_says_what_was_chosen_and_how_it_is_meant(db: Database, ada: Viewer) -> None:
    chat = list_chats(db, ada).items[0]
    tag_chats(db, ada, [chat.id], add=["tea", "<b>work</b>"])
    folder = make_folder(db, ada, name="Plans", parent_id=make_folder(db, ada, name="Work").id)
    move_chats(db, ada, [chat.id], folder_id=folder.id)
    chosen = dataclasses.replace(MONTH, models=("qwen3:8b",), tags=("tea", "<b>work</b>"), folder=folder.id, role=Role.USER, imported=False)
    (header,) = read(html_report(db, ada, chosen, now=NOW)).iter("header")
    assert [said for said in texts(header, "p") if not said.startswith("Numbers of")] == [
        "Only model qwen3:8b",
        "Only chats with the tags tea, <b>work</b>",
        "Only chats in the folder Work/Plans",
        "Of messages only prompts",
        "Only what was written here, not imported",
        DEFINITIONS["filters"],
    ]
    (header,) = read(html_report(db, ada, dataclasses.replace(MONTH, folder=NO_FOLDER), now=NOW)).iter("header")
    assert "Only chats in no folder" in texts(header, "p")
    (header,) = read(html_report(db, ada, dataclasses.replace(MONTH, models=("qwen3:8b",)), now=NOW)).iter("header")
    assert not list(header.iter("details"))


def test_a_choice_without_anything_says_so(db: Database, ada: Viewer) -> None:
    tag_chats(db, ada, [make_chat(db, ada).id], add=["tea"])
    page = read(html_report(db, ada, dataclasses.replace(MONTH, tags=("tea",)), now=NOW))
    assert texts(page, "h2") == ["Nothing to count"]
    assert any("that were chosen" in said for said in texts(page, "p"))
    with pytest.raises(NotFound):
        html_report(db, make_viewer(db, "Bob"), dataclasses.replace(MONTH, tags=("tea",)), now=NOW)


def test_a_period_without_anything_says_so(db: Database) -> None:
    page = read(html_report(db, make_viewer(db), MONTH, now=NOW))
    assert texts(page, "h2") == ["Nothing to count"]
    assert not list(page.iter("svg"))


def test_nothing_is_said_of_before_where_there_is_no_before(db: Database, ada: Viewer) -> None:
    assert "Changes are against 14 Jan to 12 Feb 2026." in html_report(db, ada, MONTH, now=NOW)
    alone = html_report(db, ada, MONTH, now=NOW, compare=False)
    assert "Changes are against" not in alone
    assert "What changed" not in alone
    assert "▲" not in alone


def test_numbers_that_nobody_knows_are_no_charts(db: Database) -> None:
    viewer = make_viewer(db)
    make_exchange(db, viewer, make_chat(db, viewer).id, input_tokens=None, output_tokens=None, time_to_first_chunk_s=None)
    page = read(html_report(db, viewer, Filters(whole_days(TODAY, TODAY, ZONE), time_zone=ZONE), now=NOW))
    assert "No answer of this period has a known number of tokens." in texts(page, "p")
    assert texts(page, "p").count("It was measured for no answer of this period.") == 2


def test_years_are_drawn_in_months(db: Database, ada: Viewer) -> None:
    years = Filters(whole_days(date(2016, 1, 1), TODAY, ZONE), time_zone=ZONE)
    page = read(html_report(db, ada, years, now=NOW))
    assert sum(whole(row[1]) for row in rows(card(page, "Messages per month"))) == 300


def test_only_what_is_the_viewers_is_in_it(db: Database, ada: Viewer) -> None:
    assert texts(read(html_report(db, make_viewer(db, "Bob"), MONTH, now=NOW)), "h2") == ["Nothing to count"]


def test_a_report_is_called_by_its_days() -> None:
    assert file_name(MONTH) == "chatcore-report_2026-02-13_2026-03-14.html"
