"""A thumb for an answer, and a note."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from chatcore.db import Database
from chatcore.errors import Invalid, NotFound
from chatcore.feedback import Rating, rate, ratings
from tests.factories import make_chat, make_exchange, make_viewer

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)


def test_an_answer_is_rated_rated_otherwise_and_not_at_all(db: Database) -> None:
    ada = make_viewer(db)
    chat = make_chat(db, ada)
    _, one = make_exchange(db, ada, chat.id)
    _, two = make_exchange(db, ada, chat.id)
    assert rate(db, ada, one.id, rating=1, now=NOW) == Rating(1)
    assert rate(db, ada, two.id, rating=-1, note=" Too long.\n", now=NOW) == Rating(-1, "Too long.")
    assert ratings(db, ada, [one.id, two.id, 2**70]) == {one.id: Rating(1), two.id: Rating(-1, "Too long.")}
    rate(db, ada, two.id, rating=1, note="  ", now=NOW)
    assert rate(db, ada, one.id, rating=None, now=NOW) is None
    assert ratings(db, ada, [one.id, two.id]) == {two.id: Rating(1)}


def test_what_makes_no_sense_is_refused(db: Database) -> None:
    ada, eve = make_viewer(db), make_viewer(db, "Eve")
    asked, answer = make_exchange(db, ada, make_chat(db, ada).id)
    with pytest.raises(Invalid, match="cannot be rated 5"):
        rate(db, ada, answer.id, rating=5, now=NOW)
    with pytest.raises(Invalid, match="2,001"):
        rate(db, ada, answer.id, rating=1, note="x" * 2001, now=NOW)
    with pytest.raises(Invalid, match="thumb"):
        rate(db, ada, answer.id, rating=None, note="why", now=NOW)
    with pytest.raises(Invalid, match="Only an answer"):
        rate(db, ada, asked.id, rating=1, now=NOW)
    for viewer, message_id in ((eve, answer.id), (ada, 2**70)):
        with pytest.raises(NotFound):
            rate(db, viewer, message_id, rating=1, now=NOW)
    assert ratings(db, ada, [asked.id, answer.id]) == {}


def test_a_double_click_rates_once(db: Database) -> None:
    ada = make_viewer(db)
    _, answer = make_exchange(db, ada, make_chat(db, ada).id)
    gate = threading.Barrier(4)

    def click(_: int) -> Rating | None:
        gate.wait()
        return rate(db, ada, answer.id, rating=1, now=NOW)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(click, range(4))) == [Rating(1)] * 4
    assert ratings(db, ada, [answer.id]) == {answer.id: Rating(1)}
