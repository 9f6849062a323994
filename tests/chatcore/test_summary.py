"""Going on in a new chat that begins with a summary."""

import pytest

from chatcore.branches import fork
from chatcore.chat import Draft, retry, send
from chatcore.chat_settings import read_settings
from chatcore.continued import INSTRUCTION, newest
from chatcore.db import Database
from chatcore.errors import Invalid
from chatcore.history import get_chat, purge_chats
from chatcore.parameters import ChatSettings
from chatcore.parts import Finished, FinishReason, TextDelta, Turn
from chatcore.revisions import edit_and_resend
from chatcore.summary import continue_in_new_chat
from chatcore.thread import open_thread
from tests.answers import ended, running
from tests.factories import NOW, make_chat, make_viewer
from tests.scripted import Scripted

BRIEF = ChatSettings("Be brief.", None, {"num_ctx": 4096})


def test_the_summary_is_the_first_answer_of_a_chat_that_knows_nothing_else(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("Said."), Finished(FinishReason.STOP))
    with running(db, provider) as runner:
        old = send(runner, ada, None, Draft("Why are there tides?", "scripted", "parrot", settings=BRIEF), now=NOW)
        ended(db, ada, old.answer_id)
        before = open_thread(db, ada, old.chat_id)
        new = continue_in_new_chat(runner, ada, old.chat_id, provider="scripted", model_name="parrot", window=4096, now=NOW)
        ended(db, ada, new.answer_id)
        ended(db, ada, send(runner, ada, new.chat_id, Draft("And the moon?", "scripted", "parrot"), now=NOW).answer_id)
    assert open_thread(db, ada, old.chat_id) == before
    assert get_chat(db, ada, new.chat_id).title == "Why are there tides? (continued)"
    assert read_settings(db, ada, new.chat_id) == BRIEF
    asked, goes_on = provider.requests[1:]
    assert asked.turns == (
        Turn("system", "Be brief."), Turn("user", "Why are there tides?"), Turn("assistant", "Said."), Turn("user", INSTRUCTION),
    )  # fmt: skip
    assert [turn.content for turn in goes_on.turns[2:]] == ["Said.", "And the moon?"]
    assert "tides?”. Summarize it first." in goes_on.turns[1].content


def test_the_summary_can_be_asked_for_again_and_in_other_words_as_long_as_the_old_chat_is_there(db: Database) -> None:
    ada, provider = make_viewer(db), Scripted(TextDelta("Said."), Finished(FinishReason.STOP))
    with running(db, provider) as runner:
        old = send(runner, ada, None, Draft("Why are there tides?", "scripted", "parrot"), now=NOW)
        ended(db, ada, old.answer_id)
        new = continue_in_new_chat(runner, ada, old.chat_id, provider="scripted", model_name="parrot", window=None, now=NOW)
        ended(db, ada, new.answer_id)
        # What the old chat says afterwards is not in it.
        ended(db, ada, send(runner, ada, old.chat_id, Draft("And later?", "scripted", "parrot"), now=NOW).answer_id)
        copy = fork(db, ada, new.answer_id, now=NOW)
        for answer_id in (new.answer_id, open_thread(db, ada, copy.id).messages[1].id):
            ended(db, ada, retry(runner, ada, answer_id, now=NOW).answer_id)
        shorter = Draft("In one word?", "scripted", "parrot")
        ended(db, ada, edit_and_resend(runner, ada, new.user_message_id, shorter, now=NOW).answer_id)
        purge_chats(db, ada, [old.chat_id])
        ended(db, ada, retry(runner, ada, new.answer_id, now=NOW).answer_id)
    told = [[turn.content for turn in request.turns] for request in provider.requests]
    assert told[1] == ["Why are there tides?", "Said.", INSTRUCTION]
    assert told[3] == told[4] == told[1]
    assert told[5] == ["Why are there tides?", "Said.", "In one word?"]
    assert told[6] == ["Let us go on from the chat “Why are there tides?”. Summarize it first."]


def test_of_a_chat_longer_than_the_window_the_newest_part_is_summarized() -> None:
    turns = [Turn("user", f"{number} " + "x" * 998) for number in range(10)]
    assert newest(turns, None) == tuple(turns)
    # 60% of 1,000 tokens are 2,400 characters.
    assert newest(turns, 1000) == tuple(turns[-2:])
    assert newest(turns, 10) == (turns[-1],)


def test_what_cannot_be_summarized_is_said_and_makes_no_chat(db: Database) -> None:
    ada = make_viewer(db)
    empty = make_chat(db, ada)
    with running(db, Scripted()) as runner:
        for provider, said in (("guide", "guide cannot"), ("scripted", "empty")):
            with pytest.raises(Invalid, match=said):
                continue_in_new_chat(runner, ada, empty.id, provider=provider, model_name="m", window=None, now=NOW)
