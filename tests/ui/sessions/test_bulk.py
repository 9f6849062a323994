"""Which chats a button acts on."""

import uuid
from collections.abc import Mapping

import pytest
import streamlit as st

from chatcore.errors import Conflict, Invalid
from ui.sessions.bulk import EVERYTHING, Everything, chosen_in, everything_in

CHATS = tuple(uuid.UUID(int=number) for number in range(600))
ALL = Everything("tides", CHATS, False, "token")


@pytest.fixture(autouse=True)
def chosen() -> None:
    st.session_state[EVERYTHING] = ALL


def test_ticked_chats_are_those_the_browser_names() -> None:
    assert chosen_in({"ids": [str(CHATS[1]), str(CHATS[1]), str(CHATS[2])]}) == CHATS[1:3]


def test_all_chats_of_a_search_are_those_kept_here() -> None:
    assert chosen_in({"everything": "token", "ids": []}) == CHATS


@pytest.mark.parametrize(("event", "error"), [
    ({"everything": "another"}, Conflict),
    ({"everything": 7}, Conflict),
    ({"everything": {}}, Conflict),
    ({"ids": [str(chat_id) for chat_id in CHATS]}, Invalid),
    ({}, Invalid),
])  # fmt: skip
def test_what_makes_no_sense_is_refused(event: Mapping[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        chosen_in(event)


def test_another_search_lets_go_of_them() -> None:
    assert everything_in("tides") is ALL
    assert everything_in("moon") is None
    assert everything_in("tides") is None


@pytest.mark.parametrize(
    ("capped", "sentence"), [(False, "All 600 chats chosen"), (True, "600 chats of the newest 10,000 messages chosen")]
)
def test_it_is_said_when_not_all_are_looked_through(capped: bool, sentence: str) -> None:
    assert Everything("tides", CHATS, capped, "token").sentence == sentence
    assert Everything("tides", CHATS[:1], False, "token").sentence == "1 chat chosen"
