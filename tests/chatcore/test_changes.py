"""Several changes at once to many chats."""

import uuid

import pytest

from chatcore.changes import Changes, change_chats
from chatcore.db import Database
from chatcore.errors import ChatcoreError, Invalid, NotFound
from chatcore.history import get_chat
from chatcore.organise.folders import NO_FOLDER, make_folder
from chatcore.organise.tags import list_tags, tags_of
from tests.conftest import NOW
from tests.factories import make_chat, make_viewer


def test_all_changes_are_made_to_all_chats(db: Database) -> None:
    viewer = make_viewer(db)
    work = make_folder(db, viewer, name="Work").id
    ids = [make_chat(db, viewer).id for _ in range(3)]
    everything = Changes(title=" Tides ", pinned=True, archived=True, deleted=True, folder_id=work, add_tags=("a", "b"))
    assert change_chats(db, viewer, [*ids[:2], ids[0]], everything, now=NOW) == 2
    for chat_id in ids[:2]:
        chat = get_chat(db, viewer, chat_id)
        assert (chat.title, chat.pinned, chat.archived, chat.deleted_at, chat.folder_id) == ("Tides", True, True, NOW, work)
    back = Changes(pinned=False, deleted=False, folder_id=NO_FOLDER, remove_tags=("A",), add_tags=("c",))
    assert change_chats(db, viewer, ids, back, now=NOW) == 3
    for chat_id in ids:
        chat = get_chat(db, viewer, chat_id)
        assert (chat.pinned, chat.deleted_at, chat.folder_id) == (False, None, None)
    assert tags_of(db, viewer, ids) == {ids[0]: ("b", "c"), ids[1]: ("b", "c"), ids[2]: ("c",)}


def test_no_change_and_no_chat_are_no_error(db: Database) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    assert change_chats(db, viewer, [chat.id], Changes(), now=NOW) == 1
    assert change_chats(db, viewer, [], Changes(pinned=True), now=NOW) == 0
    assert get_chat(db, viewer, chat.id) == chat


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (Changes(pinned=True, title=" "), Invalid),
        (Changes(pinned=True, add_tags=("fine", "a,b")), Invalid),
        (Changes(pinned=True, add_tags=("fine",), folder_id=2**80), NotFound),
        (Changes(pinned=True, add_tags=("fine",), folder_id=-1), NotFound),
    ],
)
def test_one_change_that_is_refused_undoes_the_others(db: Database, wrong: Changes, error: type[ChatcoreError]) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    with pytest.raises(error):
        change_chats(db, viewer, [chat.id], wrong, now=NOW)
    assert get_chat(db, viewer, chat.id) == chat
    assert list_tags(db, viewer) == ()


@pytest.mark.parametrize("changes", [Changes(), Changes(add_tags=("a",)), Changes(folder_id=NO_FOLDER), Changes(deleted=True)])
def test_a_chat_that_is_not_there_undoes_all(db: Database, changes: Changes) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    with pytest.raises(NotFound):
        change_chats(db, viewer, [chat.id, uuid.uuid4()], changes, now=NOW)
    assert get_chat(db, viewer, chat.id) == chat
    assert list_tags(db, viewer) == ()
