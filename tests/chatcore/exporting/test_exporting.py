"""What was written comes out in open forms, whole, and the lossless one comes in again as it was."""

import csv
import io
import json
import shutil
import tempfile
import uuid
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatcore import history
from chatcore.comparisons import cast_vote, get_comparison, list_comparisons
from chatcore.db import Database, open_database
from chatcore.errors import Invalid, NotFound
from chatcore.exporting import FORMS, Chosen, choose, export, export_bytes, file_name, form_named
from chatcore.formats.base import Call, Conversation, Message
from chatcore.formats.base import Enclosed as File
from chatcore.importing import import_file
from chatcore.importing.runs import begin_run, list_imports, undo_import
from chatcore.importing.writing import Slice, Target, write_portion
from chatcore.importing_shapes import chat_shape
from chatcore.organise.folders import make_folder, move_chats
from chatcore.organise.tags import tag_chats
from chatcore.parts import Role, State, Usage, Viewer, Vote
from chatcore.search.build import build_index
from tests.chatcore.formats import samples
from tests.factories import NOW, make_chat, make_exchange, make_pair, make_viewer, rate


@pytest.fixture
def ada(db: Database) -> Viewer:
    return make_viewer(db, "Ada")


def out(db: Database, viewer: Viewer, form: str, **choice: object) -> bytes:
    return export_bytes(db, viewer, form_named(form), choose(db, viewer, **choice))  # type: ignore[arg-type]  # as the test says


def lines(content: bytes) -> list[dict[str, object]]:
    return [json.loads(line) for line in content.splitlines()]


def without_ids(content: bytes) -> object:
    """An export with the ids of chats and messages replaced by their places."""
    chats = json.loads(content)
    for number, chat in enumerate(chats):
        places = {message["id"]: str(place) for place, message in enumerate(chat["messages"])}
        chat["id"] = number
        chat["current_message"] = places.get(chat["current_message"])
        for message in chat["messages"]:
            message["id"], message["parent"] = places[message["id"]], places.get(message["parent"])
        for pair in chat["comparisons"]:
            pair["left"], pair["right"] = places[pair["left"]], places[pair["right"]]
    return chats


def moved(db: Database, viewer: Viewer, other: Viewer, folder: Path) -> tuple[bytes, bytes]:
    """The export of a person, and that of another who imported it."""
    path = folder / "moved.json"
    first = out(db, viewer, "json")
    path.write_bytes(first)
    report = import_file(db, other, path, now=NOW)
    assert report.reasons == {}
    return first, out(db, other, "json")


# --- there and back ----------------------------------------------------------------------------------------------


def test_the_lossless_form_comes_in_again_as_it_was(db: Database, ada: Viewer, tmp_path: Path) -> None:
    chat = make_chat(db, ada, messages=2)
    make_exchange(db, ada, chat.id)
    _, failed = make_exchange(db, ada, chat.id, state=State.FAILED, input_tokens=None)
    rate(db, ada, failed.id, -1)
    tag_chats(db, ada, [chat.id], add=["sea", "Mond"])
    inner = make_folder(db, ada, name="Plans", parent_id=make_folder(db, ada, name="Work").id)
    move_chats(db, ada, [chat.id], folder_id=inner.id)
    history.pin_chats(db, ada, [chat.id], pinned=True)
    import_file(db, ada, samples.chatgpt(tmp_path), now=NOW)
    import_file(db, ada, samples.openwebui(tmp_path), now=NOW)
    first, second = moved(db, ada, make_viewer(db, "Bob"), tmp_path)
    assert without_ids(first) == without_ids(second)
    (whole,) = [one for one in json.loads(first) if one["id"] == str(chat.id)]
    assert (whole["folder"], whole["tags"], whole["pinned"], len(whole["messages"])) == ("Work/Plans", ["Mond", "sea"], True, 6)


def test_our_own_chats_are_not_imported_beside_themselves(db: Database, ada: Viewer, tmp_path: Path) -> None:
    chat = make_chat(db, ada, messages=4)
    path = tmp_path / "own.json"
    path.write_bytes(out(db, ada, "json"))
    assert import_file(db, ada, path, now=NOW).chats == {"unchanged": 1}
    history.purge_chats(db, ada, [chat.id])
    assert import_file(db, ada, path, now=NOW).chats == {"imported": 1}
    assert import_file(db, ada, path, now=NOW).chats == {"unchanged": 1}


def test_comparisons_come_in_again_with_their_votes_once(db: Database, ada: Viewer, tmp_path: Path) -> None:
    chat, bob = make_chat(db, ada), make_viewer(db, "Bob")
    for vote, is_blind in ((Vote.RIGHT, True), (None, True), (Vote.BOTH_GOOD, False)):
        make_pair(db, ada, chat.id, vote=vote, is_blind=is_blind)
    first, second = moved(db, ada, bob, tmp_path)
    assert without_ids(first) == without_ids(second)
    (whole,) = json.loads(first)
    assert [(pair["vote"], pair["blind"]) for pair in whole["comparisons"]] == [("right", True), (None, True), ("both_good", False)]
    (theirs,) = history.list_chats(db, bob).items
    compared = list_comparisons(db, bob, theirs.id)
    assert [one.left for one in compared] == [("ollama", "llama3.2:3b")] * 3
    # A newer export of the chat brings what is new of it; what was voted here stays.
    cast_vote(db, bob, compared[1].id, Vote.LEFT, now=NOW)
    make_pair(db, ada, chat.id, vote=Vote.LEFT)
    path = tmp_path / "newer.json"
    path.write_bytes(out(db, ada, "json"))
    assert import_file(db, bob, path, now=NOW).chats == {"updated": 1}
    assert import_file(db, bob, path, now=NOW).chats == {"unchanged": 1}
    votes = [one.vote for one in list_comparisons(db, bob, theirs.id)]
    assert votes == [Vote.RIGHT, Vote.LEFT, Vote.BOTH_GOOD, Vote.LEFT]


def test_what_is_no_pair_of_answers_is_left_out_of_an_import(db: Database, ada: Viewer, tmp_path: Path) -> None:
    chat = make_chat(db, ada)
    make_pair(db, ada, chat.id, vote=Vote.LEFT)
    (whole,) = json.loads(out(db, ada, "json"))
    (pair,) = whole["comparisons"]
    asked = whole["messages"][0]["id"]
    whole["comparisons"] = [
        {**pair, "left": pair["right"]}, {**pair, "left": asked}, {**pair, "left": "nobody"}, 7, {}, {**pair, "vote": "best"}, pair,
    ]  # fmt: skip
    path = tmp_path / "strange.json"
    path.write_text(json.dumps([whole]))
    bob = make_viewer(db, "Bob")
    assert import_file(db, bob, path, now=NOW).chats == {"imported": 1}
    (theirs,) = history.list_chats(db, bob).items
    assert [one.vote for one in list_comparisons(db, bob, theirs.id)] == [None]
    (run,) = list_imports(db, bob)
    assert undo_import(db, bob, run.id, now=NOW).messages == 3
    assert import_file(db, bob, path, now=NOW).chats == {"imported": 1}, "and nothing of it was left in the way"


def test_a_blind_vote_is_a_preference_pair_and_counts_before_thumbs(db: Database, ada: Viewer) -> None:
    chat = make_chat(db, ada)
    made = [make_pair(db, ada, chat.id, vote=vote) for vote in (Vote.RIGHT, Vote.LEFT, Vote.BOTH_GOOD, None)]
    make_pair(db, ada, chat.id, vote=Vote.LEFT, is_blind=False)
    first = get_comparison(db, ada, made[0])
    rate(db, ada, first.left_id or 0, 1)
    rate(db, ada, first.right_id or 0, -1)
    pairs = lines(out(db, ada, "dpo"))
    said = [tuple(pair[side][0]["content"] for side in ("chosen", "rejected")) for pair in pairs]  # type: ignore[index]  # JSON
    assert said == [("The sun pulls.", "The moon pulls."), ("The moon pulls.", "The sun pulls.")]
    assert pairs[0]["prompt"] == [{"role": "user", "content": "Why are there tides?"}]


TEXTS = st.text(max_size=60)
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Z")), min_size=1, max_size=20)
TIMES = st.integers(0, 5 * 10**14).map(lambda microseconds: datetime(2015, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds))
COUNTS = st.none() | st.integers(0, 10**9)
SECONDS = st.none() | st.floats(0, 1e6, allow_nan=False)
CALLS = st.builds(Call, id=NAMES, name=NAMES, arguments=st.none() | st.dictionaries(TEXTS, TEXTS | st.integers(), max_size=3), raw=TEXTS,
                  result=st.none() | TEXTS, error=st.none() | TEXTS, duration_s=SECONDS)  # fmt: skip


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """A chat of any shape: a tree whose roots and branches are drawn."""
    messages: list[Message] = []
    for number in range(draw(st.integers(1, 6))):
        role = draw(st.sampled_from(Role))
        state = draw(st.sampled_from([State.COMPLETE, State.STOPPED, State.FAILED, State.INTERRUPTED]))
        of_model = role is Role.ASSISTANT
        messages.append(
            Message(
                external_id=str(number),
                parent=draw(st.none() | st.sampled_from([message.external_id for message in messages])) if messages else None,
                role=role,
                text=draw(TEXTS),
                created_at=draw(TIMES),
                reasoning=draw(TEXTS) if of_model else "",
                provider=draw(NAMES) if of_model else None,
                model=draw(NAMES) if of_model else None,
                calls=tuple(draw(st.lists(CALLS, max_size=2))) if of_model else (),
                files=(File(draw(NAMES), "text/plain", lambda: b"hi"),) if draw(st.booleans()) else (),
                state=state if of_model else State.COMPLETE,
                error=draw(TEXTS) if state is State.FAILED else None,
                usage=Usage(input_tokens=draw(COUNTS), output_tokens=draw(COUNTS), eval_s=draw(SECONDS)),
                duration_s=draw(SECONDS),
                rating=draw(st.sampled_from([None, 1, -1])) if of_model else None,
            )
        )
    return Conversation(
        external_id=draw(st.uuids()).hex, title=draw(TEXTS), messages=tuple(messages), current=draw(st.sampled_from(messages)).external_id,
        created_at=draw(TIMES), updated_at=draw(st.none() | TIMES), provider=draw(NAMES), model=draw(NAMES), pinned=draw(st.booleans()),
        archived=draw(st.booleans()),
    )  # fmt: skip


def whole(chat: Conversation) -> Slice:
    shape = chat_shape(chat, now=NOW)
    return Slice(shape, shape.messages, last=True)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(chats=st.lists(conversations(), min_size=1, max_size=3, unique_by=lambda chat: chat.external_id))
def test_any_chat_comes_in_again_as_it_was(chats: list[Conversation], sqlite_template: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(sqlite_template, Path(folder) / "a.db")
        db = open_database(f"sqlite:///{folder}/a.db")
        ada, bob = make_viewer(db, "Ada"), make_viewer(db, "Bob")
        run_id = begin_run(db, ada, format_name="x", file_name="x", fingerprint="x", now=NOW)
        write_portion(Target(db, ada, "x", run_id, NOW), list(map(whole, chats)))
        first, second = moved(db, ada, bob, Path(folder))
        db.close()
    assert without_ids(first) == without_ids(second)


# --- forms -------------------------------------------------------------------------------------------------------


@pytest.fixture
def tides(db: Database, ada: Viewer, tmp_path: Path) -> uuid.UUID:
    """A chat with two answers to a prompt, one rated up and one down, a tool, reasoning, and a first branch that is not shown."""
    call = Call("c1", "search", {"q": "tides"}, result="two a day", position=8)
    messages = (
        Message("q", None, Role.USER, "Why two *tides*?", NOW),
        Message("a", "q", Role.ASSISTANT, "Because.", NOW + timedelta(seconds=1), model="small", provider="ollama", rating=-1),
        Message("b", "q", Role.ASSISTANT, "Look it up.\n\n<script>alert(1)</script> ![x](https://example.org/x.png)",
                NOW + timedelta(seconds=2), model="big", provider="ollama", reasoning="Hm.", calls=(call,), rating=1,
                usage=Usage(input_tokens=3, output_tokens=4), duration_s=2.0),
        Message("e", "b", Role.USER, "=1+1", NOW + timedelta(seconds=3)),
    )  # fmt: skip
    chat = Conversation("t", "Tides/and: “the” moon", messages, current="e", created_at=NOW, updated_at=NOW, model="big")
    run_id = begin_run(db, ada, format_name="x", file_name="x", fingerprint="x", now=NOW)
    (done,) = write_portion(Target(db, ada, "x", run_id, NOW, tags=("sea",)), [whole(chat)])
    build_index(db)
    assert done.chat_id is not None
    return done.chat_id


def test_markdown_has_what_is_known_on_top_and_the_branch_that_is_shown(db: Database, ada: Viewer, tides: uuid.UUID) -> None:
    text = out(db, ada, "markdown", chat_id=tides).decode()
    head, body = text.split("---\n")[1:3]
    assert 'title: "Tides/and: “the” moon"\n' in head
    assert 'tags: ["sea"]\n' in head
    assert body.index("Why two *tides*?") < body.index("> Hm.") < body.index("two a day") < body.index("Look it up.")
    assert "Because." not in body
    assert "1 messages of other branches" in body


def test_several_chats_as_markdown_come_in_a_zip(db: Database, ada: Viewer, tides: uuid.UUID) -> None:
    make_chat(db, ada, title="../../etc/passwd", messages=2)
    with zipfile.ZipFile(io.BytesIO(out(db, ada, "markdown"))) as archive:
        names = archive.namelist()
    assert len(names) == 2
    assert all("/" not in name and name.endswith(".md") for name in names)


def test_the_page_runs_and_loads_nothing(db: Database, ada: Viewer, tides: uuid.UUID) -> None:
    text = out(db, ada, "html").decode()
    assert "<script" not in text
    assert "<img" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "Content-Security-Policy" in text
    assert "<em>tides</em>" in text


def test_rows_for_fine_tuning_end_with_an_answer(db: Database, ada: Viewer, tides: uuid.UUID) -> None:
    make_chat(db, ada, messages=1)
    (row,) = lines(out(db, ada, "openai"))
    messages = row["messages"]
    assert isinstance(messages, list)
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "assistant"]
    assert messages[1]["tool_calls"][0]["function"] == {"name": "search", "arguments": '{"q": "tides"}'}
    assert messages[2] == {"role": "tool", "tool_call_id": "c1", "content": "two a day"}
    (shared,) = lines(out(db, ada, "sharegpt"))
    turns = shared["conversations"]
    assert isinstance(turns, list)
    assert [turn["from"] for turn in turns] == ["human", "gpt"]


@pytest.mark.parametrize("form", ["openai", "sharegpt"])
def test_rows_for_training_can_be_imported(db: Database, ada: Viewer, tides: uuid.UUID, form: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(out(db, ada, form))
    assert import_file(db, ada, path, now=NOW).chats == {"imported": 1}


def test_ratings_of_siblings_make_a_preference_pair(db: Database, ada: Viewer, tides: uuid.UUID) -> None:
    (pair,) = lines(out(db, ada, "dpo"))
    assert pair["prompt"] == [{"role": "user", "content": "Why two *tides*?"}]
    assert pair["rejected"] == [{"role": "assistant", "content": "Because."}]


def test_tables_have_every_message_and_every_attempt(db: Database, ada: Viewer, tides: uuid.UUID) -> None:
    import pyarrow.parquet as pq

    rows = list(csv.DictReader(io.StringIO(out(db, ada, "messages-csv").decode())))
    assert [row["role"] for row in rows] == ["user", "assistant", "assistant", "user"]
    assert rows[3]["content"] == "'=1+1"
    answers = list(csv.DictReader(io.StringIO(out(db, ada, "answers-csv").decode())))
    assert [(row["model_name"], row["output_tokens"]) for row in answers] == [("small", ""), ("big", "4")]
    table = pq.read_table(io.BytesIO(out(db, ada, "messages-parquet"))).to_pylist()
    assert [row["content"] for row in table][3] == "=1+1"
    assert table[0]["created_at"] == NOW
    assert pq.read_table(io.BytesIO(out(db, ada, "answers-parquet"))).to_pylist()[1]["input_tokens"] == 3


# --- what is chosen ----------------------------------------------------------------------------------------------


def test_a_search_chooses_the_chats_in_which_it_finds_something(db: Database, ada: Viewer, tides: uuid.UUID) -> None:
    make_chat(db, ada, messages=2)
    assert choose(db, ada, text="tides role:user").chat_ids == (tides,)
    assert len(choose(db, ada).chat_ids) == 2
    assert (
        file_name(form_named("openai"), choose(db, ada, text="tides role:user"), now=NOW)
        == "chatcore-2026-03-14-tides-role-user-openai.jsonl"
    )
    assert file_name(form_named("markdown"), choose(db, ada), now=NOW) == "chatcore-2026-03-14-all.zip"


@pytest.mark.parametrize("form", [form.name for form in FORMS])
def test_nothing_of_somebody_else_comes_out(db: Database, ada: Viewer, tides: uuid.UUID, form: str) -> None:
    bob = make_viewer(db, "Bob")
    with pytest.raises(NotFound):
        choose(db, bob, chat_id=tides)
    stolen = export_bytes(db, bob, form_named(form), Chosen((tides, uuid.uuid4()), "all"))
    assert stolen == export_bytes(db, bob, form_named(form), Chosen((), "all"))


def test_a_form_that_is_none_is_refused(db: Database) -> None:
    with pytest.raises(Invalid):
        form_named("docx")


def test_an_export_is_written_as_it_is_read(db: Database, ada: Viewer) -> None:
    for number in range(12):
        make_chat(db, ada, title=f"Chat {number}", messages=300)
    heard: list[int] = []
    sizes: list[int] = []
    target = io.BytesIO()

    def hear(done: int, total: int) -> None:
        heard.append(done)
        sizes.append(target.tell())
        assert total == 3600

    assert export(db, ada, form_named("json"), choose(db, ada), target, on_progress=hear) == 12
    assert heard == [300 * (number + 1) for number in range(12)]
    assert sizes == sorted(set(sizes))
