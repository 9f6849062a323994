"""What the database refuses, whoever writes: the laws of docs/design.md, on both engines."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, StatementError
from sqlmodel import select

from chatcore.db import Database
from chatcore.models import (
    Attachment,
    AttachmentContent,
    ChatMessage,
    ChatSession,
    ChatTag,
    Feedback,
    Folder,
    Generation,
    Preset,
    Prompt,
    QueuedPrompt,
    SavedSearch,
    ShareLink,
    Tag,
    User,
    UserSetting,
)
from chatcore.parts import ChatInfo, MessageInfo, State, Viewer
from tests.conftest import NOW
from tests.factories import make_chat, make_exchange, make_viewer, stored

LONG_CHAT = 5000


@dataclass(frozen=True)
class World:
    """Two people, a chat of each, and in Ada's a question with its answer."""

    db: Database
    ada: Viewer
    bob: Viewer
    chat: ChatInfo
    bobs: ChatInfo
    asked: MessageInfo
    answered: MessageInfo

    def run(self, sql: str, **values: object) -> None:
        """Writes past every service, as any program could."""
        with self.db.write() as tx:
            tx.execute(sa.text(sql), values)

    def add(self, *rows: object) -> None:
        """Writes rows through their models."""
        with self.db.write() as tx:
            tx.add_all(rows)

    def id_of(self, chat: ChatInfo) -> object:
        return stored(self.db, chat.id)

    def message(self, **values: Any) -> ChatMessage:
        """A whole prompt."""
        whole: dict[str, Any] = {
            "session_id": self.chat.id, "user_id": self.ada.user_id, "role": "user", "content": "x", "created_at": NOW,
        }  # fmt: skip
        return ChatMessage(**(whole | values))

    def generation(self, **values: Any) -> Generation:
        """A whole generation of the answer."""
        whole: dict[str, Any] = {
            "user_id": self.ada.user_id, "session_id": self.chat.id, "message_id": self.answered.id, "provider": "ollama",
            "model_name": "m", "state": "complete", "started_at": NOW, "finished_at": NOW,
        }  # fmt: skip
        return Generation(**(whole | values))


@pytest.fixture
def world(db: Database) -> World:
    ada, bob = make_viewer(db, "Ada"), make_viewer(db, "Bob")
    chat, bobs = make_chat(db, ada), make_chat(db, bob, messages=1)
    asked, answered = make_exchange(db, ada, chat.id)
    return World(db, ada, bob, chat, bobs, asked, answered)


# --- messages ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["system", "tool", "User", "", "nonsense"])
def test_an_unknown_role_is_refused(world: World, role: str) -> None:
    with pytest.raises(IntegrityError):
        world.add(world.message(role=role))


@pytest.mark.parametrize("status", ["done", "", "RUNNING"])
def test_an_unknown_status_is_refused(world: World, status: str) -> None:
    with pytest.raises(IntegrityError):
        world.add(world.message(role="assistant", status=status))


def test_what_a_person_wrote_is_always_complete(world: World) -> None:
    with pytest.raises(IntegrityError):
        world.add(world.message(role="user", status="running"))


def test_a_role_never_changes(world: World) -> None:
    with pytest.raises(IntegrityError, match="keeps its role"):
        world.run("UPDATE chatmessage SET role = 'user' WHERE id = :id", id=world.answered.id)


def test_a_message_never_moves_to_another_chat_or_person(world: World) -> None:
    other = make_chat(world.db, world.ada)
    with pytest.raises(IntegrityError):
        world.run("UPDATE chatmessage SET session_id = :other WHERE id = :id", other=world.id_of(other), id=world.answered.id)
    with pytest.raises(IntegrityError):
        world.run("UPDATE chatmessage SET user_id = :bob WHERE id = :id", bob=world.bob.user_id, id=world.answered.id)


def test_a_message_of_somebody_else_than_the_chats_user_is_refused(world: World) -> None:
    with pytest.raises(IntegrityError):
        world.add(world.message(user_id=world.bob.user_id))


def test_a_chat_never_gets_another_owner_under_its_messages(world: World) -> None:
    with pytest.raises(IntegrityError):
        world.run("UPDATE chatsession SET user_id = :bob WHERE id = :id", bob=world.bob.user_id, id=world.id_of(world.chat))


def test_a_parent_in_another_chat_is_refused(world: World) -> None:
    with pytest.raises(IntegrityError):
        world.add(world.message(parent_id=world.bobs.current_message_id))


def test_a_parent_that_is_the_message_itself_is_refused(world: World) -> None:
    with pytest.raises(IntegrityError):
        world.run("UPDATE chatmessage SET parent_id = id WHERE id = :id", id=world.asked.id)


def test_a_parent_is_not_deleted_from_under_its_children(world: World) -> None:
    with pytest.raises(IntegrityError):
        world.run("DELETE FROM chatmessage WHERE id = :id", id=world.asked.id)


def test_a_message_without_content_is_refused(world: World) -> None:
    with pytest.raises(IntegrityError):
        world.run(
            "INSERT INTO chatmessage (session_id, user_id, role, created_at) VALUES (:chat, :user, 'user', :now)",
            now=stored(world.db, NOW),
            chat=world.id_of(world.chat),
            user=world.ada.user_id,
        )


# --- chats -------------------------------------------------------------------------------------------------------


def test_a_chat_shows_only_a_message_of_its_own(world: World) -> None:
    with pytest.raises(IntegrityError, match="one of the chat"):
        world.run(
            "UPDATE chatsession SET current_message_id = :other WHERE id = :id",
            other=world.bobs.current_message_id,
            id=world.id_of(world.chat),
        )
    with pytest.raises(IntegrityError):
        world.add(ChatSession(user_id=world.ada.user_id, current_message_id=world.asked.id))


@pytest.mark.parametrize("column", ["message_count", "input_tokens", "output_tokens"])
def test_negative_counters_are_refused(world: World, column: str) -> None:
    with pytest.raises(IntegrityError):
        world.run(f"UPDATE chatsession SET {column} = -1")


def test_a_chat_of_nobody_is_refused(world: World) -> None:
    with pytest.raises(IntegrityError):
        world.add(ChatSession(user_id="nobody"))


# --- generations -------------------------------------------------------------------------------------------------


def test_a_generation_of_a_persons_message_is_refused(world: World) -> None:
    with pytest.raises(IntegrityError, match="answers an assistant message"):
        world.add(world.generation(message_id=world.asked.id))


def test_a_generation_cannot_be_moved_to_a_persons_message(world: World) -> None:
    with pytest.raises(IntegrityError, match="answers an assistant message"):
        world.run("UPDATE generation SET message_id = :asked", asked=world.asked.id)


def test_a_generation_in_another_chat_than_its_message_is_refused(world: World) -> None:
    other = make_chat(world.db, world.ada)
    for session_id in (other.id, world.bobs.id, None):
        with pytest.raises(IntegrityError):
            world.add(world.generation(session_id=session_id))


def test_a_generation_of_another_person_is_refused(world: World) -> None:
    with pytest.raises(IntegrityError):
        world.add(world.generation(user_id=world.bob.user_id))
    with pytest.raises(IntegrityError, match="chat of the same user"):
        world.add(world.generation(user_id=world.bob.user_id, message_id=None))
    with pytest.raises(IntegrityError):
        world.run("UPDATE generation SET user_id = :bob", bob=world.bob.user_id)


@pytest.mark.parametrize(
    "broken",
    [
        {"state": "running"},
        {"state": "complete", "finished_at": None},
        {"state": "done"},
        {"state": "failed"},
        {"state": "complete", "error_type": "timeout"},
        {"input_tokens": 3},
        {"output_tokens": 3},
        {"input_tokens": 3, "output_tokens": 4},
        {"usage_source": "reported"},
        {"input_tokens": 3, "output_tokens": 4, "usage_source": "guessed"},
        {"input_tokens": -1, "output_tokens": 4, "usage_source": "reported"},
        {"input_tokens": 1, "output_tokens": -4, "usage_source": "reported"},
        {"cached_tokens": -1},
        {"reasoning_tokens": -1},
        {"duration_s": -0.1},
        {"time_to_first_chunk_s": -0.1},
        {"cost": -1.0, "cost_currency": "EUR", "cost_source": "list"},
        {"cost": 1.0},
        {"cost_currency": "EUR"},
    ],
    ids=lambda broken: ", ".join(f"{name}={value}" for name, value in broken.items()),
)
def test_an_impossible_generation_is_refused(world: World, broken: dict[str, object]) -> None:
    with pytest.raises(IntegrityError):
        world.add(world.generation(**broken))


def test_a_possible_generation_is_taken(world: World) -> None:
    world.add(
        world.generation(input_tokens=0, output_tokens=0, usage_source="reported", cost=0.0, cost_currency="EUR", cost_source="list"),
        world.generation(state="failed", error_type="timeout"),
        world.generation(state="running", finished_at=None),
        world.generation(session_id=None, message_id=None),
    )


def test_two_running_generations_of_one_message_are_refused(world: World) -> None:
    world.add(world.generation(state="running", finished_at=None))
    with pytest.raises(IntegrityError):
        world.add(world.generation(state="running", finished_at=None))


def test_one_request_makes_one_generation(world: World) -> None:
    world.add(world.generation(request_key="click-1"))
    with pytest.raises(IntegrityError):
        world.add(world.generation(request_key="click-1"))
    answered = make_exchange(world.db, world.bob, world.bobs.id)[1]
    world.add(world.generation(request_key="click-1", user_id=world.bob.user_id, session_id=world.bobs.id, message_id=answered.id))


# --- times, tags, feedback, attachments --------------------------------------------------------------------------


def test_a_time_without_a_zone_is_refused(world: World) -> None:
    naive = datetime(2026, 3, 14, 15, 9, 26)  # noqa: DTZ001  # what the test is about
    for row in (
        world.message(created_at=naive),
        ChatSession(user_id=world.ada.user_id, updated_at=naive),
        world.generation(started_at=naive),
        User(id="x", name="X", created_at=naive),
    ):
        with pytest.raises(StatementError, match="timezone"):
            world.add(row)


def test_times_come_back_in_utc(world: World) -> None:
    there = datetime(2026, 3, 14, 20, 39, 26, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    row = world.message(created_at=there)
    world.add(row)
    with world.db.read() as tx:
        found = tx.exec(select(ChatMessage.created_at).where(ChatMessage.id == row.id)).one()
    assert (found, found.tzinfo) == (NOW, UTC)


def test_a_tag_is_only_on_a_chat_of_the_same_person(world: World) -> None:
    tag = Tag(user_id=world.bob.user_id, name="work")
    world.add(tag)
    assert tag.id is not None
    world.add(ChatTag(session_id=world.bobs.id, tag_id=tag.id, user_id=world.bob.user_id))
    for user_id in (world.ada.user_id, world.bob.user_id):
        with pytest.raises(IntegrityError):
            world.add(ChatTag(session_id=world.chat.id, tag_id=tag.id, user_id=user_id))


def folder(world: World, name: str = "Work", *, parent: Folder | None = None, user: Viewer | None = None) -> Folder:
    """A folder, Ada's unless said otherwise."""
    made = Folder(user_id=(user or world.ada).user_id, parent_id=parent.id if parent else None, name=name)
    world.add(made)
    return made


def file_under(world: World, chat: ChatInfo, into: Folder) -> None:
    world.run("UPDATE chatsession SET folder_id = :folder WHERE id = :id", folder=into.id, id=world.id_of(chat))


def test_a_chat_lies_only_in_a_folder_of_the_same_person(world: World) -> None:
    hers, his = folder(world), folder(world, user=world.bob)
    file_under(world, world.chat, hers)
    refused: list[Callable[[], None]] = [
        lambda: file_under(world, world.chat, his),
        lambda: world.add(ChatSession(user_id=world.ada.user_id, folder_id=his.id)),
        lambda: world.add(ChatSession(user_id=world.ada.user_id, folder_id=2**40)),
        lambda: world.run("UPDATE folder SET user_id = :bob WHERE id = :id", bob=world.bob.user_id, id=hers.id),
    ]
    for write in refused:
        with pytest.raises(IntegrityError):
            write()


def test_a_chat_in_a_folder_never_gets_another_owner(world: World) -> None:
    empty = make_chat(world.db, world.ada)
    file_under(world, empty, folder(world))
    with pytest.raises(IntegrityError):
        world.run("UPDATE chatsession SET user_id = :bob WHERE id = :id", bob=world.bob.user_id, id=world.id_of(empty))


def test_a_folder_lies_only_in_another_of_the_same_person(world: World) -> None:
    hers, his = folder(world), folder(world, user=world.bob)
    folder(world, "Plans", parent=hers)
    with pytest.raises(IntegrityError):
        folder(world, "Secrets", parent=his)
    with pytest.raises(IntegrityError):
        world.run("UPDATE folder SET parent_id = id WHERE id = :id", id=hers.id)


def test_names_of_folders_are_unique_beside_each_other(world: World) -> None:
    top = folder(world)
    folder(world, parent=top)
    folder(world, user=world.bob)
    for parent in (None, top):
        with pytest.raises(IntegrityError):
            folder(world, parent=parent)


@pytest.mark.parametrize("name", ["", "a/b", "x" * 81])
def test_a_folder_name_that_no_path_could_hold_is_refused(world: World, name: str) -> None:
    with pytest.raises(IntegrityError):
        folder(world, name)


def test_a_folder_with_folders_in_it_is_not_deleted(world: World) -> None:
    top = folder(world)
    folder(world, "Plans", parent=top)
    with pytest.raises(IntegrityError):
        world.run("DELETE FROM folder WHERE id = :id", id=top.id)


def test_a_folder_that_goes_sets_its_chats_free(world: World) -> None:
    top = folder(world)
    before = counts(world.db)
    file_under(world, world.chat, top)
    world.run("DELETE FROM folder WHERE id = :id", id=top.id)
    assert counts(world.db) == before
    with world.db.read() as tx:
        chat = tx.get_one(ChatSession, world.chat.id)
    assert (chat.user_id, chat.folder_id) == (world.ada.user_id, None)


def test_a_saved_search_has_its_name_alone(world: World) -> None:
    world.add(SavedSearch(user_id=world.ada.user_id, name="Code", query="has:code"))
    world.add(SavedSearch(user_id=world.bob.user_id, name="Code", query="has:code"))
    with pytest.raises(IntegrityError):
        world.add(SavedSearch(user_id=world.ada.user_id, name="Code", query="x"))


def test_a_preset_has_its_name_alone_and_a_whole_model_or_none(world: World) -> None:
    world.add(Preset(user_id=world.ada.user_id, name="Brief", provider="ollama", model_name="m"))
    world.add(Preset(user_id=world.bob.user_id, name="Brief"))
    for name, provider, model_name in (("Brief", None, None), ("Half", "ollama", None), ("Half", None, "m")):
        with pytest.raises(IntegrityError):
            world.add(Preset(user_id=world.ada.user_id, name=name, provider=provider, model_name=model_name))


def test_a_prompt_waits_only_in_a_chat_of_its_person_and_goes_with_it(world: World) -> None:
    def waiting(**values: Any) -> QueuedPrompt:
        whole: dict[str, Any] = {
            "user_id": world.ada.user_id, "session_id": world.chat.id, "text": "x", "provider": "ollama", "model_name": "m",
            "created_at": NOW,
        }  # fmt: skip
        return QueuedPrompt(**(whole | values))

    with pytest.raises(IntegrityError):
        world.add(waiting(session_id=world.bobs.id))
    with pytest.raises(IntegrityError):
        world.add(waiting(request_key="click"), waiting(request_key="click"))
    world.add(waiting(), waiting(), waiting(session_id=world.bobs.id, user_id=world.bob.user_id))
    world.run("DELETE FROM chatsession WHERE id = :id", id=world.id_of(world.chat))
    with world.db.read() as tx:
        assert [row.user_id for row in tx.execute(select(QueuedPrompt.user_id))] == [world.bob.user_id]


def test_a_link_shows_a_chat_of_its_person_has_a_secret_of_its_own_and_goes_with_the_chat(world: World) -> None:
    def link(number: int, **values: Any) -> ShareLink:
        whole: dict[str, Any] = {
            "user_id": world.ada.user_id, "session_id": world.chat.id, "token": f"{number:032}", "token_hash": f"{number:064}",
            "title": "x", "messages": 1, "size_bytes": 1, "page": b"x", "created_at": NOW, "taken_at": NOW,
        }  # fmt: skip
        return ShareLink(**(whole | values))

    world.add(link(1), link(2), link(3, session_id=world.bobs.id, user_id=world.bob.user_id))
    for wrong in (link(4, session_id=world.bobs.id), link(5, token_hash=f"{1:064}"), link(6, token="short"), link(7, messages=0)):
        with pytest.raises(IntegrityError):
            world.add(wrong)
    world.run("DELETE FROM chatsession WHERE id = :id", id=world.id_of(world.chat))
    with world.db.read() as tx:
        assert [row.user_id for row in tx.execute(select(ShareLink.user_id))] == [world.bob.user_id]


def test_a_choice_of_a_person_has_one_value(world: World) -> None:
    world.add(UserSetting(user_id=world.ada.user_id, name="titles", value="true"))
    with pytest.raises(IntegrityError):
        world.run("INSERT INTO user_setting (user_id, name, value) VALUES (:ada, 'titles', 'false')", ada=world.ada.user_id)
    world.run("DELETE FROM users WHERE id = :ada", ada=world.ada.user_id)
    with world.db.read() as tx:
        assert tx.execute(select(UserSetting.user_id)).all() == []


def test_a_prompt_has_its_name_alone(world: World) -> None:
    world.add(Prompt(user_id=world.ada.user_id, name="brief", text="Be brief."))
    world.add(Prompt(user_id=world.bob.user_id, name="brief", text="Be brief."))
    with pytest.raises(IntegrityError):
        world.add(Prompt(user_id=world.ada.user_id, name="brief", text="x"))


def test_feedback_is_a_thumb_once(world: World) -> None:
    with pytest.raises(IntegrityError):
        world.add(Feedback(user_id=world.ada.user_id, message_id=world.answered.id, rating=5))
    world.add(Feedback(user_id=world.ada.user_id, message_id=world.answered.id, rating=1))
    with pytest.raises(IntegrityError):
        world.add(Feedback(user_id=world.ada.user_id, message_id=world.answered.id, rating=-1))


# --- what goes when something is deleted -------------------------------------------------------------------------


def counts(db: Database) -> dict[str, int]:
    with db.read() as tx:
        return {
            name: tx.execute(sa.text(f"SELECT count(*) FROM {name}")).scalar_one()
            for name in ("chatsession", "chatmessage", "generation", "attachment", "feedback", "chattag")
        }


def test_deleting_a_chat_takes_what_is_in_it_and_keeps_the_ledger(world: World) -> None:
    tag = Tag(user_id=world.ada.user_id, name="work")
    world.add(
        tag,
        Feedback(user_id=world.ada.user_id, message_id=world.answered.id, rating=1),
        AttachmentContent(user_id=world.ada.user_id, sha256="0" * 64, size_bytes=1, content=b"a"),
    )
    world.add(
        Attachment(
            user_id=world.ada.user_id,
            message_id=world.asked.id,
            name="a.txt",
            media_type="text/plain",
            size_bytes=1,
            sha256="0" * 64,
        ),
    )
    assert tag.id is not None
    world.add(ChatTag(session_id=world.chat.id, tag_id=tag.id, user_id=world.ada.user_id))
    world.run("DELETE FROM chatsession WHERE id = :id", id=world.id_of(world.chat))
    assert counts(world.db) == {"chatsession": 1, "chatmessage": 1, "generation": 1, "attachment": 0, "feedback": 0, "chattag": 0}
    with world.db.read() as tx:
        kept = tx.exec(select(Generation)).one()
    assert (kept.session_id, kept.message_id, kept.output_tokens) == (None, None, 40)


def test_deleting_a_chat_through_its_model_lets_the_database_delete(world: World) -> None:
    with world.db.write() as tx:
        chat = tx.get_one(ChatSession, world.chat.id)
        assert [message.id for message in chat.messages] == [world.asked.id, world.answered.id]
        assert chat.messages[0].session is chat
        tx.delete(chat)
    assert counts(world.db)["chatmessage"] == 1


def test_deleting_an_answer_takes_it_off_the_screen_and_keeps_the_ledger(world: World) -> None:
    world.run("DELETE FROM chatmessage WHERE id = :id", id=world.answered.id)
    with world.db.read() as tx:
        assert tx.get_one(ChatSession, world.chat.id).current_message_id is None
        assert tx.exec(select(Generation)).one().message_id is None


def test_deleting_a_person_takes_all_that_is_theirs(world: World) -> None:
    inner = folder(world, "Plans", parent=folder(world))
    file_under(world, world.chat, inner)
    world.add(SavedSearch(user_id=world.ada.user_id, name="Code", query="has:code"))
    world.run("DELETE FROM users WHERE id = :id", id=world.ada.user_id)
    assert counts(world.db) == {"chatsession": 1, "chatmessage": 1, "generation": 0, "attachment": 0, "feedback": 0, "chattag": 0}
    with world.db.read() as tx:
        assert [tx.exec(select(table)).all() for table in (Folder, SavedSearch)] == [[], []]


def test_a_long_chat_is_deleted_whole_and_quickly(world: World) -> None:
    long = make_chat(world.db, world.ada)
    with world.db.write() as tx:
        first = tx.execute(sa.text("SELECT max(id) + 1 FROM chatmessage")).scalar_one()
        line = {"chat": world.id_of(long), "user": world.ada.user_id, "now": stored(world.db, NOW)}
        tx.execute(
            sa.text(
                "INSERT INTO chatmessage (id, session_id, user_id, parent_id, role, created_at, content) "
                "VALUES (:id, :chat, :user, :parent, 'assistant', :now, 'x')"
            ),
            [line | {"id": first + n, "parent": first + n - 1 if n else None} for n in range(LONG_CHAT)],
        )
        tx.execute(
            sa.text(
                "INSERT INTO generation (user_id, session_id, message_id, provider, model_name, state, started_at, finished_at) "
                "SELECT user_id, session_id, id, 'p', 'm', 'complete', created_at, created_at FROM chatmessage WHERE session_id = :chat"
            ),
            {"chat": world.id_of(long)},
        )
        tx.execute(
            sa.text("UPDATE chatsession SET current_message_id = :leaf WHERE id = :chat"),
            {"leaf": first + LONG_CHAT - 1, "chat": world.id_of(long)},
        )
    start = time.monotonic()
    world.run("DELETE FROM chatsession WHERE id = :id", id=world.id_of(long))
    # An index that is missing makes this minutes; with all of them it is under a second on a quiet machine.
    assert time.monotonic() - start < 20
    assert counts(world.db)["chatmessage"] == 3
    assert counts(world.db)["generation"] == LONG_CHAT + 1


def test_chats_keep_the_specifications_defaults(world: World) -> None:
    chat = ChatSession(user_id=world.ada.user_id)
    world.add(chat)
    with world.db.read() as tx:
        found = tx.get_one(ChatSession, chat.id)
    assert (found.title, found.provider, found.model_name) == ("New Conversation", "ollama", "minimax-m2:cloud")
    assert isinstance(found.id, uuid.UUID)
    assert found.id.version == 7
    assert found.created_at.tzinfo is not None


def test_an_answer_that_runs_may_end_in_every_state(world: World) -> None:
    for state in State:
        if state is not State.RUNNING:
            make_exchange(world.db, world.ada, world.chat.id, state=state)
