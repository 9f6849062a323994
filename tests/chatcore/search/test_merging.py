"""The pieces of SQLite's index lie where FTS5 does not write them anew for a few messages."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore import history
from chatcore.db import Database, open_database
from chatcore.parts import Role, Viewer
from chatcore.search import count_hits
from chatcore.search.check import compare_all
from chatcore.search.merging import DEEPEST, MARK, NEWER_NUMBERS, Gathering, Level, Pieces, bytes_of, numbers_in, pieces
from tests.factories import NOW, make_chat, make_viewer

ON_SQLITE = pytest.mark.parametrize("migrated_database_url", ["sqlite"], indirect=True)
# FTS5 puts pieces together when it has written so many pages; a short message makes one.
PAGES_OF_A_TURN = 64


@pytest.fixture
def ada(db: Database) -> Viewer:
    return make_viewer(db, "Ada")


def say(db: Database, viewer: Viewer, *texts: str) -> None:
    chat = make_chat(db, viewer)
    for text in texts:
        history.append(db, viewer, chat.id, role=Role.USER, content=text, now=NOW)


def there(db: Database) -> Pieces:
    with db.read() as tx:
        return pieces(tx)


def words(number: int) -> str:
    """A text of words that no other number gives, some ten pages of the index."""
    return " ".join(f"word{number:03d}{place:04d}" for place in range(4000))


@ON_SQLITE
def test_the_largest_piece_is_not_written_anew_for_a_few_messages(db: Database, ada: Viewer) -> None:
    say(db, ada, *map(words, range(12)))
    with db.write() as tx:
        tx.connection().exec_driver_sql("INSERT INTO message_fts (message_fts) VALUES ('optimize')")
    (largest,) = (piece for level in there(db).levels for piece in level.pieces)
    Gathering(db).finish()
    say(db, ada, *["sand"] * 2 * PAGES_OF_A_TURN)
    assert there(db).levels[DEEPEST].pieces == (largest,)
    assert len(there(db).pages) > 1
    assert count_hits(db, ada, "sand") == 2 * PAGES_OF_A_TURN
    assert compare_all(db) is None


@ON_SQLITE
def test_the_index_has_no_more_levels_each_time_that_it_is_put_together(db: Database, ada: Viewer) -> None:
    other, number = open_database(db.url.render_as_string(hide_password=False)), 0
    for _ in range(6):
        # One process writes and another one puts together, each with what it remembers of the pieces.
        while not there(db).is_scattered:
            say(other, ada, words(number))
            number += 1
        Gathering(db).finish()
        assert [len(level.pieces) for level in there(db).levels] == [0] * DEEPEST + [1]
    say(other, ada, words(number))
    other.close()
    assert [count_hits(db, ada, f"word{one:03d}0001") for one in range(number + 1)] == [1] * (number + 1)
    assert compare_all(db) is None


@given(numbers=st.lists(st.integers(0, 2**56)))
def test_numbers_are_written_as_they_are_read(numbers: list[int]) -> None:
    assert numbers_in(b"".join(map(bytes_of, numbers))) == numbers


PIECES = st.tuples(st.integers(1, 2000), st.integers(1, 500), st.integers(0, 100_000)).map(
    lambda piece: (piece[0], piece[1], sum(piece[1:]))
)
LEVELS = st.lists(st.lists(PIECES, max_size=4), max_size=70)


@given(drawn=LEVELS)
def test_pieces_keep_their_age_wherever_they_are_moved(drawn: list[list[tuple[int, int, int]]]) -> None:
    begun = Pieces(bytes(4), 7, tuple(Level(0, tuple(level)) for level in drawn))
    moved = begun.moved_down()
    by_age = [[piece for level in reversed(some.levels) for piece in level.pieces] for some in (begun, moved)]
    assert by_age[0] == by_age[1]
    assert len(moved.levels) == DEEPEST + 1
    assert moved.moved_down() == moved
    assert not begun.pages or max(begun.pages) == max(last - first + 1 for _, first, last in moved.levels[DEEPEST].pieces)


@ON_SQLITE
def test_what_newer_versions_note_of_a_piece_stays(db: Database, ada: Viewer) -> None:
    piece = (1, 1, 9, *range(NEWER_NUMBERS))
    newer = Pieces(bytes(4) + MARK, 300, (Level(0, ()), Level(0, (piece,))))
    with db.write() as tx:
        tx.connection().exec_driver_sql("UPDATE message_fts_data SET block = ? WHERE id = 10", (newer.as_bytes(),))
        assert pieces(tx) == newer
        assert pieces(tx).moved_down().levels[DEEPEST].pieces == (piece,)


@ON_SQLITE
@pytest.mark.parametrize("more", [b"\x01", b"\x81"])
def test_pieces_that_are_written_down_in_another_way_are_left_to_fts5(db: Database, ada: Viewer, more: bytes) -> None:
    say(db, ada, *map(words, range(2)))
    block = there(db).as_bytes() + more
    with db.write() as tx:
        tx.connection().exec_driver_sql("UPDATE message_fts_data SET block = ? WHERE id = 10", (block,))
    assert there(db).levels == ()
    assert not Gathering(db).step()


@ON_SQLITE
def test_a_sqlite_that_protects_the_tables_of_its_index_is_asked_once(db: Database, ada: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    say(db, ada, *map(words, range(12)))
    with db.write() as tx:
        tx.connection().exec_driver_sql("INSERT INTO message_fts (message_fts) VALUES ('optimize')")
    begun, asked = there(db).levels, []

    def refuse(_: Database) -> bool:
        asked.append(True)
        raise sqlite3.OperationalError("table message_fts_data may not be modified")

    monkeypatch.setattr("chatcore.search.merging.move_down", refuse)
    gathering = Gathering(db)
    assert not any(gathering.step() for _ in range(3))
    assert (len(asked), there(db).levels) == (1, begun)
