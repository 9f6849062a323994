"""The sentences for people: every code has them, they fit, and the documentation shows them."""

import pytest

from chatcore.errors import ProviderError
from chatcore.parts import ErrorCode
from chatcore.providers.base import (
    MESSAGE_LIMIT,
    RETRYABLE,
    PullProgress,
    Situation,
    failed,
    failure,
    is_html,
    next_step,
    plain,
    raised,
    sentence,
)
from chatcore.providers.guide import COMMANDS
from chatcore.settings import ROOT

EXAMPLE = Situation("Ollama", host="http://127.0.0.1:11434", model="qwen3:8b", text="its own words", feature="use tools", limit_s=300)


@pytest.mark.parametrize("code", list(ErrorCode))
def test_the_documentation_shows_every_code_with_its_sentences(code: ErrorCode) -> None:
    rows = [line.split(" | ") for line in (ROOT / "docs" / "providers.md").read_text().splitlines() if line.startswith(f"| `{code}` |")]
    assert len(rows) == 1
    _, _, retry, message, hint = rows[0]
    assert retry == ("yes" if code in RETRYABLE else "no")
    assert message == sentence(code, EXAMPLE)
    assert hint.removesuffix(" |") == next_step(code, EXAMPLE)


def test_the_documentation_shows_every_command_of_the_guide() -> None:
    page = (ROOT / "docs" / "providers.md").read_text()
    assert [command.usage for command in COMMANDS if f"| `{command.usage}` |" not in page] == []


@pytest.mark.parametrize("code", list(ErrorCode))
def test_a_sentence_is_whole_also_where_little_is_known(code: ErrorCode) -> None:
    for at in (Situation("Ollama", host="http://h", model="m"), EXAMPLE):
        event = failure(code, at)
        for text in (event.message, event.hint):
            assert text[0].isupper() or text.startswith(("http", "m ", "qwen3"))
            assert text.endswith((".", "?"))
            assert "None" not in text
            assert "  " not in text


def test_a_message_is_cut_to_its_limit() -> None:
    event = failed(ErrorCode.SERVER_ERROR, "x" * 1000)
    assert len(event.message) == MESSAGE_LIMIT
    assert event.retryable


def test_a_failure_is_raised_with_its_words() -> None:
    error = raised(failure(ErrorCode.BUSY, EXAMPLE))
    assert isinstance(error, ProviderError)
    assert (error.code, error.message, error.retryable) == (ErrorCode.BUSY, "The server is busy.", True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<html><head><title> 502 Bad\nGateway </title></head><body>x</body></html>", "502 Bad Gateway"),
        ("<!DOCTYPE html><h1>Sign in</h1>", "Sign in"),
        ("<html></html>", ""),
        ("a < b and c > d", "a < b and c > d"),
        ("<script>alert(1)</script>", "alert(1)"),
        ("&lt;b&gt; &amp;", "<b> &"),
        ("two\n  lines\0", "two lines\ufffd"),
    ],
)
def test_words_of_a_server_become_one_plain_line(text: str, words: str) -> None:
    assert plain(text) == words


def test_a_page_is_told_from_a_text() -> None:
    assert is_html("  <!doctype HTML>")
    assert is_html("<html lang=en>")
    assert not is_html('{"error":"<html>"}')


@pytest.mark.parametrize(
    ("completed", "total", "fraction"), [(None, None, None), (0, 10, 0.0), (None, 10, 0.0), (5, 10, 0.5), (11, 10, 1.0), (3, 0, None)]
)
def test_the_fraction_of_a_download_stays_between_0_and_1(completed: int | None, total: int | None, fraction: float | None) -> None:
    assert PullProgress("pulling", completed_bytes=completed, total_bytes=total).fraction == fraction
