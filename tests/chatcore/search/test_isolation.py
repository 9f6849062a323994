"""What is yours is only yours: two people with the same words, the same names and the same seconds."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

import pytest
import sqlalchemy as sa

from chatcore.db import Database
from chatcore.history import archive_chats, delete_chats, pin_chats
from chatcore.parts import Viewer
from chatcore.rows import CHATS
from chatcore.search import count_hits, facets, find_chats, matching_chats, quick_switch, search
from chatcore.search.results import Order
from tests.chatcore.search.corpora import CHAT_TAGS, TAGS, attach, make_folders
from tests.conftest import NOW
from tests.factories import make_chat, make_exchange, make_viewer


@dataclass(frozen=True)
class Things:
    """All that one of them has."""

    viewer: Viewer
    chat_ids: frozenset[uuid.UUID]
    message_ids: frozenset[int]


def make_things(db: Database, name: str) -> Things:
    """Four chats, one on each shelf and one pinned, each with a prompt, an answer, a file, a tag and a folder."""
    viewer = make_viewer(db, name)
    chats = [make_chat(db, viewer, title=f"The moon {number}") for number in range(4)]
    message_ids = set()
    for number, chat in enumerate(chats):
        made = make_exchange(db, viewer, chat.id, prompt="moon tide", answer="```moon```", now=NOW + timedelta(seconds=number))
        message_ids |= {message.id for message in made}
        with db.write() as tx:
            attach(tx, viewer, made[0].id)
    with db.write() as tx:
        tag_id = tx.execute(sa.insert(TAGS).values(user_id=viewer.user_id, name="work").returning(TAGS.c.id)).scalar_one()
        tx.execute(sa.insert(CHAT_TAGS), [{"session_id": chat.id, "tag_id": tag_id, "user_id": viewer.user_id} for chat in chats])
        folders = make_folders(tx, viewer)
        tx.execute(sa.update(CHATS).where(CHATS.c.user_id == viewer.user_id).values(folder_id=folders["Work/Plans"]))
    pin_chats(db, viewer, [chats[1].id], pinned=True)
    archive_chats(db, viewer, [chats[2].id], archived=True)
    delete_chats(db, viewer, [chats[3].id], now=NOW)
    return Things(viewer, frozenset(chat.id for chat in chats), frozenset(message_ids))


@pytest.fixture
def people(db: Database) -> tuple[Things, Things, Viewer]:
    """Two people with the same, and one with nothing."""
    return make_things(db, "Ada"), make_things(db, "Bob"), make_viewer(db, "Cyd")


EVERYWHERE = "is:active is:archived is:trash"
ASKED = (
    "", "moon", "moo*", "moon -zzz", '"moon tide"', "-sun", "moon OR tide", "role:user", "role:assistant", "has:code", "has:attachment",
    "model:llama", "provider:ollama", "-model:gpt", "chat:moon", "-chat:sun", "is:pinned", "-is:pinned", "is:archived", "is:trash",
    EVERYWHERE, "tag:work", "-tag:home", "folder:work", "folder:plans", "-folder:home", "after:2026", "before:2027",
    "moon tag:work folder:plans is:pinned model:llama",
)  # fmt: skip


def found_by(db: Database, viewer: Viewer, text: str) -> tuple[set[int], set[uuid.UUID]]:
    """The messages and the chats that any function shows a person for a text."""
    pages = [search(db, viewer, text, limit=1000, order=order, now=NOW) for order in Order]
    switch = quick_switch(db, viewer, text, limit=50, now=NOW)
    hits = [hit for shown in (*(page.hits for page in pages), switch.hits) for hit in shown]
    titles = [*find_chats(db, viewer, text, limit=50, now=NOW), *switch.chats]
    chats = {hit.chat_id for hit in hits} | {hit.chat.id for hit in titles} | set(matching_chats(db, viewer, text, now=NOW))
    return {hit.message_id for hit in hits}, chats


def test_nobody_is_shown_anything_of_anybody_else(db: Database, people: tuple[Things, Things, Viewer]) -> None:
    ada, bob, cyd = people
    for text in ASKED:
        for things in (ada, bob):
            message_ids, chat_ids = found_by(db, things.viewer, text)
            assert message_ids <= things.message_ids
            assert chat_ids <= things.chat_ids
            number = len(search(db, things.viewer, text, limit=1000, now=NOW).hits)
            assert count_hits(db, things.viewer, text, now=NOW) == number > 0, text
            counted = facets(db, things.viewer, text, now=NOW)
            assert counted.of == number == sum(facet.count for facet in counted.roles)
            assert [facet.count for facet in counted.tags] == [number]
        assert found_by(db, cyd, text) == (set(), set())
        assert count_hits(db, cyd, text, now=NOW) == facets(db, cyd, text, now=NOW).of == 0


def test_what_another_has_named_names_nothing_here(db: Database, people: tuple[Things, Things, Viewer]) -> None:
    ada, bob, _ = people
    for chat_id in bob.chat_ids:
        for text in (f"chat:{chat_id} {EVERYWHERE}", f"moon chat:{chat_id}", f"chat:{chat_id.hex}", f"chat:{chat_id} OR moon"):
            assert found_by(db, ada.viewer, text) == (set(), set()), text
        assert found_by(db, ada.viewer, f"moon -chat:{chat_id} {EVERYWHERE}") == (set(ada.message_ids), set(ada.chat_ids))
    with db.write() as tx:
        tag_id = tx.execute(sa.insert(TAGS).values(user_id=bob.viewer.user_id, name="only his").returning(TAGS.c.id)).scalar_one()
        tx.execute(
            sa.insert(CHAT_TAGS), [{"session_id": chat_id, "tag_id": tag_id, "user_id": bob.viewer.user_id} for chat_id in bob.chat_ids]
        )
    chat = make_chat(db, bob.viewer, title="Only his")
    make_exchange(db, bob.viewer, chat.id, provider="his own", model_name="his-model")
    for text in ('tag:"only his"', 'chat:"only his"', "model:his-model", 'provider:"his own"', "only his"):
        assert found_by(db, ada.viewer, text) == (set(), set()), text
        assert found_by(db, bob.viewer, text)[1], text
    assert not any(
        "his" in notice for text in ("model:his", "moon") for notice in search(db, ada.viewer, text).notices if "“his”" not in notice
    )


def test_one_persons_cursor_shows_another_only_their_own(db: Database, people: tuple[Things, Things, Viewer]) -> None:
    ada, bob, cyd = people
    for order in Order:
        cursor = search(db, ada.viewer, "moon", limit=2, order=order).next_cursor
        assert cursor
        hits = search(db, bob.viewer, "moon", limit=1000, cursor=cursor, order=order).hits
        assert {hit.message_id for hit in hits} <= bob.message_ids
        assert search(db, cyd, "moon", cursor=cursor, order=order).hits == ()


def test_user_ids_that_look_alike_are_apart(db: Database) -> None:
    """The owner is a word of the index: no id may be taken for the beginning of another, or for another's in other letters."""
    ids = ["ada", "ada1", "Ada", "ad", "ADA", "a\u0301da", "áda", "ada 1", "ada'", "u6164", "x" * 300, "x" * 301]
    viewers = [Viewer(user_id, user_id) for user_id in ids]
    for viewer in viewers:
        add_person(db, viewer)
        make_exchange(db, viewer, make_chat(db, viewer, title=f"moon of {viewer.user_id}"[:150]).id, prompt="moon", answer="moon")
    for viewer in viewers:
        assert {hit.chat_title for hit in search(db, viewer, "moon").hits} == {f"moon of {viewer.user_id}"[:150]}
        assert len(search(db, viewer, "moon").hits) == 2
        assert len(find_chats(db, viewer, "moon")) == 1
        assert len(matching_chats(db, viewer, "moon")) == 1


def add_person(db: Database, viewer: Viewer) -> None:
    users = sa.table("users", sa.column("id"), sa.column("name"), sa.column("is_owner"), sa.column("created_at", CHATS.c.created_at.type))
    with db.write() as tx:
        tx.execute(sa.insert(users).values(id=viewer.user_id, name="x", is_owner=False, created_at=NOW))
