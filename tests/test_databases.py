"""A database that a test is given is as good as new, whatever the test before did to it."""

import psycopg
import pytest

from chatcore.db import open_database
from chatcore.history import create_chat
from chatcore.settings import database_url
from tests.databases import Stock, with_database
from tests.factories import NOW, make_exchange, make_viewer


def test_a_database_is_handed_on_without_rows_and_counts_from_one_again(postgres_stock: Stock, postgres_server: str) -> None:
    name = postgres_stock.take()
    left_open = open_database(database_url(with_database(postgres_server, name)))
    viewer = make_viewer(left_open)
    make_exchange(left_open, viewer, create_chat(left_open, viewer, now=NOW).id)
    postgres_stock.give_back(name)
    assert postgres_stock.take() == name
    left_open.close()
    database = open_database(database_url(with_database(postgres_server, name)))
    viewer = make_viewer(database)
    asked, _ = make_exchange(database, viewer, create_chat(database, viewer, now=NOW).id)
    database.close()
    assert asked.id == 1
    postgres_stock.give_back(name)


@pytest.mark.parametrize(
    "change", ["DROP INDEX ix_chatmessage_user_created", "ANALYZE users", "UPDATE alembic_version SET version_num = '0001'"]
)
def test_a_database_whose_schema_a_test_changed_is_not_handed_on(postgres_stock: Stock, postgres_server: str, change: str) -> None:
    name = postgres_stock.take()
    with psycopg.connect(with_database(postgres_server, name), autocommit=True) as changed:
        changed.execute("INSERT INTO users (id, name, created_at) VALUES ('ada', 'Ada', now())")
        changed.execute(change)
    postgres_stock.give_back(name)
    other = postgres_stock.take()
    assert other != name
    postgres_stock.give_back(other)
