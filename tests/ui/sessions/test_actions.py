"""What can be done with ticked chats, and taken back."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest

from chatcore import history
from chatcore.db import Database
from chatcore.errors import Invalid, NotFound
from chatcore.organise.folders import make_folder, move_chats
from chatcore.organise.tags import tag_chats, tags_of
from chatcore.parts import ChatInfo, Shelf, Viewer
from tests.factories import NOW, make_chat, make_viewer
from tests.plans import statements
from ui.sessions.actions import VERBS, Done, carry_out, chat_ids_of, empty_trash, move, shelf_of, tag, take_back


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
    assert done.undo
    take_back(db, viewer, done, now=NOW + timedelta(hours=2))
    assert [state(history.get_chat(db, viewer, chat_id)) for chat_id in ids] == before


def test_what_has_moved_already_is_not_moved_again(db: Database) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    history.delete_chats(db, viewer, [chat.id], now=NOW)
    done = carry_out(db, viewer, "delete", [chat.id], now=NOW)
    assert done.undo == ()


@pytest.mark.parametrize("verb", VERBS)
def test_a_strangers_chats_are_left_alone(db: Database, verb: str) -> None:
    chat = make_chat(db, make_viewer(db, "Ada"))
    bob = make_viewer(db, "Bob")
    assert carry_out(db, bob, verb, [chat.id], now=NOW).undo == ()
    with pytest.raises(NotFound):
        history.get_chat(db, bob, chat.id)


def tags(db: Database, viewer: Viewer, *chats: ChatInfo) -> list[tuple[str, ...]]:
    found = tags_of(db, viewer, [chat.id for chat in chats])
    return [found[chat.id] for chat in chats]


def folders(db: Database, viewer: Viewer, *chats: ChatInfo) -> list[int | None]:
    return [history.get_chat(db, viewer, chat.id).folder_id for chat in chats]


def test_tags_are_taken_back_only_where_they_were_put_on(db: Database) -> None:
    viewer = make_viewer(db)
    plain, work, both = (make_chat(db, viewer) for _ in range(3))
    tag_chats(db, viewer, [work.id, both.id], add=["Work"])
    tag_chats(db, viewer, [both.id], add=["old"])
    done = tag(db, viewer, [plain.id, work.id, both.id], add=["work", "#new"], remove=["OLD"])
    assert tags(db, viewer, plain, work, both) == [("new", "Work"), ("new", "Work"), ("new", "Work")]
    assert done.sentence == "3 chats now tagged “work”, “new” and no longer tagged “OLD”."
    take_back(db, viewer, done, now=NOW)
    assert tags(db, viewer, plain, work, both) == [(), ("Work",), ("old", "Work")]


def test_a_tag_that_all_have_already_is_nothing_to_do(db: Database) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    tag_chats(db, viewer, [chat.id], add=["work"])
    assert tag(db, viewer, [chat.id], add=["Work"], remove=["gone"]).undo == ()
    assert tag(db, viewer, [chat.id]).undo == ()


def test_an_impossible_tag_changes_nothing(db: Database) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    with pytest.raises(Invalid):
        tag(db, viewer, [chat.id], add=["work", "a,b"])
    assert tags(db, viewer, chat) == [()]


def test_each_chat_moves_back_to_where_it_lay(db: Database) -> None:
    viewer = make_viewer(db)
    plans, work = make_folder(db, viewer, name="Plans").id, make_folder(db, viewer, name="Work").id
    free, planned, there_already = (make_chat(db, viewer) for _ in range(3))
    move_chats(db, viewer, [planned.id], folder_id=plans)
    move_chats(db, viewer, [there_already.id], folder_id=work)
    done = move(db, viewer, [free.id, planned.id, there_already.id], folder_id=work)
    assert done.sentence == "2 chats moved to “Work”."
    assert folders(db, viewer, free, planned, there_already) == [work, work, work]
    take_back(db, viewer, done, now=NOW)
    assert folders(db, viewer, free, planned, there_already) == [None, plans, work]
    assert move(db, viewer, [planned.id, free.id], folder_id=None).sentence == "1 chat taken out of its folder."


def test_what_is_gone_since_does_not_stop_an_undo(db: Database) -> None:
    viewer = make_viewer(db)
    kept, gone = make_chat(db, viewer), make_chat(db, viewer)
    folder = make_folder(db, viewer, name="Work").id
    done = [
        tag(db, viewer, [kept.id, gone.id], add=["work"]),
        move(db, viewer, [kept.id, gone.id], folder_id=folder),
        carry_out(db, viewer, "archive", [kept.id, gone.id], now=NOW),
    ]
    history.purge_chats(db, viewer, [gone.id])
    for one in done:
        take_back(db, viewer, one, now=NOW)
    assert history.get_chat(db, viewer, kept.id) == kept
    assert tags(db, viewer, kept) == [()]


def test_a_strangers_chats_are_neither_tagged_nor_moved(db: Database) -> None:
    ada, bob = make_viewer(db, "Ada"), make_viewer(db, "Bob")
    chat = make_chat(db, ada)
    assert tag(db, bob, [chat.id], add=["mine"]).undo == ()
    assert move(db, bob, [chat.id], folder_id=make_folder(db, bob, name="Mine").id).undo == ()
    with pytest.raises(NotFound):
        move(db, ada, [chat.id], folder_id=make_folder(db, bob, name="Other").id)
    assert tags(db, ada, chat) == [()]
    assert folders(db, ada, chat) == [None]


def test_a_bulk_takes_a_handful_of_statements(db: Database) -> None:
    viewer = make_viewer(db)
    ids = [make_chat(db, viewer).id for _ in range(30)]
    acts: list[Callable[[], Done]] = [lambda: carry_out(db, viewer, "archive", ids, now=NOW), lambda: tag(db, viewer, ids, add=["work"])]
    for act in acts:
        with statements() as seen:
            done = act()
        assert len(seen) < 12
        with statements() as seen:
            take_back(db, viewer, done, now=NOW)
        assert len(seen) < 12


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
