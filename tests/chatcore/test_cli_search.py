"""Searching from the command line, on both engines."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chatcore.accounts import local_owner
from chatcore.cli import main
from chatcore.cli_search import MachineZone, printed, with_marks
from chatcore.db import Database
from chatcore.parts import Role
from chatcore.search.query import read_query
from chatcore.search.results import Hit
from chatcore.texts import harmless
from tests.factories import NOW, make_chat, make_exchange, make_message, make_viewer


def run(db: Database, *words: str) -> Result:
    url = db.url.render_as_string(hide_password=False)
    return CliRunner().invoke(main, ["search", *words, "--database-url", url], catch_exceptions=False)


def test_a_hit_is_printed_with_its_time_chat_text_and_address(db: Database) -> None:
    viewer = local_owner(db, now=NOW)
    chat = make_chat(db, viewer, title="Two tides a day")
    asked, answer = make_exchange(db, viewer, chat.id, prompt="Why the moon?", answer="The moon pulls.")
    found = run(db, "moon")
    assert found.exit_code == 0
    when = f"{NOW.astimezone():%Y-%m-%d %H:%M}"
    assert found.stdout == (
        f"{when}  Two tides a day  llama3.2:3b\n  The moon pulls.\n  /?c={chat.id}&m={answer.id}\n\n"
        f"{when}  Two tides a day  user\n  Why the moon?\n  /?c={chat.id}&m={asked.id}\n\n"
    )
    assert found.stderr == ""


def test_the_best_match_comes_first_when_it_is_asked_for(db: Database) -> None:
    viewer = local_owner(db, now=NOW)
    chat = make_chat(db, viewer)
    make_message(db, viewer, chat.id, "moon moon moon")
    make_message(db, viewer, chat.id, "the moon among many other words", now=NOW + timedelta(minutes=1))
    assert json.loads(run(db, "moon", "--json").stdout)["hits"][0]["snippet"] == "the moon among many other words"
    assert json.loads(run(db, "moon", "--json", "--best").stdout)["hits"][0]["snippet"] == "moon moon moon"


def test_json_is_what_rest_answers(db: Database) -> None:
    viewer = local_owner(db, now=NOW)
    message = make_message(db, viewer, make_chat(db, viewer, title="漢字").id, "the moon")
    found = json.loads(run(db, "moon after:never", "--json").stdout)
    assert set(found) == {"hits", "notices", "indexed"}
    assert len(found["notices"]) == 1
    assert (found["hits"][0]["message_id"], found["hits"][0]["chat_title"], found["hits"][0]["marks"]) == (message.id, "漢字", [[4, 8]])


def test_what_there_is_to_say_goes_to_standard_error(db: Database) -> None:
    viewer = local_owner(db, now=NOW)
    chat = make_chat(db, viewer)
    for _ in range(3):
        make_message(db, viewer, chat.id, "moon")
    assert "No message matches." in run(db, "sun").stderr
    assert "color:" in run(db, "moon color:red").stderr
    limited = run(db, "moon", "--limit", "2")
    assert limited.stdout.count("/?c=") == 2
    assert "--limit" in limited.stderr
    assert run(db, "moon", "--limit", "3").stderr == ""


def test_only_what_the_local_owner_has_is_found(db: Database) -> None:
    ada = make_viewer(db, "Ada")
    make_message(db, ada, make_chat(db, ada).id, "the moon")
    assert run(db, "moon").stdout == ""


def test_no_text_is_refused(db: Database) -> None:
    viewer = local_owner(db, now=NOW)
    make_message(db, viewer, make_chat(db, viewer).id, "the moon")
    for text in ("", '"', "OR", "*", "' OR 1=1 --", "after:0001-01-01", "before:9999-12-31", "after:1", "\ud800"):
        assert run(db, text).exit_code == 0, text


def test_who_only_looks_makes_no_file(tmp_path: Path) -> None:
    failed = CliRunner().invoke(main, ["search", "moon", "--database-url", f"sqlite:///{tmp_path / 'none.db'}"])
    assert failed.exit_code == 1
    assert "There is no database" in failed.stderr
    assert list(tmp_path.iterdir()) == []


HIT = Hit(
    message_id=7,
    chat_id=uuid.UUID(int=7),
    chat_title="Tides \x1b[2J",
    role=Role.ASSISTANT,
    created_at=NOW,
    provider="guide",
    model_name="guide",
    snippet="the \x1b]0;x\x07 moon",
    marks=((11, 15),),
    archived=True,
)


def test_a_terminal_sees_what_matches_in_bold_and_nothing_that_steers_it() -> None:
    lines = printed(HIT, bold=True).split("\n")
    assert lines[0].endswith("Tides \ufffd[2J  Built-in guide  archived")
    assert lines[1] == "  the \ufffd]0;x\ufffd \x1b[1mmoon\x1b[0m"
    assert "\x1b" not in printed(HIT, bold=False)


def test_marks_count_characters() -> None:
    assert with_marks("😀 moon, moon", [(2, 6), (8, 12)]) == "😀 \x1b[1mmoon\x1b[0m, \x1b[1mmoon\x1b[0m"
    assert harmless("😀\ud800漢\u202e") == "😀\ufffd漢\u202e"


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_days_begin_where_the_machine_is_also_in_summer(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    import time
    from zoneinfo import ZoneInfo

    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        for month in (1, 7):
            day = datetime(2026, month, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
            assert read_query(f"after:2026-{month:02}", now=NOW, zone=MachineZone()).after == day
            assert day.astimezone(MachineZone()).isoformat()[:16] == f"2026-{month:02}-01T00:00"
        late = datetime(2026, 7, 1, 23, 30, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        assert late.astimezone(MachineZone()).date().isoformat() == "2026-07-01"
    finally:
        monkeypatch.undo()
        time.tzset()
