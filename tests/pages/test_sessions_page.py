"""The session page, without a browser: what is listed, how the URL and the filters agree, what an undo brings back."""

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from chatcore import history
from chatcore.core import close_shared
from chatcore.organise.folders import list_folders, make_folder, move_chats
from chatcore.organise.tags import list_tags, tag_chats
from chatcore.parts import ChatInfo, Shelf
from tests.factories import make_chat, make_exchange, make_message, make_viewer
from tests.pages.frame import Frame, components, noon_clock
from ui.sessions.actions import carry_out

PAGE = Path(__file__).resolve().parents[2] / "pages" / "sessions.py"
pytestmark = pytest.mark.usefixtures("at_noon")
NOW = noon_clock()


def opened(frame: Frame, **params: str | Sequence[str]) -> AppTest:
    """The session page with these query parameters."""
    at = frame.new()
    at.run()
    at.switch_page(str(PAGE))
    for name, value in params.items():
        at.query_params[name] = value if isinstance(value, str) else list(value)
    at.run()
    assert not at.exception
    return at


def table(at: AppTest) -> dict[str, list[dict[str, object]]]:
    """What the table was given to draw."""
    elements = components(at, "chatcore_table")
    assert elements, "there is no table"
    found: dict[str, list[dict[str, object]]] = json.loads(elements[0].proto.json)
    return found


def titles(at: AppTest) -> list[object]:
    return [row["title"] for row in table(at)["rows"]]


def count(at: AppTest) -> str:
    return str(table(at)["count"])


def make(frame: Frame, title: str, *, minutes_ago: int = 0, provider: str = "ollama", model_name: str = "llama3.2:3b") -> ChatInfo:
    now = NOW - timedelta(minutes=minutes_ago)
    return make_chat(frame.core.db, frame.viewer, title=title, provider=provider, model_name=model_name, now=now)


def shelf(frame: Frame, of: Shelf) -> set[str]:
    return {chat.title for chat in history.list_chats(frame.core.db, frame.viewer, shelf=of).items}


def test_without_chats_the_page_offers_to_start_one(frame: Frame) -> None:
    at = opened(frame)
    assert at.subheader[0].value == "No chats yet"
    at.button(key="sessions.start").click().run()
    assert at.title[0].value == "What would you like to know?"


def test_chats_are_listed_newest_first_with_what_the_columns_promise(frame: Frame) -> None:
    make(frame, "Tides", minutes_ago=5)
    chat = make(frame, "Bread", model_name="qwen3:8b")
    make_exchange(frame.core.db, frame.viewer, chat.id, input_tokens=1200, output_tokens=300, now=NOW)
    at = opened(frame)
    assert titles(at) == ["Bread", "Tides"]
    row = table(at)["rows"][0]
    assert row["href"] == f"./?c={chat.id}"
    assert (row["model"], row["messages"], row["tokens"], row["tokens_note"]) == ("qwen3:8b", "2", "1.5k", "1,200 in, 300 out")
    assert row["created"] == "Today"
    assert [column["name"] for column in table(at)["columns"]] == ["title", "model", "messages", "tokens", "created", "activity"]


def test_tokens_that_nobody_told_are_unknown_and_not_zero(frame: Frame) -> None:
    chat = make(frame, "Bread")
    make_message(frame.core.db, frame.viewer, chat.id, "Why?", now=NOW)
    make(frame, "Empty", minutes_ago=5)
    rows = table(opened(frame))["rows"]
    assert [(row["messages"], row["tokens"], row["tokens_note"]) for row in rows] == [("1", "–", "Not known"), ("0", "0", "0 in, 0 out")]


def test_another_persons_chats_are_not_listed(frame: Frame) -> None:
    make(frame, "Mine")
    at = frame.new()
    at.user = {"is_logged_in": True, "iss": "https://sign.in", "sub": "bob", "name": "Bob"}
    at.run()
    at.switch_page(str(PAGE)).run()
    assert at.subheader[0].value == "No chats yet"


def test_filters_in_the_url_are_shown_and_hold(frame: Frame) -> None:
    make(frame, "Tides and the moon", model_name="qwen3:8b")
    make(frame, "Tides at sea")
    at = opened(frame, model="qwen3:8b", sort="title", range="7d")
    assert titles(at) == ["Tides and the moon"]
    assert at.text_input(key="sessions.q").value == ""
    assert at.multiselect(key="sessions.model").value == ["qwen3:8b"]
    assert at.selectbox(key="sessions.sort").value == "title"
    assert at.selectbox(key="sessions.range").value == "7d"


def test_a_filter_goes_into_the_url(frame: Frame) -> None:
    make(frame, "Tides", model_name="qwen3:8b")
    make(frame, "Bread")
    at = opened(frame)
    at.multiselect(key="sessions.model").set_value(["qwen3:8b"]).run()
    assert titles(at) == ["Tides"]
    assert at.query_params["model"] == "qwen3:8b"
    at.selectbox(key="sessions.sort").set_value("messages").run()
    assert at.query_params["sort"] == "messages"
    at.multiselect(key="sessions.model").set_value([]).run()
    assert "model" not in at.query_params
    assert len(titles(at)) == 2


def test_what_a_link_asks_for_and_is_not_here_is_left_out_and_told(frame: Frame) -> None:
    make(frame, "Tides")
    at = opened(frame, model=["gone:7b"], sort="colour", shelf="attic", range="3d")
    assert titles(at) == ["Tides"]
    for name in ("gone:7b", "colour", "attic", "3d"):
        assert name in at.info[0].value.replace("\\", "")


def test_nothing_matching_offers_to_reset_the_filters(frame: Frame) -> None:
    make(frame, "Tides")
    at = opened(frame, to="2020-01-01", sort="title")
    assert at.subheader[0].value == "No chat matches"
    at.button(key="sessions.reset_all").click().run()
    assert titles(at) == ["Tides"]
    assert "from" not in at.query_params
    assert at.query_params["sort"] == "title"


def test_days_are_those_of_the_viewers_time_zone(frame: Frame) -> None:
    now = datetime(2026, 3, 14, 23, 30, tzinfo=UTC)
    make_chat(frame.core.db, frame.viewer, title="Late in London, the next day in Tokyo", now=now)
    at = frame.new()
    at.context = {"timezone": "Asia/Tokyo"}
    at.run()
    at.switch_page(str(PAGE))
    at.query_params["from"] = at.query_params["to"] = "2026-03-15"
    at.run()
    assert len(titles(at)) == 1
    at.query_params["from"] = at.query_params["to"] = "2026-03-14"
    at.run()
    assert at.subheader[0].value == "No chat matches"


def test_pages_follow_one_another_without_a_gap(frame: Frame) -> None:
    for number in range(120):
        make(frame, f"Chat-{number:03}", minutes_ago=number)
    at = opened(frame)
    assert titles(at) == [f"Chat-{number:03}" for number in range(50)]
    assert count(at) == "1–50 of 120"
    at.button(key="sessions.next").click().run()
    assert titles(at) == [f"Chat-{number:03}" for number in range(50, 100)]
    at.button(key="sessions.next").click().run()
    assert titles(at) == [f"Chat-{number:03}" for number in range(100, 120)]
    assert count(at) == "101–120 of 120"
    assert at.button(key="sessions.next").disabled
    at.button(key="sessions.previous").click().run()
    assert titles(at)[0] == "Chat-050"
    at.selectbox(key="sessions.sort").set_value("title").run()
    assert count(at) == "1–50 of 120"


def test_a_page_that_has_become_empty_gives_way_to_the_one_before(frame: Frame) -> None:
    chats = [make(frame, f"Chat-{number:03}", minutes_ago=number) for number in range(51)]
    at = opened(frame)
    at.button(key="sessions.next").click().run()
    assert titles(at) == ["Chat-050"]
    history.delete_chats(frame.core.db, frame.viewer, [chats[50].id], now=NOW)
    at.run()
    assert titles(at)[0] == "Chat-000"


@pytest.mark.parametrize(("of", "verbs"), [
    (Shelf.ACTIVE, ["rename", "tag", "move", "pin", "unpin", "archive", "delete"]),
    (Shelf.ARCHIVED, ["rename", "tag", "move", "unarchive", "delete"]),
    (Shelf.TRASH, ["restore", "purge"]),
])  # fmt: skip
def test_each_shelf_shows_its_chats_and_what_can_be_done_with_them(frame: Frame, of: Shelf, verbs: list[str]) -> None:
    db = frame.core.db
    for name in Shelf:
        make(frame, name.value)
    ids = {chat.title: chat.id for chat in history.list_chats(db, frame.viewer).items}
    history.archive_chats(db, frame.viewer, [ids["archived"]], archived=True)
    history.delete_chats(db, frame.viewer, [ids["trash"]], now=NOW)
    at = opened(frame, shelf=of.value)
    assert titles(at) == [of.value]
    assert [action["verb"] for action in table(at)["actions"]] == verbs


def test_undo_brings_back_exactly_what_was_moved(frame: Frame) -> None:
    db = frame.core.db
    tides, bread, before = make(frame, "Tides"), make(frame, "Bread"), make(frame, "Deleted long ago")
    history.delete_chats(db, frame.viewer, [before.id], now=NOW)
    at = opened(frame)
    done = carry_out(db, frame.viewer, "delete", [tides.id, before.id, bread.id], now=NOW)
    at.session_state["sessions.done"] = (done, noon_clock())
    at.run()
    assert any("2 chats moved to the trash" in element.value for element in at.markdown)
    at.button(key="sessions.undo").click().run()
    assert shelf(frame, Shelf.ACTIVE) == {"Tides", "Bread"}
    assert shelf(frame, Shelf.TRASH) == {"Deleted long ago"}


def test_an_old_notice_is_not_shown_again(frame: Frame) -> None:
    chat = make(frame, "Tides")
    make(frame, "Bread")
    at = opened(frame)
    done = carry_out(frame.core.db, frame.viewer, "delete", [chat.id], now=NOW)
    at.session_state["sessions.done"] = (done, noon_clock() - timedelta(hours=1))
    at.run()
    assert "sessions.undo" not in [button.key for button in at.button]


def test_a_chat_is_renamed_in_a_dialog(frame: Frame) -> None:
    chat = make(frame, "Tides")
    at = opened(frame)
    at.session_state["sessions.dialog"] = ("rename", (chat.id,))
    at.run()
    at.text_input(key="rename.title").set_value("Why *two* tides?")
    next(button for button in at.button if button.label == "Save").click().run()
    assert shelf(frame, Shelf.ACTIVE) == {"Why *two* tides?"}


def test_an_empty_title_is_refused_in_words(frame: Frame) -> None:
    chat = make(frame, "Tides")
    at = opened(frame)
    at.session_state["sessions.dialog"] = ("rename", (chat.id,))
    at.run()
    at.text_input(key="rename.title").set_value("   ")
    next(button for button in at.button if button.label == "Save").click().run()
    assert "title is empty" in at.warning[0].value
    assert shelf(frame, Shelf.ACTIVE) == {"Tides"}


def test_a_dialog_on_a_chat_that_has_gone_says_so(frame: Frame) -> None:
    make(frame, "Tides")
    at = opened(frame)
    at.session_state["sessions.dialog"] = ("rename", (uuid.uuid4(),))
    at.run()
    assert not at.exception
    assert at.warning


def test_deleting_for_ever_asks_first(frame: Frame) -> None:
    db = frame.core.db
    gone, kept = make(frame, "Gone"), make(frame, "Kept")
    history.delete_chats(db, frame.viewer, [gone.id, kept.id], now=NOW)
    at = opened(frame, shelf="trash")
    at.session_state["sessions.dialog"] = ("purge", (gone.id,))
    at.run()
    assert shelf(frame, Shelf.TRASH) == {"Gone", "Kept"}
    at.button(key="sessions.purge").click().run()
    assert shelf(frame, Shelf.TRASH) == {"Kept"}


def test_what_has_gone_from_the_trash_meanwhile_is_no_error(frame: Frame) -> None:
    db = frame.core.db
    gone, left = make(frame, "Gone"), make(frame, "Left")
    history.delete_chats(db, frame.viewer, [gone.id, left.id], now=NOW)
    at = opened(frame, shelf="trash")
    at.session_state["sessions.dialog"] = ("purge", (gone.id, left.id))
    at.run()
    history.purge_chats(db, frame.viewer, [gone.id])
    at.button(key="sessions.purge").click().run()
    assert not at.warning
    assert shelf(frame, Shelf.TRASH) == set()


def test_the_trash_is_emptied_after_asking(frame: Frame) -> None:
    db = frame.core.db
    history.delete_chats(db, frame.viewer, [make(frame, "Gone").id, make(frame, "Gone too").id], now=NOW)
    make(frame, "Kept")
    at = opened(frame, shelf="trash")
    at.button(key="sessions.empty").click().run()
    at.button(key="sessions.purge_all").click().run()
    assert shelf(frame, Shelf.TRASH) == set()
    assert shelf(frame, Shelf.ACTIVE) == {"Kept"}


# --- folders, tags, the trash ------------------------------------------------------------------------------------


def chips(at: AppTest) -> dict[object, list[str]]:
    """The tags and the folder each row shows."""
    found: dict[object, list[str]] = {}
    for row in table(at)["rows"]:
        marks = row["chips"]
        assert isinstance(marks, list)
        found[row["title"]] = [str(mark["text"]) for mark in marks]
    return found


def test_a_folder_narrows_the_list_to_what_lies_in_it_and_below(frame: Frame) -> None:
    db, viewer = frame.core.db, frame.viewer
    tides, bread, plain = make(frame, "Tides"), make(frame, "Bread"), make(frame, "Plain")
    work = make_folder(db, viewer, name="Work")
    plans = make_folder(db, viewer, name="Plans", parent_id=work.id)
    move_chats(db, viewer, [tides.id], folder_id=work.id)
    move_chats(db, viewer, [bread.id], folder_id=plans.id)
    at = opened(frame)
    assert at.selectbox(key="sessions.in_folder").options == ["All folders", "Work (2)", "Work / Plans (1)", "In no folder"]
    assert chips(at) == {"Tides": ["Work"], "Bread": ["Plans"], "Plain": []}
    at.selectbox(key="sessions.in_folder").set_value(work.id).run()
    assert chips(at) == {"Tides": [], "Bread": ["Plans"]}
    assert at.query_params["folder"] in (str(work.id), [str(work.id)])
    at.selectbox(key="sessions.in_folder").set_value(0).run()
    assert titles(at) == [plain.title]
    at.selectbox(key="sessions.in_folder").set_value(-1).run()
    assert "folder" not in at.query_params


def test_who_has_no_folder_and_no_tag_sees_no_field_for_them(frame: Frame) -> None:
    make(frame, "Tides")
    at = opened(frame)
    assert "sessions.in_folder" not in [field.key for field in at.selectbox]
    assert "sessions.tagged" not in [field.key for field in at.multiselect]


def test_tags_narrow_the_list_and_are_seen_on_it(frame: Frame) -> None:
    db, viewer = frame.core.db, frame.viewer
    tides, bread = make(frame, "Tides"), make(frame, "Bread")
    tag_chats(db, viewer, [tides.id, bread.id], add=["to read"])
    tag_chats(db, viewer, [tides.id], add=["sea"])
    at = opened(frame, tag="TO READ")
    assert chips(at) == {"Tides": ["sea", "to read"], "Bread": ["to read"]}
    at.multiselect(key="sessions.tagged").set_value(["to read", "sea"]).run()
    assert titles(at) == ["Tides"]
    assert at.query_params["tag"] == ["to read", "sea"]


def test_a_folder_or_tag_that_is_a_moment_old_is_known(frame: Frame) -> None:
    make(frame, "Tides")
    at = opened(frame)
    folder = make_folder(frame.core.db, frame.viewer, name="Work")
    at.query_params["folder"] = str(folder.id)
    at.run()
    assert not at.info
    assert at.subheader[0].value == "No chat matches"


def test_another_persons_folder_is_not_known(frame: Frame) -> None:
    make(frame, "Tides")
    folder = make_folder(frame.core.db, make_viewer(frame.core.db, "Bob"), name="Theirs")
    at = opened(frame, folder=str(folder.id))
    assert titles(at) == ["Tides"]
    assert "left out" in at.info[0].value


def asked_for(at: AppTest, dialog: str) -> None:
    """The dialog as its button opens it; what it says is shown in it and not on the page."""
    at.session_state["sessions.dialog"] = (dialog, ())
    at.run()
    assert not at.exception


def pressed(at: AppTest, label: str) -> None:
    next(button for button in at.button if button.label == label).click().run()
    assert not at.exception


def paths(frame: Frame) -> list[str]:
    return [folder.path for folder in list_folders(frame.core.db, frame.viewer)]


def test_folders_are_made_moved_renamed_and_deleted_in_a_dialog(frame: Frame) -> None:
    make(frame, "Tides")
    home = make_folder(frame.core.db, frame.viewer, name="Home")
    at = opened(frame)
    asked_for(at, "folders")
    at.text_input(key="sessions.folder_name").set_value("Garden")
    at.selectbox(key="sessions.folder_in").set_value(home.id)
    pressed(at, "Make the folder")
    assert paths(frame) == ["Home", "Home/Garden"]
    garden = list_folders(frame.core.db, frame.viewer)[1]
    at.session_state["sessions.folder_chosen"] = garden.id
    asked_for(at, "folders")
    at.text_input(key=f"sessions.folder_name.{garden.id}").set_value("Roses")
    at.selectbox(key=f"sessions.folder_in.{garden.id}").set_value(0)
    pressed(at, "Save")
    assert paths(frame) == ["Home", "Roses"]
    asked_for(at, "folders")
    pressed(at, "Delete the folder")
    assert len(paths(frame)) == 1


def test_a_taken_name_is_refused_in_words(frame: Frame) -> None:
    make(frame, "Tides")
    make_folder(frame.core.db, frame.viewer, name="Home")
    at = opened(frame)
    asked_for(at, "folders")
    at.text_input(key="sessions.folder_name").set_value("home")
    pressed(at, "Make the folder")
    assert "already" in at.warning[0].value
    assert paths(frame) == ["Home"]


def test_a_tag_is_renamed_and_deleted_in_a_dialog(frame: Frame) -> None:
    db, viewer = frame.core.db, frame.viewer
    tag_chats(db, viewer, [make(frame, "Tides").id], add=["sea"])
    (tag,) = list_tags(db, viewer)
    at = opened(frame)
    asked_for(at, "tags")
    at.text_input(key=f"sessions.tag_name.{tag.id}").set_value("ocean")
    pressed(at, "Save")
    assert [known.name for known in list_tags(db, viewer)] == ["ocean"]
    asked_for(at, "tags")
    assert at.button(key="sessions.tag_delete").disabled
    at.session_state[f"sessions.tag_sure.{tag.id}"] = True
    asked_for(at, "tags")
    at.button(key="sessions.tag_delete").click().run()
    assert list_tags(db, viewer) == ()


def test_the_trash_says_how_long_chats_are_kept(frame: Frame) -> None:
    old, new = make(frame, "Old"), make(frame, "New")
    history.delete_chats(frame.core.db, frame.viewer, [old.id], now=NOW - timedelta(days=28.5))
    history.delete_chats(frame.core.db, frame.viewer, [new.id], now=NOW)
    at = opened(frame, shelf="trash")
    assert any("for 30 days" in caption.value for caption in at.caption)
    assert {row["title"]: row["gone"] for row in table(at)["rows"]} == {"Old": "2 days", "New": "30 days"}
    assert [column["label"] for column in table(at)["columns"]][-1] == "Gone in"


def test_a_trash_that_keeps_for_ever_says_so(frame: Frame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATCORE_TRASH_DAYS", "0")
    close_shared()
    history.delete_chats(frame.core.db, frame.viewer, [make(frame, "Old").id], now=NOW - timedelta(days=400))
    at = opened(frame, shelf="trash")
    assert any("until you delete them" in caption.value for caption in at.caption)
    assert "gone" not in table(at)["rows"][0]
