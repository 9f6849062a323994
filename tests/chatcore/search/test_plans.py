"""How the databases go about a search: along an index, never through all messages."""

import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import product

import pytest
import sqlalchemy as sa

from chatcore.db import Database, init_db, open_database
from chatcore.history import archive_chats, delete_chats, pin_chats
from chatcore.parts import Viewer
from chatcore.search import count_hits, facets, find_chats, matching_chats, postgresql, quick_switch, search, sqlite
from chatcore.search.ask import KEPT, Ask, is_pinned, tagged
from chatcore.search.postgresql_statements import chosen_by
from chatcore.search.query import read_query
from chatcore.search.results import Order
from tests.conftest import NOW
from tests.factories import make_chat, make_exchange, make_viewer
from tests.plans import plans, statements

# Tables with a row for each message, chat or entry; the other tables of a search are small.
LARGE = ("chatmessage", "chatsession", "message_search", "chat_search", "message_fts", "chat_fts", "generation", "attachment")
# FTS5 says SCAN for a MATCH too, and then which of its indexes it uses: 0 and a number of columns is none of them.
WITHOUT_INDEX = {
    "sqlite": rf"^SCAN (?:{'|'.join(LARGE)})(?! VIRTUAL TABLE INDEX \d+:.*M)(?!.*USING)",
    "postgresql": rf"Seq Scan on (?:{'|'.join(LARGE)})\b",
}
ASKED = (
    "moon", "moo*", "comet", "zzz", '"moon tide"', "-moon", "moon -tide", "moon OR comet", "C++", "量子", "moon role:user", "has:code",
    "moon model:llama", "provider:ollama", "moon after:2026-03 before:2026-04", "chat:tides", "moon -chat:tides", "is:pinned",
    "moon is:archived", "moon is:trash", "moon -is:archived", "moon tag:work", "-tag:work", "moon folder:work", "",
)  # fmt: skip
WAYS: dict[str, Callable[[Database, Viewer, str], object]] = {
    "search": lambda db, viewer, text: search(db, viewer, text, now=NOW),
    "search by best match": lambda db, viewer, text: search(db, viewer, text, order=Order.BEST, now=NOW),
    "find_chats": lambda db, viewer, text: find_chats(db, viewer, text, now=NOW),
    "quick_switch": lambda db, viewer, text: quick_switch(db, viewer, text, now=NOW),
    "count_hits": lambda db, viewer, text: count_hits(db, viewer, text, now=NOW),
    "facets": lambda db, viewer, text: facets(db, viewer, text, now=NOW),
    "matching_chats": lambda db, viewer, text: matching_chats(db, viewer, text, now=NOW),
}


@pytest.fixture
def viewer(db: Database) -> Viewer:
    """Somebody with a few chats on every shelf."""
    someone = make_viewer(db)
    chats = [make_chat(db, someone, title="The tides") for _ in range(8)]
    for chat in chats:
        make_exchange(db, someone, chat.id, prompt="moon", answer="```the moon tide```")
    pin_chats(db, someone, [chats[0].id], pinned=True)
    archive_chats(db, someone, [chats[1].id], archived=True)
    delete_chats(db, someone, [chats[2].id], now=NOW)
    return someone


@pytest.fixture(params=["few", "many"])
def limits(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways an engine can go: few chats are named one by one, of many each hit is asked."""
    if request.param == "many":
        for engine, name in product((postgresql, sqlite), ("MOST_NAMED_CHATS", "MOST_NAMED_FOR_POOL")):
            monkeypatch.setattr(engine, name, 1)
        for name in ("MOST_LOOKED_AT", "MOST_LOOKED_AT_IN_CHATS", "MOST_LOOKED_AT_WIDE", "MOST_FOR_A_HIT", "FEW_MESSAGES"):
            monkeypatch.setattr(postgresql, name, 0)


@pytest.mark.usefixtures("limits")
def test_no_search_reads_all_messages(db: Database, viewer: Viewer) -> None:
    for (way, ask_for), text in product(WAYS.items(), ASKED):
        for plan in plans(db, partial(ask_for, db, viewer, text), bitmaps=True):
            assert not re.search(WITHOUT_INDEX[db.dialect], plan, re.MULTILINE), (way, text, plan)


def test_a_set_is_read_from_the_links_of_a_tag_where_nothing_else_narrows_it() -> None:
    by_tags = (KEPT, tagged("bob", (1,)), tagged("bob", (2,), refused=True))
    text, with_pins = (str(chosen_by(conditions)) for conditions in (by_tags, (*by_tags, is_pinned(True))))
    assert re.findall(r"FROM \(?(?:SELECT )?(\w+)", text) == ["chattag", "chattag", "chattag", "chatsession"]
    assert "deleted_at IS NOT NULL" in text
    assert with_pins.startswith("SELECT chatsession.id \nFROM chatsession \n")


@pytest.mark.parametrize(("text", "is_set"), [("moon", False), ("moon tide", False), ("moon", True), ("moon tide", True)])
def test_chats_lead_the_sooner_the_more_messages_a_person_has(text: str, is_set: bool) -> None:
    of_one, of_several = postgresql.MESSAGES_FOR_A_HIT_IN_SET if is_set else postgresql.MESSAGES_FOR_A_HIT
    most = 3 * (of_several if " " in text else of_one)
    look = postgresql.Look(400, with_words=3)
    few, many = (lambda: postgresql.MEASURED_WITH), (lambda: 10 * postgresql.MEASURED_WITH)
    ask = Ask(read_query(text, now=NOW), "bob", is_set=is_set, chat_ids=None if is_set else (), messages=most)
    assert postgresql.is_by_chats(ask, look, few)
    ask = replace(ask, messages=most + 1)
    assert not postgresql.is_by_chats(ask, look, few)
    assert postgresql.is_by_chats(ask, look, many)
    assert not postgresql.is_by_chats(replace(ask, messages=10 * most + 1), look, many)


def test_how_many_messages_a_person_has_is_known_from_the_statistics(empty_postgres_url: str) -> None:
    with closing(open_database(empty_postgres_url)) as db:
        init_db(db)
        bob, eve, nobody = make_viewer(db), make_viewer(db), make_viewer(db)
        for someone, number in ((bob, 3), (eve, 1)):
            chat = make_chat(db, someone)
            for _ in range(number):
                make_exchange(db, someone, chat.id)
        asks = [Ask(read_query("moon", now=NOW), someone.user_id) for someone in (bob, eve, nobody)]
        with db.read() as tx:
            assert [postgresql.number_of_entries(tx, ask) for ask in asks] == [0, 0, 0]
        with db.write() as tx:
            tx.execute(sa.text("ANALYZE message_search"))
        with db.read() as tx:
            assert [postgresql.number_of_entries(tx, ask) for ask in asks] == [6, 2, 0]


def test_no_older_month_is_read_than_the_question_names(db: Database, viewer: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MANY", "MOST_LOOKED_AT", "LOOKED_AT"):
        monkeypatch.setattr(postgresql, name, 1)
    start = NOW.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    with statements() as seen:
        results = search(db, viewer, f"moon tide after:{start:%Y-%m}", order=Order.BEST, now=NOW)
    assert results.hits
    ends = [asked["key_time"] for _, asked in seen if isinstance(asked, dict) and "key_time" in asked]
    assert len(ends) == (0 if db.is_sqlite else 1)
    assert all(end > start for end in ends)
