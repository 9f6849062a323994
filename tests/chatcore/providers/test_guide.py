"""The built-in guide: the manual, the state of the servers, and text for trying things out."""

import asyncio
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from chatcore.parts import Cancelled, ErrorCode, Health, ModelInfo, ReasoningDelta, TextDelta
from chatcore.providers.guide import COMMANDS, SUGGESTIONS, Guide, ServerState
from chatcore.providers.guide_manual import MANUAL, cut_sections, read_manual
from chatcore.providers.guide_stream import CHARACTERS_PER_TOKEN, sample_markdown, token_count, tokens
from chatcore.settings import ROOT
from tests.chatcore.providers.answers import Message, answer, ask
from tests.chatcore.providers.virtual_time import run_without_waiting

DOWN = ServerState("Ollama", Health(reachable=False, host="http://127.0.0.1:11434", error="Cannot reach Ollama.", hint="Start it."))


def said(question: str, guide: Guide | None = None) -> Message:
    """The guide's answer, without waiting for it."""
    return run_without_waiting(answer(guide or Guide(), ask(question, model="guide")))


def guide_with(*states: ServerState, docs: Path = ROOT / "docs") -> Guide:
    async def look() -> tuple[ServerState, ...]:
        return states

    return Guide(look, docs=docs)


# --- the stream ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 7, 60, 500, 2000, 12_345])
def test_the_sample_has_exactly_the_tokens_asked_for(size: int) -> None:
    text = sample_markdown(size)
    assert len(text) == size * CHARACTERS_PER_TOKEN
    assert token_count(text) == size
    assert "".join(tokens(text)) == text
    assert text == sample_markdown(size)


@settings(deadline=None, max_examples=60)
@given(size=st.integers(0, 3000))
def test_a_sample_of_any_length_is_closed_markdown(size: int) -> None:
    text = sample_markdown(size)
    assert len(text) == size * CHARACTERS_PER_TOKEN
    assert text.count("```") % 2 == 0


def test_the_sample_shows_all_that_markdown_has() -> None:
    kinds = {token.type for token in MarkdownIt("commonmark").enable("table").parse(sample_markdown(2000))}
    assert kinds >= {"heading_open", "bullet_list_open", "ordered_list_open", "fence", "table_open", "blockquote_open", "paragraph_open"}


def test_a_stream_sends_one_event_a_token_and_counts_them() -> None:
    message = said("/stream 2000 200")
    assert message.deltas == 2000
    assert message.text == sample_markdown(2000)
    assert message.usage.output_tokens == 2000
    assert message.usage.input_tokens == token_count("/stream 2000 200")
    assert message.finished.reason == "stop"


@pytest.mark.parametrize(("size", "rate"), [(2000, 200), (500, 33), (3000, 10_000)])
def test_a_stream_keeps_its_pace_without_drift(size: int, rate: int) -> None:
    usage = said(f"/stream {size} {rate}").usage
    assert usage.eval_s == pytest.approx((size - 1) / rate, abs=0.006)


def test_a_reader_that_is_slow_does_not_slow_the_stream_down() -> None:
    async def arrivals() -> list[float]:
        loop = asyncio.get_running_loop()
        times = []
        async for event in Guide().chat(ask("/stream 100 100", model="guide")):
            if isinstance(event, TextDelta):
                times.append(loop.time())
                if len(times) == 10:
                    await asyncio.sleep(0.3)
        return times

    times = run_without_waiting(arrivals())
    assert times[9] == pytest.approx(0.09, abs=0.006)
    assert times[10] == pytest.approx(0.39, abs=0.006)
    # What was missed meanwhile is sent at once, and the end is where it would have been.
    assert times[30] == pytest.approx(0.39, abs=0.006)
    assert times[99] == pytest.approx(0.99, abs=0.006)


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ("/stream 0", "from 1 to 200,000"),
        ("/stream 200001", "from 1 to 200,000"),
        ("/stream 10 10001", "from 1 to 10,000"),
        ("/stream ten", "'ten' is not a whole number"),
        ("/stream -5", "'-5' is not"),
        ("/stream 1.5", "'1.5' is not"),
        ("/stream ٣", "is not a whole number"),
        ("/stream 10 10 10", "2 numbers at most"),
        ("/stream " + "9" * 5000, "is not a whole number"),
        ("/wait 601", "from 1 to 600"),
        ("/fail", "Which error?"),
        ("/fail nothing", "There is no error code 'nothing'"),
        ("/fail busy many", "'many' is not a whole number"),
    ],
)
def test_bad_arguments_are_answered_with_an_example(command: str, word: str) -> None:
    message = said(command)
    assert word in message.text
    assert "Write " in message.text
    assert len(message.text) < 600
    assert message.finished.reason == "stop"


@pytest.mark.parametrize(
    ("command", "deltas"), [("/stream", 2000), ("/stream 7", 7), ("/STREAM 1,000 10,000", 1000), ("  /stream  3  1  ", 3)]
)
def test_a_stream_can_be_asked_for_in_several_ways(command: str, deltas: int) -> None:
    assert said(command).deltas == deltas


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_failure_can_be_tried_out(code: ErrorCode) -> None:
    message = said(f"/fail {code} 25")
    assert message.deltas == 25
    assert message.usage.output_tokens == 25
    if code is ErrorCode.CANCELLED:
        assert message.last == Cancelled()
    else:
        assert message.failed.code is code
        assert message.failed.message
        assert message.failed.hint


def test_thinking_comes_before_the_text() -> None:
    async def kinds() -> list[type]:
        return [type(event) for event in [event async for event in Guide().chat(ask("/think Two  words", model="guide"))]]

    order = [kind for kind in run_without_waiting(kinds()) if kind in (ReasoningDelta, TextDelta)]
    assert order == sorted(order, key=lambda kind: kind is TextDelta)
    assert said("/think Two  words").text == "Two  words"
    assert said("/think Two  words").reasoning


def test_waiting_says_so_before_the_first_text() -> None:
    message = said("/wait 30")
    assert message.progress == ["Waiting for 30 s, as asked …"]
    assert message.usage.eval_s is not None
    assert message.usage.eval_s >= 30


def test_an_unknown_command_is_answered_with_the_known_ones() -> None:
    message = said("/nope")
    assert "I do not know the command `/nope`." in message.text
    assert all(command.usage in message.text for command in COMMANDS)


def test_a_path_is_no_command() -> None:
    assert "I do not know the command" not in said("/etc/hosts").text


# --- the manual ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("What happens when I close the tab in the middle of an answer?", "Answers are never lost"),
        ("How do I find a chat?", "Find a chat"),
        ("Where is my data?", "Where the data is"),
        ("how to back up", "Backups"),
        ("stopping an answer", "Stop an answer"),
        ("rename a conversation or archive it", "Rename, pin, archive and delete chats"),
    ],
)
def test_a_question_is_answered_from_the_manual(question: str, title: str) -> None:
    message = said(question)
    assert message.text.startswith(f"### {title}\n")
    assert "not a language model" in message.text
    assert "docs/manual.md" in message.text


@pytest.mark.parametrize("question", SUGGESTIONS)
def test_every_suggestion_of_the_guide_has_an_answer(question: str) -> None:
    assert "It has nothing about this" not in said(question).text


@pytest.mark.parametrize("question", ["What is the capital of France?", "???", "日本語", "\x00", "x" * 100_000, "!" * 300_000 + "x"])
def test_what_the_manual_does_not_know_is_said_plainly(question: str) -> None:
    message = said(question)
    assert "not a language model" in message.text
    assert len(message.text) < 5000
    assert message.finished.reason == "stop"


@pytest.mark.parametrize("question", ["hello", "Hi!", "", "help", "who are you?"])
def test_a_greeting_is_answered_with_what_the_guide_can_do(question: str) -> None:
    message = said(question, guide_with(DOWN))
    assert "not a language model" in message.text
    assert "/stream" in message.text
    assert "Cannot reach Ollama. Start it." in message.text


def test_connecting_shows_how_the_server_is_now() -> None:
    message = said("How do I connect Ollama?", guide_with(DOWN))
    assert message.text.startswith("**Ollama, now:** Cannot reach Ollama. Start it.")
    assert "ollama pull" in message.text


@pytest.mark.parametrize(
    ("models", "words"),
    [
        (None, "**Ollama, now:** version 0.33.0 answers at http://h."),
        ((), "but it has no model to chat with yet. Fetch one: `ollama pull"),
        ((ModelInfo("embedder", "ollama", frozenset({"embedding"})),), "but it has no model to chat with yet"),
        ((ModelInfo("a:1b", "ollama"),), "offers 1 model: `a:1b`."),
        (tuple(ModelInfo(f"m{n}", "ollama") for n in range(9)), "offers 9 models: `m0`, `m1`, `m2`, `m3`, `m4` …."),
    ],
)
def test_a_server_that_answers_is_shown_with_its_models(models: tuple[ModelInfo, ...] | None, words: str) -> None:
    state = ServerState("Ollama", Health(reachable=True, host="http://h", version="0.33.0"), models)
    assert words in said("which models are there?", guide_with(state)).text


def test_without_a_manual_the_guide_still_answers(tmp_path: Path) -> None:
    for docs in (tmp_path, tmp_path / "missing"):
        guide = guide_with(DOWN, docs=docs)
        assert "not a language model" in said("What is a chat?", guide).text
        assert "### Connect a model server" in said("connect ollama", guide).text


def test_an_unreadable_page_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.md").mkdir()
    (tmp_path / "b.md").write_bytes(b"# B\n\n\xff\xfe broken bytes\n")
    assert [section.title for section in read_manual(tmp_path).sections] == ["B"]


def test_pages_are_cut_at_headings_but_not_inside_code() -> None:
    sections = cut_sections(
        "page.md", "# Top\nintro\n## One\n```\n# no heading\n```\n### Two\n[link](x.md) ![p](p.png) [web](https://w)\n## Empty\n"
    )
    assert [section.title for section in sections] == ["Top", "One", "Two"]
    assert "# no heading" in sections[1].text
    assert sections[2].text == "link  [web](https://w)"


def test_long_sections_are_cut_between_paragraphs(tmp_path: Path) -> None:
    (tmp_path / MANUAL).write_text("# M\n\n## Long\n\n" + "zebra words\n\n" * 500 + "```\ncode\n```\n")
    (section,) = read_manual(tmp_path).sections
    assert len(section.text) < 2000
    assert section.text.endswith("…")


def test_every_section_of_the_manual_is_found_by_its_title() -> None:
    manual = read_manual(ROOT / "docs")
    missed = [title for title in manual.topics() if title not in [section.title for section in manual.find(title)]]
    assert missed == []


def test_an_answer_never_shows_a_link_that_leads_nowhere() -> None:
    for section in read_manual(ROOT / "docs").sections:
        assert not re.search(r"\]\((?!https?:)[^)]*\)", section.text), section.title


async def test_the_guide_refuses_any_other_model() -> None:
    message = await answer(Guide(), ask(model="llama3"))
    assert message.failed.code is ErrorCode.MODEL_NOT_FOUND


@pytest.mark.parametrize(
    "question", ["How do I connect vLLM?", "Can I use OpenAI?", "Where does my OpenRouter API key go?", "connect LM Studio"]
)
def test_how_to_connect_other_servers_is_found_in_the_manual(question: str) -> None:
    assert "CHATCORE_OPENAI_ENDPOINTS" in said(question, guide_with(DOWN)).text
