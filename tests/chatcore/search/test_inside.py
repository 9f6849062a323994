"""The search inside one chat."""

import pytest

from chatcore.db import Database
from chatcore.history import delete_chats
from chatcore.parts import Viewer
from chatcore.search import inside
from chatcore.search.inside import Inside
from tests.factories import NOW, make_chat, make_exchange, make_message, make_viewer


def hits_in(db: Database, viewer: Viewer, chat_id: object, text: str) -> Inside:
    return inside.hits_in(db, viewer, chat_id, text, now=NOW, zone=NOW.tzinfo)  # type: ignore[arg-type]


def test_hits_in_a_chat_come_in_the_order_of_its_messages(db: Database) -> None:
    viewer = make_viewer(db)
    chat, other = make_chat(db, viewer), make_chat(db, viewer)
    first = make_message(db, viewer, chat.id, "The moon pulls.")
    make_message(db, viewer, chat.id, "The sun too.")
    _, last = make_exchange(db, viewer, chat.id, prompt="And now?", answer="A **moon**, again.")
    make_message(db, viewer, other.id, "Another moon.")
    found = hits_in(db, viewer, chat.id, "moon")
    assert found.message_ids == (first.id, last.id)
    assert [term.words for term in found.terms] == [("moon",)]
    assert (found.complete, found.notices, found.indexed) == (True, (), 1.0)
    assert hits_in(db, viewer, chat.id, "moon role:assistant").message_ids == (last.id,)


def test_a_chat_in_the_trash_can_be_searched_too(db: Database) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    said = make_message(db, viewer, chat.id, "The moon pulls.")
    delete_chats(db, viewer, [chat.id], now=NOW)
    assert hits_in(db, viewer, chat.id, "moon").message_ids == (said.id,)


@pytest.mark.parametrize("text", ["", "   ", "!!", "has:nonsense", '"', "OR"])
def test_a_text_that_asks_for_nothing_finds_nothing(db: Database, text: str) -> None:
    viewer = make_viewer(db)
    assert hits_in(db, viewer, make_chat(db, viewer, messages=2).id, text).message_ids == ()


def test_another_chat_named_in_the_text_changes_nothing(db: Database) -> None:
    viewer = make_viewer(db)
    chat, other = make_chat(db, viewer), make_chat(db, viewer)
    make_message(db, viewer, other.id, "Another moon.")
    assert hits_in(db, viewer, chat.id, f"moon chat:{other.id}").message_ids == ()


def test_of_very_many_hits_the_newest_are_known(db: Database) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer, messages=1002)
    found = hits_in(db, viewer, chat.id, "message")
    assert not found.complete
    assert len(found.message_ids) == 1000
    assert found.message_ids[-1] == chat.current_message_id


def test_in_a_chat_of_somebody_else_nothing_is_found(db: Database) -> None:
    chat = make_chat(db, make_viewer(db), messages=2)
    assert hits_in(db, make_viewer(db, "Bob"), chat.id, "message").message_ids == ()
