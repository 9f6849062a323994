"""What can be done with ticked chats, and taken back."""

import uuid
from datetime import timedelta

import pytest

from chatcore import history
from chatcore.db import Database
from chatcore.errors import Invalid, NotFound
from chatcore.parts import ChatInfo, Shelf
from tests.factories import NOW, make_chat, make_viewer
from ui.sessions.actions import VERBS, carry_out, chat_ids_of, empty_trash, shelf_of


def state(chat: ChatInfo) -> tuple[Shelf, bool]:
    return shelf_of(chat), chat.pinned


@pytest.mark.parametrize("verb", VERBS)
def test_every_action_is_taken_back_exactly(db: Database, verb: str) -> None:
    viewer = make_viewer(db)
    chats = {name: make_chat(db, viewer, title=name) for name in ("plain", "pinned", "archived", "deleted")}
    history.pin_chats(db, viewer, [chats["pinned"].id], pinned=True)
    history.archive_chats(db, viewer, [chats["archived"].id], archived=True)
    history.delete_chats(db, viewer, [chats["deleted"].id], now=NOW)
    ids = [chat.id for chat in chats.values()]
    before = [state(history.get_chat(db, viewer, chat_id)) for chat_id in ids]
    done = carry_out(db, viewer, verb, ids, now=NOW + timedelta(hours=1))
    assert [state(history.get_chat(db, viewer, chat_id)) for chat_id in ids] != before
    assert done.undo_verb is not None
    carry_out(db, viewer, done.undo_verb, done.chat_ids, now=NOW + timedelta(hours=2))
    assert [state(history.get_chat(db, viewer, chat_id)) for chat_id in ids] == before


def test_what_has_moved_already_is_not_moved_again(db: Database) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    history.delete_chats(db, viewer, [chat.id], now=NOW)
    done = carry_out(db, viewer, "delete", [chat.id], now=NOW)
    assert done.undo_verb is None


@pytest.mark.parametrize("verb", VERBS)
def test_a_strangers_chats_are_left_alone(db: Database, verb: str) -> None:
    chat = make_chat(db, make_viewer(db, "Ada"))
    bob = make_viewer(db, "Bob")
    assert carry_out(db, bob, verb, [chat.id], now=NOW).chat_ids == ()
    with pytest.raises(NotFound):
        history.get_chat(db, bob, chat.id)


def test_an_unknown_action_is_refused(db: Database) -> None:
    viewer = make_viewer(db)
    with pytest.raises(Invalid):
        carry_out(db, viewer, "explode", [make_chat(db, viewer).id], now=NOW)


def test_emptying_the_trash_leaves_the_other_shelves(db: Database) -> None:
    viewer, other = make_viewer(db, "Ada"), make_viewer(db, "Bob")
    kept = make_chat(db, viewer)
    gone = [make_chat(db, viewer).id for _ in range(3)]
    theirs = make_chat(db, other)
    history.delete_chats(db, viewer, gone, now=NOW)
    history.delete_chats(db, other, [theirs.id], now=NOW)
    assert empty_trash(db, viewer, forget_usage=False) == 3
    assert history.list_chats(db, viewer, shelf=Shelf.TRASH).items == ()
    assert [chat.id for chat in history.list_chats(db, viewer).items] == [kept.id]
    assert len(history.list_chats(db, other, shelf=Shelf.TRASH).items) == 1


@pytest.mark.parametrize("sent", [None, "x", {"a": 1}, ["no id"], [1], [str(uuid.uuid4())] * 501])
def test_what_a_browser_sends_instead_of_chat_ids_is_refused(sent: object) -> None:
    with pytest.raises(Invalid):
        chat_ids_of(sent)
