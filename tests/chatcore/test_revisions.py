"""A prompt in other words, and the rest of an answer that was cut off: branches, and nothing is overwritten."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chatcore.attachments import list_attachments
from chatcore.chat import Draft, Sent, StillAnswering, send, stop
from chatcore.chat_settings import write_settings
from chatcore.db import Database
from chatcore.documents import Upload
from chatcore.errors import ChatcoreError, Conflict, Invalid, NotFound
from chatcore.generation import Runner
from chatcore.history import all_messages, delete_chats, get_chat, get_message
from chatcore.parameters import ChatSettings
from chatcore.parts import (
    ErrorCode,
    Event,
    Failed,
    Finished,
    FinishReason,
    MessageInfo,
    Offset,
    ReasoningDelta,
    State,
    TextDelta,
    ToolCall,
    Turn,
    Usage,
    Viewer,
)
from chatcore.providers.guide import Guide
from chatcore.revisions import GO_ON, continue_answer, edit_and_resend, was_cut_off
from chatcore.thread import open_thread
from tests.answers import LIMIT_S, ask, ended, follow_to_end, read_until, running
from tests.factories import make_chat, make_exchange, make_viewer
from tests.scripted import Scripted

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
DONE, CUT = Finished(FinishReason.STOP), Finished(FinishReason.LENGTH)
BROKEN = Failed(ErrorCode.INCOMPLETE, "The answer was cut off.", "What came is kept.", retryable=True)
EDITED = Draft("Why is the sky blue?", "scripted", "parrot")


class Going(Scripted):
    """A provider whose models go on with what stands last."""

    continues = True


def shown(db: Database, viewer: Viewer, sent: Sent) -> list[str]:
    return [message.content for message in open_thread(db, viewer, sent.chat_id).messages]


def asked_and_answered(runner: Runner, viewer: Viewer, *prompts: str) -> list[Sent]:
    """A chat with these prompts, each answered."""
    sent: list[Sent] = []
    for prompt in prompts:
        sent.append(send(runner, viewer, sent[0].chat_id if sent else None, Draft(prompt, "scripted", "parrot"), now=NOW))
        provider = runner.providers["scripted"]
        assert isinstance(provider, Scripted)
        assert provider.asked.acquire(timeout=LIMIT_S)
        ended(runner.db, viewer, sent[-1].answer_id)
    return sent


# --- edit and resend ---------------------------------------------------------------------------------------------


def test_an_edited_prompt_stands_beside_the_old_one_and_is_answered(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("Because."), DONE)
    with running(db, provider) as runner:
        first, second, third = asked_and_answered(runner, ada, "one", "two", "three")
        before = [get_message(db, ada, message_id) for message_id in (second.user_message_id, second.answer_id, third.answer_id)]
        again = edit_and_resend(runner, ada, second.user_message_id, Draft("two, again", "scripted", "owl"), now=LATER)
        answer, generation = ended(db, ada, again.answer_id)
    assert shown(db, ada, again) == ["one", "Because.", "two, again", "Because."]
    assert [get_message(db, ada, message.id) for message in before] == before
    edited = get_message(db, ada, again.user_message_id)
    assert (edited.parent_id, edited.created_at, answer.parent_id) == (first.answer_id, LATER, edited.id)
    assert (answer.model_name, generation.model_name) == ("owl", "owl")
    assert provider.requests[-1].turns == (Turn("user", "one"), Turn("assistant", "Because."), Turn("user", "two, again"))
    assert get_chat(db, ada, again.chat_id).message_count == 8


def test_the_first_prompt_is_edited_into_another_beginning(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("Because."), DONE)
    with running(db, provider) as runner:
        (first,) = asked_and_answered(runner, ada, "one")
        again = edit_and_resend(runner, ada, first.user_message_id, EDITED, now=LATER)
        ended(db, ada, again.answer_id)
    assert get_message(db, ada, again.user_message_id).parent_id is None
    assert shown(db, ada, again) == [EDITED.text, "Because."]
    assert provider.requests[-1].turns == (Turn("user", EDITED.text),)


def test_what_is_written_once_more_keeps_to_the_settings_of_the_chat(db: Database) -> None:
    viewer, scripted = make_viewer(db), Scripted(TextDelta("Because"), CUT)
    with running(db, scripted) as runner:
        (sent,) = asked_and_answered(runner, viewer, "Why?")
        write_settings(db, viewer, sent.chat_id, ChatSettings(system_prompt="Be brief.", options={"temperature": 0.5}))
        again = edit_and_resend(runner, viewer, sent.user_message_id, EDITED, now=LATER)
        ended(db, viewer, again.answer_id)
        ended(db, viewer, continue_answer(runner, viewer, again.answer_id, now=LATER).answer_id)
    for request in scripted.requests[1:]:
        assert (request.turns[0], request.options["temperature"]) == (Turn("system", "Be brief."), 0.5)


def test_an_edited_prompt_keeps_its_files(db: Database) -> None:
    viewer, scripted = make_viewer(db), Scripted(TextDelta("Because"), DONE)
    with running(db, scripted) as runner:
        sent = send(runner, viewer, None, replace(EDITED, files=(Upload("notes.txt", b"the moon pulls"),)), now=NOW)
        ended(db, viewer, sent.answer_id)
        again = edit_and_resend(runner, viewer, sent.user_message_id, replace(EDITED, text="Why two tides?"), now=LATER)
        ended(db, viewer, again.answer_id)
    asked = scripted.requests[1].turns[-1].content
    assert "the moon pulls" in asked
    assert asked.endswith("Why two tides?")
    ids = [sent.user_message_id, again.user_message_id]
    assert [[file.name for file in files] for files in list_attachments(db, viewer, ids).values()] == [["notes.txt"]] * 2


def test_of_two_clicks_on_save_exactly_one_goes_through(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("Because."), DONE)
    gate = threading.Barrier(4)
    with running(db, provider) as runner:
        (first,) = asked_and_answered(runner, ada, "one")

        def click(_: int) -> Sent | ChatcoreError:
            gate.wait()
            try:
                return edit_and_resend(runner, ada, first.user_message_id, Draft("two", "scripted", "parrot", "key-1"), now=NOW)
            except ChatcoreError as error:
                return error

        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(click, range(4)))
        (sent,) = [result for result in results if isinstance(result, Sent)]
        ended(db, ada, sent.answer_id)
    assert all(isinstance(result, Conflict) for result in results if not isinstance(result, Sent))
    assert get_chat(db, ada, sent.chat_id).message_count == 4


def test_only_what_a_person_wrote_is_edited_and_only_where_nothing_runs(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("The moon"))
    with running(db, provider) as runner:
        sent = ask(runner, ada)
        with pytest.raises(StillAnswering):
            edit_and_resend(runner, ada, sent.user_message_id, EDITED, now=NOW)
        with pytest.raises(Invalid, match="Only what you wrote"):
            edit_and_resend(runner, ada, sent.answer_id, EDITED, now=NOW)
        provider.finish()
        ended(db, ada, sent.answer_id)
        for draft in (Draft(" ", "scripted", "parrot"), Draft("x", "", "parrot"), Draft("x", "scripted", "parrot", "")):
            with pytest.raises(Invalid):
                edit_and_resend(runner, ada, sent.user_message_id, draft, now=NOW)
        delete_chats(db, ada, [sent.chat_id], now=NOW)
        with pytest.raises(Conflict, match="trash"):
            edit_and_resend(runner, ada, sent.user_message_id, EDITED, now=NOW)
    assert get_chat(db, ada, sent.chat_id).message_count == 2


# --- continue ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [CUT, BROKEN], ids=["length", "failed"])
def test_an_answer_that_was_cut_off_goes_on_beside_itself(db: Database, end: Event) -> None:
    ada, provider = make_viewer(db), Going(ReasoningDelta("Hm."), TextDelta("The mo"), end)
    with running(db, provider) as runner:
        (sent,) = asked_and_answered(runner, ada, "one")
        before = get_message(db, ada, sent.answer_id)
        assert was_cut_off(before)
        provider.play = (TextDelta("on"), TextDelta(" pulls."), DONE)
        again = continue_answer(runner, ada, sent.answer_id, now=LATER)
        updates = follow_to_end(runner, ada, again.answer_id)
        whole, generation = ended(db, ada, again.answer_id)
    assert "".join(update.text for update in updates) == whole.content == "The moon pulls."
    assert whole.reasoning == "Hm.\n\n"
    assert get_message(db, ada, sent.answer_id) == before
    assert (whole.parent_id, shown(db, ada, again)) == (before.parent_id, ["one", "The moon pulls."])
    assert provider.requests[-1].turns == (Turn("user", "one"), Turn("assistant", "The mo"))
    # Two chunks of its own: what it begins with was counted by the attempt that wrote it.
    assert (generation.output_tokens, generation.usage_source) == (2, "estimated")
    assert not was_cut_off(whole)


def test_a_model_that_would_answer_itself_is_asked_in_words(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("The mo"), CUT)
    with running(db, provider) as runner:
        (sent,) = asked_and_answered(runner, ada, "one")
        again = continue_answer(runner, ada, sent.answer_id, now=LATER, model_name="owl")
        ended(db, ada, again.answer_id)
    assert provider.requests[-1].turns == (Turn("user", "one"), Turn("assistant", "The mo"), Turn("user", GO_ON))
    assert provider.requests[-1].model == "owl"
    assert get_message(db, ada, again.answer_id).content == "The moThe mo"


def test_a_rest_that_never_came_leaves_the_beginning_and_counts_nothing(db: Database) -> None:
    ada, provider = make_viewer(db), Going(TextDelta("The mo"), CUT)
    with running(db, provider) as runner:
        (sent,) = asked_and_answered(runner, ada, "one")
        provider.play = (BROKEN,)
        again = continue_answer(runner, ada, sent.answer_id, now=LATER)
        rest, generation = ended(db, ada, again.answer_id)
    assert (rest.content, rest.status) == ("The mo", State.FAILED)
    assert (generation.output_tokens, generation.usage_source) == (None, None)


def test_who_reads_the_database_sees_the_beginning_at_once(db: Database) -> None:
    ada, provider = make_viewer(db), Going(TextDelta("The mo"), CUT)
    with running(db, provider) as runner:
        (sent,) = asked_and_answered(runner, ada, "one")
        provider.play = ()
        again = continue_answer(runner, ada, sent.answer_id, now=LATER)
        other = Runner(db, {})
        update = next(other.follow_sync(ada, again.answer_id, Offset()))
        assert (update.text, update.state) == ("The mo", State.RUNNING)
        assert provider.asked.acquire(timeout=LIMIT_S)
        provider.write("on")
        read_until(runner, ada, again.answer_id, "The moon")
        stop(runner, ada, again.answer_id, now=LATER)
        assert ended(db, ada, again.answer_id)[0].content == "The moon"


def test_the_guide_goes_on_with_its_text(db: Database) -> None:
    ada = make_viewer(db)
    runner = Runner(db, {"guide": Guide()})
    runner.open()
    try:
        sent = send(runner, ada, None, Draft("/stream 200 400", "guide", "guide"), now=NOW)
        read_some(runner, ada, sent.answer_id)
        stop(runner, ada, sent.answer_id, now=NOW)
        half, _ = ended(db, ada, sent.answer_id)
        again = continue_answer(runner, ada, sent.answer_id, now=NOW)
        whole, generation = ended(db, ada, again.answer_id)
    finally:
        runner.close()
    assert 0 < len(half.content) < len(whole.content) == 800
    assert whole.content.startswith(half.content)
    assert generation.output_tokens == 200 - len(half.content) // 4


def read_some(runner: Runner, viewer: Viewer, message_id: int) -> None:
    for update in runner.follow_sync(viewer, message_id):
        if update.text:
            return


def refused(db: Database, runner: Runner, viewer: Viewer, message: MessageInfo, said: str) -> None:
    count = len(all_messages(db, viewer, message.session_id).items)
    with pytest.raises(Invalid, match=said) as caught:
        continue_answer(runner, viewer, message.id, now=NOW)
    assert caught.value.hint
    assert len(all_messages(db, viewer, message.session_id).items) == count


def test_what_was_not_cut_off_is_not_continued(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("The moon"))
    chat = make_chat(db, ada)
    asked, whole = make_exchange(db, ada, chat.id)
    _, empty = make_exchange(db, ada, chat.id, answer="", state=State.FAILED)
    with running(db, provider) as runner:
        refused(db, runner, ada, asked, "Only an answer")
        refused(db, runner, ada, whole, "whole")
        refused(db, runner, ada, empty, "no text")
        sent = ask(runner, ada)
        refused(db, runner, ada, get_message(db, ada, sent.answer_id), "still being written")
        provider.feed(ToolCall("1", "clock", {}), CUT)
        called, _ = ended(db, ada, sent.answer_id)
        assert not was_cut_off(called)
        refused(db, runner, ada, called, "no text")
        eve = make_viewer(db, "Eve")
        with pytest.raises(NotFound):
            continue_answer(runner, eve, sent.answer_id, now=NOW)


def test_a_server_that_counts_is_believed(db: Database) -> None:
    ada, provider = make_viewer(db), Going(TextDelta("The mo"), CUT)
    with running(db, provider) as runner:
        (sent,) = asked_and_answered(runner, ada, "one")
        provider.play = (TextDelta("on"), Usage(input_tokens=30, output_tokens=1), DONE)
        again = continue_answer(runner, ada, sent.answer_id, now=LATER)
        _, generation = ended(db, ada, again.answer_id)
    assert (generation.input_tokens, generation.output_tokens, generation.usage_source) == (30, 1, "reported")
