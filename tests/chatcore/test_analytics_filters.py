"""What filters let through: tags, folders, roles and origin, in every number and in the list behind it, on both engines."""

import re
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial

import pandas as pd
import pytest

from chatcore import analytics
from chatcore.analytics import Filters, Places, answers_behind, messages_behind, whole_days
from chatcore.db import Database
from chatcore.errors import Invalid, NotFound
from chatcore.history import delete_chats, purge_chats
from chatcore.organise.folders import NO_FOLDER, list_folders, make_folder, move_chats
from chatcore.organise.tags import tag_chats
from chatcore.parts import Role, State, Viewer
from chatcore.rollup.making import refresh
from tests.chatcore.analytics_rows import TABLES, person, write_history
from tests.plans import plans, statements

# The clock changes on 8 March 2026 in New York and on 5 April 2026 on Lord Howe (by half an hour).
FIRST, LAST = date(2026, 3, 1), date(2026, 4, 12)
WHOLE = Filters(whole_days(FIRST, LAST, "UTC"))
LATER = WHOLE.period.end
ZONES = ("UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "America/New_York")
CHOICES: tuple[dict[str, object], ...] = (
    {"tags": ("WORK",)},
    {"tags": ("work", "tea")},
    {"folder": "work"},
    {"folder": "Work/Plans"},
    {"folder": NO_FOLDER},
    {"role": Role.USER},
    {"role": Role.ASSISTANT},
    {"imported": True},
    {"imported": False},
    {"tags": ("tea",), "folder": "plans", "role": Role.ASSISTANT},
    {"tags": ("tea",), "folder": NO_FOLDER, "imported": False, "models": ("qwen3:8b", "guide")},
    {"folder": "work", "imported": True, "role": Role.USER, "providers": ("ollama",)},
)


@dataclass(frozen=True)
class History:
    """A person's rows, and which chats have and lie where; `tags` and `folders` name chats, `imported` messages."""

    viewer: Viewer
    messages: pd.DataFrame
    answers: pd.DataFrame
    tags: dict[str, set[uuid.UUID]]
    folders: dict[str, set[uuid.UUID]]
    imported: set[int]


def arrange(db: Database, viewer: Viewer, chats: list[uuid.UUID]) -> tuple[dict[str, set[uuid.UUID]], dict[str, set[uuid.UUID]]]:
    """Tags and folders, so that every mixture of them is there."""
    tags = {"work": chats[0::3], "tea": chats[0::2], "unused": []}
    for name, tagged in tags.items():
        tag_chats(db, viewer, tagged or chats[:1], add=[name])
    tag_chats(db, viewer, chats[:1], remove=["unused"])
    work = make_folder(db, viewer, name="Work")
    plans = make_folder(db, viewer, name="Plans", parent_id=work.id)
    folders = {"Work": chats[1::4], "Work/Plans": chats[2::4]}
    move_chats(db, viewer, folders["Work"], folder_id=work.id)
    move_chats(db, viewer, folders["Work/Plans"], folder_id=plans.id)
    return {name: set(those) for name, those in tags.items()}, {name: set(those) for name, those in folders.items()}


@pytest.fixture
def history(db: Database, now: datetime) -> History:
    """Two months, with a chat in the trash and one that is gone, beside a stranger with tags and folders of the same names."""
    viewer, stranger = person(db, "ann", now), person(db, "bob", now)
    start, end = datetime(2026, 2, 20, tzinfo=UTC), datetime(2026, 4, 20, tzinfo=UTC)
    theirs = write_history(db, stranger, start=start, end=end, turns=30, seed=9)
    arrange(db, stranger, list(dict.fromkeys(theirs.messages["session_id"])))
    made = write_history(db, viewer, start=start, end=end, turns=150)
    chats = list(dict.fromkeys(made.messages["session_id"]))
    tags, folders = arrange(db, viewer, chats)
    imported = set(made.messages["id"][made.messages["session_id"].isin(chats[0::5])]) | set(made.messages["id"][::7])
    ref = {"source": "test", "kind": "message", "user_id": viewer.user_id, "imported_at": now}
    with db.write() as tx:
        tx.execute(TABLES["importref"].insert(), [{**ref, "external_id": str(one), "message_id": one} for one in imported])
    # From here on days are read from their pages, but for those of the two chats.
    refresh(db)
    delete_chats(db, viewer, [chats[6], chats[12]], now=now)
    purge_chats(db, viewer, [chats[12]])
    messages, answers = made.messages, made.answers.copy()
    gone = answers["session_id"] == chats[12]
    assert gone.any()
    answers.loc[gone, ["session_id", "message_id"]] = None
    return History(viewer, messages[messages["session_id"] != chats[12]], answers, tags, folders, imported)


# --- the same choice, made by hand -------------------------------------------------------------------------------


def in_chats(history: History, filters: Filters, column: pd.Series) -> pd.Series:
    """Which rows lie in a chat that is meant; what has no chat any more lies in none."""
    found = pd.Series(True, column.index)
    for name in filters.tags:
        found &= column.isin(history.tags[name.lower()])
    work, plans = history.folders["Work"], history.folders["Work/Plans"]
    if filters.folder == NO_FOLDER:
        return found & column.notna() & ~column.isin(work | plans)
    return found if filters.folder is None else found & column.isin(work | plans if filters.folder == "work" else plans)


def inside(times: "pd.Series[datetime]", filters: Filters) -> pd.Series:
    return pd.Series([filters.period.start <= at < filters.period.end for at in times], times.index)


def of_models(rows: pd.DataFrame, filters: Filters) -> pd.Series:
    by_provider = rows["provider"].isin(filters.providers or tuple(rows["provider"]))
    return by_provider & rows["model_name"].isin(filters.models or tuple(rows["model_name"]))


def messages_by_hand(history: History, filters: Filters) -> pd.DataFrame:
    rows = history.messages
    keep = in_chats(history, filters, rows["session_id"])
    keep &= inside(rows["created_at"], filters)
    if filters.narrowed:
        chosen = rows[(rows["role"] == "assistant") & of_models(rows, filters)]
        keep &= rows["id"].isin(chosen["id"]) | rows["id"].isin(chosen["parent_id"])
    if filters.role:
        keep &= rows["role"] == filters.role.value
    if filters.imported is not None:
        keep &= rows["id"].isin(history.imported) == filters.imported
    return rows.loc[keep]


def answers_by_hand(history: History, filters: Filters) -> pd.DataFrame:
    rows = history.answers
    keep = in_chats(history, filters, rows["session_id"]) & of_models(rows, filters)
    keep &= inside(rows["started_at"], filters)
    if filters.imported is not None:
        keep &= (rows["message_id"].isin(history.imported) | (rows["usage_source"] == "imported")) == filters.imported
    return rows.loc[keep]


def case(number: int) -> Filters:
    """A choice on one of the clocks."""
    zone = ZONES[number % len(ZONES)]
    return replace(Filters(whole_days(FIRST, LAST, zone), time_zone=zone), **CHOICES[number])  # type: ignore[arg-type]  # fields of Filters


@pytest.mark.parametrize("number", range(len(CHOICES)))
def test_numbers_and_lists_have_just_what_was_chosen(db: Database, history: History, number: int) -> None:
    filters, viewer = case(number), history.viewer
    messages, answers = messages_by_hand(history, filters), answers_by_hand(history, filters)
    assert 0 < len(messages) < len(messages_by_hand(history, Filters(filters.period)))
    assert len(answers)
    report = analytics.report(db, viewer, filters, now=filters.period.end)
    tiles = report.tiles.set_index("measure")["value"]
    assert tiles["messages"] == len(messages)
    assert tiles["chats"] == messages["session_id"].nunique()
    assert tiles["output_tokens"] == answers["output_tokens"].sum()
    for role in Role:
        assert report.messages_per_day[f"{role.value}_messages"].sum() == (messages["role"] == role.value).sum()
        listed = messages_behind(db, viewer, filters, role=role, limit=1000).items
        assert {item.message_id for item in listed} == set(messages["id"][messages["role"] == role.value])
        assert len(listed) == (messages["role"] == role.value).sum()
    assert report.models["answers"].sum() == len(answers)
    for state in State:
        attempts = answers_behind(db, viewer, filters, state=state, limit=1000).items
        assert len(attempts) == report.models[state.value].sum() == (answers["state"] == state.value).sum()
    assert {item.message_id for item in answers_behind(db, viewer, filters, limit=1000).items} == {
        None if pd.isna(message) else message for message in answers["message_id"]
    }


def test_a_role_narrows_messages_and_not_answers(db: Database, history: History) -> None:
    whole, prompts = (analytics.report(db, history.viewer, filters, now=LATER) for filters in (WHOLE, replace(WHOLE, role=Role.USER)))
    pd.testing.assert_frame_equal(prompts.models, whole.models)
    assert prompts.messages_per_day["assistant_messages"].sum() == 0
    assert prompts.messages_per_day["user_messages"].sum() == whole.messages_per_day["user_messages"].sum()


def test_an_answer_of_a_chat_that_is_gone_has_no_tag_and_lies_in_no_folder(db: Database, history: History) -> None:
    gone = history.answers["session_id"].isna().sum()
    assert sum(item.chat_id is None for item in answers_behind(db, history.viewer, WHOLE, limit=1000).items) == gone
    for filters in (replace(WHOLE, tags=("tea",)), replace(WHOLE, folder="work"), replace(WHOLE, folder=NO_FOLDER)):
        assert all(item.chat_id for item in answers_behind(db, history.viewer, filters, limit=1000).items)


def test_imported_and_live_together_are_everything(db: Database, history: History) -> None:
    parts = [replace(WHOLE, imported=imported) for imported in (True, False)]
    for question, column in ((analytics.messages_per_day, "messages"), (analytics.models, "answers")):
        counted = [question(db, history.viewer, filters)[column].sum() for filters in (*parts, WHOLE)]
        assert counted[0] + counted[1] == counted[2]
        assert min(counted) > 0


def test_the_period_before_is_of_the_same_choice(db: Database, history: History) -> None:
    later = Filters(whole_days(date(2026, 3, 22), LAST, "UTC"), tags=("work",), imported=False)
    report = analytics.report(db, history.viewer, later, now=LATER)
    earlier = replace(later, period=report.previous)
    previous = report.tiles.set_index("measure")["previous"]
    assert previous["messages"] == len(messages_by_hand(history, earlier)) > 0
    assert previous["input_tokens"] == answers_by_hand(history, earlier)["input_tokens"].sum()


def test_a_folder_is_the_same_by_its_id_and_by_its_path(db: Database, history: History) -> None:
    work, plans = (folder.id for folder in list_folders(db, history.viewer))
    for folder_id, path in ((work, "WORK"), (plans, "plans")):
        by_id, by_path = (analytics.busy_hours(db, history.viewer, replace(WHOLE, folder=folder)) for folder in (folder_id, path))
        pd.testing.assert_frame_equal(by_id, by_path)


def test_folders_are_named_by_those_that_hold_the_others(db: Database, history: History) -> None:
    work, plans = (folder.id for folder in list_folders(db, history.viewer))
    home = make_folder(db, history.viewer, name="Home")
    make_folder(db, history.viewer, name="plans", parent_id=home.id)
    named = {
        folder: analytics.folder_paths(db, history.viewer, replace(WHOLE, folder=folder))
        for folder in (None, NO_FOLDER, work, plans, "work", "plans")
    }
    assert named == {
        None: (), NO_FOLDER: (), work: ("Work",), plans: ("Work/Plans",), "work": ("Work",), "plans": ("Home/plans", "Work/Plans")
    }  # fmt: skip


def test_a_tag_without_chats_counts_nothing(db: Database, history: History) -> None:
    filters = replace(WHOLE, tags=("unused",))
    assert analytics.report(db, history.viewer, filters, now=LATER).is_empty
    assert messages_behind(db, history.viewer, filters).items == ()
    assert answers_behind(db, history.viewer, filters).items == ()


def test_a_tag_or_a_folder_that_is_not_there_says_so(db: Database, history: History, now: datetime) -> None:
    stranger = person(db, "eve", now)
    (work, *_) = (folder.id for folder in list_folders(db, history.viewer))
    for viewer, folder in ((stranger, work), (stranger, "work"), (history.viewer, "/"), (history.viewer, 10**30), (history.viewer, -1)):
        for question in (analytics.models, messages_behind, answers_behind):
            with pytest.raises(NotFound, match="folder"):
                question(db, viewer, replace(WHOLE, folder=folder))
    for viewer, tag in ((stranger, "work"), (history.viewer, "nowhere"), (history.viewer, "")):
        with pytest.raises(NotFound, match="There is no tag"):
            analytics.tiles(db, viewer, replace(WHOLE, tags=("tea", tag) if viewer is history.viewer else (tag,)), now=now)


def test_everybody_has_no_common_tags_and_folders() -> None:
    for chosen in ({"tags": ("work",)}, {"folder": "work"}, {"folder": NO_FOLDER}):
        with pytest.raises(Invalid, match="each person's own"):
            replace(WHOLE, everybody=True, **chosen)
    assert replace(WHOLE, everybody=True, role=Role.USER, imported=False).everybody


def test_what_can_be_chosen_is_what_the_viewer_has(db: Database, history: History, now: datetime) -> None:
    work, plans = (folder.id for folder in list_folders(db, history.viewer))
    assert analytics.known_places(db, history.viewer) == Places(("tea", "unused", "work"), ((work, "Work"), (plans, "Work/Plans")), True)
    assert analytics.known_places(db, person(db, "eve", now)) == Places((), (), False)


def test_one_imported_message_is_imported_and_an_answer_of_an_imported_usage_too(db: Database, now: datetime) -> None:
    viewer = person(db, "ann", now)
    day = Filters(whole_days(now.date(), now.date(), "UTC"))
    asked = {"user_id": "ann", "provider": "p", "model_name": "m", "started_at": now, "state": "complete", "finished_at": now}
    with db.write() as tx:
        tx.execute(TABLES["generation"].insert().values(**asked, input_tokens=1, output_tokens=1, usage_source="imported"))
        tx.execute(TABLES["generation"].insert().values(**asked))
    for imported in (True, False):
        filters = replace(day, imported=imported)
        assert analytics.models(db, viewer, filters)["answers"].to_list() == [1]
        assert len(answers_behind(db, viewer, filters).items) == 1
        assert analytics.messages_per_day(db, viewer, filters)["messages"].sum() == 0


def test_what_is_everything_says_so() -> None:
    assert WHOLE.is_everything
    for choice in CHOICES:
        assert not replace(WHOLE, **choice).is_everything  # type: ignore[arg-type]  # fields of Filters


def test_chats_are_asked_for_once_and_each_condition_has_an_index(db: Database, history: History) -> None:
    filters = replace(WHOLE, tags=("work", "tea"), folder="work")
    ask = partial(analytics.report, db, history.viewer, filters, now=LATER)
    with statements() as seen:
        ask()
    assert sum("INTERSECT" in sql for sql, _ in seen) == 1
    (plan,) = [found for found in plans(db, ask) if "chattag" in found]
    assert plan.count("ix_chattag_tag") == 2, plan
    assert not re.search(r"SCAN chat|Seq Scan", plan), plan
