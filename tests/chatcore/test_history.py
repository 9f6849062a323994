"""The history: lists, threads, messages, the shelves."""

import threading
import uuid
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatcore import rows
from chatcore.columns import new_chat_id
from chatcore.db import Database
from chatcore.errors import Conflict, Invalid, NotFound
from chatcore.history import (
    all_messages,
    append,
    append_in,
    archive_chats,
    create_chat,
    delete_chats,
    get_chat,
    get_chats,
    get_message,
    list_chats,
    pin_chats,
    purge_chats,
    purge_expired,
    purge_portion,
    rename_chat,
    restore_chats,
)
from chatcore.parts import ChatInfo, Role, Shelf, State, Viewer
from chatcore.rows import CHATS, GENERATIONS, MESSAGES, encode_cursor
from chatcore.thread import open_thread
from tests.factories import make_chat, make_exchange, make_message, make_viewer
from tests.plans import plans, statements

LATER = timedelta(minutes=5)


def walk(db: Database, viewer: Viewer, *, shelf: Shelf = Shelf.ACTIVE, limit: int = 30) -> list[ChatInfo]:
    """All chats of a shelf, page by page."""
    found: list[ChatInfo] = []
    cursor = None
    while True:
        page = list_chats(db, viewer, shelf=shelf, limit=limit, cursor=cursor)
        assert len(page.items) <= limit
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


def ids(chats: list[ChatInfo]) -> list[uuid.UUID]:
    return [chat.id for chat in chats]


def rows_of(db: Database, table: sa.Table) -> int:
    with db.read() as tx:
        number: int = tx.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
    return number


# --- chats -------------------------------------------------------------------------------------------------------


def test_a_new_chat_is_empty_and_reads_back_as_it_was_made(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    chat = create_chat(db, viewer, now=now)
    assert (chat.title, chat.provider, chat.model_name) == ("New Conversation", "ollama", "minimax-m2:cloud")
    assert chat.message_count == 0
    assert get_chat(db, viewer, chat.id) == chat


def test_many_chats_are_read_at_once_in_the_order_asked_and_those_that_are_not_there_left_out(db: Database, now: datetime) -> None:
    viewer, other = make_viewer(db, "Ada"), make_viewer(db, "Bob")
    chats = [make_chat(db, viewer) for _ in range(3)]
    delete_chats(db, viewer, [chats[1].id], now=now)
    wanted = [chats[2].id, uuid.uuid4(), make_chat(db, other).id, chats[0].id, chats[1].id, chats[2].id]
    with statements() as seen:
        found = get_chats(db, viewer, wanted)
    assert [chat.id for chat in found] == [chats[2].id, chats[0].id, chats[1].id]
    assert found[1] == chats[0]
    assert len(seen) == 1
    assert get_chats(db, viewer, []) == ()


def test_pinned_chats_come_first_then_the_newest(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    old, middle, new = (make_chat(db, viewer, now=now + timedelta(hours=hour)) for hour in range(3))
    pin_chats(db, viewer, [old.id], pinned=True)
    assert ids(walk(db, viewer)) == [old.id, new.id, middle.id]


def test_going_on_moves_a_chat_up_while_a_new_name_does_not(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    first, second = (make_chat(db, viewer, now=now + timedelta(hours=hour)) for hour in range(2))
    renamed = rename_chat(db, viewer, first.id, title="Moon")
    assert (renamed.title, renamed.updated_at) == ("Moon", first.updated_at)
    assert ids(walk(db, viewer)) == [second.id, first.id]
    append(db, viewer, first.id, role="user", content="and then?", now=now + timedelta(hours=3))
    assert ids(walk(db, viewer)) == [first.id, second.id]


def test_each_shelf_has_its_own_chats_and_the_trash_is_in_order_of_deletion(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    active, archived, first, second = (make_chat(db, viewer, now=now + timedelta(hours=hour)) for hour in range(4))
    archive_chats(db, viewer, [archived.id, first.id], archived=True)
    delete_chats(db, viewer, [second.id], now=now + timedelta(days=1))
    delete_chats(db, viewer, [first.id], now=now + timedelta(days=2))
    assert ids(walk(db, viewer)) == [active.id]
    assert ids(walk(db, viewer, shelf=Shelf.ARCHIVED)) == [archived.id]
    assert ids(walk(db, viewer, shelf=Shelf.TRASH, limit=1)) == [first.id, second.id]


def test_a_chat_with_a_running_answer_says_so(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    quiet, busy = make_chat(db, viewer, now=now), make_chat(db, viewer, now=now)
    make_exchange(db, viewer, quiet.id)
    make_exchange(db, viewer, busy.id, state=State.RUNNING, now=now + LATER)
    assert {chat.id: chat.running for chat in walk(db, viewer)} == {quiet.id: False, busy.id: True}
    assert get_chat(db, viewer, busy.id).running


MOMENTS = st.sampled_from([datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(seconds=second / 2) for second in range(6)])
CHAT_ROWS = st.lists(
    st.fixed_dictionaries({"updated_at": MOMENTS, "pinned": st.booleans(), "archived": st.booleans(), "deleted_at": st.none() | MOMENTS}),
    max_size=25,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=CHAT_ROWS, limit=st.integers(1, 9))
def test_the_pages_of_any_chats_hold_each_once_in_the_order_promised(db: Database, rows: list[dict[str, object]], limit: int) -> None:
    viewer = make_viewer(db)
    chats = [row | {"id": new_chat_id(), "user_id": viewer.user_id, "created_at": row["updated_at"], "title": "x"} for row in rows]
    if chats:
        with db.write() as tx:
            tx.execute(sa.insert(CHATS), chats)
    for shelf in Shelf:
        key = ("deleted_at", "id") if shelf is Shelf.TRASH else ("pinned", "updated_at", "id")
        on_shelf = [
            row for row in chats if (row["deleted_at"] is not None) == (shelf is Shelf.TRASH)
            and (shelf is Shelf.TRASH or row["archived"] == (shelf is Shelf.ARCHIVED))
        ]  # fmt: skip
        expected = sorted(on_shelf, key=lambda row: tuple(row[name] for name in key), reverse=True)
        assert ids(walk(db, viewer, shelf=shelf, limit=limit)) == [row["id"] for row in expected]


@pytest.mark.parametrize("cursor", ["", "x", "é", "bm90IGpzb24", "W10", "WyJsaXN0LWFjdGl2ZSJd", "[]" * 3000, "W1tbW1tbW1tbW1tb" * 2000])
def test_a_cursor_that_was_not_ours_is_invalid(db: Database, cursor: str) -> None:
    with pytest.raises(Invalid) as error:
        list_chats(db, make_viewer(db), cursor=cursor)
    assert "first page" in error.value.hint


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_a_cursor_with_a_time_that_is_none_in_utc_is_invalid(db: Database, moment: str) -> None:
    cursor = encode_cursor("list-active", [False, moment, uuid.uuid4()])
    with pytest.raises(Invalid):
        list_chats(db, make_viewer(db), cursor=cursor)


def test_a_cursor_of_another_shelf_is_invalid(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    for _ in range(2):
        make_chat(db, viewer)
    cursor = list_chats(db, viewer, limit=1).next_cursor
    assert cursor is not None
    assert cursor.replace("-", "").replace("_", "").isalnum()
    for shelf in (Shelf.ARCHIVED, Shelf.TRASH):
        with pytest.raises(Invalid):
            list_chats(db, viewer, shelf=shelf, cursor=cursor)


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_page_has_1_to_1000_rows(db: Database, limit: int) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    with pytest.raises(Invalid):
        list_chats(db, viewer, limit=limit)
    with pytest.raises(Invalid):
        open_thread(db, viewer, chat.id, limit=limit)
    with pytest.raises(Invalid):
        all_messages(db, viewer, chat.id, limit=limit)


@pytest.mark.parametrize("shelf", list(Shelf))
def test_a_list_walks_along_its_index_and_reads_no_content(db: Database, shelf: Shelf, now: datetime) -> None:
    viewer = make_viewer(db)
    chats = [make_chat(db, viewer, messages=1, now=now + timedelta(hours=hour)) for hour in range(9)]
    archive_chats(db, viewer, ids(chats[3:]), archived=True)
    delete_chats(db, viewer, ids(chats[6:]), now=now)
    cursor = list_chats(db, viewer, shelf=shelf, limit=1).next_cursor
    for place in (None, cursor):
        with statements() as seen:
            list_chats(db, viewer, shelf=shelf, limit=1, cursor=place)
        assert len(seen) == 1
        assert "chatmessage" not in seen[0][0]
        (plan,) = plans(db, lambda place=place: list_chats(db, viewer, shelf=shelf, limit=1, cursor=place))  # type: ignore[misc]  # default
        assert ("ix_chatsession_trash" if shelf is Shelf.TRASH else "ix_chatsession_list") in plan
        assert "SCAN chatsession" not in plan, plan
        assert "TEMP B-TREE" not in plan, plan
        assert "Sort" not in plan, plan
        if place:
            seek = ",id)<(?" if db.is_sqlite else "AND (ROW("
            assert seek in plan, plan


# --- trash -------------------------------------------------------------------------------------------------------


def test_what_comes_back_from_the_trash_lies_where_it_was(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer, messages=2)
    pin_chats(db, viewer, [chat.id], pinned=True)
    before = get_chat(db, viewer, chat.id)
    assert delete_chats(db, viewer, [chat.id], now=now) == 1
    assert get_chat(db, viewer, chat.id).deleted_at == now
    assert delete_chats(db, viewer, [chat.id], now=now + LATER) == 1
    assert get_chat(db, viewer, chat.id).deleted_at == now
    assert restore_chats(db, viewer, [chat.id]) == 1
    assert get_chat(db, viewer, chat.id) == before


def test_a_chat_in_the_trash_cannot_go_on_until_it_is_restored(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    delete_chats(db, viewer, [chat.id], now=now)
    with pytest.raises(Conflict) as error:
        append(db, viewer, chat.id, role="user", content="hello?", now=now)
    assert "Restore" in error.value.hint
    restore_chats(db, viewer, [chat.id])
    assert append(db, viewer, chat.id, role="user", content="hello?", now=now).parent_id is None


def test_a_purged_chat_is_gone_and_its_usage_stays_known(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    make_exchange(db, viewer, chat.id)
    assert purge_chats(db, viewer, [chat.id]) == 1
    with pytest.raises(NotFound):
        get_chat(db, viewer, chat.id)
    assert rows_of(db, MESSAGES) == 0
    with db.read() as tx:
        row = tx.execute(sa.select(GENERATIONS.c.session_id, GENERATIONS.c.message_id, GENERATIONS.c.output_tokens)).one()
    assert tuple(row) == (None, None, 40)


def test_usage_is_forgotten_when_asked_for_and_only_of_this_chat(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    chat, other = make_chat(db, viewer), make_chat(db, viewer)
    make_exchange(db, viewer, chat.id)
    make_exchange(db, viewer, other.id)
    purge_chats(db, viewer, [chat.id], forget_usage=True)
    assert rows_of(db, GENERATIONS) == 1


def test_a_chat_of_1500_messages_can_be_purged(db: Database) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer, messages=1500)
    assert purge_chats(db, viewer, [chat.id]) == 1
    assert rows_of(db, MESSAGES) == 0


def test_what_has_expired_is_purged_in_portions_of_few_chats_or_messages(db: Database, now: datetime) -> None:
    viewer, other = make_viewer(db), make_viewer(db)
    with db.write() as tx:
        row = {"provider": "p", "model_name": "m", "title": "t", "created_at": now, "updated_at": now, "deleted_at": now}
        tx.execute(sa.insert(CHATS), [row | {"id": new_chat_id(), "user_id": viewer.user_id} for _ in range(201)])
        many = [row | {"id": new_chat_id(), "user_id": other.user_id, "message_count": 600} for _ in range(3)]
        tx.execute(sa.insert(CHATS), many)
    before = now + timedelta(seconds=1)
    portions = []
    while portion := purge_portion(db, before=before):
        portions.append(portion)
    assert sum(portions) == 204
    assert max(portions) <= 200
    assert len(portions) >= 4
    assert purge_expired(db, before=before) == 0


def test_many_who_empty_the_trash_at_once_purge_each_chat_once(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    chats = [make_chat(db, viewer, messages=2).id for _ in range(20)]
    delete_chats(db, viewer, chats[:19], now=now)
    start, purged = threading.Barrier(4), []

    def purge() -> None:
        start.wait(20)
        purged.append(purge_expired(db, before=now + timedelta(seconds=1)))

    threads = [threading.Thread(target=purge) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(purged) == 19
    assert len(purged) == 4
    assert get_chat(db, viewer, chats[19])


def test_a_chat_with_a_running_answer_can_be_trashed_and_purged(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    make_exchange(db, viewer, chat.id, state=State.RUNNING)
    assert delete_chats(db, viewer, [chat.id], now=now) == 1
    assert purge_chats(db, viewer, [chat.id]) == 1


def test_purging_finds_the_messages_through_an_index(db: Database) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer, messages=2)
    if db.is_sqlite:
        with db.read() as tx:
            for where in ("user_id = 'a' AND session_id = 'b'", "session_id = 'b' AND parent_id = 1"):
                plan = " ".join(
                    str(row[-1]) for row in tx.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN DELETE FROM chatmessage WHERE {where}")
                )
                assert "=? AND " in plan, plan
    assert purge_chats(db, viewer, [chat.id]) == 1


def change_many(db: Database, viewer: Viewer, chat_ids: list[uuid.UUID], now: datetime) -> dict[str, object]:
    """The functions that change many chats, ready to be called."""
    return {
        "pin": lambda: pin_chats(db, viewer, chat_ids, pinned=True),
        "archive": lambda: archive_chats(db, viewer, chat_ids, archived=True),
        "delete": lambda: delete_chats(db, viewer, chat_ids, now=now),
        "restore": lambda: restore_chats(db, viewer, chat_ids),
        "purge": lambda: purge_chats(db, viewer, chat_ids),
        "purge and forget": lambda: purge_chats(db, viewer, chat_ids, forget_usage=True),
    }


@pytest.mark.parametrize("change", ["pin", "archive", "delete", "restore", "purge", "purge and forget"])
def test_many_chats_are_changed_all_or_none(db: Database, change: str, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    # Two ids a statement, so that the missing one is found when the first statement has been run.
    monkeypatch.setattr(rows, "IDS_A_STATEMENT", 2)
    viewer = make_viewer(db)
    chats = [make_chat(db, viewer, now=now) for _ in range(3)]
    make_exchange(db, viewer, chats[0].id)
    before = [get_chat(db, viewer, chat.id) for chat in chats]
    call = change_many(db, viewer, [*ids(chats), uuid.uuid4()], now)[change]
    assert callable(call)
    with pytest.raises(NotFound):
        call()
    assert [get_chat(db, viewer, chat.id) for chat in chats] == before
    assert rows_of(db, GENERATIONS) == 1
    call = change_many(db, viewer, [*ids(chats), chats[0].id], now)[change]
    assert callable(call)
    assert call() == 3


@pytest.mark.parametrize("change", ["pin", "archive", "delete", "restore", "purge", "purge and forget"])
def test_changing_no_chat_is_no_error(db: Database, change: str, now: datetime) -> None:
    call = change_many(db, make_viewer(db), [], now)[change]
    assert callable(call)
    assert call() == 0


# --- appending ---------------------------------------------------------------------------------------------------


def test_a_message_and_the_counters_of_its_chat_are_written_together(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    chat = create_chat(db, viewer, now=now)
    first = append(db, viewer, chat.id, role="user", content="# Why are there *two* tides?\n\n```py\nx\n```", now=now + LATER)
    second = append(db, viewer, chat.id, role=Role.ASSISTANT, content="Because.", now=now + 2 * LATER, provider="ollama", model_name="m:1")
    assert (first.parent_id, second.parent_id) == (None, first.id)
    after = get_chat(db, viewer, chat.id)
    assert (after.message_count, after.current_message_id, after.last_snippet) == (2, second.id, "Because.")
    assert after.updated_at == after.last_message_at == second.created_at == now + 2 * LATER
    assert get_message(db, viewer, second.id) == second
    assert get_message(db, viewer, first.id).content.startswith("# Why are there *two*")


def test_a_snippet_is_short_and_without_markdown(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    make_message(db, viewer, chat.id, "## Tides\n\n> **Two** a day, see [this](https://example.org)\n" + "word " * 100)
    shown = get_chat(db, viewer, chat.id).last_snippet
    assert shown is not None
    assert shown.startswith("Tides Two a day, see this word word")
    assert len(shown) <= 140


def test_an_answer_that_ended_is_counted(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    make_exchange(db, viewer, chat.id, input_tokens=7, output_tokens=11, answer="Because of the moon.")
    make_exchange(db, viewer, chat.id, input_tokens=None, output_tokens=None, answer="Again.")
    after = get_chat(db, viewer, chat.id)
    assert (after.input_tokens, after.output_tokens, after.last_snippet, after.message_count) == (7, 11, "Again.", 4)


def test_a_role_that_is_neither_user_nor_assistant_is_invalid(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    for role in ("system", "", "USER", "tool\0"):
        with pytest.raises(Invalid):
            append(db, viewer, chat.id, role=role, content="x", now=now)
    assert get_chat(db, viewer, chat.id).message_count == 0


def test_only_a_running_answer_may_be_empty(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    make_message(db, viewer, chat.id, "hello")
    with db.write() as tx:
        answer = append_in(tx, viewer, chat.id, role="assistant", content="", now=now, status=State.RUNNING)
    assert get_message(db, viewer, answer.id).status is State.RUNNING
    assert get_chat(db, viewer, chat.id).last_snippet == "hello"
    for status in (State.COMPLETE, State.STOPPED, State.FAILED):
        with pytest.raises(Invalid), db.write() as tx:
            append_in(tx, viewer, chat.id, role="assistant", content=" ", now=now, status=status)
    with pytest.raises(Invalid), db.write() as tx:
        append_in(tx, viewer, chat.id, role="user", content="x", now=now, status=State.RUNNING)


def test_a_sibling_makes_a_branch_and_is_shown(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    asked, answered = make_exchange(db, viewer, chat.id)
    with db.write() as tx:
        again = append_in(tx, viewer, chat.id, role="assistant", content="Or so.", now=now, sibling_of=answered.id)
        other_start = append_in(tx, viewer, chat.id, role="user", content="Other.", now=now, sibling_of=asked.id)
    assert (again.parent_id, other_start.parent_id) == (asked.id, None)
    assert [message.id for message in open_thread(db, viewer, chat.id).messages] == [other_start.id]
    assert [message.id for message in all_messages(db, viewer, chat.id).items] == [asked.id, answered.id, again.id, other_start.id]
    elsewhere = make_message(db, viewer, make_chat(db, viewer).id)
    with pytest.raises(NotFound), db.write() as tx:
        append_in(tx, viewer, chat.id, role="user", content="x", now=now, sibling_of=elsewhere.id)


def test_messages_of_many_threads_form_one_line(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    start = threading.Barrier(4)

    def write(number: int) -> None:
        start.wait(10)
        for count in range(10):
            append(db, viewer, chat.id, role="user", content=f"{number}.{count}", now=now)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    thread = open_thread(db, viewer, chat.id, limit=100)
    assert thread.chat.message_count == len(thread.messages) == 40


def test_an_append_runs_the_same_few_statements_in_a_chat_of_any_length(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    counts = []
    for length in (0, 1, 300):
        chat = make_chat(db, viewer, messages=length)
        with statements() as seen:
            append(db, viewer, chat.id, role="user", content="x", now=now)
        counts.append(len(seen))
    # An empty chat names no leaf, so its newest message is looked up.
    assert counts == [4, 3, 3]


# --- messages ---------------------------------------------------------------------------------------------------


def test_all_messages_come_page_by_page_oldest_first(db: Database) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer, messages=7)
    make_chat(db, viewer, messages=2)
    found: list[str] = []
    after = None
    while True:
        page = all_messages(db, viewer, chat.id, after=after, limit=3)
        found += [message.content for message in page.items]
        if page.next_cursor is None:
            break
        after = int(page.next_cursor)
    assert found == [f"message {number}" for number in range(7)]


@pytest.mark.parametrize("message_id", [0, -1, 10**9, 2**63, 2**200, -(2**200)])
def test_a_message_that_is_not_there_is_not_found(db: Database, message_id: int) -> None:
    with pytest.raises(NotFound):
        get_message(db, make_viewer(db), message_id)
