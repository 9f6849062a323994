"""What the pages hand over is not looked at by pandas: the first visitor would wait until it is loaded."""

import pytest
from streamlit.components.v2.bidi_component import serialization

from tests.factories import make_chat
from tests.pages.frame import Frame
from ui.elements import handed


def test_lists_become_tuples_and_the_rest_stays() -> None:
    assert handed({"rows": [1, 2], "name": "x", "none": None, "more": ({"a": [1]},)}) == {
        "rows": (1, 2), "name": "x", "none": None, "more": ({"a": [1]},),
    }  # fmt: skip


def test_the_chat_page_gives_streamlit_nothing_that_may_be_a_table(frame: Frame, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def ask(value: object) -> bool:
        asked.append(value)
        return False

    monkeypatch.setattr(serialization, "is_dataframe_like", ask)
    chat = make_chat(frame.core.db, frame.viewer, messages=2)
    for at in (frame.run(), frame.run(c=str(chat.id))):
        assert not at.exception
    assert asked
    # These it lets pass without loading anything.
    assert [value for value in asked if value is not None and not isinstance(value, (tuple, set, str, bytes, int, float))] == []
