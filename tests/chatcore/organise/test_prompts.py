"""The prompt library: what is kept, and what is sent for /name."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.db import Database
from chatcore.errors import Invalid, NotFound
from chatcore.organise import prompts
from chatcore.organise.prompts import (
    RESERVED,
    change_prompt,
    command_in,
    delete_prompt,
    expand,
    filled_in,
    list_prompts,
    save_prompt,
    variables,
)
from chatcore.parts import Viewer
from chatcore.providers.guide import COMMANDS
from tests.conftest import NOW
from tests.factories import make_viewer


@pytest.fixture
def viewer(db: Database) -> Viewer:
    return make_viewer(db)


def sent(db: Database, viewer: Viewer, typed: str, **values: str) -> str:
    command = command_in(db, viewer, typed)
    assert command is not None
    return filled_in(command, values, now=NOW)


def test_prompts_are_kept_by_name(db: Database, viewer: Viewer) -> None:
    save_prompt(db, viewer, name=" /Translate ", text="Translate into {{language}}:\n{{input}}", now=NOW)
    save_prompt(db, viewer, name="brief", text="Be brief.", now=NOW)
    assert [(prompt.name, prompt.variables) for prompt in list_prompts(db, viewer)] == [
        ("brief", ()), ("translate", ("language", "input")),
    ]  # fmt: skip


def test_names_that_cannot_be_typed_or_are_taken_are_refused(db: Database, viewer: Viewer) -> None:
    other = save_prompt(db, viewer, name="other", text="x", now=NOW)
    save_prompt(db, viewer, name="brief", text="x", now=NOW)
    for name in ("", "/", "two words", "Ümlaut", "x" * 41, "-x", "BRIEF", *RESERVED):
        with pytest.raises(Invalid):
            save_prompt(db, viewer, name=name, text="x", now=NOW)
        with pytest.raises(Invalid):
            change_prompt(db, viewer, other.id, name=name, text="changed")
    for text in (" ", "x" * 20_001):
        with pytest.raises(Invalid):
            save_prompt(db, viewer, name="new", text=text, now=NOW)
    assert [(prompt.name, prompt.text) for prompt in list_prompts(db, viewer)] == [("brief", "x"), ("other", "x")]


def test_a_prompt_is_changed_and_forgotten(db: Database, viewer: Viewer) -> None:
    made = save_prompt(db, viewer, name="brief", text="Be brief.", now=NOW)
    assert change_prompt(db, viewer, made.id, text="Be very brief.").text == "Be very brief."
    assert change_prompt(db, viewer, made.id, name="short").text == "Be very brief."
    delete_prompt(db, viewer, made.id)
    assert list_prompts(db, viewer) == ()
    with pytest.raises(NotFound):
        change_prompt(db, viewer, made.id, text="x")


def test_their_number_is_limited(db: Database, viewer: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "MOST_PROMPTS", 1)
    save_prompt(db, viewer, name="one", text="x", now=NOW)
    with pytest.raises(Invalid, match="already"):
        save_prompt(db, viewer, name="two", text="x", now=NOW)


def test_what_stands_behind_the_name_goes_where_it_belongs(db: Database, viewer: Viewer) -> None:
    save_prompt(db, viewer, name="sum", text="Summarize: {{input}} (briefly)", now=NOW)
    save_prompt(db, viewer, name="mail", text="Write to {{who}}.", now=NOW)
    save_prompt(db, viewer, name="plain", text="Explain this.", now=NOW)
    save_prompt(db, viewer, name="both", text="From {{a}} to {{b}}.", now=NOW)
    assert sent(db, viewer, "/sum two\nlines") == "Summarize: two\nlines (briefly)"
    assert sent(db, viewer, " /MAIL the bank ") == "Write to the bank."
    assert sent(db, viewer, "/plain") == "Explain this."
    assert sent(db, viewer, "/plain x = 1") == "Explain this.\n\nx = 1"
    assert sent(db, viewer, "/both quickly", a="Rome", b="Oslo") == "From Rome to Oslo.\n\nquickly"


def test_what_is_missing_is_named(db: Database, viewer: Viewer) -> None:
    save_prompt(db, viewer, name="translate", text="Into {{Language}} on {{date}}: {{input}}", now=NOW)
    found = [command_in(db, viewer, typed) for typed in ("/translate", "/translate hello")]
    assert [command.missing for command in found if command] == [("language", "input"), ("language",)]


@pytest.mark.parametrize("typed", ["/unknown x", "/", "//", "/ brief", "say /brief", "", "/stream 20 5", "/briefly", "brief"])
def test_anything_else_is_sent_as_it_is(db: Database, viewer: Viewer, typed: str) -> None:
    save_prompt(db, viewer, name="brief", text="Be brief.", now=NOW)
    assert command_in(db, viewer, typed) is None


def test_the_commands_of_the_guide_cannot_be_taken() -> None:
    assert set(RESERVED) == {command.usage.split()[0].removeprefix("/") for command in COMMANDS}


def test_date_and_time_are_those_of_the_reader() -> None:
    late = datetime(2026, 3, 14, 23, 30, tzinfo=UTC).astimezone(timezone(timedelta(hours=1)))
    assert expand("{{ date }} {{TIME}}", {}, now=late) == "2026-03-15 00:30"
    assert variables("{{date}} {{time}} {{a}} {{ A }} {{b-c}} {{1x}} {{}} {{a b}}") == ("a", "b-c")


def test_what_is_put_in_is_not_looked_through_again() -> None:
    assert expand("{{a}} {{b}}", {"a": "{{b}} \\1", "b": "x"}, now=NOW) == "{{b}} \\1 x"
    assert expand("{{a}} {{unknown}}", {"a": "1"}, now=NOW) == "1 {{unknown}}"


@given(st.text(max_size=200), st.text(max_size=20))
def test_a_text_without_variables_is_sent_unchanged(text: str, value: str) -> None:
    plain = text.replace("{", "")
    assert expand(plain, {"input": value}, now=NOW) == plain
