"""A database that a test is given is as good as new, whatever the test before did to it."""

import psycopg
import pytest
import sqlalchemy as sa

from chatcore.db import Database, open_database
from chatcore.history import create_chat
from chatcore.settings import database_url
from tests.databases import Stock, psycopg_url, with_database
from tests.factories import NOW, make_exchange, make_viewer


def databases(server: str) -> int:
    with psycopg.connect(psycopg_url(server)) as admin:
        found = admin.execute("SELECT count(*) FROM pg_database").fetchone()
    assert found is not None
    return int(found[0])


def test_a_database_is_handed_on_by_another_name_without_rows_and_counts_from_one_again(
    postgres_stock: Stock, postgres_server: str
) -> None:
    names: list[str] = []
    left_open: list[Database] = []
    before = databases(postgres_server)
    for _ in range(4):
        names.append(postgres_stock.take())
        database = open_database(database_url(with_database(postgres_server, names[-1])))
        viewer = make_viewer(database)
        asked, _ = make_exchange(database, viewer, create_chat(database, viewer, now=NOW).id)
        assert asked.id == 1
        with database.read() as tx:
            assert tx.execute(sa.text("SELECT count(*) FROM users")).scalar_one() == 1
        left_open.append(database)
        postgres_stock.give_back(names[-1])
    assert len(set(names)) == 4
    assert databases(postgres_server) <= before + 2
    for database in left_open:
        database.close()


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
