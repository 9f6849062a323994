"""The tab People, without a browser: there for an owner who is not alone, and for nobody else."""

import random
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from tests.chatcore.analytics_rows import Maker, person
from tests.pages.frame import Frame, noon_clock

PAGE = Path(__file__).resolve().parents[2] / "pages" / "analytics.py"
pytestmark = pytest.mark.usefixtures("at_noon")
NOW = noon_clock()


def opened(frame: Frame, **params: str) -> AppTest:
    at = frame.new()
    at.run()
    at.switch_page(str(PAGE))
    for name, value in {"tab": "People", **params}.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    return at


def write(frame: Frame, name: str | None, turns: int) -> None:
    """Prompts with an answer each, of the owner or of somebody new."""
    viewer = person(frame.core.db, name, NOW) if name else frame.viewer
    made = Maker(frame.core.db, viewer, random.Random(turns))
    for turn in range(turns):
        made.turn(NOW - timedelta(hours=turn + 1), answers=1)
    made.save()


def test_the_owner_sees_how_much_everybody_uses(frame: Frame) -> None:
    write(frame, None, 2)
    write(frame, "bob", 5)
    at = opened(frame)
    assert "People" in [tab.label for tab in at.tabs]
    table = next(found.value for found in at.dataframe if {"name", "messages", "answers"} <= set(found.value.columns))
    assert dict(zip(table["name"], table["messages"], strict=True)) == {"bob": 10, frame.viewer.name: 4}
    assert any("2 people" in caption.value for caption in at.caption)


def test_who_is_alone_has_no_such_tab(frame: Frame) -> None:
    write(frame, None, 2)
    assert "People" not in [tab.label for tab in opened(frame).tabs]


def test_a_tag_or_a_folder_of_the_owner_does_not_narrow_everybody(frame: Frame) -> None:
    write(frame, None, 2)
    write(frame, "bob", 5)
    assert any("2 people" in caption.value for caption in opened(frame, folder="0").caption)


def test_an_owner_who_has_not_chatted_yet_sees_what_others_use(frame: Frame) -> None:
    write(frame, "bob", 5)
    at = opened(frame)
    assert [tab.label for tab in at.tabs] == ["Overview", "People"]
    assert any("1 person" in caption.value for caption in at.caption)
    assert "Nothing to count yet" in [text for markdown in opened(frame, tab="Overview").markdown for text in markdown.value.split("**")]


def test_somebody_else_without_a_message_has_no_such_tab(frame: Frame) -> None:
    write(frame, "bob", 5)
    with frame.core.db.write() as tx:
        tx.execute(sa.text("UPDATE users SET is_owner = NOT is_owner"))
    assert not opened(frame).tabs
