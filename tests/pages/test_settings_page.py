"""The settings page, without a browser: backups made, seen, restored at the next start, deleted; and who may."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from chatcore.backup import service
from chatcore.backup.folder import FAILURE, Note, leave_note, list_folder
from chatcore.core import close_shared, shared
from chatcore.history import list_chats
from tests.factories import make_chat
from tests.pages.frame import Frame, until

PAGE = Path(__file__).resolve().parents[2] / "pages" / "settings.py"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The backups of this test; named before the core is opened."""
    monkeypatch.setenv("CHATCORE_BACKUP_FOLDER", str(tmp_path / "backups"))
    return tmp_path / "backups"


@pytest.fixture
def at(folder: Path, frame: Frame) -> AppTest:
    """The page, opened."""
    return opened(frame)


def opened(frame: Frame) -> AppTest:
    at = frame.new()
    at.run()
    at.switch_page(str(PAGE))
    at.run()
    assert not at.exception
    return at


def texts(at: AppTest) -> str:
    kinds = (at.title, at.markdown, at.success, at.error, at.warning, at.info, at.caption)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def backed_up(at: AppTest, frame: Frame) -> AppTest:
    """Clicks, waits for the end, and looks at how it ended."""
    at.button("settings.backup").click().run()
    job = service.survey(frame.core.settings, frame.viewer).job
    assert job is not None
    until(job.ended.is_set)
    at.run()
    assert not at.exception
    return at


def test_without_a_backup_the_page_says_how_there_would_be_some(at: AppTest) -> None:
    assert "Automatic backups are off." in texts(at)
    assert "There are no backups yet." in texts(at)


def test_a_backup_is_made_with_a_click_restored_at_the_next_start_and_deleted(at: AppTest, frame: Frame, folder: Path) -> None:
    make_chat(frame.core.db, frame.viewer, title="kept", messages=2)
    backed_up(at, frame)
    (backup,) = list_folder(folder)
    assert f"Made {backup.name} and found it whole." in texts(at)
    assert "2 messages · 1 chat · made by hand" in texts(at)
    make_chat(frame.core.db, frame.viewer, title="written since")
    at.button(f"settings.restore.{backup.name}").click().run()
    assert "What was written since then is not in it." in texts(at)
    assert at.button("settings.restore.yes").disabled
    at.text_input("settings.word").set_value("restore").run()
    at.button("settings.restore.yes").click().run()
    assert "The next start restores the backup of" in texts(at)
    close_shared()
    assert [chat.title for chat in list_chats(shared().db, frame.viewer).items] == ["kept"]
    at = opened(frame)
    assert f"Restored {backup.name}." in texts(at)
    at.button("settings.read").click().run()
    assert "Restored" not in texts(at)
    at.button(f"settings.delete.{backup.name}").click().run()
    at.button("settings.delete.yes").click().run()
    assert backup not in list_folder(folder)


def test_a_backup_from_elsewhere_is_dropped_and_says_what_is_in_it(at: AppTest, frame: Frame, folder: Path) -> None:
    make_chat(frame.core.db, frame.viewer, messages=2)
    backed_up(at, frame)
    (made,) = list_folder(folder)
    at.file_uploader[0].upload("moon.db", made.path.read_bytes(), "application/octet-stream").run()
    job = service.survey(frame.core.settings, frame.viewer).job
    assert job is not None
    until(job.ended.is_set)
    at.run()
    assert not at.exception
    assert "moon.db is whole, with 2 messages in 1 chat." in texts(at)
    assert "from elsewhere" in texts(at)
    (brought,) = (backup for backup in list_folder(folder) if backup != made)
    at.button(f"settings.restore.{brought.name}").click().run()
    assert "It holds 1 person, 1 chat and 2 messages. What is here now is not in it." in texts(at)


def test_a_restore_can_be_taken_back_and_a_failure_stays_in_sight(at: AppTest, frame: Frame, folder: Path) -> None:
    backed_up(at, frame)
    (backup,) = list_folder(folder)
    service.plan_restore(frame.core.settings, frame.viewer, backup.name, now=backup.made_at)
    leave_note(folder, FAILURE, Note(backup.made_at, "The disk is full.", "Make room."))
    at.run()
    assert "failed.**  \nThe disk is full. Make room." in texts(at)
    at.button("settings.cancel").click().run()
    assert "The next start restores" not in texts(at)


def test_who_does_not_own_the_installation_sees_nothing_of_it(folder: Path, frame: Frame) -> None:
    at = frame.new()
    at.session_state["app.viewer"] = ("local", type(frame.viewer)(frame.viewer.user_id, "You", is_owner=False))
    at.run()
    assert "Settings" not in [link.value for link in at.sidebar.page_link]
    at.switch_page(str(PAGE))
    at.run()
    assert "Only the owner of this installation sees and makes backups" in texts(at)
    assert "settings.backup" not in [button.key for button in at.button]
