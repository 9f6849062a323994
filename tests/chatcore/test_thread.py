"""The thread: windows of the branch a chat shows."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatcore.db import Database
from chatcore.errors import Invalid, NotFound
from chatcore.history import append, append_in, get_message
from chatcore.parts import MessageInfo, State, Thread, Viewer
from chatcore.rows import CHATS, GENERATIONS, MESSAGES
from chatcore.thread import END, LEFT, LOOK_BACK, START, After, Around, Before, Place, first_since, open_thread, span
from tests.factories import NOW, make_chat, make_exchange, make_viewer
from tests.plans import plans, statements

PLACES = (Before, After, Around)


def content_of(messages: tuple[MessageInfo, ...]) -> list[str]:
    return [message.content for message in messages]


def test_a_thread_opens_at_its_end_and_earlier_messages_follow(db: Database) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer, messages=10)
    thread = open_thread(db, viewer, chat.id, limit=4)
    assert content_of(thread.messages) == ["message 6", "message 7", "message 8", "message 9"]
    assert thread.has_earlier
    thread = open_thread(db, viewer, chat.id, limit=6, place=Before(thread.messages[0].id))
    assert content_of(thread.messages) == [f"message {number}" for number in range(6)]
    assert not thread.has_earlier
    assert open_thread(db, viewer, chat.id, place=Before(thread.messages[0].id)).messages == ()


def test_a_chat_without_messages_opens_empty(db: Database) -> None:
    viewer = make_viewer(db)
    thread = open_thread(db, viewer, make_chat(db, viewer).id)
    assert (thread.messages, thread.has_earlier, thread.has_later) == ((), False, False)


def test_a_chat_that_names_no_leaf_opens_at_its_newest_message(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer, messages=3)
    with db.write() as tx:
        tx.execute(sa.update(CHATS).values(current_message_id=None))
    assert content_of(open_thread(db, viewer, chat.id).messages) == ["message 0", "message 1", "message 2"]
    assert append(db, viewer, chat.id, role="user", content="x", now=now).parent_id is not None


def test_an_answer_shows_its_newest_attempt(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    _, answered = make_exchange(db, viewer, chat.id, state=State.FAILED)
    assert answered.generation is not None
    assert (answered.generation.state, answered.generation.error_type) == (State.FAILED, "server_error")
    with db.write() as tx:
        tx.execute(
            sa.insert(GENERATIONS).values(
                user_id=viewer.user_id, session_id=chat.id, message_id=answered.id, provider="p", model_name="second", state="running",
                started_at=now,
            )
        )  # fmt: skip
    generations = [message.generation for message in open_thread(db, viewer, chat.id).messages]
    assert generations[0] is None
    assert generations[1] is not None
    assert generations[1].model_name == "second"
    assert get_message(db, viewer, answered.id).generation == generations[1]


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_window_has_one_to_a_thousand_messages(db: Database, limit: int) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    with pytest.raises(Invalid):
        open_thread(db, viewer, chat.id, limit=limit)


def test_a_window_around_a_message_has_a_third_of_it_above(db: Database) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer, messages=60)
    first = open_thread(db, viewer, chat.id, place=START, limit=1).messages[0].id
    thread = open_thread(db, viewer, chat.id, place=Around(first + 30), limit=12)
    assert content_of(thread.messages) == [f"message {number}" for number in range(26, 38)]
    assert (thread.has_earlier, thread.has_later) == (True, True)


@pytest.mark.parametrize(("number", "shown"), [(0, range(12)), (2, range(12)), (58, range(48, 60)), (59, range(48, 60))])
def test_a_window_at_an_end_is_filled_from_the_other_side(db: Database, number: int, shown: range) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer, messages=60)
    first = open_thread(db, viewer, chat.id, place=START, limit=1).messages[0].id
    thread = open_thread(db, viewer, chat.id, place=Around(first + number), limit=12)
    assert content_of(thread.messages) == [f"message {number}" for number in shown]
    assert (thread.has_earlier, thread.has_later) == (shown[0] > 0, shown[-1] < 59)


@pytest.mark.parametrize("place", PLACES)
def test_a_message_of_another_chat_is_no_place_to_look_from(db: Database, place: type[Before | After | Around]) -> None:
    viewer = make_viewer(db)
    chat, other = make_chat(db, viewer, messages=2), make_chat(db, viewer, messages=2)
    theirs = make_chat(db, make_viewer(db, "Bob"), messages=2)
    for message_id in (other.current_message_id, theirs.current_message_id, 10**9, 2**80, -(2**80)):
        assert message_id is not None
        with pytest.raises(NotFound):
            open_thread(db, viewer, chat.id, place=place(message_id))


# --- what it costs -----------------------------------------------------------------------------------------------


def test_a_window_takes_the_same_few_statements_and_never_reads_the_whole_chat(db: Database) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer, messages=60)
    assert chat.current_message_id is not None
    middle = chat.current_message_id - 30
    for place, expected in ((END, 4), (START, 4), (Before(middle), 4), (After(middle), 5), (Around(middle), 5)):
        with statements() as seen:
            open_thread(db, viewer, chat.id, place=place, limit=10)
        assert len(seen) == expected, place
        assert_by_keys(plans(db, lambda place=place: open_thread(db, viewer, chat.id, place=place, limit=10)))  # type: ignore[misc]


def test_a_window_at_a_fork_never_reads_the_whole_chat(db: Database) -> None:
    viewer = make_viewer(db)
    chat_id, ids = make_tree(db, viewer, Tree((None, 0, 0, 2, None, 4, 1), leaf=6))
    for place in (START, After(ids[0])):
        found = plans(db, lambda place=place: open_thread(db, viewer, chat_id, place=place))  # type: ignore[misc]
        assert len(found) > 4
        assert_by_keys(found)


def test_a_day_is_found_by_keys(db: Database) -> None:
    viewer = make_viewer(db)
    make_chat(db, viewer, messages=1500)
    chat = make_chat(db, viewer, messages=1500)
    db.refresh_statistics()
    if not db.is_sqlite:
        with db.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("ANALYZE")
    for ask in (lambda: first_since(db, viewer, chat.id, moment=NOW + timedelta(seconds=30)), lambda: span(db, viewer, chat.id)):
        found = plans(db, ask)
        assert_by_keys(found)
        # Looking for one message of a chat, PostgreSQL may go through all messages by their ids until one is of the chat.
        assert "Filter: (session_id = " not in "".join(found), found


def assert_by_keys(found: Sequence[str]) -> None:
    for plan in found:
        for scan in ("SCAN chatmessage", "SCAN parent", "SCAN child", "SCAN probe", "Seq Scan"):
            assert scan not in plan, plan


# --- branches ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tree:
    """Messages by number: each follows `parents[number]` (None: nothing), was written `waits_s` after the one before, and
    the chat shows the branch to `leaf`."""

    parents: tuple[int | None, ...]
    leaf: int
    waits_s: tuple[int, ...] = ()

    @property
    def shown(self) -> list[int]:
        """The branch to the leaf, oldest first."""
        return self.up_to(self.leaf)

    def up_to(self, number: int) -> list[int]:
        path = [number]
        while (above := self.parents[path[-1]]) is not None:
            path.append(above)
        return path[::-1]

    def down_from(self, number: int | None) -> list[int]:
        """What follows: to the leaf where that is below, else always the newest."""
        path: list[int] = []
        while number != self.leaf:
            children = [child for child, parent in enumerate(self.parents) if parent == number]
            if not children:
                break
            number = next((child for child in children if child in self.shown), children[-1])
            path.append(number)
        return path

    def written(self, number: int) -> datetime:
        return NOW + timedelta(seconds=sum(self.waits_s[: number + 1]))


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """Mostly long branches, as people make them; any message may have several that follow it, also none at all."""
    size = draw(st.integers(1, 24))
    usual = (st.one_of(st.just(number - 1), st.just(number - 1), st.none(), st.integers(0, number - 1)) for number in range(1, size))
    parents = [None, *map(draw, usual)]
    waits_s = draw(st.lists(st.integers(0, 2), min_size=size, max_size=size))
    return Tree(tuple(parents), draw(st.integers(0, size - 1)), tuple(waits_s))


def make_tree(db: Database, viewer: Viewer, tree: Tree) -> tuple[uuid.UUID, list[int]]:
    """A chat with these messages, and their ids by number."""
    chat_id = make_chat(db, viewer).id
    ids: list[int] = []
    with db.write() as tx:
        for number, parent in enumerate(tree.parents):
            values = {
                "session_id": chat_id, "user_id": viewer.user_id, "parent_id": None if parent is None else ids[parent],
                "role": "user", "content": str(number), "created_at": tree.written(number),
            }  # fmt: skip
            ids.append(tx.execute(sa.insert(MESSAGES).values(values).returning(MESSAGES.c.id)).scalar_one())
        tx.execute(sa.update(CHATS).where(CHATS.c.id == chat_id).values(current_message_id=ids[tree.leaf]))
    return chat_id, ids


def numbers(thread: Thread) -> list[int]:
    return [int(message.content) for message in thread.messages]


TREES = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@TREES
@given(tree=trees(), limit=st.integers(1, 9))
def test_a_window_around_any_message_is_what_a_walk_of_the_tree_finds(db: Database, tree: Tree, limit: int) -> None:
    viewer = make_viewer(db)
    chat_id, ids = make_tree(db, viewer, tree)
    for number, message_id in enumerate(ids):
        above, below = tree.up_to(number)[:-1], tree.down_from(number)
        thread = open_thread(db, viewer, chat_id, place=Around(message_id), limit=limit)
        found = numbers(thread)
        branch = [*above, number, *below]
        first = branch.index(found[0])
        assert found == branch[first : first + len(found)]
        assert number in found
        assert len(found) == min(limit, len(branch))
        assert (thread.has_earlier, thread.has_later) == (first > 0, first + len(found) < len(branch))
        if len(above) >= limit and len(below) >= limit:
            assert found.index(number) == limit // 3


@TREES
@given(tree=trees(), limit=st.integers(1, 9))
def test_a_window_that_slides_shows_each_message_of_the_branch_once(db: Database, tree: Tree, limit: int) -> None:
    viewer = make_viewer(db)
    chat_id, ids = make_tree(db, viewer, tree)
    upward: list[int] = []
    place: Place = END
    while True:
        thread = open_thread(db, viewer, chat_id, place=place, limit=limit)
        assert thread.has_later == bool(upward)
        upward = [*numbers(thread), *upward]
        if not thread.has_earlier:
            break
        place = Before(thread.messages[0].id)
    assert upward == tree.shown
    for start in (None, *range(len(ids))):
        downward: list[int] = []
        place = After(None if start is None else ids[start])
        while True:
            thread = open_thread(db, viewer, chat_id, place=place, limit=limit)
            assert thread.has_earlier == (start is not None or bool(downward))
            downward += numbers(thread)
            if not thread.has_later:
                break
            place = After(thread.messages[-1].id)
        assert downward == tree.down_from(start)


@TREES
@given(tree=trees(), limit=st.integers(1, 9))
def test_a_window_that_includes_its_edge_begins_or_ends_with_it(db: Database, tree: Tree, limit: int) -> None:
    viewer = make_viewer(db)
    chat_id, ids = make_tree(db, viewer, tree)
    for number, message_id in enumerate(ids):
        up, down = tree.up_to(number), [number, *tree.down_from(number)]
        thread = open_thread(db, viewer, chat_id, place=Before(message_id, included=True), limit=limit)
        assert numbers(thread) == up[-limit:]
        assert (thread.has_earlier, thread.has_later) == (len(up) > limit, len(down) > 1)
        thread = open_thread(db, viewer, chat_id, place=After(message_id, included=True), limit=limit)
        assert numbers(thread) == down[:limit]
        assert (thread.has_earlier, thread.has_later) == (len(up) > 1, len(down) > limit)


@TREES
@given(tree=trees())
def test_a_day_begins_with_the_first_message_shown_of_it(db: Database, tree: Tree) -> None:
    viewer = make_viewer(db)
    chat_id, ids = make_tree(db, viewer, tree)
    for second in range(-1, sum(tree.waits_s) + 2):
        moment = NOW + timedelta(seconds=second)
        expected = next((number for number in tree.shown if tree.written(number) >= moment), None)
        assert first_since(db, viewer, chat_id, moment=moment) == (None if expected is None else ids[expected])
    assert span(db, viewer, chat_id) == (tree.written(0), tree.written(tree.leaf))


def test_an_empty_chat_has_no_days(db: Database) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    assert span(db, viewer, chat.id) is None
    assert first_since(db, viewer, chat.id, moment=NOW) is None


def fork(length: int, left: int, then: int) -> Tree:
    """A branch of so many messages, after which so many were written that are shown no more, before the shown ones."""
    below = [length + number - 1 for number in range(left)]
    after = [length - 1, *(length + left + number for number in range(then - 1))]
    parents = (None, *range(length - 1), *below, *after)
    return Tree(parents, leaf=len(parents) - 1, waits_s=(1,) * len(parents))


@pytest.mark.parametrize("left", [1, LEFT, LEFT + 50])
@pytest.mark.parametrize("is_newest_shown", [True, False])
def test_where_two_branches_part_the_shown_one_is_followed(db: Database, left: int, is_newest_shown: bool) -> None:
    viewer = make_viewer(db)
    tree = fork(length=5, left=left, then=LEFT + 20)
    if not is_newest_shown:
        tree = Tree(tree.parents, leaf=5 + left - 1)
    chat_id, ids = make_tree(db, viewer, tree)
    thread = open_thread(db, viewer, chat_id, place=After(ids[2]), limit=10)
    assert numbers(thread) == tree.down_from(2)[:10]
    assert numbers(open_thread(db, viewer, chat_id, place=START, limit=10)) == tree.shown[:10]
    off_branch = 5 + left if not is_newest_shown else 5
    assert numbers(open_thread(db, viewer, chat_id, place=After(ids[off_branch]), limit=10)) == tree.down_from(off_branch)[:10]


def test_a_day_that_began_on_a_branch_left_since_leads_to_the_shown_one(db: Database) -> None:
    viewer = make_viewer(db)
    tree = fork(length=LOOK_BACK + 30, left=LOOK_BACK - 10, then=LEFT + 20)
    chat_id, ids = make_tree(db, viewer, tree)
    began = LOOK_BACK + 30 + LOOK_BACK - 20
    assert began not in tree.shown
    shown = next(number for number in tree.shown if number > began)
    assert first_since(db, viewer, chat_id, moment=tree.written(began)) == ids[shown]


def test_an_answer_tried_again_leaves_the_way_down_as_it_is_shown(db: Database, now: datetime) -> None:
    viewer = make_viewer(db)
    chat = make_chat(db, viewer)
    asked, answered = make_exchange(db, viewer, chat.id)
    with db.write() as tx:
        again = append_in(tx, viewer, chat.id, role="assistant", content="Or so.", now=now, sibling_of=answered.id)
    after = append(db, viewer, chat.id, role="user", content="Thanks.", now=now)
    shown = open_thread(db, viewer, chat.id, place=START)
    assert [message.id for message in shown.messages] == [asked.id, again.id, after.id]
    left = open_thread(db, viewer, chat.id, place=Around(answered.id))
    assert [message.id for message in left.messages] == [asked.id, answered.id]
    assert not left.has_later
