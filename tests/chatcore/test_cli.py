"""The command line, as its own process where the process matters, else through click."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from chatcore import __version__
from chatcore.accounts import local_owner
from chatcore.cli import Progress, main, server_section
from chatcore.cli_stats import aligned
from chatcore.db import Database
from chatcore.history import list_chats
from chatcore.settings import ROOT
from tests.answers import until
from tests.factories import NOW, make_chat, make_exchange, make_viewer

CLOSED_PORT = "http://127.0.0.1:9"


def run(*words: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, list(words), env=env, catch_exceptions=False)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def url_of(db: Database) -> str:
    return db.url.render_as_string(hide_password=False)


def test_help_names_every_command() -> None:
    helped = run("--help")
    assert helped.exit_code == 0
    for command in ("serve", "migrate", "import", "imports", "export", "demo", "search", "stats", "report", "prices", "doctor"):
        assert f"  {command} " in helped.output
    assert __version__ in run("--version").output


def test_help_imports_nothing_heavy() -> None:
    """So that it, and every mistake, is answered at once."""
    code = "import sys, chatcore.cli; print([name for name in ('sqlalchemy', 'pandas', 'streamlit', 'ollama') if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("command", [["migrate"], ["demo"], ["stats"], ["prices"], ["doctor"], ["serve"]])
def test_a_wrong_url_is_a_sentence_a_hint_and_status_1(command: list[str]) -> None:
    failed = run(*command, "--database-url", "mysql://x")
    assert failed.exit_code == 1
    assert "--database-url is not one chatcore can use" in failed.stderr
    assert "sqlite:///path" in failed.stderr
    assert "Traceback" not in failed.output


def test_a_database_that_does_not_answer_is_named() -> None:
    failed = run("migrate", "--database-url", "postgresql://me:secret@127.0.0.1:9/nothing")
    assert failed.exit_code == 1
    assert "does not answer" in failed.stderr
    assert "secret" not in failed.stderr


@pytest.mark.parametrize("command", ["stats", "report", "prices", "doctor", "imports", "export"])
def test_who_only_looks_makes_no_file(command: str, tmp_path: Path) -> None:
    failed = run(command, "--database-url", f"sqlite:///{tmp_path / 'none.db'}")
    assert failed.exit_code == 1
    assert "There is no database" in failed.stderr
    assert list(tmp_path.iterdir()) == []


def test_migrate_makes_the_newest_schema(empty_database_url: str) -> None:
    url = empty_database_url
    assert "newest schema" in run("migrate", "--database-url", url).output
    again = run("migrate", env={"DATABASE_URL": url})
    assert again.exit_code == 0
    assert run("stats", "--database-url", url, "--json").exit_code == 0


def test_demo_fills_an_empty_database_and_only_that(empty_database_url: str) -> None:
    url = empty_database_url
    made = run("demo", "--messages", "120", "--users", "2", "--database-url", url)
    assert made.exit_code == 0
    assert "120 messages" in made.output
    again = run("demo", "--messages", "10", "--database-url", url)
    assert again.exit_code == 1
    assert "--force" in again.stderr
    assert run("demo", "--messages", "10", "--force", "--database-url", url).exit_code == 0
    assert json.loads(run("stats", "--json", "--database-url", url).output)["messages"] == 130
    examined = run("doctor", "--database-url", url)
    assert examined.exit_code == 0, examined.output


def test_stats_count_everybody(db: Database) -> None:
    for name in ("Ada", "Bob"):
        viewer = make_viewer(db, name)
        make_exchange(db, viewer, make_chat(db, viewer).id)
    counted = json.loads(run("stats", "--json", "--database-url", url_of(db)).output)
    assert (counted["people"], counted["chats"], counted["messages"]) == (2, 2, 4)
    assert counted["models"] == [
        {"provider": "ollama", "model": "llama3.2:3b", "answers": 2, "failed": 0, "input_tokens": 40, "output_tokens": 80}
    ]
    shown = run("stats", "--database-url", url_of(db)).output
    assert "llama3.2:3b" in shown
    assert "80" in shown


def test_stats_say_unknown_where_nobody_counted(db: Database) -> None:
    viewer = make_viewer(db)
    make_exchange(db, viewer, make_chat(db, viewer).id, input_tokens=None, output_tokens=None)
    assert "unknown" in run("stats", "--database-url", url_of(db)).output


def test_prices_tell_what_has_no_cost_and_write_it_only_when_asked(db: Database) -> None:
    viewer = make_viewer(db)
    made = make_chat(db, viewer)
    assert run("prices", "--database-url", url_of(db)).output == "Every answer of a hosted model has its cost.\n"
    for model in ("o3", "tomorrow"):
        make_exchange(db, viewer, made.id, provider="openai", model_name=model, input_tokens=1_000_000, output_tokens=100_000)
    for _ in range(2):
        looked = run("prices", "--database-url", url_of(db)).stdout
        assert [line.split() for line in looked.splitlines()[2:4]] == [
            ["openai", "o3", "1", "1", "2.8000"],
            ["openai", "tomorrow", "1", "0", "-"],
        ]
        assert "1 answers have a price" in looked
        assert "python -m chatcore prices --fill" in looked
    filled = run("prices", "--fill", "--database-url", url_of(db)).stdout
    assert "Priced 1 answers by genai-prices" in filled
    assert "1 answers have none there" in filled
    assert "o3" not in run("prices", "--database-url", url_of(db)).stdout


def test_doctor_finds_and_repairs_a_wrong_counter(db: Database) -> None:
    import sqlalchemy as sa

    viewer = make_viewer(db)
    make_chat(db, viewer, messages=4)
    with db.write() as tx:
        tx.execute(sa.text("UPDATE chatsession SET message_count = 7"))
    found = run("doctor", "--database-url", url_of(db))
    assert found.exit_code == 1
    assert "counters" in found.output
    repaired = run("doctor", "--repair", "--database-url", url_of(db))
    assert repaired.exit_code == 0, repaired.output


def test_import_takes_an_older_database_over_once(db: Database, tmp_path: Path) -> None:
    import sqlite3

    older = sqlite3.connect(tmp_path / "older.db")
    older.executescript("""
        CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, email TEXT);
        CREATE TABLE conversations (id INTEGER PRIMARY KEY, user_id INTEGER, title TEXT, created_at TEXT, updated_at TEXT);
        CREATE TABLE messages (id INTEGER PRIMARY KEY, user_id INTEGER, conversation_id INTEGER, role TEXT, content TEXT,
                               tool_calls TEXT, created_at TEXT);
        INSERT INTO users VALUES (1, 'Ada', 'ada@example.org');
        INSERT INTO conversations VALUES (1, 1, 'Tides', '2024-01-01 10:00:00', '2024-01-01 10:00:05');
        INSERT INTO messages VALUES (1, 1, 1, 'user', 'Why?', NULL, '2024-01-01 10:00:00'),
                                    (2, 1, 1, 'robot', 'What?', NULL, '2024-01-01 10:00:05');
    """)
    older.commit()
    older.close()
    taken = run("import", "--from", str(tmp_path / "older.db"), "--database-url", url_of(db))
    assert taken.exit_code == 0, taken.output
    assert "Not taken over:" in taken.output
    assert "message 2" in taken.output
    again = run("import", "--from", str(tmp_path / "older.db"), "--database-url", url_of(db))
    assert "Messages  0 taken over, 1 were here already" in again.output
    assert [chat.title for chat in list_chats(db, local_owner(db, now=NOW)).items] == ["Tides"]


def test_import_from_nowhere_is_refused(db: Database, tmp_path: Path) -> None:
    failed = run("import", "--from", f"sqlite:///{tmp_path / 'none.db'}", "--database-url", url_of(db))
    assert failed.exit_code == 1
    assert failed.stderr


def test_a_port_in_use_is_said_before_anything_starts() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        failed = run("serve", "--host", "127.0.0.1", "--port", str(taken.getsockname()[1]))
    assert failed.exit_code == 1
    assert "is in use" in failed.stderr
    assert "--port" in failed.stderr


def test_an_address_of_another_machine_is_refused() -> None:
    assert "not an address" in run("serve", "--host", "192.0.2.1").stderr
    assert "not an address" in run("serve", "--host", "no such host").stderr


def test_the_configuration_listens_on_this_machine_only() -> None:
    assert server_section()["address"] == "localhost"


def test_tables_are_aligned() -> None:
    assert aligned(("a", "model", "n"), [("x", "parrot", "1,000")]) == "a  model       n\nx  parrot  1,000"


def test_progress_is_silent_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    show = Progress("Messages")
    show(1, 2)
    show.end()
    assert capsys.readouterr().err == ""


# --- the server as a process -------------------------------------------------------------------------------------


LAUNCHERS = {
    "serve": [sys.executable, "-m", "chatcore", "serve", "--port"],
    "streamlit": [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), "--server.port"],
    "uvicorn": [sys.executable, "-m", "uvicorn", "--app-dir", str(ROOT), "app:app", "--port"],
}


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_start_that_fails_says_why_and_ends(launcher: str, tmp_path: Path) -> None:
    env = {**os.environ, "DATABASE_URL": "postgresql://me:secret@127.0.0.1:9/nothing", "OLLAMA_HOST": CLOSED_PORT}
    failed = subprocess.run([*LAUNCHERS[launcher], str(free_port())], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    assert failed.returncode == 1
    assert "chatcore cannot start." in failed.stderr
    assert "does not answer" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert "secret" not in failed.stderr


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_every_launcher_serves_pages_and_routes_and_ends_in_order(launcher: str, tmp_path: Path) -> None:
    port = free_port()
    env = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'chatcore.db'}", "OLLAMA_HOST": CLOSED_PORT}
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen([*LAUNCHERS[launcher], str(port)], cwd=ROOT, env=env, stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False) as client:
            until(lambda: answers(client), limit_s=60)
            assert "<html" in client.get("/analytics").text
            sent = client.post("/api/v1/chat/sessions", json={"text": "/stream 2000 20", "provider": "guide", "model": "guide"})
            answer = f"/api/v1/messages/{sent.json()['answer_id']}"
            with client.stream("GET", f"{answer}/events") as stream:
                lines = stream.iter_lines()
                next(lines)
                # An open event stream does not hold up the end.
                process.send_signal(signal.SIGTERM)
                process.wait(20)
    finally:
        process.kill()
        process.wait(20)
    log_text = (tmp_path / "log").read_text()
    assert "Traceback" not in log_text, log_text
    counted = json.loads(run("stats", "--json", "--database-url", env["DATABASE_URL"]).output)
    assert counted["messages"] == 2
    assert not [name for name in tmp_path.iterdir() if name.name.endswith("-wal")], "the database was not closed"


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False
