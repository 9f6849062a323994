"""Rows as lines: nothing is lost, and both engines write the same."""

import struct
from collections.abc import Sequence

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import SQLModel

import chatcore.models  # noqa: F401  # fills the metadata
from chatcore.backup.lines import Block, Column, Kind, blocks_of_rows, rows_of_block, written_time
from chatcore.backup.source import KINDS, PostgresSource, SqliteSource, content_of
from chatcore.db import Database
from chatcore.errors import Invalid
from chatcore.migrations.run import TABLES
from tests.chatcore.backup.worlds import NASTY

COLUMNS = tuple(Column(kind.value, kind) for kind in Kind)
TEXTS = st.one_of(st.sampled_from(NASTY), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40))
NUMBERS = st.floats(allow_nan=False)
ROWS = st.tuples(
    TEXTS, st.integers(-(2**63), 2**63 - 1), st.booleans(),
    st.datetimes().map(lambda moment: f"{moment.year:04d}-{moment:%m-%d %H:%M:%S.%f}"),
    st.uuids().map(lambda value: value.hex), NUMBERS, st.binary(max_size=20),
)  # fmt: skip


def with_gaps(row: Sequence[object], gaps: Sequence[bool]) -> list[object]:
    return [None if gap else value for value, gap in zip(row, gaps, strict=True)]


@settings(max_examples=80)
@given(st.lists(st.builds(with_gaps, ROWS, st.lists(st.booleans(), min_size=7, max_size=7)), max_size=6))
def test_rows_become_lines_and_the_same_rows_again(rows: list[list[object]]) -> None:
    blocks = list(blocks_of_rows(COLUMNS, iter(rows)))
    assert [row for block in blocks for row in rows_of_block(COLUMNS, block, numbers=False)] == rows
    newer = [row for block in blocks for row in rows_of_block(COLUMNS, block, numbers=True)]
    assert list(blocks_of_rows(COLUMNS, iter(newer))) == blocks
    assert all(isinstance(row[3], int | None) and isinstance(row[4], bytes | None) for row in newer)
    assert sum(block.rows for block in blocks) == sum(block.content.count(b"\n") for block in blocks) == len(rows)


def test_there_is_one_way_to_write_a_time_and_one_zero() -> None:
    assert written_time("2026-03-14 15:09:26") == written_time("2026-03-14T15:09:26+00:00") == "2026-03-14 15:09:26.000000"
    assert written_time("2026-03-14 20:39:26.5+05:30") == "2026-03-14 15:09:26.500000"
    (block,) = blocks_of_rows([Column("n", Kind.NUMBER)], iter([[-0.0], [0.0]]))
    assert block.content == b"0000000000000000\n" * 2


def test_lines_of_other_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        list(rows_of_block(COLUMNS, Block(b"too\t1\n", 1), numbers=False))


def test_both_engines_write_the_same_lines_of_a_row(db: Database) -> None:
    """Each engine against the lines that Python writes."""
    numbers = [0.1, -0.0, 1e15, 1e16, 5e-324, 1.7976931348623157e308, 1 / 3, 9007199254740993.0, 2.0**-44, float("inf")]
    table = sa.Table(
        "odd", sa.MetaData(), sa.Column("id", sa.BigInteger(), primary_key=True), sa.Column("t", sa.Text()), sa.Column("n", sa.Float()),
        sa.Column("at", sa.DateTime(timezone=True)), sa.Column("b", sa.LargeBinary()), sa.Column("f", sa.Boolean()),
        sa.Column("u", sa.Uuid()),
    )  # fmt: skip
    with db.connect() as connection, connection.begin():
        table.create(connection)
        columns = [Column("id", Kind.INTEGER), Column("t", Kind.TEXT), Column("n", Kind.NUMBER)]
        rows = [{"id": place, "t": NASTY[place % len(NASTY)], "n": numbers[place % len(numbers)]} for place in range(50)]
        connection.execute(sa.insert(table), rows)
        driver = connection.connection.driver_connection
        source = SqliteSource(driver, "here") if db.is_sqlite else PostgresSource(driver, "here")  # type: ignore[arg-type]  # the driver's own
        described = source._describe("odd")
        assert described.key == ("id",)
        assert [column.kind for column in described.columns] == [
            Kind.INTEGER, Kind.TEXT, Kind.NUMBER, Kind.TIME, Kind.BYTES, Kind.FLAG, Kind.UUID,
        ]  # fmt: skip
        written = b"".join(block.content for block in source.blocks(described))
    mine = b"".join(block.content for block in blocks_of_rows(columns, iter([[row["id"], row["t"], row["n"]] for row in rows])))
    assert written == mine.replace(b"\n", b"\t\\N\t\\N\t\\N\t\\N\n")


def test_every_column_of_every_table_can_be_copied(db: Database) -> None:
    """A new type of column needs a kind."""
    with db.connect() as connection, connection.begin():
        driver = connection.connection.driver_connection
        source = SqliteSource(driver, "here") if db.is_sqlite else PostgresSource(driver, "here")  # type: ignore[arg-type]  # the driver's own
        described = {table.name: {column.name: column.kind for column in table.columns} for table in source.tables}
        assert all(content_of(source, table).rows == 0 for table in source.tables)
    assert set(described) == set(TABLES)
    for name in TABLES:
        assert set(described[name]) == {column.name for column in SQLModel.metadata.tables[name].columns}


def test_a_type_nobody_has_taught_is_named() -> None:
    from chatcore.backup.source import kind_of

    assert "MONEY" not in KINDS
    with pytest.raises(Invalid, match=r"tag\.price is a MONEY"):
        kind_of("tag", "price", "money")


def test_bits_of_numbers_are_what_is_compared() -> None:
    (block,) = blocks_of_rows([Column("n", Kind.NUMBER)], iter([[0.1]]))
    assert block.content.strip().decode() == struct.pack(">d", 0.1).hex()
