"""A large file is read by a process of its own, and what it says is what this process would have read."""

import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
import sqlalchemy as sa

from chatcore import history, importing
from chatcore.db import Database
from chatcore.errors import Conflict
from chatcore.formats import detect, open_file, read
from chatcore.formats.base import Broken, Conversation, Message
from chatcore.importing import import_file, list_imports
from chatcore.importing.room import Room
from chatcore.importing.runs import begin_run
from chatcore.importing.writing import Slice, Target, write_portion
from chatcore.importing_ahead import COMMAND, ROOT, Shape, shapes_ahead
from chatcore.importing_shapes import chat_shape, earlier_key, message_key
from chatcore.parts import Role, Viewer
from chatcore.search import count_hits, waiting
from chatcore.search.check import compare_all
from chatcore.search.entering import allow_pieces
from chatcore.search.merging import AT_A_TIME, FEW_PIECES, Gathering, merge_step, pieces
from tests.chatcore.formats.samples import SAMPLES
from tests.factories import NOW, make_viewer


@pytest.fixture
def ada(db: Database) -> Viewer:
    return make_viewer(db, "Ada")


def plain(shapes: Iterable[Shape]) -> list[object]:
    """Shapes as values that can be compared: with the bytes of files, without words."""
    found: list[object] = []
    for one in shapes:
        if isinstance(one, Broken):
            found.append(one)
            continue
        files = [[(file.name, file.media_type, file.read()) for file in message.files] for message in one.messages]
        messages = tuple(message._replace(words=None, parts="", files=()) for message in one.messages)
        found.append((one._replace(messages=messages), files))
    return found


@pytest.mark.parametrize("name", ["chatgpt", "own", "openai rows"])
def test_a_process_of_its_own_reads_the_same(name: str, tmp_path: Path) -> None:
    with open_file(SAMPLES[name][1](tmp_path)) as opened:
        known = detect(opened)
        here = [one if isinstance(one, Broken) else chat_shape(one, now=NOW) for one in read(opened, known)]
        assert plain(shapes_ahead(opened, known.name, now=NOW)) == plain(here)


def test_the_reader_ends_without_a_word_when_nobody_reads_it_any_more(tmp_path: Path) -> None:
    path = SAMPLES["chatgpt"][1](tmp_path)
    with open_file(path) as opened:
        arguments = [str(path), detect(opened).name, NOW.isoformat()]
    child = subprocess.Popen([sys.executable, *COMMAND, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    # As when the process that began it is killed.
    child.stdout.close()
    assert child.stderr is not None
    with child.stderr as said:
        assert (said.read(), child.wait()) == (b"", -signal.SIGPIPE)


def test_a_large_file_comes_here_with_its_pictures(db: Database, ada: Viewer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "LARGE_BYTES", 0)
    path = SAMPLES["chatgpt"][1](tmp_path)
    report = import_file(db, ada, path, now=NOW)
    assert (report.chats["imported"], report.files) == (3, 1)
    assert compare_all(db) is None
    assert import_file(db, ada, path, now=NOW).chats == {"unchanged": 3, "skipped": report.chats["skipped"]}


def test_an_import_whose_reader_ends_too_early_fails(
    db: Database, ada: Viewer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importing, "LARGE_BYTES", 0)
    monkeypatch.setattr("chatcore.importing_ahead.COMMAND", ("-c", "import sys; sys.stdout.buffer.write(b'\\x80\\x05K')"))
    path = SAMPLES["chatgpt"][1](tmp_path)
    with pytest.raises(Conflict, match="ended too early"):
        import_file(db, ada, path, now=NOW)
    monkeypatch.undo()
    (failed,) = list_imports(db, ada)
    assert failed.state == "failed"
    assert import_file(db, ada, path, now=NOW).run_id == failed.id


def moons(number: int) -> Slice:
    messages = tuple(Message(str(place), None, Role.USER, f"moon {number} {place}", NOW) for place in range(2))
    shape = chat_shape(Conversation(f"c{number}", f"Tides {number}", messages), now=NOW)
    return Slice(shape, shape.messages, last=True)


def bring(db: Database, viewer: Viewer, slices: Iterable[Slice]) -> list[str]:
    """Imports each in a transaction of its own; what became of them."""
    run_id = begin_run(db, viewer, format_name="x", file_name="x", fingerprint=str(len(list_imports(db, viewer))), now=NOW)
    target = Target(db, viewer, "x", run_id, NOW, room=Room(1))
    return [done.outcome.value for piece in slices for done in write_portion(target, [piece])]


def test_the_pieces_of_the_index_are_put_together_afterwards(db: Database, ada: Viewer) -> None:
    number = FEW_PIECES + 10
    allow_pieces(db)
    bring(db, ada, map(moons, range(number)))
    with db.read() as tx:
        assert not db.is_sqlite or len(pieces(tx).pages) == number
    # Whoever writes then does not have to do it.
    history.append(db, ada, history.create_chat(db, ada, now=NOW).id, role=Role.USER, content="sand", now=NOW)
    steps = 0
    while merge_step(db):
        steps += 1
    with db.read() as tx:
        assert not db.is_sqlite or (steps > 0 and len(pieces(tx).pages) <= FEW_PIECES)
    assert (count_hits(db, ada, "moon"), count_hits(db, ada, "sand")) == (2 * number, 1)
    assert compare_all(db) is None


@pytest.mark.parametrize("migrated_database_url", ["sqlite"], indirect=True)
def test_all_pieces_of_the_index_are_put_into_one_once_enough_has_come_since(db: Database, ada: Viewer) -> None:
    allow_pieces(db)
    # In steps so small that one does not do all.
    gathering, chat = Gathering(db, pages=8), history.create_chat(db, ada, now=NOW)

    def there() -> tuple[int, ...]:
        with db.read() as tx:
            return pieces(tx).pages

    def say(text: str) -> None:
        history.append(db, ada, chat.id, role=Role.USER, content=text, now=NOW)

    words = [f"word{number:05d}" for number in range(40_000)]
    for start in range(0, len(words), 5000):
        say(" ".join(words[start : start + 5000]))
    bring(db, ada, map(moons, range(AT_A_TIME)))
    begun, steps = there(), 0
    while gathering.step():
        steps += 1
        # A search between two steps finds what it found before.
        assert (count_hits(db, ada, "moon"), count_hits(db, ada, words[-1])) == (2 * AT_A_TIME, 1)
    assert len(begun) > AT_A_TIME
    assert steps > 1
    (size,) = there()
    # What came since is too little.
    for _ in range(AT_A_TIME):
        say("sand")
    assert not gathering.step()
    assert size in there()
    assert count_hits(db, ada, "sand") == AT_A_TIME
    assert compare_all(db) is None


def test_nothing_waits_to_be_sorted_into_the_index_after_an_import(
    db: Database, ada: Viewer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "CHARACTERS_AT_ONCE", 1)
    import_file(db, ada, SAMPLES["chatgpt"][1](tmp_path), now=NOW)
    assert pages_waiting(db) == 0
    history.append(db, ada, history.create_chat(db, ada, now=NOW).id, role=Role.USER, content="moon and sand", now=NOW)
    # What the upkeep does.
    assert not merge_step(db)
    assert pages_waiting(db) == 0
    assert count_hits(db, ada, '"moon and sand"') == 1
    bring(db, ada, [moons(1)])
    assert db.is_sqlite or pages_waiting(db) == 1
    assert compare_all(db) is None


def pages_waiting(db: Database) -> int:
    """How many pages the list of PostgreSQL has of what waits, which empties it; none on SQLite."""
    if db.is_sqlite:
        return 0
    with db.write() as tx:
        return int(tx.execute(waiting.SORT_IN).scalar_one())


def test_what_came_under_an_earlier_key_is_known_again(db: Database, ada: Viewer) -> None:
    assert bring(db, ada, [moons(1)]) == ["imported"]
    with db.write() as tx:
        for place in ("0", "1"):
            keys = {"new": message_key("c1", place), "old": earlier_key("c1", place)}
            tx.execute(sa.text("UPDATE importref SET external_id = :old WHERE external_id = :new"), keys)
    assert bring(db, ada, [moons(1)]) == ["unchanged"]
