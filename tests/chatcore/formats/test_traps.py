"""The traps of each format that are known, one by one."""

import json
import zipfile
from pathlib import Path

import pytest

from chatcore import archive
from chatcore.errors import Invalid
from chatcore.formats import detect, open_file, read
from chatcore.formats.base import Broken, Conversation, Message, Piece, assemble, moment
from chatcore.parts import Role, State, Usage
from tests.chatcore.formats import samples


def chats(path: Path) -> dict[str, Conversation]:
    with open_file(path) as opened:
        return {one.external_id: one for one in read(opened, detect(opened)) if isinstance(one, Conversation)}


def reasons(path: Path) -> list[str]:
    with open_file(path) as opened:
        return [one.reason for one in read(opened, detect(opened)) if isinstance(one, Broken)]


def by_id(chat: Conversation) -> dict[str, Message]:
    return {message.external_id: message for message in chat.messages}


def write(folder: Path, value: object) -> Path:
    path = folder / "export.json"
    path.write_text(json.dumps(value))
    return path


# --- ChatGPT -----------------------------------------------------------------------------------------------------


def test_chatgpt_nodes_of_one_answer_become_one_message(tmp_path: Path) -> None:
    chat = chats(samples.chatgpt(tmp_path))["c1"]
    answer = by_id(chat)["think"]
    assert (answer.text, answer.reasoning, answer.model) == ("Because of **gravity**.", "The moon pulls.", "gpt-5")
    (call,) = answer.calls
    assert (call.name, call.arguments, call.result) == ("python", {"input": "print(2)"}, "2")


def test_chatgpt_hidden_context_is_left_out_and_counted(tmp_path: Path) -> None:
    chat = chats(samples.chatgpt(tmp_path))["c1"]
    assert chat.notes == {"hidden context": 4, "remarks on how long the model reasoned": 1}
    assert not any("not seen" in message.text for message in chat.messages)


def test_chatgpt_branches_stay_and_the_one_shown_is_the_current_one(tmp_path: Path) -> None:
    chat = chats(samples.chatgpt(tmp_path))["c1"]
    assert {message.external_id for message in chat.messages if message.parent == "q2"} == {"a2", "a2b"}
    assert chat.current == "a2"


def test_chatgpt_pictures_come_from_the_zip_or_are_named_as_missing(tmp_path: Path) -> None:
    path = samples.chatgpt(tmp_path)
    with open_file(path) as opened:
        chat = next(one for one in read(opened, detect(opened)) if isinstance(one, Conversation))
        question = by_id(chat)["q2"]
        (picture,) = question.files
        assert (picture.media_type, picture.read()) == ("image/png", samples.PIXEL)
    assert question.text == "*[picture, not in the export]*\n\nAnd this?"


def test_chatgpt_private_signs_are_taken_out(tmp_path: Path) -> None:
    assert by_id(chats(samples.chatgpt(tmp_path))["c1"])["q1"].text == "Why two tides? "


def test_chatgpt_circles_and_missing_parents_do_not_lose_messages(tmp_path: Path) -> None:
    found = chats(samples.chatgpt(tmp_path))
    assert [message.text for message in found["c2"].messages] == ["round", "and round"]
    assert found["c2"].notes["messages that follow each other in a circle: cut open"] == 1
    assert [message.text for message in found["c3"].messages] == ["Who am I?", "An orphan."]
    assert found["c3"].notes == {"messages whose predecessor is missing: they begin a branch": 1}


def test_chatgpt_entries_without_messages_say_so(tmp_path: Path) -> None:
    assert reasons(samples.chatgpt(tmp_path)) == ["it has no messages: the entry has no mapping", "it has no messages"]


def test_chatgpt_counts_no_tokens_so_none_are_made_up(tmp_path: Path) -> None:
    for chat in chats(samples.chatgpt(tmp_path)).values():
        assert all(message.usage == Usage() for message in chat.messages)


# --- Open WebUI --------------------------------------------------------------------------------------------------


def test_openwebui_answers_side_by_side_are_siblings(tmp_path: Path) -> None:
    found = by_id(chats(samples.openwebui(tmp_path))["w1"])
    assert (found["a"].parent, found["b"].parent, found["a"].model, found["b"].model) == ("u1", "u1", "qwen3:4b", "gpt-4o")


def test_openwebui_real_speed_comes_with_the_answer(tmp_path: Path) -> None:
    answer = by_id(chats(samples.openwebui(tmp_path))["w1"])["a"]
    assert answer.usage == Usage(input_tokens=12, output_tokens=40, load_s=0.5, prompt_s=0.1, eval_s=2.0)
    assert (answer.duration_s, answer.provider, answer.rating) == (2.6, "ollama", 1)


def test_openwebui_reasoning_in_the_text_is_lifted_out(tmp_path: Path) -> None:
    found = by_id(chats(samples.openwebui(tmp_path))["w1"])
    assert (found["a"].text, found["a"].reasoning) == ("Because.", "The moon.")
    assert (found["b"].text, found["b"].reasoning, found["b"].calls[0].result) == ("Two a day.", "Look it up.", "two a day")


def test_openwebui_pictures_in_the_text_become_files(tmp_path: Path) -> None:
    found = by_id(chats(samples.openwebui(tmp_path))["w1"])
    assert (found["u1"].text.strip(), found["u1"].files[0].read()) == ("Why?", samples.PIXEL)
    assert (found["u2"].text, found["u2"].files[0].read()) == ("And now?", samples.PIXEL)


def test_openwebui_answers_that_were_cut_off_or_failed_say_so(tmp_path: Path) -> None:
    found = by_id(chats(samples.openwebui(tmp_path))["w1"])
    assert found["c"].state is State.INTERRUPTED
    assert (found["d"].state, found["d"].error) == (State.FAILED, "out of memory")


def test_openwebui_times_are_seconds_or_milliseconds(tmp_path: Path) -> None:
    found = by_id(chats(samples.openwebui(tmp_path))["w1"])
    assert found["a"].created_at == found["b"].created_at == moment(1_760_000_001)


def test_openwebui_older_entries_are_the_chat_itself(tmp_path: Path) -> None:
    found = chats(samples.openwebui(tmp_path))
    older = next(chat for chat in found.values() if chat.title == "Older")
    assert [message.text for message in older.messages] == ["Hi", "Hello"]


def test_openwebui_database_has_messages_in_either_place(tmp_path: Path) -> None:
    found = chats(samples.openwebui_database(tmp_path))
    assert len(found["w1"].messages) == 7
    assert [message.text for message in found["w2"].messages] == ["Hi", "Hello"]
    assert reasons(tmp_path / "webui.db") == ["its JSON cannot be read"]


# --- Claude, LibreChat -------------------------------------------------------------------------------------------


def test_claude_blocks_count_and_pastes_are_kept(tmp_path: Path) -> None:
    found = by_id(chats(samples.claude(tmp_path))["k1"])
    assert found["m1"].text == "**Pasted text**\n\na long paste\n\n*[tide.png, not in the export]*"
    assert found["m2"].text == "Two."
    assert (found["m2"].reasoning, found["m2"].calls[0].result, found["m2"].calls[0].duration_s) == ("Tides, then.", "OK", 2.0)


def test_claude_branches_and_the_older_flat_form(tmp_path: Path) -> None:
    found = chats(samples.claude(tmp_path))
    assert by_id(found["k1"])["m5"].parent is None
    assert found["k1"].current == "m2"
    assert by_id(found["k2"])["f2"].parent == "f1"
    assert found["k2"].model == "claude (unknown)"


def test_librechat_roles_come_from_the_flag_and_not_from_names(tmp_path: Path) -> None:
    found = by_id(chats(samples.librechat(tmp_path))["l1"])
    assert (found["a"].role, found["b"].role) == (Role.USER, Role.ASSISTANT)
    assert (found["b"].text, found["b"].reasoning, found["b"].rating) == ("Two.", "Hm.", -1)
    assert (found["c"].state, found["c"].error, found["c"].text) == (State.FAILED, "quota", "")


def test_librechat_a_very_long_chat_is_a_very_deep_tree(tmp_path: Path) -> None:
    text = '{"conversationId": "deep", "messagesTree": ['
    for number in range(2000):
        text += (
            f'{{"messageId": "{number}", "isCreatedByUser": {"true" if number % 2 == 0 else "false"}, "text": "t{number}", "children": ['
        )
    text += "]}" * 2000 + "]}"
    path = tmp_path / "deep.json"
    path.write_text(text)
    chat = chats(path)["deep"]
    assert [message.text for message in chat.messages] == [f"t{number}" for number in range(2000)]


# --- llm, Ollama, rows -------------------------------------------------------------------------------------------


def test_llm_reads_both_generations_and_nothing_twice(tmp_path: Path) -> None:
    found = chats(samples.llm_logs(tmp_path))
    assert set(found) == {"t1", "t2", "v1", "response r4"}
    assert not any("carried over" in message.text for chat in found.values() for message in chat.messages)


def test_llm_messages_shared_by_threads_are_in_each(tmp_path: Path) -> None:
    found = chats(samples.llm_logs(tmp_path))
    assert found["t1"].messages[0].text == found["t2"].messages[0].text == "a fragment and more"


def test_llm_results_go_to_the_calls_of_the_answer_before(tmp_path: Path) -> None:
    answer = chats(samples.llm_logs(tmp_path))["v1"].messages[-1]
    assert (answer.text, answer.calls[0].name, answer.calls[0].result) == ("Two.", "count", "two")
    assert (answer.duration_s, answer.usage.output_tokens) == (2.0, 8)


def test_ollama_app_rows_of_one_answer_become_one_message(tmp_path: Path) -> None:
    found = chats(samples.ollama_app(tmp_path))["o1"].messages
    assert [message.role for message in found] == [Role.USER, Role.ASSISTANT]
    assert (found[1].text, found[1].reasoning, found[1].calls[0].result) == ("Two a day.", "Hm.", "two")
    assert found[0].files[0].name == "note.txt"


def test_a_row_that_comes_twice_is_the_same_chat(tmp_path: Path) -> None:
    assert len(chats(samples.openai_rows(tmp_path))) == 2
    assert "it is no valid JSON (Expecting value)" in reasons(tmp_path / "train.jsonl")


# --- ZIP and everything ------------------------------------------------------------------------------------------


def test_a_zip_bomb_is_not_read_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "HARMLESS_BYTES", 2_000_000)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("conversations.json", json.dumps(samples.chatgpt_chats()[1:2])[:-1] + ", " + " " * 30_000_000 + "{}]")
    assert path.stat().st_size < 100_000
    assert reasons(path) == ["the ZIP file unpacks to far more than an export holds, so it was not read on"]
    assert set(chats(path)) == {"c1"}


def test_a_zip_without_json_says_what_to_bring(tmp_path: Path) -> None:
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as photos:
        photos.writestr("photo.jpg", b"x")
    with pytest.raises(Invalid, match="no JSON file"), open_file(path):
        pass


def test_more_answers_than_one_after_a_call_are_branches() -> None:
    pieces = [
        Piece("q", None, Role.USER, "Why?"), Piece("t", "q", Role.ASSISTANT, "Let me see."), Piece("a", "t", Role.ASSISTANT, "One."),
        Piece("b", "t", Role.ASSISTANT, "Two."),
    ]  # fmt: skip
    tree = assemble(pieces, "b")
    assert [(message.external_id, message.parent) for message in tree.messages] == [("q", None), ("t", "q"), ("a", "t"), ("b", "t")]
    assert tree.current == "b"


def test_a_very_long_chat_is_put_together_without_recursion() -> None:
    pieces = [Piece(str(number), str(number - 1), (Role.USER, Role.ASSISTANT)[number % 2], "x") for number in range(50_000)]
    assert len(assemble(pieces, None).messages) == 50_000


@pytest.mark.parametrize("value", [None, "", "soon", float("nan"), -1, 10**30, True, [], "0001-01-01", "9999-12-31T23:59:59+14:00"])
def test_what_is_no_time_is_none(value: object) -> None:
    assert moment(value) is None


def test_times_of_every_unit_are_the_same_moment() -> None:
    assert len({moment(value) for value in (1_760_000_000, 1_760_000_000_000, 1.76e18, "1760000000", "2025-10-09T08:53:20Z",
                                            "2025-10-09 08:53:20")}) == 1  # fmt: skip
