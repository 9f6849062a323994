"""What pages and the clock ask of backups: only the owner's, made when due, failures kept to be seen."""

import inspect
import logging
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from chatcore import upkeep
from chatcore.backup import jobs, service
from chatcore.backup.folder import FAILURE, Made, list_folder, read_note
from chatcore.backup.jobs import Job
from chatcore.core import open_core
from chatcore.db import Database
from chatcore.errors import Conflict, Denied, Invalid
from chatcore.history import list_chats
from chatcore.parts import Viewer
from chatcore.settings import Settings
from tests.answers import LIMIT_S
from tests.chatcore.backup.worlds import contents
from tests.factories import NOW, make_chat, make_viewer

DAY = timedelta(days=1)


@pytest.fixture
def settings(db: Database, migrated_database_url: str, tmp_path: Path) -> Settings:
    return Settings(migrated_database_url, backup_every_s=DAY.total_seconds(), backup_keep=2, backup_folder=str(tmp_path / "backups"))


def ended(job: Job | None) -> Job:
    assert job is not None
    assert job.ended.wait(LIMIT_S)
    return job


def test_nobody_but_the_owner_sees_or_does_anything(db: Database, settings: Settings) -> None:
    bob = make_viewer(db, "Bob")
    asked = [
        function for _, function in inspect.getmembers(service, inspect.isfunction) if "viewer" in inspect.signature(function).parameters
    ]
    assert len(asked) >= 10
    for function in asked:
        values = {"settings": settings, "viewer": bob, "name": "chatcore-20260314T150926Z-manual.db", "now": NOW}
        values |= {"content": b"", "file_name": "chatcore.db"}
        with pytest.raises(Denied):
            function(**{name: values[name] for name in inspect.signature(function).parameters})
    assert not settings.backups_at.exists()


def test_a_backup_from_elsewhere_is_read_whole_before_it_is_listed(db: Database, settings: Settings) -> None:
    ada = make_viewer(db, is_owner=True)
    make_chat(db, ada, messages=2)
    ended(service.begin_backup(settings, ada, now=NOW))
    (made,) = list_folder(settings.backups_at)
    content = made.path.read_bytes()
    service.delete_backup(settings, ada, made.name)

    job = ended(service.begin_taking_in(settings, ada, memoryview(content), file_name=made.name, now=NOW + DAY))

    (brought,) = list_folder(settings.backups_at)
    assert (brought.made, brought.made_at, brought.sha256) == (Made.ELSEWHERE, made.made_at, made.sha256)
    assert brought.verified_at is not None
    assert job.message == f"{made.name} is whole, with 2 messages in 1 chat. It is listed here as {brought.name}; nothing is restored yet."
    service.plan_restore(settings, ada, brought.name, now=NOW)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a letter", "mine.zip is neither a SQLite database nor an archive."),
        (b"SQLite format 3\x00" + bytes(8000), "mine.zip"),
        (b"PK\x03\x04 and no more", "mine.zip cannot be read as a backup"),
        (bytes(service.LARGEST_BYTES + 1), "mine.zip has more than 200 MB."),
        (b"", "mine.zip is neither"),
    ],
    ids=["letter", "broken database", "broken archive", "large", "empty"],
)
def test_what_is_no_whole_backup_is_refused_by_its_name_and_nothing_is_left(
    db: Database, settings: Settings, content: bytes, said: str
) -> None:
    ada = make_viewer(db, is_owner=True)
    try:
        error = ended(service.begin_taking_in(settings, ada, content, file_name="mine.zip", now=NOW)).error
    except Invalid as refused:
        error = refused
    assert isinstance(error, Invalid)
    assert said in error.message
    assert str(settings.backups_at) not in str(error)
    assert not settings.backups_at.exists() or list(settings.backups_at.iterdir()) == []


def test_the_owner_makes_checks_and_deletes_backups(db: Database, settings: Settings) -> None:
    ada = make_viewer(db, is_owner=True)
    job = ended(service.begin_backup(settings, ada, now=NOW))
    standing = service.survey(settings, ada)
    assert job.error is None
    assert standing.job is job
    (backup,) = standing.backups
    assert job.message == f"Made {backup.name} and found it whole."
    assert ended(service.begin_check(settings, ada, backup.name, now=NOW + DAY)).message == f"{backup.name} is whole."
    assert service.survey(settings, ada).backups[0].verified_at == NOW + DAY
    service.put_away(settings, ada)
    assert service.survey(settings, ada).job is None
    service.plan_restore(settings, ada, backup.name, now=NOW)
    with pytest.raises(Conflict, match="The next start restores this backup"):
        service.delete_backup(settings, ada, backup.name)
    service.cancel_restore(settings, ada)
    service.delete_backup(settings, ada, backup.name)
    assert list(settings.backups_at.iterdir()) == []


def test_a_job_that_is_stopped_leaves_nothing(db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = make_viewer(db, is_owner=True)
    at_work, go_on = threading.Event(), threading.Event()
    heard = Job.heard

    def slowly(self: Job, stage: str, done: int, total: int) -> None:
        at_work.set()
        assert go_on.wait(LIMIT_S)
        heard(self, stage, done, total)

    monkeypatch.setattr(Job, "heard", slowly)
    job = service.begin_backup(settings, ada, now=NOW)
    assert at_work.wait(LIMIT_S)
    with pytest.raises(Conflict, match="that is going on"):
        service.begin_backup(settings, ada, now=NOW)
    job.stop()
    go_on.set()
    assert ended(job).stopped
    assert list(settings.backups_at.iterdir()) == []


def test_backups_are_made_when_they_are_due_and_the_oldest_go(settings: Settings) -> None:
    for number, due in ((0, True), (0.5, False), (1, True), (1.5, False), (2, True), (3, True)):
        before = list_folder(settings.backups_at)
        service.automatic_step(settings, now=NOW + number * DAY)
        ended(jobs.current(settings.backups_at))
        assert (list_folder(settings.backups_at) != before) is due
    assert [backup.made_at for backup in list_folder(settings.backups_at)] == [NOW + 3 * DAY, NOW + 2 * DAY]
    assert {backup.made for backup in list_folder(settings.backups_at)} == {Made.AUTOMATIC}


def test_upkeep_begins_backups_where_they_are_switched_on(db: Database, settings: Settings) -> None:
    (job,) = [job for job in upkeep.jobs(db, settings, clock=lambda: NOW) if job.name == "make backups"]
    assert job.run() is False
    ended(jobs.current(settings.backups_at))
    assert len(list_folder(settings.backups_at)) == 1
    assert "make backups" not in [job.name for job in upkeep.jobs(db, Settings(settings.database_url))]


def test_an_automatic_backup_that_fails_is_logged_shown_and_tried_again(
    db: Database, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ada = make_viewer(db, is_owner=True)
    settings.backups_at.write_text("a file where the folder should be")
    with caplog.at_level(logging.INFO):
        service.automatic_step(settings, now=NOW)
        ended(jobs.current(settings.backups_at))
    assert "An automatic backup failed" in caplog.text
    failure = read_note(settings.backups_at, FAILURE)
    assert failure is not None
    assert "cannot be written" in failure.message
    settings.backups_at.unlink()
    assert service.survey(settings, ada).failure == failure
    service.automatic_step(settings, now=NOW + timedelta(minutes=30))
    assert list_folder(settings.backups_at) == ()
    service.automatic_step(settings, now=NOW + timedelta(minutes=61))
    ended(jobs.current(settings.backups_at))
    assert len(list_folder(settings.backups_at)) == 1
    assert service.survey(settings, ada).failure is None


@pytest.mark.parametrize("broken", [False, True])
def test_a_planned_restore_is_carried_out_at_the_next_start(db: Database, settings: Settings, broken: bool) -> None:
    settings = Settings(settings.database_url, backup_folder=settings.backup_folder)
    core = open_core(settings)
    ada: Viewer = make_viewer(core.db, is_owner=True)
    make_chat(core.db, ada, title="kept")
    ended(service.begin_backup(settings, ada, now=NOW))
    make_chat(core.db, ada, title="written since")
    (backup,) = service.survey(settings, ada).backups
    service.plan_restore(settings, ada, backup.name, now=NOW)
    assert service.survey(settings, ada).planned == backup
    core.close()
    db.close()
    if broken:
        backup.path.write_bytes(backup.path.read_bytes()[:-5000])
    before = contents(db.url)
    again = open_core(settings)
    try:
        standing = service.survey(settings, ada)
        assert standing.planned is None
        assert standing.outcome is not None
        assert standing.outcome.succeeded is not broken
        titles = [chat.title for chat in list_chats(again.db, ada).items]
        assert titles == (["written since", "kept"] if broken else ["kept"])
        if broken:
            assert contents(db.url)["chatsession"] == before["chatsession"]
            assert "Nothing was changed" in standing.outcome.hint
    finally:
        again.close()


@pytest.mark.parametrize(
    ("raw", "seconds"), [("", None), ("off", None), ("10m", 600), ("12h", 43_200), (" 1D ", 86_400), ("2w", 1_209_600)]
)
def test_how_often_is_read(raw: str, seconds: float | None) -> None:
    assert Settings.from_env({"CHATCORE_BACKUP_EVERY": raw}).backup_every_s == seconds


@pytest.mark.parametrize(
    "env",
    [{"CHATCORE_BACKUP_EVERY": raw} for raw in ("1", "d", "daily", "9m", "-1d", "99999d", "1.5h", "²d")]
    + [{"CHATCORE_BACKUP_KEEP": raw} for raw in ("0", "-1", "all", "99999")],
)
def test_what_is_not_how_often_or_how_many_stops_the_start(env: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        Settings.from_env(env)


def test_the_folder_lies_beside_the_file_unless_it_is_named(tmp_path: Path) -> None:
    assert Settings(f"sqlite:///{tmp_path / 'a' / 'chatcore.db'}").backups_at == tmp_path / "a" / "backups"
    assert Settings("postgresql+psycopg://h/n", backup_folder=str(tmp_path / "b")).backups_at == tmp_path / "b"
    assert Settings("postgresql+psycopg://h/n").backups_at.parts[-2:] == ("data", "backups-of-n")


def test_two_databases_in_one_folder_do_not_share_their_backups(tmp_path: Path) -> None:
    # The oldest would be deleted whose ever they were, and one would start from what was planned for the other.
    beside = [Settings(f"sqlite:///{tmp_path / name}").backups_at for name in ("chatcore.db", "demo.db", "demo.sqlite")]
    servers = [Settings(f"postgresql+psycopg://h/{name}?application_name=x").backups_at for name in ("one", "two")]
    assert len({*beside, *servers}) == 5
