"""Backups: made while others write, found whole or not, kept and thrown away, and put back."""

import json
import threading
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from chatcore.backup.archive import MANIFEST
from chatcore.backup.copying import copy_database
from chatcore.backup.folder import RUNNING, Busy, Made, beside, find, held, list_folder, look, new_path, thin_out
from chatcore.backup.making import check_backup, make_backup
from chatcore.backup.placing import look_at
from chatcore.backup.restoring import restore
from chatcore.db import Database, open_database
from chatcore.errors import Conflict, Invalid, NotFound
from chatcore.history import append
from chatcore.parts import Role
from chatcore.search import count_hits
from tests.chatcore.backup.worlds import ailments, contents, fill_world
from tests.factories import NOW, USERS, make_chat, make_exchange, make_viewer

LATER = NOW + timedelta(days=1)


def messages_at(url: URL) -> int:
    return look_at(url).rows["chatmessage"]


def text_of(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def test_a_backup_made_while_others_write_is_one_moment_of_the_database(db: Database, tmp_path: Path) -> None:
    ada = make_viewer(db)
    chat = make_chat(db, ada, messages=20)
    enough, begun = threading.Event(), threading.Event()

    def write() -> None:
        number = 0
        while not enough.is_set():
            append(db, ada, chat.id, role=Role.ASSISTANT if number % 2 else Role.USER, content=f"more {number}", now=NOW)
            number += 1
            if number > 5:
                begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert begun.wait(30)
        made = make_backup(db.url, tmp_path / "backups", Made.BY_HAND, now=NOW)
    finally:
        enough.set()
        writer.join()
    assert made.manifest is not None
    assert 26 <= made.manifest.messages <= messages_at(db.url)
    assert made.verified_at == NOW
    assert list_folder(tmp_path / "backups") == (made,)
    # What it holds is counted as its own chats count it.
    target = make_url(f"sqlite:///{tmp_path / 'restored.db'}")
    restore(made.path, target, tmp_path / "backups", now=LATER)
    assert ailments(text_of(target)) == []


def test_a_backup_is_put_back_and_what_was_there_is_kept(db: Database, tmp_path: Path) -> None:
    ada = make_viewer(db)
    make_exchange(db, ada, make_chat(db, ada, title="tides").id)
    folder, url = tmp_path / "backups", db.url
    before = contents(url)
    made = make_backup(url, folder, Made.BY_HAND, now=NOW)
    make_chat(db, ada, title="written since", messages=3)
    since = contents(url)
    if db.is_sqlite:
        with pytest.raises(Conflict, match="is in use"):
            restore(made.path, url, folder, now=LATER)
        assert contents(url) == since
    db.close()
    done = restore(made.path, url, folder, now=LATER)
    assert contents(url) == before
    assert ailments(text_of(url)) == []
    assert done.aside is not None
    # The one that was kept is a whole one too.
    assert check_backup(done.aside, now=LATER).manifest.messages == since["chatmessage"].rows
    again = open_database(text_of(url))
    assert count_hits(again, ada, "since") == 0
    assert count_hits(again, ada, "tide*") > 0
    again.close()


def test_a_backup_of_either_engine_becomes_a_database_of_the_other(db: Database, empty_postgres_url: str, tmp_path: Path) -> None:
    fill_world(db, tmp_path)
    made = make_backup(db.url, tmp_path / "backups", Made.BY_HAND, now=NOW)
    target = make_url(empty_postgres_url) if db.is_sqlite else make_url(f"sqlite:///{tmp_path / 'other.db'}")
    done = restore(made.path, target, tmp_path / "backups", now=NOW)
    assert done.aside is None
    assert contents(target) == contents(db.url)
    assert ailments(text_of(target)) == []


def test_a_backup_of_an_older_schema_is_brought_to_the_newest(tmp_path: Path) -> None:
    """Files are copied as they are, so an old one has its old schema."""
    from chatcore.migrations.run import HEAD, run_steps, schema_revision

    old, target = tmp_path / "old.db", make_url(f"sqlite:///{tmp_path / 'chatcore.db'}")
    db = open_database(f"sqlite:///{old}")
    with db.migration() as connection:
        run_steps(connection, to="0008")
        connection.exec_driver_sql("INSERT INTO users (id, name, created_at) VALUES ('local', 'You', '2026-03-14 15:09:26.000000')")
    db.close()
    restore(old, target, tmp_path / "backups", now=NOW)
    restored = open_database(text_of(target))
    with restored.read() as tx:
        assert schema_revision(tx.connection()) == HEAD
        assert tx.execute(sa.select(USERS.c.name, USERS.c.created_at)).all() == [("You", NOW)]
    restored.close()
    # And the rows of an older schema go into it on the other way too.
    copy_database(make_url(f"sqlite:///{old}"), make_url(f"sqlite:///{tmp_path / 'copy.db'}"), now=NOW)
    assert look_at(make_url(f"sqlite:///{tmp_path / 'copy.db'}")).rows["users"] == 1


# --- broken ones -------------------------------------------------------------------------------------------------


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_a_byte(path: Path) -> None:
    """In the text of a message, or in what became of it."""
    content = bytearray(path.read_bytes())
    place = content.find(b"Because the far side")
    place = place if place >= 0 else len(content) // 3
    content[place] ^= 0x10
    path.write_bytes(content)


def turn_to_letters(path: Path) -> None:
    path.write_text("Dear Ada, this is no backup.")


def cut_off_the_end(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5000])


def empty(path: Path) -> None:
    path.write_bytes(b"")


BROKEN = (cut_short, cut_off_the_end, flip_a_byte, turn_to_letters, empty)


@pytest.mark.parametrize("breaking", BROKEN, ids=lambda breaking: breaking.__name__)
def test_a_broken_backup_says_so_and_changes_nothing(db: Database, tmp_path: Path, breaking: Callable[[Path], None]) -> None:
    ada = make_viewer(db)
    make_exchange(db, ada, make_chat(db, ada).id)
    folder, url = tmp_path / "backups", db.url
    made = make_backup(url, folder, Made.BY_HAND, now=NOW)
    breaking(made.path)
    before = contents(url)
    db.close()
    for attempt in (lambda: check_backup(made.path, now=LATER), lambda: restore(made.path, url, folder, now=LATER)):
        with pytest.raises(Invalid) as refused:
            attempt()
        assert str(made.path) in refused.value.message
        assert refused.value.hint
    assert contents(url) == before
    assert [backup.name for backup in list_folder(folder)] == [made.name]
    assert not list(tmp_path.glob("*part*"))


def rewritten(path: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """Changes the members of an archive, which stays a good ZIP."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def retold(members: dict[str, bytes], **told: object) -> None:
    members[MANIFEST] = json.dumps(json.loads(members[MANIFEST]) | told).encode()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda members: members.pop(MANIFEST), "is not a backup of chatcore"),
        (lambda members: retold(members, format=2), "was made by a newer chatcore"),
        (lambda members: retold(members, revision="9999"), "has the schema 9999"),
        (lambda members: retold(members, tables=[]), "does not say what it holds"),
        (lambda members: members.update({MANIFEST: b"[" * 100_000}), "does not say what it holds"),
        (lambda members: members.pop("tables/users.lines"), "The table users is missing"),
        (lambda members: members.update({"tables/users.lines": b""}), "The table users in .* is not what was written"),
        (lambda members: members.update({"tables/tag.lines": members["tables/tag.lines"] + b"left over"}), "The table tag in"),
    ],
    ids=["no manifest", "newer form", "newer schema", "no tables", "deep", "missing", "emptied", "longer"],
)
def test_an_archive_that_was_changed_is_refused(
    change: Callable[[dict[str, bytes]], None], says: str, empty_postgres_url: str, tmp_path: Path
) -> None:
    db = open_database(empty_postgres_url)
    from chatcore.db import init_db

    init_db(db)
    make_viewer(db)
    db.close()
    made = make_backup(make_url(empty_postgres_url), tmp_path, Made.BY_HAND, now=NOW)
    rewritten(made.path, change)
    target = make_url(f"sqlite:///{tmp_path / 'target.db'}")
    with pytest.raises(Invalid, match=says):
        restore(made.path, target, tmp_path, now=NOW)
    assert not list(tmp_path.glob("target.db*"))


# --- the folder --------------------------------------------------------------------------------------------------


def test_only_automatic_backups_are_thinned_out(tmp_path: Path) -> None:
    for number in range(4):
        for made in Made:
            new_path(tmp_path, made, now=NOW + timedelta(hours=number), end=".db").write_bytes(b"x")
    (tmp_path / "letter.txt").write_text("not ours")
    gone = thin_out(tmp_path, 1)
    assert [backup.made for backup in gone] == [Made.AUTOMATIC] * 3
    left = [backup.made for backup in list_folder(tmp_path)]
    assert left.count(Made.AUTOMATIC) == 1
    assert left.count(Made.BY_HAND) == left.count(Made.BEFORE_RESTORE) == 4
    assert list_folder(tmp_path)[0].made_at == NOW.replace(microsecond=0) + timedelta(hours=3)
    assert (tmp_path / "letter.txt").exists()


@pytest.mark.parametrize("name", ["../chatcore.db", "chatcore-20260314T150926Z-manual.db", "letter.txt", "", "a" * 300])
def test_a_name_that_is_no_backup_is_not_found(tmp_path: Path, name: str) -> None:
    (tmp_path / "letter.txt").write_text("not ours")
    with pytest.raises(NotFound):
        find(tmp_path, name)


def test_one_works_in_a_folder_at_a_time_and_what_a_dead_one_left_is_removed(tmp_path: Path) -> None:
    with held(tmp_path), pytest.raises(Busy), held(tmp_path):
        pass
    assert not (tmp_path / RUNNING).exists()
    # A process that has ended: there is none of this start time.
    from chatcore.processes import new_owner

    owner = new_owner().split(".")
    (tmp_path / RUNNING).write_text(".".join([*owner[:-2], "1", owner[-1]]))
    (tmp_path / "chatcore-20260314T150926Z-manual.db.part").write_bytes(b"half")
    with held(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == [RUNNING]


def test_what_stands_beside_another_file_of_that_name_is_not_believed(db: Database, tmp_path: Path) -> None:
    made = make_backup(db.url, tmp_path, Made.BY_HAND, now=NOW)
    assert made.manifest is not None
    made.path.write_bytes(b"something shorter")
    assert look(made.path).manifest is None
    assert look(made.path).has_changed
    beside(made.path).write_text("{")
    assert look(made.path).verified_at is None
