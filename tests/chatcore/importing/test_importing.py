"""What is in a file comes here once, whole, and only what is new comes again."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from chatcore import history, importing
from chatcore.accounts import local_owner
from chatcore.analytics import Filters, models
from chatcore.db import Database, open_database
from chatcore.doctor import Level, examine
from chatcore.errors import Conflict, Invalid, NotFound
from chatcore.formats.base import Conversation, Enclosed, Message
from chatcore.importing import Options, Outcome, Report, import_file, list_imports, preview, undo_import
from chatcore.importing.runs import begin_run
from chatcore.importing.writing import Slice, Target
from chatcore.importing_shapes import chat_shape
from chatcore.organise.folders import make_folder
from chatcore.organise.tags import tags_of
from chatcore.parts import Period, Role, State, Viewer
from chatcore.search import count_hits, search
from chatcore.search.check import compare_all
from chatcore.thread import open_thread
from tests.chatcore.formats import samples
from tests.chatcore.formats.samples import SAMPLES
from tests.factories import NOW, make_chat, make_viewer

ROOT = Path(__file__).resolve().parents[3]
# Everything that an import writes.
TABLES = ("chatsession", "chatmessage", "generation", "attachment", "feedback", "tag", "chattag", "importref")


@pytest.fixture
def ada(db: Database) -> Viewer:
    return make_viewer(db, "Ada")


def contents(db: Database) -> dict[str, list[tuple[object, ...]]]:
    """Every row of everything that an import writes."""
    with db.read() as tx:
        return {name: sorted((tuple(map(str, row)) for row in tx.execute(sa.text(f"SELECT * FROM {name}"))), key=str) for name in TABLES}


def counts(db: Database) -> dict[str, int]:
    return {name: len(rows) for name, rows in contents(db).items() if rows and name not in ("tag", "importref")}


def run(db: Database, viewer: Viewer, path: Path, options: Options | None = None) -> Report:
    return import_file(db, viewer, path, now=NOW, options=options)


def write(folder: Path, chats: list[dict[str, object]], name: str = "export.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(chats))
    return path


def refuse_no(db: Database) -> None:
    """A law of the database that refuses a message that is just “no”."""
    with db.write() as tx:
        if db.is_sqlite:
            tx.execute(sa.text("CREATE TRIGGER law BEFORE INSERT ON chatmessage WHEN new.content = 'no' "
                               r"BEGIN SELECT RAISE(ABORT, 'not this'); END"))  # fmt: skip
        else:
            tx.execute(sa.text("ALTER TABLE chatmessage ADD CONSTRAINT law CHECK (content <> 'no')"))


def line(chat_id: str, texts: list[str], **more: object) -> dict[str, object]:
    """A chat of ChatGPT without branches: a prompt, an answer, and so on."""
    nodes = [
        samples.node(f"{chat_id}-{place}", f"{chat_id}-{place - 1}" if place else None, "assistant" if place % 2 else "user", text)
        for place, text in enumerate(texts)
    ]
    return samples.chatgpt_chat(chat_id, nodes, f"{chat_id}-{len(texts) - 1}", **more)


def sound(db: Database) -> bool:
    """Whether the doctor finds nothing wrong."""
    return not [finding for finding in examine(db) if finding.level is Level.PROBLEM]


# --- over all formats --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_second_import_changes_nothing(db: Database, ada: Viewer, sample: str, tmp_path: Path) -> None:
    path = SAMPLES[sample][1](tmp_path)
    first = run(db, ada, path)
    before = contents(db)
    assert first.chats[Outcome.IMPORTED] == counts(db)["chatsession"]
    assert first.messages["imported"] == counts(db)["chatmessage"]
    second = run(db, ada, path)
    assert contents(db) == before
    assert second.chats.get(Outcome.UNCHANGED) == first.chats[Outcome.IMPORTED]
    assert (second.chats.get(Outcome.IMPORTED), second.chats.get(Outcome.UPDATED)) == (None, None)
    assert second.reasons == first.reasons
    assert sound(db)


@pytest.mark.parametrize("sample", SAMPLES)
def test_an_import_that_is_undone_leaves_nothing(db: Database, ada: Viewer, sample: str, tmp_path: Path) -> None:
    make_chat(db, ada, messages=2)
    before = contents(db)
    path = SAMPLES[sample][1](tmp_path)
    report = run(db, ada, path)
    undone = undo_import(db, ada, report.run_id, now=NOW)
    assert (undone.chats, undone.messages, undone.kept_chats) == (report.chats[Outcome.IMPORTED], report.messages["imported"], 0)
    assert contents(db) | {"tag": []} == before
    assert sound(db)
    assert run(db, ada, path).chats[Outcome.IMPORTED] == report.chats[Outcome.IMPORTED]


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_preview_says_what_an_import_then_does(db: Database, ada: Viewer, sample: str, tmp_path: Path) -> None:
    path = SAMPLES[sample][1](tmp_path)
    before = contents(db)
    told = preview(db, ada, path)
    assert contents(db) == before
    assert told.format == SAMPLES[sample][0]
    report = run(db, ada, path)
    assert told.new_chats == told.chats == report.chats[Outcome.IMPORTED]
    assert (told.messages, told.files, told.reasons) == (report.messages["imported"], report.files, report.reasons)
    with db.read() as tx:
        assert sum(told.models.values()) == tx.execute(sa.text("SELECT count(*) FROM chatmessage WHERE role = 'assistant'")).scalar()
    assert preview(db, ada, path).new_chats == 0


# --- what comes --------------------------------------------------------------------------------------------------


def test_a_chat_comes_with_its_branches_models_times_and_files(db: Database, ada: Viewer, tmp_path: Path) -> None:
    report = run(db, ada, samples.chatgpt(tmp_path))
    (tides, *_) = [chat for chat in report.imported if chat.messages == 5]
    thread = open_thread(db, ada, tides.chat_id)
    assert [message.content for message in thread.messages] == [
        "Why two tides? ", "Because of **gravity**.", "*[picture, not in the export]*\n\nAnd this?", "A shell."
    ]  # fmt: skip
    answer = thread.messages[1]
    assert (answer.provider, answer.model_name, answer.reasoning) == ("openai", "gpt-5", "The moon pulls.")
    assert json.loads(answer.tool_calls or "")[0]["result"] == "2"
    assert (thread.chat.title, thread.chat.pinned, thread.chat.message_count) == ("Tides", True, 5)
    assert thread.chat.last_snippet == "A stone."
    assert report.files == 1
    with db.read() as tx:
        kept = "SELECT a.name, a.media_type, c.content FROM attachment a JOIN attachment_content c USING (user_id, sha256)"
        assert tx.execute(sa.text(kept)).one() == (
            "file-abc123-shell.png", "image/png", samples.PIXEL
        )  # fmt: skip


def test_speed_and_tokens_count_in_the_analytics_as_imported(db: Database, ada: Viewer, tmp_path: Path) -> None:
    run(db, ada, samples.openwebui(tmp_path))
    when = Period(NOW.replace(year=2025, month=1), NOW)
    frame = models(db, ada, Filters(when, imported=True)).set_index("model_name")
    assert (frame.loc["qwen3:4b", "input_tokens"], frame.loc["qwen3:4b", "output_tokens"]) == (12, 40)
    assert frame.loc["qwen3:4b", "median_output_tokens_per_s"] == 20.0
    assert models(db, ada, Filters(when, imported=False)).empty
    with db.read() as tx:
        assert set(tx.execute(sa.text("SELECT usage_source FROM generation")).scalars()) == {"imported", None}


def test_imported_messages_are_found(db: Database, ada: Viewer, tmp_path: Path) -> None:
    run(db, ada, samples.claude(tmp_path))
    assert [hit.chat_title for hit in search(db, ada, "paste").hits] == ["Tides"]


def test_failed_and_cut_off_answers_say_so(db: Database, ada: Viewer, tmp_path: Path) -> None:
    report = run(db, ada, samples.openwebui(tmp_path))
    messages = history.all_messages(db, ada, report.imported[0].chat_id).items
    by_state = {message.status: message for message in messages}
    assert by_state[State.INTERRUPTED].content == "It is"
    generation = by_state[State.FAILED].generation
    assert generation is not None
    assert generation.error_message == "out of memory"


def test_chats_go_into_the_folder_and_get_the_tags_that_were_chosen(db: Database, ada: Viewer, tmp_path: Path) -> None:
    folder = make_folder(db, ada, name="Old")
    report = run(db, ada, samples.openwebui(tmp_path), Options(folder_id=folder.id, tags=("imported",)))
    chat_ids = [chat.chat_id for chat in report.imported]
    assert {history.get_chat(db, ada, chat_id).folder_id for chat_id in chat_ids} == {folder.id}
    assert set(tags_of(db, ada, chat_ids).values()) == {("imported", "moon", "sea"), ("imported",)}
    with pytest.raises(NotFound):
        run(db, make_viewer(db, "Bob"), tmp_path / "chats.json", Options(folder_id=folder.id))
    with pytest.raises(Invalid):
        run(db, ada, tmp_path / "chats.json", Options(tags=("  ",)))


def test_two_people_import_the_same_file_each_for_themselves(db: Database, ada: Viewer, tmp_path: Path) -> None:
    bob, path = make_viewer(db, "Bob"), samples.claude(tmp_path)
    assert run(db, ada, path).chats == run(db, bob, path).chats
    assert len(history.list_chats(db, ada).items) == len(history.list_chats(db, bob).items) == 2


def test_a_chat_longer_than_a_transaction_comes_whole(db: Database, ada: Viewer, tmp_path: Path) -> None:
    path = write(tmp_path, [line("long", [f"message {number}" for number in range(1001)])])
    report = run(db, ada, path)
    chat = history.get_chat(db, ada, report.imported[0].chat_id)
    assert (chat.message_count, chat.last_snippet) == (1001, "message 1000")
    messages = open_thread(db, ada, chat.id, limit=1000).messages
    assert [message.content for message in messages] == [f"message {number}" for number in range(1, 1001)]
    assert undo_import(db, ada, report.run_id, now=NOW).messages == 1001


def test_a_chat_the_database_refuses_does_not_take_others_with_it(db: Database, ada: Viewer, tmp_path: Path) -> None:
    refuse_no(db)
    report = run(db, ada, write(tmp_path, [line("a", ["one", "two"]), line("b", ["no"]), line("c", ["three"])]))
    assert (report.chats, report.messages) == ({"imported": 2, "skipped": 1}, {"imported": 3})
    assert "the database refuses it" in report.skipped[0].reason
    assert counts(db)["chatsession"] == 2


# --- a newer export ----------------------------------------------------------------------------------------------


def test_a_newer_export_brings_what_is_new(db: Database, ada: Viewer, tmp_path: Path) -> None:
    first = run(db, ada, write(tmp_path, [line("a", ["one", "two"]), line("b", ["other"])]))
    second = run(db, ada, write(tmp_path, [line("a", ["one", "two", "three", "four"]), line("b", ["other"]), line("c", ["new"])]))
    assert second.chats == {"imported": 1, "updated": 1, "unchanged": 1}
    assert second.messages == {"imported": 3, "unchanged": 3}
    chat_id = next(chat.chat_id for chat in first.imported if chat.messages == 2)
    thread = open_thread(db, ada, chat_id)
    assert [message.content for message in thread.messages] == ["one", "two", "three", "four"]
    assert thread.chat.message_count == 4
    assert sound(db)


def test_an_answer_that_was_longer_later_is_brought_up_to_date(db: Database, ada: Viewer, tmp_path: Path) -> None:
    first = run(db, ada, write(tmp_path, [line("a", ["one", "tw"], title="Old")]))
    second = run(db, ada, write(tmp_path, [line("a", ["one", "two"], title="New")]))
    assert (second.chats, second.messages) == ({"updated": 1}, {"updated": 1, "unchanged": 1})
    thread = open_thread(db, ada, first.imported[0].chat_id)
    assert ([message.content for message in thread.messages], thread.chat.title) == (["one", "two"], "New")
    assert run(db, ada, tmp_path / "export.json").chats == {"unchanged": 1}
    assert [hit.message_id for hit in search(db, ada, "two").hits] == [thread.messages[1].id]


def test_what_was_changed_here_is_never_overwritten(db: Database, ada: Viewer, tmp_path: Path) -> None:
    first = run(db, ada, write(tmp_path, [line("a", ["one", "two"], title="Old")]))
    chat_id = first.imported[0].chat_id
    history.rename_chat(db, ada, chat_id, title="Mine")
    with db.write() as tx:
        tx.execute(sa.text("UPDATE chatmessage SET content = 'my two' WHERE content = 'two'"))
    for texts in (["one", "their two"], ["one", "their two"]):
        second = run(db, ada, write(tmp_path, [line("a", texts, title="New")]))
    assert second.messages.get("updated", 0) == 0
    thread = open_thread(db, ada, chat_id)
    assert ([message.content for message in thread.messages], thread.chat.title) == (["one", "my two"], "Mine")


def test_what_was_written_here_stays_in_view_when_a_newer_export_comes(db: Database, ada: Viewer, tmp_path: Path) -> None:
    chat_id = run(db, ada, write(tmp_path, [line("a", ["one", "two"])])).imported[0].chat_id
    history.append(db, ada, chat_id, role=Role.USER, content="mine", now=NOW)
    run(db, ada, write(tmp_path, [line("a", ["one", "two", "theirs"])]))
    assert [message.content for message in open_thread(db, ada, chat_id).messages] == ["one", "two", "mine"]
    assert history.get_chat(db, ada, chat_id).message_count == 4
    assert sound(db)


def test_what_was_deleted_here_does_not_come_back(db: Database, ada: Viewer, tmp_path: Path) -> None:
    path = write(tmp_path, [line("a", ["one", "two"]), line("b", ["other"])])
    report = run(db, ada, path)
    history.purge_chats(db, ada, [chat.chat_id for chat in report.imported if chat.messages == 2])
    assert run(db, ada, path).chats == {"unchanged": 2}
    assert counts(db)["chatsession"] == 1


# --- ends --------------------------------------------------------------------------------------------------------


def test_undo_keeps_chats_in_which_somebody_went_on(db: Database, ada: Viewer, tmp_path: Path) -> None:
    report = run(db, ada, write(tmp_path, [line("a", ["one", "two"]), line("b", ["other"])]))
    kept = next(chat.chat_id for chat in report.imported if chat.messages == 2)
    history.append(db, ada, kept, role=Role.USER, content="mine", now=NOW)
    undone = undo_import(db, ada, report.run_id, now=NOW)
    assert (undone.chats, undone.kept_chats) == (1, 1)
    assert [message.content for message in open_thread(db, ada, kept).messages] == ["one", "two", "mine"]


def test_undo_of_a_newer_export_takes_away_what_that_one_added(db: Database, ada: Viewer, tmp_path: Path) -> None:
    chat_id = run(db, ada, write(tmp_path, [line("a", ["one", "two"])])).imported[0].chat_id
    report = run(db, ada, write(tmp_path, [line("a", ["one", "two", "three", "four"]), line("b", ["new"])]))
    undone = undo_import(db, ada, report.run_id, now=NOW)
    assert (undone.chats, undone.messages, undone.kept_chats) == (1, 3, 0)
    thread = open_thread(db, ada, chat_id)
    assert ([message.content for message in thread.messages], thread.chat.message_count) == (["one", "two"], 2)
    assert sound(db)


def test_imports_are_listed_and_undone_once_and_by_their_owner(db: Database, ada: Viewer, tmp_path: Path) -> None:
    report = run(db, ada, samples.claude(tmp_path))
    (info,) = list_imports(db, ada)
    assert (info.id, info.format, info.file_name, info.state, info.chats) == (report.run_id, "claude", "claude.zip", "complete", 2)
    assert info.report == json.loads(json.dumps(report.as_json()))
    named = [
        {"chat_id": str(chat.chat_id), "title": chat.title, "messages": chat.messages, "outcome": "imported"} for chat in report.imported
    ]
    assert (len(named), report.as_json()["imported"]) == (2, named)
    bob = make_viewer(db, "Bob")
    assert list_imports(db, bob) == ()
    with pytest.raises(NotFound):
        undo_import(db, bob, report.run_id, now=NOW)
    undo_import(db, ada, report.run_id, now=NOW)
    assert list_imports(db, ada)[0].state == "undone"
    with pytest.raises(Conflict):
        undo_import(db, ada, report.run_id, now=NOW)


def test_an_import_that_is_ended_keeps_what_came_and_goes_on_later(db: Database, ada: Viewer, tmp_path: Path) -> None:
    path = write(tmp_path, [line(f"c{number}", [f"text {number} {place}" for place in range(30)]) for number in range(20)])

    def stop(pace: importing.Pace) -> None:
        if pace.done > 200:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError):
        import_file(db, ada, path, now=NOW, expected=600, on_pace=stop)
    (info,) = list_imports(db, ada)
    assert (info.state, 200 < counts(db)["chatmessage"] < 600) == ("stopped", True)
    report = run(db, ada, path)
    assert report.run_id == info.id
    assert counts(db) == {"chatsession": 20, "chatmessage": 600, "generation": 300}
    assert undo_import(db, ada, info.id, now=NOW).chats == 20
    assert counts(db) == {}


def test_an_import_whose_end_could_not_be_written_down_goes_on_later(db: Database, ada: Viewer, tmp_path: Path) -> None:
    path = write(tmp_path, [line("c1", ["moon", "tide"])])

    def rename(name: str, new: str) -> None:
        with db.write() as tx:
            tx.execute(sa.text(f"ALTER TABLE {name} RENAME TO {new}"))

    with pytest.raises(DBAPIError):
        import_file(db, ada, path, now=NOW, on_pace=lambda _: rename("import_run", "elsewhere"))
    rename("elsewhere", "import_run")
    (info,) = list_imports(db, ada)
    assert info.state == "interrupted"
    assert run(db, ada, path).run_id == info.id
    assert list_imports(db, ada)[0].state == "complete"


def test_chats_that_another_import_brings_at_the_same_moment_are_here(db: Database, ada: Viewer) -> None:
    def target(name: str) -> Target:
        return Target(db, ada, "x", begin_run(db, ada, format_name="x", file_name=name, fingerprint=name, now=NOW), NOW)

    def bring(name: str) -> list[Outcome]:
        return [done.outcome for done in importing.write(target(name), [Slice(shape, shape.messages, last=True)], None)]

    shape = chat_shape(Conversation("c1", "Tides", (Message("1", None, Role.USER, "moon", NOW),)), now=NOW)
    came: list[Outcome] = []

    def read() -> bytes:
        # Files are read between the look at what is here and the transaction that writes.
        came.extend(bring("other.json"))
        return b"sand"

    slow = shape._replace(messages=(shape.messages[0]._replace(files=(Enclosed("sand.txt", "text/plain", read),)),))
    (done,) = importing.write(target("this.json"), [Slice(slow, slow.messages, last=True)], None)
    assert (came, done.outcome, done.reason) == ([Outcome.IMPORTED], Outcome.UNCHANGED, None)
    assert counts(db) == {"chatsession": 1, "chatmessage": 1}


KILLED = """
import os, signal, sys
from pathlib import Path
from datetime import datetime, UTC
from chatcore.accounts import local_owner
from chatcore.db import open_database
from chatcore.importing import import_file
db = open_database(sys.argv[1])
left = int(sys.argv[4])
def kill(pace):
    global left
    left -= pace.done > int(sys.argv[3])
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
import_file(db, local_owner(db, now=datetime.now(UTC)), Path(sys.argv[2]), now=datetime.now(UTC), on_pace=kill)
"""


def test_an_import_that_was_killed_goes_on(migrated_database_url: str, tmp_path: Path) -> None:
    path = write(tmp_path, [line(f"c{number}", [f"text {number} {place}" for place in range(130)]) for number in range(5)])
    db = open_database(migrated_database_url)
    owner = local_owner(db, now=NOW)
    arguments = [migrated_database_url, str(path), "200", "1"]
    killed = subprocess.run([sys.executable, "-c", KILLED, *arguments], cwd=ROOT, check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    (info,) = list_imports(db, owner)
    assert (info.state, 200 < counts(db)["chatmessage"] < 650) == ("interrupted", True)
    assert (count_hits(db, owner, "text"), search(db, owner, "text").indexed) == (counts(db)["chatmessage"], 1.0)
    assert compare_all(db) is None
    assert sound(db)
    report = run(db, owner, path)
    assert (report.run_id, counts(db)["chatmessage"], counts(db)["chatsession"]) == (info.id, 650, 5)
    chats = history.list_chats(db, owner).items
    assert {chat.message_count for chat in chats} == {130}
    assert (count_hits(db, owner, "text"), search(db, owner, "text").indexed) == (650, 1.0)
    assert compare_all(db) is None
    assert sound(db)
    db.close()


def test_the_pace_says_how_long_it_takes_still(db: Database, ada: Viewer, tmp_path: Path) -> None:
    path = write(tmp_path, [line(f"c{number}", ["x"] * 100) for number in range(5)])
    heard: list[tuple[int, float | None]] = []
    import_file(db, ada, path, now=NOW, expected=500, on_pace=lambda pace: heard.append((pace.done, pace.left_s)))
    assert [done for done, _ in heard][-1] == 500
    assert heard[-1][1] == 0.0
    assert all(left is not None and left >= 0 for _, left in heard[1:])


def test_the_report_says_why_chats_were_skipped(db: Database, ada: Viewer, tmp_path: Path) -> None:
    report = run(db, ada, samples.openai_rows(tmp_path))
    assert report.chats == {"imported": 2, "skipped": 3}
    assert report.reasons == {
        "it is no valid JSON (Expecting value)": 1, "it has no messages": 1, "the same chat came before in the file": 1
    }  # fmt: skip
    assert report.skipped[0].name == "train.jsonl, entry 2"
