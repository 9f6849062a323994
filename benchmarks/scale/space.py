"""How much room the database takes: the file, what is text in it, each table, its indexes, and the search index."""

from collections import Counter
from collections.abc import Iterator

import sqlalchemy as sa

from benchmarks.figures import Figure
from benchmarks.machine import MEBIBYTE
from benchmarks.scale.ground import Ground
from chatcore.db import Database

BUDGET_RATIO = 2.5
# Smaller tables are not worth a line.
SMALLEST_MB = 1.0
SEARCH = ("message_search", "chat_search", "message_fts", "chat_fts")
PARTS_OF_TABLES = (
    "SELECT c.relname, pg_table_size(c.oid), pg_indexes_size(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind = 'r' AND n.nspname = 'public'"
)
# Counted pages: what dbstat says of their bytes has 32 bits, which a table of 2 GB overflows.
PAGES = (
    "SELECT s.name, m.type, m.tbl_name, s.pageno * page.page_size FROM pragma_page_size page CROSS JOIN dbstat s "
    "LEFT JOIN sqlite_master m ON m.name = s.name WHERE s.aggregate = TRUE"
)


def measure(ground: Ground) -> Iterator[Figure]:
    """Sizes in MiB. Text is what `content` of all messages has in UTF-8. The budget is for the file of SQLite."""
    text_mb = ground.filling.text_bytes / MEBIBYTE
    whole_mb = database_mb(ground.db)
    yield Figure("text of all messages", text_mb, "MB")
    yield Figure("database", whole_mb, "MB")
    yield Figure("database over text", whole_mb / text_mb, "times", BUDGET_RATIO if ground.db.is_sqlite else None)
    sizes = {name: size / MEBIBYTE for name, size in part_sizes(ground.db).items()}
    search_mb = sum(size for name, size in sizes.items() if name.removeprefix("indexes of ").startswith(SEARCH))
    yield Figure("search index", search_mb, "MB", note="Together: " + ", ".join(SEARCH))
    yield Figure("search index over text", search_mb / text_mb, "times")
    for name, size in sorted(sizes.items(), key=lambda item: -item[1]):
        if size >= SMALLEST_MB:
            yield Figure(name, size, "MB")


def database_mb(db: Database) -> float:
    """The whole database; of SQLite the file without its log, of PostgreSQL what the server says."""
    with db.read() as tx:
        if not db.is_sqlite:
            return int(tx.execute(sa.text("SELECT pg_database_size(current_database())")).scalar_one()) / MEBIBYTE
        pages, page = (int(tx.execute(sa.text(f"PRAGMA {name}")).scalar_one()) for name in ("page_count", "page_size"))
        return pages * page / MEBIBYTE


def part_sizes(db: Database) -> Counter[str]:
    """Bytes of every table and of its indexes together. Empty for an SQLite without dbstat."""
    sizes: Counter[str] = Counter()
    with db.read_at_length() as tx:
        if not db.is_sqlite:
            for table, own, indexes in tx.execute(sa.text(PARTS_OF_TABLES)):
                sizes[table] += own
                sizes[f"indexes of {table}"] += indexes
            return sizes
        try:
            rows = tx.execute(sa.text(PAGES)).all()
        except sa.exc.OperationalError:
            return sizes
    for name, kind, table, size in rows:
        sizes[f"indexes of {table}" if kind == "index" else name] += size
    return sizes
