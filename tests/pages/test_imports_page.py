"""The page Import and export, without a browser: dropping, looking, importing, undoing, exporting."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from chatcore.history import list_chats
from chatcore.importing import jobs, list_imports
from chatcore.organise.tags import tags_of
from tests.chatcore.formats import samples
from tests.factories import make_chat
from tests.pages.frame import Frame, until

PAGE = Path(__file__).resolve().parents[2] / "pages" / "imports.py"


def opened(frame: Frame) -> AppTest:
    at = frame.new()
    at.run()
    at.switch_page(str(PAGE))
    at.run()
    assert not at.exception
    return at


def drop(at: AppTest, path: Path) -> AppTest:
    at.file_uploader[0].upload(path.name, path.read_bytes(), "application/octet-stream").run()
    assert not at.exception
    return at


def texts(at: AppTest) -> str:
    return "\n".join(str(element.value) for kind in (at.markdown, at.success, at.warning, at.info, at.caption) for element in kind)


def metrics(at: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def imported(frame: Frame, at: AppTest) -> AppTest:
    """Waits for the import that was started, and looks at how it ended."""
    job = jobs.current(frame.core.db, frame.viewer)
    assert job is not None
    until(job.ended.is_set)
    at.run()
    assert not at.exception
    return at


def test_without_a_file_the_page_says_what_can_be_imported(frame: Frame) -> None:
    at = opened(frame)
    assert "ChatGPT export" in texts(at)
    assert "imports.start" not in [button.key for button in at.button]


def test_a_dropped_file_is_shown_before_anything_is_written(frame: Frame, tmp_path: Path) -> None:
    at = drop(opened(frame), samples.chatgpt(tmp_path))
    assert metrics(at) == {"Chats": "3", "Not here yet": "3", "Messages": "9", "Cannot be imported": "2"}
    assert "4 × hidden context" in texts(at)
    assert at.button("imports.start").label == "Import 3 chats"
    assert list_chats(frame.core.db, frame.viewer).items == ()


def test_a_file_is_imported_with_its_tags_and_taken_back(frame: Frame, tmp_path: Path) -> None:
    at = drop(opened(frame), samples.claude(tmp_path))
    at.multiselect("imports.tags").set_value(["old"]).run()
    at.button("imports.start").click().run()
    imported(frame, at)
    assert metrics(at)["Chats imported"] == "2"
    chats = list_chats(frame.core.db, frame.viewer).items
    assert {chat.title for chat in chats} == {"Tides", "Hi"}
    assert set(tags_of(frame.core.db, frame.viewer, [chat.id for chat in chats]).values()) == {("old",)}
    at.button("imports.another").click().run()
    (run,) = list_imports(frame.core.db, frame.viewer)
    at.button(f"imports.undo.{run.id}").click().run()
    at.button("imports.undo.yes").click().run()
    assert "Took away 2 chats and 5 messages." in texts(at).replace("\\", "")
    assert list_chats(frame.core.db, frame.viewer).items == ()


def test_the_owner_names_a_file_on_the_server_which_stays_there(frame: Frame, tmp_path: Path) -> None:
    path = samples.claude(tmp_path)
    at = opened(frame)
    at.text_input("imports.path.0").set_value(f" {path} ")
    at.button("imports.look").click().run()
    assert metrics(at)["Not here yet"] == "2"
    at.button("imports.start").click().run()
    imported(frame, at)
    assert metrics(at)["Chats imported"] == "2"
    assert path.exists()
    at.button("imports.another").click().run()
    assert at.text_input("imports.path.1").value == ""
    at.text_input("imports.path.1").set_value("/nowhere/at-all.zip")
    at.button("imports.look").click().run()
    assert not at.exception
    assert "There is no file of that path on the server." in texts(at)
    assert [button.key for button in at.button if "undo" in (button.key or "")], "what came before is still listed"


def test_nobody_else_is_asked_for_a_path(frame: Frame) -> None:
    at = frame.new()
    at.session_state["app.viewer"] = ("local", type(frame.viewer)(frame.viewer.user_id, "You", is_owner=False))
    at.run()
    at.switch_page(str(PAGE)).run()
    assert not at.exception
    assert [field.key for field in at.text_input if (field.key or "").startswith("imports.path")] == []


def test_a_file_that_is_no_export_says_so_and_the_page_stays_usable(frame: Frame, tmp_path: Path) -> None:
    path = tmp_path / "letter.json"
    path.write_text('{"dear": "Ada"}')
    at = drop(opened(frame), path)
    assert "letter.json is in no format that is known here" in texts(at).replace("\\", "")


def test_what_is_exported_is_counted_before(frame: Frame) -> None:
    make_chat(frame.core.db, frame.viewer, messages=4)
    at = opened(frame)
    assert "1 chat, 4 messages" in texts(at)
    assert at.selectbox("exports.form").options[:2] == ["JSON, everything", "Markdown"]


@pytest.mark.parametrize("query", ["tides", "nothing has this word"])
def test_a_search_chooses_what_is_exported(frame: Frame, query: str) -> None:
    make_chat(frame.core.db, frame.viewer, title="tides", messages=4)
    at = opened(frame)
    at.segmented_control("exports.what").set_value("What a search finds").run()
    at.text_input("exports.text").set_value(query).run()
    assert not at.exception
    assert ("1 chat, 4 messages" if query == "tides" else "The search finds nothing.") in texts(at)
