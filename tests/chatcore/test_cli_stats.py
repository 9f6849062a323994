"""Questions and reports from the command line, on both engines."""

import csv
import io
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from chatcore import analytics, cli_subject
from chatcore.accounts import local_owner
from chatcore.analytics.ranges import Known
from chatcore.cli import main
from chatcore.cli_stats import aligned
from chatcore.cli_subject import NOTHING, Wanted, chosen_days, machine_zone
from chatcore.db import Database
from chatcore.errors import Invalid
from chatcore.history import list_chats
from chatcore.organise.folders import make_folder, move_chats
from chatcore.organise.tags import tag_chats
from chatcore.parts import Role, Viewer
from chatcore.reports.questions import QUESTIONS
from chatcore.settings import ROOT
from tests.chatcore.analytics_rows import TABLES, write_history
from tests.chatcore.called_rows import write_called
from tests.factories import make_chat, make_exchange, make_title_usage, make_viewer

NOW = datetime.now(UTC)
ZONE = "Asia/Kolkata"
KNOWN = Known((), date(2025, 6, 1), date(2026, 3, 20), date(2026, 3, 14))


def run(db: Database, *words: str) -> Result:
    url = db.url.render_as_string(hide_password=False)
    return CliRunner().invoke(main, [*words, "--database-url", url], catch_exceptions=False)


def told(failed: Result, *parts: str) -> None:
    """It failed with these words on standard error, and with a hint."""
    assert failed.exit_code == 1, failed.output
    assert len(failed.stderr.strip().splitlines()) == 2
    for part in parts:
        assert part in failed.stderr


@pytest.fixture
def owner(db: Database) -> Viewer:
    viewer = local_owner(db, now=NOW)
    # With tools and windows, so that every question has something to answer.
    write_called(db, viewer, start=NOW - timedelta(days=60), end=NOW, turns=120, seed=1)
    make_title_usage(db, viewer, at=NOW - timedelta(days=22))
    return viewer


@pytest.fixture
def days(db: Database, owner: Viewer) -> analytics.Filters:
    """The ten days that the tests ask for, so long ago that nothing changes while they run."""
    last = (NOW - timedelta(days=20)).date()
    return analytics.Filters(analytics.whole_days(last - timedelta(days=9), last, ZONE), time_zone=ZONE)


def between(filters: analytics.Filters) -> list[str]:
    last = (NOW - timedelta(days=20)).date()
    return ["--from", (last - timedelta(days=9)).isoformat(), "--to", last.isoformat(), "--zone", filters.time_zone]


def test_json_has_every_number_as_it_is(db: Database, owner: Viewer, days: analytics.Filters) -> None:
    answered = run(db, "stats", "models", *between(days), "--json")
    assert answered.exit_code == 0, answered.output
    about = json.loads(answered.stdout)
    assert list(about) == [
        "question",
        "user",
        "start",
        "end",
        "time_zone",
        "models",
        "providers",
        "tags",
        "folders",
        "role",
        "imported",
        "rows",
    ]
    assert (about["question"], about["user"], about["time_zone"]) == ("models", "local", ZONE)
    assert (datetime.fromisoformat(about["start"]), datetime.fromisoformat(about["end"])) == (days.period.start, days.period.end)
    frame = analytics.models(db, owner, days)
    assert len(frame) > 2
    for row, (_, expected) in zip(about["rows"], frame.iterrows(), strict=True):
        assert list(row) == list(frame.columns)
        assert datetime.fromisoformat(row.pop("last_used_at")) == expected["last_used_at"]
        for name, value in row.items():
            assert value == (None if pd.isna(expected[name]) else expected[name]), name


def test_days_are_days_and_the_unknown_is_null(db: Database) -> None:
    viewer = local_owner(db, now=NOW)
    make_exchange(db, viewer, make_chat(db, viewer).id, input_tokens=None, output_tokens=None, time_to_first_chunk_s=None, now=NOW)
    day = NOW.date().isoformat()
    asked = ("--from", day, "--to", day, "--zone", "UTC")
    (row,) = json.loads(run(db, "stats", "models", *asked, "--json").stdout)["rows"]
    assert (row["input_tokens"], row["median_time_to_first_chunk_s"], row["failed_share"]) == (None, None, 0.0)
    (counted,) = json.loads(run(db, "stats", "messages_per_day", *asked, "--json").stdout)["rows"]
    assert counted == {"day": day, "user_messages": 1, "assistant_messages": 1, "messages": 2}
    assert "–" in run(db, "stats", "models", *asked).stdout


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_is_answered_in_three_forms(
    db: Database, owner: Viewer, days: analytics.Filters, question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATCORE_REFERENCE_MODEL", "openai/gpt-5-mini")
    monkeypatch.setenv("CHATCORE_WATTS", "120")
    shown = run(db, "stats", question, *between(days))
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    assert lines[0].endswith("?")
    assert lines[1].endswith(ZONE)
    rows = json.loads(run(db, "stats", question, *between(days), "--json").stdout)["rows"]
    in_file = list(csv.DictReader(io.StringIO(run(db, "stats", question, *between(days), "--csv").stdout)))
    assert len(rows) == len(in_file) > 0
    assert list(in_file[0]) == list(rows[0])
    assert len([line for line in lines[3:] if line]) > len(rows)


def test_any_two_periods_are_compared(db: Database, owner: Viewer, days: analytics.Filters) -> None:
    last = (NOW - timedelta(days=20)).date()
    middle = (last - timedelta(days=4)).isoformat()
    about = json.loads(run(db, "stats", "compare_periods", *between(days), "--against", middle, "--json").stdout)
    pair = analytics.pair_of(days, analytics.read_against(middle), now=NOW)
    names = {"start": pair.after.start, "end": pair.after.end, "before_start": pair.before.start, "before_end": pair.before.end}
    assert {name: datetime.fromisoformat(about[name]) for name in names} == names
    frame = analytics.compare_periods(db, owner, replace(days, period=pair.after), other=pair.before, now=NOW)
    assert [row["verdict"] for row in about["rows"]] == frame["verdict"].to_list()
    assert about["rows"][0]["model_name"] is None
    shown = run(db, "stats", "compare_periods", *between(days), "--against", "year")
    assert shown.exit_code == 0
    assert f", before: {last.day if last.day > 9 else ''}" in shown.stdout
    assert "too little to say" in shown.stdout
    told(run(db, "stats", "compare_periods", "--against", "yesterday"), "nothing like 'yesterday' to compare with", "previous, year")
    told(run(db, "stats", "models", "--against", "year"), "models compares with no other period", "--against")


def test_models_providers_and_people_narrow_a_question(db: Database, owner: Viewer, days: analytics.Filters) -> None:
    chosen = json.loads(run(db, "stats", "models", *between(days), "--model", "qwen3:8b", "--provider", "other", "--json").stdout)
    assert [(row["provider"], row["model_name"]) for row in chosen["rows"]] == [("other", "qwen3:8b")]
    frame = analytics.models(db, owner, replace(days, models=("qwen3:8b",), providers=("other",)))
    assert chosen["rows"][0]["answers"] == frame["answers"].iloc[0]
    ada = make_viewer(db, "Ada")
    own = write_history(db, ada, start=NOW - timedelta(days=60), end=NOW, turns=9, seed=2)
    for who in (ada.user_id, "ada@example.org"):
        found = json.loads(run(db, "stats", "models", "--user", who, "--last", "90d", "--json").stdout)
        assert (found["user"], sum(row["answers"] for row in found["rows"])) == (ada.user_id, len(own.answers))


@pytest.fixture
def arranged(db: Database, owner: Viewer) -> None:
    """Every third chat has a tag, every second lies in a folder in a folder, and every fourth was imported."""
    chats = [chat.id for chat in list_chats(db, owner, limit=1000).items]
    tag_chats(db, owner, chats[::3], add=["Tea"])
    work = make_folder(db, owner, name="Work")
    move_chats(db, owner, chats[::2], folder_id=make_folder(db, owner, name="Plans", parent_id=work.id).id)
    with db.write() as tx:
        ids = tx.execute(sa.select(TABLES["chatmessage"].c.id).where(TABLES["chatmessage"].c.session_id.in_(chats[::4]))).scalars().all()
        ref = {"source": "s", "kind": "message", "user_id": owner.user_id, "imported_at": NOW}
        tx.execute(TABLES["importref"].insert(), [{**ref, "external_id": str(one), "message_id": one} for one in ids])


@pytest.mark.usefixtures("arranged")
@pytest.mark.parametrize(
    ("words", "chosen", "said"),
    [
        (["--tag", "TEA"], {"tags": ("Tea",)}, "Only chats with the tag Tea"),
        (["--folder", "work"], {"folder": "work"}, "Only chats in the folder Work"),
        (
            ["--folder", "Work/plans", "--live"],
            {"folder": "plans", "imported": False},
            "Work/Plans · Only what was written here, not imported",
        ),
        (["--role", "user", "--imported"], {"role": Role.USER, "imported": True}, "Of messages only prompts · Only what was imported"),
    ],
)
def test_tags_folders_roles_and_origin_narrow_a_question(
    db: Database, owner: Viewer, days: analytics.Filters, words: list[str], chosen: dict[str, object], said: str
) -> None:
    filters = replace(days, **chosen)  # type: ignore[arg-type]  # fields of it
    answered = json.loads(run(db, "stats", "messages_per_day", *between(days), *words, "--json").stdout)
    expected = analytics.messages_per_day(db, owner, filters)["messages"]
    assert [row["messages"] for row in answered["rows"]] == expected.to_list()
    whole = analytics.messages_per_day(db, owner, days)["messages"].sum()
    assert 0 < expected.sum() < whole
    assert (answered["tags"], answered["imported"], answered["role"]) == (list(filters.tags), filters.imported, filters.role)
    assert answered["folders"] == list(analytics.folder_paths(db, owner, filters))
    assert run(db, "stats", "messages_per_day", *between(days), *words).stdout.splitlines()[1].endswith(said)


@pytest.mark.usefixtures("arranged")
def test_a_tag_or_a_folder_that_is_not_there_is_told_with_those_that_are(db: Database) -> None:
    told(run(db, "stats", "models", "--tag", "coffee"), "no tag 'coffee'", "Tea")
    told(run(db, "stats", "models", "--folder", "home"), "no folder 'home'", "Work, Work/Plans")
    for command in ("stats", "report"):
        assert run(db, command, *(["models"] if command == "stats" else []), "--role", "system").exit_code == 2


def test_what_there_is_not_is_told_with_what_there_is(db: Database, owner: Viewer) -> None:
    told(run(db, "stats", "weather"), "no question 'weather'", "messages_per_day")
    told(run(db, "stats", "models", "--zone", "Mars/Olympus"), "no time zone 'Mars/Olympus'", "Europe/Berlin")
    told(run(db, "stats", "models", "--last", "soon"), "no period 'soon'", "7d")
    told(run(db, "stats", "models", "--user", "bob"), "no person 'bob'", "local")
    told(run(db, "stats", "models", "--model", "gpt-9"), "No model 'gpt-9'", "qwen3:8b")
    told(run(db, "stats", "models", "--provider", "acme"), "No provider 'acme'", "ollama")
    told(run(db, "stats", "models", "--week", "--last", "30d"), "two periods")
    told(run(db, "stats", "models", "--json", "--csv"), "--json and --csv")
    told(run(db, "stats", "models", "--step", "week"), "no step", "speed_over_time")
    for question in ("equivalents", "energy"):
        assert "CHATCORE_" in run(db, "stats", question).stdout
    told(run(db, "stats", "--last", "7d"), "There is no question.", "--list")
    for wrong in ("", "\x00", "\ud800", "'; DROP TABLE users; --"):
        told(run(db, "stats", "models", "--user", wrong), "no person")


def test_an_e_mail_of_two_people_is_not_one_of_them(db: Database) -> None:
    people = [make_viewer(db, "Ada") for _ in range(2)]
    told(run(db, "stats", "models", "--user", "ada@example.org"), "Several people", *(person.user_id for person in people))


def test_an_empty_database_answers_every_question(db: Database) -> None:
    for question in QUESTIONS:
        for form in ((), ("--json",), ("--csv",)):
            answered = run(db, "stats", question, "--last", "all", *form)
            assert answered.exit_code == 0, answered.output
    assert "There is nothing in this period." in run(db, "stats", "models").stdout


def test_the_questions_are_listed(db: Database) -> None:
    listed = run(db, "stats", "--list").stdout
    for name in QUESTIONS:
        assert f"\n{name} " in listed


def days_of(**given: object) -> tuple[date, date]:
    return chosen_days(replace(NOTHING, **given), KNOWN)  # type: ignore[arg-type]  # a test names any option


@pytest.mark.parametrize(
    ("given", "first", "last"),
    [
        ({}, date(2026, 2, 13), date(2026, 3, 14)),
        ({"week": True}, date(2026, 3, 8), date(2026, 3, 14)),
        ({"month": True}, date(2026, 2, 13), date(2026, 3, 14)),
        ({"last": "today"}, date(2026, 3, 14), date(2026, 3, 14)),
        ({"last": "14d"}, date(2026, 3, 1), date(2026, 3, 14)),
        ({"last": "12m"}, date(2025, 3, 15), date(2026, 3, 14)),
        ({"last": "all"}, date(2025, 6, 1), date(2026, 3, 20)),
        ({"first_day": "2026-03-01"}, date(2026, 3, 1), date(2026, 3, 14)),
        ({"first_day": "2026-04-01"}, date(2026, 4, 1), date(2026, 4, 1)),
        ({"last_day": "2026-01-30"}, date(2026, 1, 1), date(2026, 1, 30)),
    ],
)
def test_a_period_is_what_its_words_say(given: dict[str, object], first: date, last: date) -> None:
    assert days_of(**given) == (first, last)


@pytest.mark.parametrize(
    "given",
    [
        {"last": "0d"}, {"last": "99999d"}, {"last": "٣d"}, {"last": ""}, {"last": "custom"}, {"first_day": "yesterday"}, {"last_day": ""},
        {"first_day": "2026-03-02", "last_day": "2026-03-01"}, {"first_day": "1969-01-01"}, {"week": True, "last_day": "2026-03-01"},
    ],
)  # fmt: skip
def test_a_period_that_is_none_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(Invalid) as refused:
        days_of(**given)
    assert refused.value.hint


@contextmanager
def machine_in(zone: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_days_are_those_of_the_machine_unless_a_zone_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with machine_in("America/New_York", monkeypatch):
        assert machine_zone() == "America/New_York"
    with machine_in("XYZ3", monkeypatch):
        assert machine_zone() == "UTC"
    monkeypatch.delenv("TZ", raising=False)
    link = tmp_path / "localtime"
    link.symlink_to("/usr/share/zoneinfo/Europe/Berlin")
    monkeypatch.setattr(cli_subject, "LOCALTIME", link)
    assert machine_zone() == "Europe/Berlin"
    monkeypatch.setattr(cli_subject, "LOCALTIME", tmp_path / "none")
    assert machine_zone() == "UTC"


def test_a_table_has_broken_heads_and_no_name_that_steers_a_terminal() -> None:
    printed = aligned(("Model", "Whole answer, s, 99 of 100"), [("a\x1b[2J", "1.00")], right=[1])
    assert printed == "            Whole\n       answer, s,\nModel   99 of 100\na\ufffd[2J        1.00"


def test_the_columns_are_documented(db: Database, owner: Viewer) -> None:
    documented = (ROOT / "docs" / "cli.md").read_text()
    for question in QUESTIONS:
        header = run(db, "stats", question, "--csv").stdout.partition("\n")[0].split(",")
        (line,) = (line for line in documented.splitlines() if line.startswith(f"| `{question}` | `"))
        named = re.findall(r"`([a-z0-9_]+)`", line.split("|")[2])
        names = [name for name in header if question != "speed" or not re.search(r"_p\d+$|^answers_with", name)]
        assert set(names) <= set(named), f"docs/cli.md does not name {set(names) - set(named)}"


# --- report ------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_report_is_a_file_called_by_its_days(db: Database, owner: Viewer, folder: Path) -> None:
    made = run(db, "report", "--week", "--zone", "UTC")
    assert made.exit_code == 0, made.output
    (path,) = [found for found in folder.iterdir() if found.suffix == ".html"]
    assert path.name in made.stdout
    last = date.fromisoformat(path.stem.rpartition("_")[2])
    assert path.stem == f"chatcore-report_{last - timedelta(days=6)}_{last}"
    page = ElementTree.fromstring(path.read_text().removeprefix("<!DOCTYPE html>"))
    assert "Busy hours" in ["".join(head.itertext()) for head in page.iter("h2")]


def test_no_file_is_written_over_without_being_told_so(db: Database, owner: Viewer, folder: Path) -> None:
    kept = folder / "mine.html"
    kept.write_text("mine")
    told(run(db, "report", "--out", "mine.html"), "mine.html is there already", "--force")
    assert kept.read_text() == "mine"
    assert run(db, "report", "--out", "mine.html", "--force").exit_code == 0
    assert kept.read_text().startswith("<!DOCTYPE html>")


def test_where_no_file_can_be_is_told(db: Database, owner: Viewer, folder: Path) -> None:
    told(run(db, "report", "--out", str(folder / "none" / "report.html")), "cannot be written", "--out")
    told(run(db, "report", "--out", str(folder), "--force"), "cannot be written", "--out")


def test_a_report_goes_to_standard_output(db: Database, owner: Viewer, folder: Path) -> None:
    before = sorted(os.listdir(folder))
    shown = run(db, "report", "--last", "all", "--out", "-")
    assert shown.stdout.startswith("<!DOCTYPE html>")
    assert "Changes are against" not in shown.stdout
    assert sorted(os.listdir(folder)) == before


def test_a_report_of_an_empty_period_is_written_and_says_so(db: Database, folder: Path) -> None:
    assert "Nothing to count" in run(db, "report", "--from", "2026-01-01", "--to", "2026-01-31", "--out", "-").stdout


def test_the_options_without_a_value_are_no_wish() -> None:
    assert Wanted(None, False, False, None, None, None, (), (), None) == NOTHING


def test_the_owner_may_ask_for_everybody_and_nobody_else(db: Database, owner: Viewer, days: analytics.Filters) -> None:
    bob = make_viewer(db)
    write_history(db, bob, start=days.period.start, end=days.period.end, turns=5)
    alone = json.loads(run(db, "stats", "people", *between(days), "--json").stdout)["rows"]
    everybody = json.loads(run(db, "stats", "people", *between(days), "--everybody", "--json").stdout)["rows"]
    assert {row["user_id"] for row in alone} == {owner.user_id}
    assert {row["user_id"] for row in everybody} == {owner.user_id, bob.user_id}
    refused = run(db, "stats", "people", *between(days), "--everybody", "--user", bob.user_id)
    assert refused.exit_code == 1
    assert "Only the owner" in refused.output
