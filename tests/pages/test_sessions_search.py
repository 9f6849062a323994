"""The session page with a search, without a browser: what is found, how URL, text and facets agree, what helps where nothing is."""

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from chatcore import history, search
from chatcore.organise.folders import list_folders, make_folder
from chatcore.organise.tags import list_tags
from chatcore.organise.views import list_views, save_view
from chatcore.parts import ChatInfo
from tests.factories import make_chat, make_exchange, make_message, make_viewer
from tests.pages.frame import Frame, components, noon_clock
from ui import data
from ui.sessions import actions, bulk

PAGE = Path(__file__).resolve().parents[2] / "pages" / "sessions.py"
pytestmark = pytest.mark.usefixtures("at_noon")
NOW = noon_clock()
RESULTS = "chatcore_results"


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


def results(at: AppTest) -> dict[str, list[dict[str, object]]]:
    """What the element was given to draw."""
    elements = components(at, RESULTS)
    assert elements, "there are no results"
    found: dict[str, list[dict[str, object]]] = json.loads(elements[0].proto.json)
    return found


def hits(at: AppTest) -> list[str]:
    """The texts of the messages found, what is marked in [brackets]."""
    return [marked(hit["pieces"]) for group in results(at)["groups"] for hit in listed(group["hits"])]


def count(at: AppTest) -> str:
    return str(results(at)["count"])


def titles(at: AppTest) -> list[str]:
    return [marked(title["pieces"]) for title in results(at)["titles"]]


def marked(pieces: object) -> str:
    return "".join(f"[{piece['text']}]" if piece["mark"] else str(piece["text"]) for piece in listed(pieces))


def listed(value: object) -> list[Mapping[str, object]]:
    assert isinstance(value, list)
    return value


def facets(at: AppTest) -> dict[str, dict[str, str]]:
    """Of each kind the values and their counts."""
    return {
        str(group["kind"]): {str(value["key"]): str(value["count"]) for value in listed(group["values"])} for group in results(at)["facets"]
    }


def texts(at: AppTest) -> str:
    return "\n".join(str(element.value) for kind in (at.markdown, at.caption, at.info, at.subheader) for element in kind).replace("\\", "")


def pressed(at: AppTest, label: str) -> None:
    """A click on the button of the dialog, which comes after those of the page."""
    [button for button in at.button if button.label == label][-1].click().run()
    assert not at.exception


def make(frame: Frame, title: str, *messages: str, minutes_ago: int = 0, model_name: str = "llama3.2:3b") -> ChatInfo:
    """A chat with these messages of the viewer."""
    now = NOW - timedelta(minutes=minutes_ago)
    chat = make_chat(frame.core.db, frame.viewer, title=title, model_name=model_name, now=now)
    for text in messages:
        make_message(frame.core.db, frame.viewer, chat.id, text, now=now)
    return chat


def test_a_text_finds_titles_and_messages_newest_first(frame: Frame) -> None:
    make(frame, "Sea", "Why are there two tides?", minutes_ago=5)
    make(frame, "Moon", "Tides, again", "nothing here", minutes_ago=1)
    make(frame, "Tides of March", minutes_ago=9)
    at = opened(frame)
    at.text_input(key="sessions.q").set_value("tides").run()
    assert titles(at) == ["[Tides] of March"]
    assert hits(at) == ["[Tides], again", "Why are there two [tides]?"]
    assert count(at) == "2 messages"
    assert at.query_params["q"] == "tides"


def test_a_hit_leads_to_its_message(frame: Frame) -> None:
    chat = make(frame, "Sea", "One", "Two tides")
    message = history.all_messages(frame.core.db, frame.viewer, chat.id).items[1]
    at = opened(frame, q="tides")
    assert listed(results(at)["groups"][0]["hits"])[0]["href"] == f"./?c={chat.id}&m={message.id}"


def test_a_search_replaces_the_lists_filters_and_an_empty_text_brings_them_back(frame: Frame) -> None:
    make(frame, "Sea", "tides", model_name="qwen3:8b")
    at = opened(frame, model="qwen3:8b", sort="title")
    at.text_input(key="sessions.q").set_value("tides").run()
    assert dict(at.query_params) == {"q": "tides model:qwen3:8b"} or at.query_params["q"] == ["tides model:qwen3:8b"]
    assert not at.get("selectbox")
    at.text_input(key="sessions.q").set_value("").run()
    assert at.multiselect(key="sessions.model").value == ["qwen3:8b"]
    assert at.selectbox(key="sessions.sort").value == "title"


def test_a_link_with_a_text_and_filters_becomes_one_text(frame: Frame) -> None:
    make(frame, "Sea", "tides")
    at = opened(frame, q="tides", shelf="archived", range="7d")
    assert at.text_input(key="sessions.q").value == "tides is:archived after:7d"
    assert "shelf" not in at.query_params


def test_the_order_of_hits_is_in_the_url(frame: Frame) -> None:
    make(frame, "Short", "tides", minutes_ago=5)
    make(frame, "Long", "tides " + "and other things " * 30, minutes_ago=1)
    at = opened(frame, q="tides")
    assert hits(at)[0].startswith("[tides] and")
    at.segmented_control(key="sessions.order").set_value("best").run()
    assert hits(at)[0] == "[tides]"
    assert at.query_params["order"] in ("best", ["best"])
    at.segmented_control(key="sessions.order").set_value("newest").run()
    assert "order" not in at.query_params


def test_facets_count_what_was_found(frame: Frame) -> None:
    chat = make(frame, "Sea", "tides")
    make_exchange(frame.core.db, frame.viewer, chat.id, prompt="tides?", answer="tides!", model_name="qwen3:8b", now=NOW)
    at = opened(frame, q="tides")
    assert facets(at) == {"models": {"qwen3:8b": "1"}, "roles": {"user": "2", "assistant": "1"}}


def test_what_could_not_be_understood_is_said(frame: Frame) -> None:
    make(frame, "Sea", "tides")
    at = opened(frame, q="tides colour:blue has:money")
    assert "There is no filter “colour:”" in texts(at)
    assert "has:money" in texts(at)


@pytest.mark.parametrize("text", ["zeppelin", "+++", '"', "model:gone", "tag:gone", "is:trash", "before:2001", "🙂", "a" * 400])
def test_where_nothing_is_found_the_page_says_so(frame: Frame, text: str) -> None:
    make(frame, "Sea", "tides")
    at = opened(frame, q=text)
    assert not components(at, RESULTS)
    assert at.subheader[0].value == "Nothing found"


def test_longer_words_are_found_with_one_click(frame: Frame) -> None:
    make(frame, "Sea", "spring tides")
    at = opened(frame, q="tid")
    at.button(key="sessions.longer").click().run()
    assert hits(at) == ["spring [tid]es"]
    assert at.query_params["q"] in ("tid*", ["tid*"])


def test_the_trash_is_searched_when_it_is_asked_for(frame: Frame) -> None:
    chat = make(frame, "Sea", "tides")
    history.delete_chats(frame.core.db, frame.viewer, [chat.id], now=NOW)
    at = opened(frame, q="tides")
    at.button(key="sessions.trash").click().run()
    assert hits(at) == ["[tides]"]
    assert results(at)["rows"][0]["badge"] == "In the trash"


def test_another_persons_messages_are_not_found(frame: Frame) -> None:
    bob = make_viewer(frame.core.db, "Bob")
    make_message(frame.core.db, bob, make_chat(frame.core.db, bob, title="tides").id, "tides")
    assert opened(frame, q="tides").subheader[0].value == "Nothing found"


def test_pages_of_hits_follow_one_another_without_a_gap(frame: Frame) -> None:
    for number in range(45):
        make(frame, f"Chat {number}", f"tides {number:02}", minutes_ago=number)
    at = opened(frame, q="tides")
    found = hits(at)
    assert count(at) == "1–20 of 45 messages"
    for _ in range(2):
        at.button(key="sessions.next").click().run()
        found += hits(at)
    assert found == [f"[tides] {number:02}" for number in range(45)]
    assert at.button(key="sessions.next").disabled


def test_what_was_deleted_is_neither_found_nor_counted(frame: Frame) -> None:
    chats = [make(frame, "Sea", "tides", minutes_ago=1), make(frame, "Moon", "tides")]
    at = opened(frame, q="tides")
    assert count(at) == "2 messages"
    done = actions.carry_out(frame.core.db, frame.viewer, "delete", [chats[0].id], now=NOW)
    data.forget(frame.core.db, frame.viewer)
    at.session_state["sessions.done"] = (done, noon_clock())
    at.run()
    assert count(at) == "1 message"
    at.button(key="sessions.undo").click().run()
    assert count(at) == "2 messages"


def test_all_chats_of_a_search_are_acted_on_as_they_were_chosen(frame: Frame) -> None:
    for number in range(25):
        make(frame, f"Chat {number}", "tides", minutes_ago=number)
    make(frame, "Bread", "dough")
    at = opened(frame, q="tides")
    assert results(at)["beyond"]
    bulk_chosen(at, frame, "tides")
    chosen = at.session_state["sessions.everything"]
    assert (chosen.sentence, chosen.capped) == ("All 25 chats chosen", False)
    make(frame, "Later", "tides")
    at.session_state["sessions.dialog"] = ("tag", chosen.chat_ids)
    at.run()
    at.multiselect(key="sessions.tags_on").set_value(["sea"])
    pressed(at, "Save")
    assert [(tag.name, tag.chats) for tag in list_tags(frame.core.db, frame.viewer)] == [("sea", 25)]
    assert "25 chats now tagged “sea”" in texts(at)
    assert "sessions.everything" not in at.session_state
    at.button(key="sessions.undo").click().run()
    assert [tag.chats for tag in list_tags(frame.core.db, frame.viewer)] == [0]


def bulk_chosen(at: AppTest, frame: Frame, text: str) -> None:
    """As a click on "All chats of this search" leaves it: an element of our own cannot be clicked here."""
    chat_ids = search.matching_chats(frame.core.db, frame.viewer, text)
    at.session_state["sessions.everything"] = bulk.Everything(text, chat_ids, False, "token")
    at.run()
    assert results(at)["everything"]


def test_another_search_lets_go_of_what_was_chosen(frame: Frame) -> None:
    make(frame, "Sea", "tides dough")
    at = opened(frame, q="tides")
    bulk_chosen(at, frame, "tides")
    at.text_input(key="sessions.q").set_value("dough").run()
    assert not results(at)["everything"]
    at.text_input(key="sessions.q").set_value("tides").run()
    assert not results(at)["everything"]


def test_chats_found_are_moved_to_a_new_folder(frame: Frame) -> None:
    chat = make(frame, "Sea", "tides")
    work = make_folder(frame.core.db, frame.viewer, name="Work")
    at = opened(frame, q="tides")
    at.session_state["sessions.dialog"] = ("move", (chat.id,))
    at.run()
    at.selectbox(key="sessions.move_to").set_value(work.id)
    at.text_input(key="sessions.move_new").set_value("Plans")
    pressed(at, "Move")
    assert not at.exception
    assert [chip["text"] for chip in listed(results(at)["rows"][0]["chips"])] == ["Plans"]
    assert [folder.path for folder in list_folders(frame.core.db, frame.viewer)] == ["Work", "Work/Plans"]
    at.button(key="sessions.undo").click().run()
    assert results(at)["rows"][0]["chips"] == []


def test_an_impossible_folder_is_refused_in_words_and_nothing_moves(frame: Frame) -> None:
    chat = make(frame, "Sea", "tides")
    at = opened(frame, q="tides")
    at.session_state["sessions.dialog"] = ("move", (chat.id,))
    at.run()
    at.text_input(key="sessions.move_new").set_value("a/b")
    pressed(at, "Move")
    assert "has a" in at.warning[0].value
    assert list_folders(frame.core.db, frame.viewer) == ()


def test_a_chat_found_that_is_gone_is_no_error_when_acted_on(frame: Frame) -> None:
    done = actions.carry_out(frame.core.db, frame.viewer, "archive", [uuid.uuid4()], now=NOW)
    assert done.undo == ()


# --- saved searches ----------------------------------------------------------------------------------------------


def saved(frame: Frame) -> list[tuple[str, str]]:
    return [(view.name, view.query) for view in list_views(frame.core.db, frame.viewer)]


def asked_for(at: AppTest, dialog: str) -> None:
    """The dialog as its button opens it."""
    at.session_state["sessions.dialog"] = (dialog, ())
    at.run()
    assert not at.exception


def test_a_search_is_saved_under_a_name_and_opened_again(frame: Frame) -> None:
    make(frame, "Sea", "tides")
    at = opened(frame, q="tides has:code")
    at.button(key="sessions.save").click().run()
    at.text_input(key="sessions.view_new").set_value("Sea code")
    pressed(at, "Save")
    assert saved(frame) == [("Sea code", "tides has:code")]
    assert "sessions.save" not in [button.key for button in at.button]
    at = opened(frame, shelf="archived")
    assert at.pills(key="sessions.view").value is None
    view_id = list_views(frame.core.db, frame.viewer)[0].id
    at.pills(key="sessions.view").set_value(view_id).run()
    assert at.text_input(key="sessions.q").value == "tides has:code"
    at.pills(key="sessions.view").set_value(None).run()
    assert at.segmented_control(key="sessions.shelf").value == "archived"


def test_a_search_that_has_no_name_is_no_saved_one(frame: Frame) -> None:
    save_view(frame.core.db, frame.viewer, name="Sea", query="tides", now=NOW)
    make(frame, "Sea", "tides moon")
    at = opened(frame, q="tides moon")
    assert at.pills(key="sessions.view").value is None
    assert at.button(key="sessions.save")


def test_a_taken_name_is_refused_and_can_be_changed(frame: Frame) -> None:
    save_view(frame.core.db, frame.viewer, name="Sea", query="tides", now=NOW)
    at = opened(frame, q="moon")
    asked_for(at, "save")
    at.text_input(key="sessions.view_new").set_value("sea")
    pressed(at, "Save")
    assert "already" in at.warning[0].value
    assert saved(frame) == [("Sea", "tides")]


def test_saved_searches_are_renamed_put_in_order_and_deleted(frame: Frame) -> None:
    db, viewer = frame.core.db, frame.viewer
    first, second = (save_view(db, viewer, name=name, query=name, now=NOW) for name in ("One", "Two"))
    at = opened(frame)
    asked_for(at, "views")
    at.text_input(key=f"sessions.view_name.{first.id}").set_value("Uno")
    at.text_input(key=f"sessions.view_text.{first.id}").set_value("uno is:pinned")
    pressed(at, "Save")
    assert saved(frame) == [("Uno", "uno is:pinned"), ("Two", "Two")]
    asked_for(at, "views")
    assert at.button(key="sessions.view_earlier").disabled
    at.button(key="sessions.view_later").click().run()
    assert [view.id for view in list_views(db, viewer)] == [second.id, first.id]
    asked_for(at, "views")
    at.session_state["sessions.view_chosen"] = second.id
    asked_for(at, "views")
    at.button(key="sessions.view_delete").click().run()
    assert saved(frame) == [("Uno", "uno is:pinned")]


def test_a_saved_search_is_opened_from_the_dialog(frame: Frame) -> None:
    make(frame, "Sea", "tides")
    save_view(frame.core.db, frame.viewer, name="Sea", query="tides", now=NOW)
    at = opened(frame)
    asked_for(at, "views")
    at.button(key="sessions.view_open").click().run()
    assert hits(at) == ["[tides]"]


def test_many_saved_searches_leave_one_row_and_a_way_to_the_others(frame: Frame) -> None:
    ids = [save_view(frame.core.db, frame.viewer, name=f"View {n}", query=f"word{n}", now=NOW).id for n in range(12)]
    at = opened(frame)
    assert len(at.pills(key="sessions.view").options) == 9
    at.pills(key="sessions.view").set_value(0).run()
    assert at.selectbox(key="sessions.view_chosen").value == ids[0]
    at = opened(frame, q="word11")
    assert at.pills(key="sessions.view").value == ids[11]


def test_another_persons_saved_searches_are_not_shown(frame: Frame) -> None:
    save_view(frame.core.db, make_viewer(frame.core.db, "Bob"), name="Theirs", query="tides", now=NOW)
    assert not opened(frame).get("pills")
