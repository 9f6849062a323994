"""Titles by the model: asked for behind everything else, and never over what a person wrote."""

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from chatcore import analytics, chat
from chatcore.analytics import Filters
from chatcore.chat import Draft
from chatcore.chat_settings import write_settings
from chatcore.db import Database
from chatcore.doctor import Level, examine
from chatcore.errors import Invalid, ProviderError
from chatcore.generation import Job, Runner
from chatcore.history import get_chat, purge_chats, rename_chat
from chatcore.parameters import ChatSettings
from chatcore.parts import ErrorCode, Failed, Finished, FinishReason, Period, State, TextDelta, Usage, Viewer
from chatcore.preferences import Preferences, write_preferences
from chatcore.providers.base import PullProgress, RunningModel
from chatcore.titles import LONGEST_TITLE, Titles, clean_answer, suggest_title
from tests.answers import LIMIT_S, ask, ended, running, until
from tests.factories import make_chat, make_exchange, make_viewer
from tests.scripted import Scripted

PROMPT = "Why are there two tides a day?"


class Loading(Scripted):
    """A server whose models have to be loaded; `loaded` are those in its memory."""

    loaded: tuple[str, ...] = ()

    async def running(self) -> tuple[RunningModel, ...]:
        return tuple(RunningModel(name) for name in self.loaded)

    async def pull(self, model_id: str) -> AsyncIterator[PullProgress]:
        raise NotImplementedError
        yield PullProgress(model_id)

    async def delete(self, model_id: str) -> None:
        raise NotImplementedError

    async def load(self, model_id: str, *, keep_alive: str | float | None = None) -> None:
        raise NotImplementedError

    async def unload(self, model_id: str) -> None:
        raise NotImplementedError


class Ends:
    """Counts the ends of answers when those who watched before have been told of them."""

    def __init__(self) -> None:
        self.told = threading.Semaphore(0)

    def began(self, job: Job) -> None:
        pass

    def ended(self, job: Job, state: State) -> None:
        self.told.release()


@contextmanager
def one_end(runner: Runner) -> Iterator[None]:
    """Returns when the titles know that the answer which ends inside has: the database has its end a moment before."""
    ends = Ends()
    runner.watch(ends)
    yield
    assert ends.told.acquire(timeout=LIMIT_S)


def answered(runner: Runner, provider: Scripted, viewer: Viewer, *, settings: ChatSettings | None = None) -> chat.Sent:
    """A new chat whose first answer has ended."""
    draft = Draft(PROMPT, provider.name, "parrot", settings=settings or ChatSettings())
    sent = chat.send(runner, viewer, None, draft, now=datetime.now(UTC))
    assert provider.asked.acquire(timeout=LIMIT_S)
    with one_end(runner):
        provider.write("Because the far side is pulled less.")
        provider.finish()
        ended(runner.db, viewer, sent.answer_id)
    return sent


def asked_again(provider: Scripted) -> bool:
    return provider.asked.acquire(timeout=LIMIT_S)


def title_of(runner: Runner, viewer: Viewer, sent: chat.Sent) -> str:
    return get_chat(runner.db, viewer, sent.chat_id).title


def used(db: Database, viewer: Viewer) -> list[tuple[object, ...]]:
    """What titles used: model, number, how many are estimated, tokens in and out."""
    now = datetime.now(UTC)
    found = analytics.titles(db, viewer, Filters(Period(now - timedelta(days=1), now + timedelta(days=1))))
    columns = ["model_name", "titles", "titles_estimated", "input_tokens", "output_tokens"]
    return list(found[columns].itertuples(index=False, name=None))


def test_the_model_names_a_chat_after_its_first_answer(db: Database) -> None:
    viewer, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        titles = Titles(runner)
        sent = answered(runner, provider, viewer, settings=ChatSettings(options={"num_ctx": 4096, "temperature": 1.5}))
        assert asked_again(provider)
        assert titles.pending(viewer) == {sent.chat_id}
        assert titles.pending(make_viewer(db, "Bob")) == frozenset()
        question = provider.requests[1]
        assert question.options["num_ctx"] == 4096
        assert "temperature" not in question.options
        assert PROMPT in question.turns[-1].content
        provider.write("<think>Moon?</think>\n**“Two tides", " a day”**\n")
        provider.feed(Usage(input_tokens=200, output_tokens=9))
        provider.finish()
        until(lambda: title_of(runner, viewer, sent) == "Two tides a day")
        until(lambda: not titles.pending(viewer))
    assert used(db, viewer) == [("parrot", 1, 0, 200, 9)]
    assert used(db, make_viewer(db, "Bob")) == []
    # It is no answer: the chat counts what its answer used, and nobody else's count has it.
    assert get_chat(db, viewer, sent.chat_id).input_tokens < 200
    assert [finding for finding in examine(db) if finding.level is Level.PROBLEM] == []
    purge_chats(db, viewer, [sent.chat_id])
    assert used(db, viewer) == [("parrot", 1, 0, 200, 9)]


def test_what_a_title_used_is_forgotten_with_the_usage_of_its_chat(db: Database) -> None:
    viewer, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        titles = Titles(runner)
        sent = answered(runner, provider, viewer)
        assert asked_again(provider)
        provider.write("Two ", "tides")
        provider.finish()
        until(lambda: not titles.pending(viewer))
    # No server counted: a chunk is about a token, and so are 4 characters of the question.
    asked = sum(len(turn.content) for turn in provider.requests[1].turns)
    assert used(db, viewer) == [("parrot", 1, 1, asked // 4, 2)]
    purge_chats(db, viewer, [sent.chat_id], forget_usage=True)
    assert used(db, viewer) == []


def test_a_name_that_somebody_gave_meanwhile_stays(db: Database) -> None:
    viewer, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        titles = Titles(runner)
        sent = answered(runner, provider, viewer)
        assert asked_again(provider)
        rename_chat(db, viewer, sent.chat_id, title="Homework")
        provider.write("Two tides a day")
        provider.finish()
        until(lambda: not titles.pending(viewer))
        assert title_of(runner, viewer, sent) == "Homework"


def test_an_answer_comes_first_and_the_title_after_it(db: Database) -> None:
    viewer, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        titles = Titles(runner)
        sent = answered(runner, provider, viewer)
        assert asked_again(provider)
        provider.left.clear()
        other = chat.send(runner, viewer, sent.chat_id, Draft("And at night?", "scripted", "parrot"), now=datetime.now(UTC))
        # The question for the title is dropped while the answer is being written.
        assert provider.left.wait(LIMIT_S)
        assert asked_again(provider)
        assert len(provider.requests) == 3
        assert title_of(runner, viewer, sent) == PROMPT
        provider.write("The same.")
        provider.finish()
        ended(db, viewer, other.answer_id)
        assert asked_again(provider)
        provider.write("Two tides a day")
        provider.finish()
        until(lambda: title_of(runner, viewer, sent) == "Two tides a day")
        until(lambda: not titles.pending(viewer))


@contextmanager
def nothing_asked(runner: Runner, titles: Titles, provider: Scripted, viewer: Viewer) -> Iterator[None]:
    """The one answer that is written inside makes no question for a title."""
    before = len(provider.requests)
    with one_end(runner):
        yield
    until(lambda: not titles.pending(viewer))
    assert len(provider.requests) == before + 1


def test_who_wants_no_titles_gets_none(db: Database) -> None:
    viewer, provider = make_viewer(db), Scripted()
    write_preferences(db, viewer, Preferences(titles=False))
    with running(db, provider) as runner:
        titles = Titles(runner)
        with nothing_asked(runner, titles, provider, viewer):
            sent = answered(runner, provider, viewer)
        assert title_of(runner, viewer, sent) == PROMPT


def test_only_the_first_answer_makes_a_title(db: Database) -> None:
    viewer, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        titles = Titles(runner)
        write_preferences(db, viewer, Preferences(titles=False))
        with nothing_asked(runner, titles, provider, viewer):
            sent = answered(runner, provider, viewer)
        write_preferences(db, viewer, Preferences())
        with nothing_asked(runner, titles, provider, viewer):
            second = chat.send(runner, viewer, sent.chat_id, Draft("And?", "scripted", "parrot"), now=datetime.now(UTC))
            assert asked_again(provider)
            provider.finish()
            ended(db, viewer, second.answer_id)


def test_a_stopped_answer_makes_no_title(db: Database) -> None:
    viewer, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        titles = Titles(runner)
        with nothing_asked(runner, titles, provider, viewer):
            sent = ask(runner, viewer)
            chat.stop(runner, viewer, sent.answer_id, now=datetime.now(UTC))
            ended(db, viewer, sent.answer_id)


@pytest.mark.parametrize("loaded", [False, True])
def test_a_model_is_not_loaded_for_a_title(db: Database, loaded: bool) -> None:
    viewer, provider = make_viewer(db), Loading()
    with running(db, provider) as runner:
        titles = Titles(runner)
        provider.loaded = ("parrot:latest",) if loaded else ()
        sent = answered(runner, provider, viewer)
        if loaded:
            assert asked_again(provider)
            provider.write("Two tides")
            provider.finish()
        until(lambda: not titles.pending(viewer))
        until(lambda: title_of(runner, viewer, sent) == ("Two tides" if loaded else PROMPT))
        assert len(provider.requests) == (2 if loaded else 1)


def test_a_model_that_takes_too_long_is_left(db: Database) -> None:
    viewer, provider = make_viewer(db), Scripted()
    with running(db, provider) as runner:
        titles = Titles(runner, limit_s=0.5)
        sent = answered(runner, provider, viewer)
        assert asked_again(provider)
        until(lambda: not titles.pending(viewer))
        assert title_of(runner, viewer, sent) == PROMPT


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("Two tides a day", "Two tides a day"),
        ('"Two tides a day."', "Two tides a day"),
        ("## Title: **Zwei Fluten am Tag**\n\nHere is why …", "Zwei Fluten am Tag"),
        ("<think>The user\nasks</think>\n\n「潮の満ち引き」", "潮の満ち引き"),
        ("<think>never ends", None),
        ("", None),
        ("…\n***\n", None),
        ("🌊 Tides\x00", "🌊 Tides\ufffd"),
    ],
)
def test_a_title_is_taken_out_of_what_a_model_says(said: str, title: str | None) -> None:
    assert clean_answer(said) == title


def test_a_model_that_talks_too_much_makes_a_short_title() -> None:
    found = clean_answer("The conversation is about " + "tides and " * 50)
    assert found is not None
    assert len(found) <= LONGEST_TITLE


# --- asked for by a person ---------------------------------------------------------------------------------------


def test_a_person_gets_a_title_of_the_chat_as_it_is_now_and_nothing_is_written(db: Database) -> None:
    viewer, provider = make_viewer(db), Scripted(TextDelta("Title: “Neap tides”"), Finished(FinishReason.STOP))
    made = make_chat(db, viewer, title="Homework")
    write_settings(db, viewer, made.id, ChatSettings(system_prompt="Be brief.", options={"num_ctx": 4096}))
    for prompt in ("First?", "Second?", "Third?", "Fourth?"):
        make_exchange(db, viewer, made.id, prompt=prompt, provider="scripted", model_name="parrot")
    with running(db, provider) as runner:
        assert suggest_title(runner, viewer, made.id) == "Neap tides"
    (request,) = provider.requests
    (question,) = request.turns
    assert (request.model, request.options["num_ctx"]) == ("parrot", 4096)
    assert [word for word in ("First?", "Fourth?") if word not in question.content] == []
    assert [word for word in ("Second?", "Third?", "Be brief.") if word in question.content] == []
    assert get_chat(db, viewer, made.id).title == "Homework"


@pytest.mark.parametrize(
    ("play", "said", "limit_s"),
    [
        ((Failed(ErrorCode.UNREACHABLE, "The server is away.", "Start it."),), "away", LIMIT_S),
        ((TextDelta("…"), Finished(FinishReason.STOP)), "did not say a title", LIMIT_S),
        ((), "No answer came", 0.2),
    ],
)
def test_a_model_that_suggests_nothing_says_why(db: Database, play: tuple[object, ...], said: str, limit_s: float) -> None:
    viewer, provider = make_viewer(db), Scripted(*play)
    made = make_chat(db, viewer)
    make_exchange(db, viewer, made.id, provider="scripted", model_name="parrot")
    with running(db, provider) as runner, pytest.raises(ProviderError, match=said):
        suggest_title(runner, viewer, made.id, limit_s=limit_s)


def test_only_a_chat_with_an_answer_of_a_model_gets_a_suggestion(db: Database) -> None:
    viewer = make_viewer(db)
    empty, guided, gone = (make_chat(db, viewer) for _ in range(3))
    make_exchange(db, viewer, guided.id, provider="guide", model_name="guide")
    make_exchange(db, viewer, gone.id, provider="left", model_name="m")
    with running(db, Scripted()) as runner:
        for chat_id, said in ((empty.id, "no answer in this chat"), (guided.id, "guide cannot"), (gone.id, "left is not here")):
            with pytest.raises(Invalid, match=said) as refused:
                suggest_title(runner, viewer, chat_id)
            assert refused.value.hint
