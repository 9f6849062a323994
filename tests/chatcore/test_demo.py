"""Sample data: exact, the same every time, lawful, and spread over the past."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from chatcore import analytics, doctor
from chatcore.accounts import local_owner
from chatcore.db import Database
from chatcore.demo import FEEDBACK, MESSAGES_A_TRANSACTION, Filled, batches, fill, planned
from chatcore.demo_models import MODELS
from chatcore.demo_order import FOLDERS as FOLDERS_OF_PEOPLE
from chatcore.demo_order import PINS
from chatcore.errors import Conflict
from chatcore.history import append, list_chats
from chatcore.organise.folders import list_folders
from chatcore.organise.tags import list_tags
from chatcore.organise.views import SEARCHES, list_views
from chatcore.parts import Period, Role, Usage, Viewer
from chatcore.prices import price
from chatcore.reports.tables import SHOWN, is_known
from chatcore.rows import CHAT_TAGS, CHATS, FOLDERS, GENERATIONS, MESSAGES, TAGS
from chatcore.search import search
from chatcore.thread import open_thread
from tests.factories import NOW, make_chat, make_viewer


def rows(db: Database, table: sa.Table) -> list[tuple[object, ...]]:
    with db.read() as tx:
        return [tuple(row) for row in tx.execute(sa.select(table).order_by(table.c.id))]


def links(db: Database) -> set[tuple[object, ...]]:
    with db.read() as tx:
        return {tuple(row) for row in tx.execute(sa.select(CHAT_TAGS))}


def contents(db: Database) -> list[str]:
    with db.read() as tx:
        return list(tx.execute(sa.select(MESSAGES.c.content).order_by(MESSAGES.c.id)).scalars())


@pytest.mark.parametrize("messages", [1, 2, 3, 777])
def test_exactly_so_many_messages_are_written(db: Database, messages: int) -> None:
    seen: list[tuple[int, int]] = []
    filled = fill(db, messages=messages, seed=1, now=NOW, on_progress=lambda done, total: seen.append((done, total)))
    assert len(rows(db, MESSAGES)) == messages == filled.messages
    assert len(rows(db, CHATS)) == filled.chats
    assert len(rows(db, GENERATIONS)) == filled.answers
    assert seen[-1] == (messages, messages)


def test_the_doctor_finds_nothing(db: Database) -> None:
    fill(db, messages=1500, seed=3, users=4, now=NOW)
    assert [finding for finding in doctor.examine(db, now=NOW) if finding.level is not doctor.Level.OK] == []


def test_the_same_numbers_give_the_same_rows(db: Database) -> None:
    make_again = {"messages": 300, "seed": 5, "users": 2, "now": NOW}
    fill(db, **make_again)  # type: ignore[arg-type]  # a row of arguments
    tables = (CHATS, MESSAGES, GENERATIONS, FEEDBACK, TAGS, FOLDERS, SEARCHES)
    first = [rows(db, table) for table in tables], links(db)
    with db.write() as tx:
        for table in (GENERATIONS, CHATS, TAGS, SEARCHES):
            tx.execute(sa.delete(table))
        tx.execute(sa.text("UPDATE folder SET parent_id = NULL, name = name || id"))
        tx.execute(sa.delete(FOLDERS))
        if not db.is_sqlite:
            for table in tables[1:]:
                tx.execute(sa.text(f"ALTER SEQUENCE {table.name}_id_seq RESTART"))
    fill(db, **make_again)  # type: ignore[arg-type]  # a row of arguments
    assert ([rows(db, table) for table in tables], links(db)) == first


def test_another_seed_gives_other_texts(db: Database) -> None:
    fill(db, messages=50, seed=1, now=NOW)
    before = contents(db)
    fill(db, messages=50, seed=2, now=NOW, force=True)
    assert contents(db)[50:] != before


def test_made_up_chats_do_not_mix_with_real_ones_by_accident(db: Database) -> None:
    viewer = make_viewer(db)
    make_chat(db, viewer, messages=2)
    with pytest.raises(Conflict, match="chats already"):
        fill(db, messages=10, seed=1, now=NOW)
    assert len(rows(db, MESSAGES)) == 2
    assert fill(db, messages=10, seed=1, now=NOW, force=True).messages == 10
    assert fill(db, messages=10, seed=1, now=NOW, force=True).messages == 10


def test_people_go_on_writing_beside_them(db: Database) -> None:
    fill(db, messages=20, seed=1, now=NOW)
    owner = local_owner(db, now=NOW)
    chat = list_chats(db, owner).items[0]
    added = append(db, owner, chat.id, role=Role.USER, content="and on", now=NOW)
    assert open_thread(db, owner, chat.id).messages[-1].id == added.id


def test_everything_lies_in_the_past_and_over_months(db: Database) -> None:
    fill(db, messages=2000, seed=1, users=3, now=NOW)
    with db.read() as tx:
        first, last = tx.execute(sa.select(sa.func.min(MESSAGES.c.created_at), sa.func.max(MESSAGES.c.created_at))).one()
        ended = tx.execute(sa.select(sa.func.max(GENERATIONS.c.finished_at))).scalar_one()
    assert first < NOW - timedelta(days=60)
    assert last <= NOW
    assert ended <= NOW


def test_it_looks_like_real_use(db: Database) -> None:
    fill(db, messages=4000, seed=1, users=3, now=NOW)
    with db.read() as tx:
        outcomes = tx.execute(sa.select(GENERATIONS.c.state, sa.func.count().label("answers")).group_by(GENERATIONS.c.state)).all()
        models = tx.execute(sa.select(sa.func.count(sa.distinct(GENERATIONS.c.model_name)))).scalar_one()
        people = tx.execute(sa.select(sa.func.count(sa.distinct(CHATS.c.user_id)))).scalar_one()
        lengths = tx.execute(sa.select(sa.func.max(CHATS.c.message_count))).scalar_one()
    states = {row.state: row.answers for row in outcomes}
    texts = "\n".join(contents(db))
    assert set(states) == {"complete", "stopped", "failed", "interrupted"}
    assert states["complete"] > 1700
    assert models >= 5
    assert people == 3
    assert 20 <= lengths <= 80
    assert "```" in texts
    assert "索引" in texts
    assert "| option |" in texts


def test_hosted_models_have_their_costs_and_every_column_of_speed_has_values(db: Database) -> None:
    fill(db, messages=3000, seed=1, now=NOW)
    viewer, ever = local_owner(db, now=NOW), analytics.Filters(Period(NOW - timedelta(days=400), NOW + timedelta(days=1)))
    costs = {row["model_name"]: row for row in analytics.costs(db, viewer, ever).to_dict("records")}
    assert {name for name, row in costs.items() if row["answers_with_cost"]} == {model.name for model in MODELS if model.hosted}
    assert costs["gpt-5-mini"]["answers_without_cost"] == 0
    assert costs["gpt-oss:120b-cloud"]["answers_without_cost"] > 0
    speed = analytics.speed(db, viewer, ever)
    assert [column for column in SHOWN["speed"] if not is_known(speed[column])] == []
    (kinds,) = analytics.token_kinds(db, viewer, analytics.Filters(ever.period, models=("gpt-5-mini",))).to_dict("records")
    assert 0 < kinds["cached_tokens"] < kinds["input_tokens"]
    assert 0 < kinds["reasoning_tokens"] < kinds["output_tokens"]


def test_a_cost_is_that_of_the_price_list_at_its_time(db: Database) -> None:
    fill(db, messages=600, seed=2, now=NOW)
    with db.read() as tx:
        found = tx.execute(sa.select(GENERATIONS).where(GENERATIONS.c.cost.is_not(None))).mappings().all()
    assert found
    for row in found:
        names = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")
        usage = Usage(**{name: row[name] for name in names})
        expected = price(row["provider"], row["model_name"], usage, at=row["started_at"], usage_source=row["usage_source"])
        assert expected
        assert (row["cost"], row["cost_currency"], row["cost_source"]) == (pytest.approx(expected.amount), "USD", expected.source)


def test_people_rate_some_answers_once_they_are_there(db: Database) -> None:
    fill(db, messages=2000, seed=1, users=2, now=NOW)
    answer = FEEDBACK.join(GENERATIONS, GENERATIONS.c.message_id == FEEDBACK.c.message_id)
    columns = (FEEDBACK.c.rating, FEEDBACK.c.note, FEEDBACK.c.created_at, GENERATIONS.c.finished_at, GENERATIONS.c.state)
    with db.read() as tx:
        rated = tx.execute(sa.select(*columns, FEEDBACK.c.user_id == GENERATIONS.c.user_id).select_from(answer)).all()
    assert 40 < len(rated) < 400
    assert {row.rating for row in rated} == {1, -1}
    assert any(row.note for row in rated)
    assert all(row.finished_at <= row.created_at <= NOW and row.state == "complete" and row[-1] for row in rated)


def test_people_keep_an_order_that_fits_what_their_chats_are_about(db: Database) -> None:
    fill(db, messages=4000, seed=1, users=2, now=NOW)
    for viewer in (local_owner(db, now=NOW), Viewer("demo-2", "")):
        chats = {chat.id: chat for chat in list_chats(db, viewer, limit=1000).items}
        tags = {tag.name: tag.chats for tag in list_tags(db, viewer)}
        folders = {folder.path: folder for folder in list_folders(db, viewer)}
        assert sum(chat.pinned for chat in chats.values()) == PINS
        assert list(tags) == ["ops", "python", "read again", "sql", "testing", "to do"]
        assert all(0 < number < len(chats) / 3 for number in tags.values())
        assert set(folders) == {path for path, _ in FOLDERS_OF_PEOPLE}
        rust = [chat for chat in chats.values() if chat.folder_id == folders["Learning/Rust"].id]
        assert rust
        assert all("Rust" in chat.title for chat in rust)
        for view in list_views(db, viewer):
            assert search(db, viewer, view.query, now=NOW).hits, view.name
            assert not search(db, viewer, view.query, now=NOW).notices


def test_beside_an_order_that_is_there_nothing_is_made_twice(db: Database) -> None:
    fill(db, messages=60, seed=1, now=NOW)
    owner = local_owner(db, now=NOW)
    before = [folder.path for folder in list_folders(db, owner)], [view.name for view in list_views(db, owner)]
    fill(db, messages=60, seed=2, now=NOW, force=True)
    assert ([folder.path for folder in list_folders(db, owner)], [view.name for view in list_views(db, owner)]) == before


def test_no_transaction_is_large() -> None:
    import random

    plans = planned(random.Random(1), 20_000, ["local"], NOW)
    sizes = [sum(plan.messages for plan in batch) for batch in batches(plans)]
    assert sum(sizes) == 20_000
    assert max(sizes) <= MESSAGES_A_TRANSACTION


def test_nothing_is_asked_for_and_nothing_is_written(db: Database) -> None:
    assert fill(db, messages=0, seed=1, now=NOW) == Filled(0, 0, 0)
