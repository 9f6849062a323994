"""Tags on chats."""

import uuid

import pytest
import sqlalchemy as sa

from chatcore import rows
from chatcore.db import Database
from chatcore.errors import Invalid, NotFound
from chatcore.history import archive_chats, delete_chats, get_chat, purge_chats, restore_chats
from chatcore.organise import tags
from chatcore.organise.tags import delete_tag, list_tags, rename_tag, tag_chats, tags_of
from chatcore.parts import Viewer
from chatcore.rows import CHAT_TAGS
from tests.conftest import NOW
from tests.factories import make_chat, make_viewer
from tests.plans import plans


@pytest.fixture
def viewer(db: Database) -> Viewer:
    return make_viewer(db)


def counted(db: Database, viewer: Viewer) -> dict[str, int]:
    return {tag.name: tag.chats for tag in list_tags(db, viewer)}


def tag_id(db: Database, viewer: Viewer, name: str) -> int:
    return next(tag.id for tag in list_tags(db, viewer) if tag.name == name)


def test_a_tag_is_made_by_using_it(db: Database, viewer: Viewer) -> None:
    first, second, third = (make_chat(db, viewer).id for _ in range(3))
    assert tag_chats(db, viewer, [first, second], add=["work", "tea"]) == 2
    assert tag_chats(db, viewer, [second], add=["work"]) == 1
    assert counted(db, viewer) == {"tea": 2, "work": 2}
    assert tags_of(db, viewer, [first, second, third]) == {first: ("tea", "work"), second: ("tea", "work"), third: ()}


def test_spellings_that_differ_in_case_are_one_tag_with_the_first_spelling(db: Database, viewer: Viewer) -> None:
    chat = make_chat(db, viewer).id
    tag_chats(db, viewer, [chat], add=["Straße", "#Über  uns"])
    tag_chats(db, viewer, [chat], add=["STRASSE", "straße", "u\u0308ber uns"])
    assert tags_of(db, viewer, [chat]) == {chat: ("Straße", "Über uns")}
    tag_chats(db, viewer, [chat], remove=["#strasse"])
    assert tags_of(db, viewer, [chat]) == {chat: ("Über uns",)}


@pytest.mark.parametrize(
    ("written", "kept"),
    [("#tea", "tea"), ("  a\n b ", "a b"), ("x" * 60, "x" * 60), ("日本", "日本"), ("a#b", "a#b"), ("a\0\ud800", "a \ufffd")],
)
def test_a_name_is_kept_on_one_line_without_its_sign(db: Database, viewer: Viewer, written: str, kept: str) -> None:
    tag_chats(db, viewer, [make_chat(db, viewer).id], add=[written])
    assert counted(db, viewer) == {kept: 1}


@pytest.mark.parametrize("name", ["", " ", "#", "a,b", "x" * 61, "\u200b", "##"])
def test_a_name_that_cannot_be_is_invalid_and_nothing_is_tagged(db: Database, viewer: Viewer, name: str) -> None:
    chat = make_chat(db, viewer).id
    with pytest.raises(Invalid) as refused:
        tag_chats(db, viewer, [chat], add=["fine", name])
    assert refused.value.hint
    assert counted(db, viewer) == {}


def test_to_put_on_twice_or_take_off_what_is_not_there_is_no_error(db: Database, viewer: Viewer) -> None:
    chat = make_chat(db, viewer).id
    tag_chats(db, viewer, [chat], add=["tea"])
    assert tag_chats(db, viewer, [chat], add=["tea", "Tea"], remove=["nothing"]) == 1
    assert tag_chats(db, viewer, []) == 0
    assert counted(db, viewer) == {"tea": 1}


def test_one_name_cannot_be_put_on_and_taken_off(db: Database, viewer: Viewer) -> None:
    with pytest.raises(Invalid):
        tag_chats(db, viewer, [make_chat(db, viewer).id], add=["Tea"], remove=["tea"])


def test_a_tag_that_is_taken_off_everywhere_stays_until_it_is_deleted(db: Database, viewer: Viewer) -> None:
    chat = make_chat(db, viewer).id
    tag_chats(db, viewer, [chat], add=["tea"])
    tag_chats(db, viewer, [chat], remove=["tea"])
    assert counted(db, viewer) == {"tea": 0}
    delete_tag(db, viewer, tag_id(db, viewer, "tea"))
    assert counted(db, viewer) == {}


def test_the_count_leaves_out_the_trash_and_follows_what_becomes_of_the_chats(db: Database, viewer: Viewer) -> None:
    kept, archived, trashed = (make_chat(db, viewer).id for _ in range(3))
    tag_chats(db, viewer, [kept, archived, trashed], add=["tea"])
    archive_chats(db, viewer, [archived], archived=True)
    delete_chats(db, viewer, [trashed], now=NOW)
    assert counted(db, viewer) == {"tea": 2}
    restore_chats(db, viewer, [trashed])
    assert counted(db, viewer) == {"tea": 3}
    purge_chats(db, viewer, [trashed])
    assert counted(db, viewer) == {"tea": 2}


def test_tagging_moves_no_chat_in_the_list(db: Database, viewer: Viewer) -> None:
    chat = make_chat(db, viewer)
    tag_chats(db, viewer, [chat.id], add=["tea"])
    assert get_chat(db, viewer, chat.id) == chat


def test_a_tag_gets_another_name_or_another_case(db: Database, viewer: Viewer) -> None:
    chat = make_chat(db, viewer).id
    tag_chats(db, viewer, [chat], add=["tea"])
    for name in ("Tea", "coffee"):
        renamed = rename_tag(db, viewer, list_tags(db, viewer)[0].id, name=name)
        assert (renamed.name, renamed.chats) == (name, 1)
        assert tags_of(db, viewer, [chat]) == {chat: (name,)}


def test_a_tag_that_gets_the_name_of_another_becomes_that_one(db: Database, viewer: Viewer) -> None:
    both, one, other = (make_chat(db, viewer).id for _ in range(3))
    tag_chats(db, viewer, [both, one], add=["tea"])
    tag_chats(db, viewer, [both, other], add=["Hot drinks"])
    merged = rename_tag(db, viewer, tag_id(db, viewer, "tea"), name="hot DRINKS")
    assert (merged.name, merged.chats) == ("Hot drinks", 3)
    assert list_tags(db, viewer) == (merged,)
    with db.read() as tx:
        assert len(tx.execute(sa.select(CHAT_TAGS)).all()) == 3


@pytest.mark.parametrize("wrong", [0, -1, 2**80])
def test_a_tag_that_is_not_there_is_not_found(db: Database, viewer: Viewer, wrong: int) -> None:
    with pytest.raises(NotFound):
        rename_tag(db, viewer, wrong, name="x")
    with pytest.raises(NotFound):
        delete_tag(db, viewer, wrong)


def test_many_chats_are_tagged_all_or_none(db: Database, viewer: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    # Two ids a statement, so that the missing one is found when the first statement has been run.
    monkeypatch.setattr(rows, "IDS_A_STATEMENT", 2)
    chats = [make_chat(db, viewer).id for _ in range(3)]
    tag_chats(db, viewer, chats, add=["old"])
    with pytest.raises(NotFound):
        tag_chats(db, viewer, [*chats, uuid.uuid4()], add=["new"], remove=["old"])
    assert counted(db, viewer) == {"old": 3}
    assert tag_chats(db, viewer, [*chats, chats[0]], add=["new"], remove=["old"]) == 3
    assert counted(db, viewer) == {"new": 3, "old": 0}
    assert tags_of(db, viewer, chats) == dict.fromkeys(chats, ("new",))


def test_there_is_an_end_to_new_tags(db: Database, viewer: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tags, "MOST_TAGS", 2)
    chat = make_chat(db, viewer).id
    with pytest.raises(Invalid):
        tag_chats(db, viewer, [chat], add=["a", "b", "c"])
    tag_chats(db, viewer, [chat], add=["a", "b"])
    tag_chats(db, viewer, [chat], add=["A", "B"])
    assert counted(db, viewer) == {"a": 1, "b": 1}


def test_counting_reads_links_along_an_index_and_never_each_chat(db: Database, viewer: Viewer) -> None:
    tag_chats(db, viewer, [make_chat(db, viewer).id], add=["tea"])
    (plan,) = plans(db, lambda: list_tags(db, viewer))
    assert "ix_chattag_tag" in plan
    assert "ix_chatsession_trash" in plan
    assert "SCAN chat" not in plan
