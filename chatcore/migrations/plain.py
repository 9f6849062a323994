"""Carries the rows of the specification's plain `chatsession` and `chatmessage` tables into ours.

The plain tables know no user: their rows get the local owner. Messages get new numbers in the order of their times, and
among equal times in the order they were written, so that the newest message has the highest number. A row that has no
place here, or a column, is kept as JSON in `unmigrated_row` with the reason: nothing is lost.
"""

import logging
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from chatcore.older_rows import Unreadable, read_json_text, read_role, read_text, read_time, read_times, read_uuid, row_as_json
from chatcore.texts import snippet

log = logging.getLogger(__name__)

PLAIN = ("chatsession", "chatmessage")
ASIDE = {name: f"plain_{name}" for name in PLAIN}
CHAT_COLUMNS = ("id", "title", "provider", "model_name", "created_at", "updated_at")
MESSAGE_COLUMNS = ("id", "session_id", "role", "content", "created_at", "provider", "model_name", "tool_calls", "reasoning")
NEEDED = {"chatsession": ("id",), "chatmessage": ("id", "session_id", "role", "content")}

OWNER_ID = "local"
ROWS_A_STATEMENT = 1000
ROWS_A_LOG_LINE = 100_000

Time = sa.DateTime(timezone=True)
CHATS = sa.table(
    "chatsession",
    sa.column("id", sa.Uuid()),
    sa.column("user_id"),
    sa.column("title"),
    sa.column("provider"),
    sa.column("model_name"),
    sa.column("created_at", Time),
    sa.column("updated_at", Time),
    sa.column("last_snippet"),
    sa.column("current_message_id"),
)
MESSAGES = sa.table(
    "chatmessage",
    sa.column("id"),
    sa.column("session_id", sa.Uuid()),
    sa.column("user_id"),
    sa.column("parent_id"),
    sa.column("role"),
    sa.column("status"),
    sa.column("created_at", Time),
    sa.column("provider"),
    sa.column("model_name"),
    sa.column("tool_calls"),
    sa.column("reasoning"),
    sa.column("content"),
)
USERS = sa.table("users", sa.column("id"), sa.column("name"), sa.column("is_owner", sa.Boolean()), sa.column("created_at", Time))
UNMIGRATED = sa.table("unmigrated_row", *(sa.column(name) for name in ("user_id", "table_name", "external_id", "reason", "row_json")))

Row = Mapping[str, object]


@dataclass(slots=True)
class Carried:
    """What a carry knows while it runs: of each chat its last message and when it was made, and what was left out."""

    chats: dict[uuid.UUID, tuple[int | None, datetime]] = field(default_factory=dict)
    messages: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


def is_plain(inspector: sa.Inspector, table: str) -> bool:
    """Whether a table that is there is one of the specification's two: it has the columns nothing works without."""
    if table not in PLAIN:
        return False
    return {column["name"] for column in inspector.get_columns(table)}.issuperset(NEEDED[table])


def set_aside(connection: sa.Connection) -> tuple[str, ...]:
    """Renames the plain tables that are there to `plain_...` and answers which; their indexes would be in the way of ours."""
    there = sa.inspect(connection).get_table_names()
    plain = tuple(name for name in PLAIN if name in there)
    for name in plain:
        if connection.dialect.name == "sqlite":
            set_aside_sqlite(connection, name)
        else:
            set_aside_postgresql(connection, name)
    return plain


def set_aside_sqlite(connection: sa.Connection, name: str) -> None:
    """Renames a table; its indexes go, because SQLite cannot rename them."""
    indexes = "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL"
    for (index,) in connection.exec_driver_sql(indexes, (name,)).all():
        connection.exec_driver_sql(f"DROP INDEX {quoted(index)}")
    # Else a rename rewrites what other tables say of this one, and they would point to the table that is dropped.
    connection.exec_driver_sql("PRAGMA legacy_alter_table=ON")
    connection.exec_driver_sql(f"ALTER TABLE {name} RENAME TO {ASIDE[name]}")
    connection.exec_driver_sql("PRAGMA legacy_alter_table=OFF")


def set_aside_postgresql(connection: sa.Connection, name: str) -> None:
    """Renames a table and what backs its constraints; its own foreign keys and its other indexes go."""
    inspector = sa.inspect(connection)
    for key in inspector.get_foreign_keys(name):
        connection.exec_driver_sql(f"ALTER TABLE {name} DROP CONSTRAINT {quoted(str(key['name']))}")
    indexes = (
        "SELECT k.conname, i.indexrelid::regclass::text FROM pg_index i "
        "LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid WHERE i.indrelid = %s::regclass"
    )
    for constraint, index in connection.exec_driver_sql(indexes, (name,)).all():
        if constraint is None:
            connection.exec_driver_sql(f"DROP INDEX {index}")
        else:
            renamed = quoted(f"plain_{constraint}"[:63])
            connection.exec_driver_sql(f"ALTER TABLE {name} RENAME CONSTRAINT {quoted(constraint)} TO {renamed}")
    connection.exec_driver_sql(f"ALTER TABLE {name} RENAME TO {ASIDE[name]}")


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def carry_rows(connection: sa.Connection, plain: Sequence[str], *, now: datetime) -> None:
    """Fills our tables from the plain ones that were set aside, then drops those. `now` stands in for a time nobody knows."""
    connection.execute(sa.insert(USERS).values(id=OWNER_ID, name="You", is_owner=True, created_at=now))
    carried = Carried()
    if "chatsession" in plain:
        carry_chats(connection, carried, now=now)
    if "chatmessage" in plain:
        carry_messages(connection, carried)
    finish_chats(connection, carried)
    for name in reversed(PLAIN):
        if name in plain:
            connection.exec_driver_sql(f"DROP TABLE {ASIDE[name]}")
    left_out = ", ".join(f"{count} x {reason}" for reason, count in carried.left_out.most_common())
    log.info(
        "Carried %d chats and %d messages.%s", len(carried.chats), carried.messages, f" In unmigrated_row: {left_out}." if left_out else ""
    )


def carry_chats(connection: sa.Connection, carried: Carried, *, now: datetime) -> None:
    """Writes the chats that were set aside into ours, with what they say beyond our columns kept apart."""
    for rows in portions(connection, "chatsession", ""):
        good = []
        left_out = []
        for row in rows:
            try:
                chat_id, created_at, chat = chat_values(row, now)
                if chat_id in carried.chats:
                    raise Unreadable("the id is there twice")
            except Unreadable as error:
                left_out.append(left_out_row(carried, "chatsession", row, str(error)))
                continue
            good.append(chat)
            carried.chats[chat_id] = (None, created_at)
            left_out.extend(left_over_columns(carried, "chatsession", row, CHAT_COLUMNS))
        write(connection, CHATS, good)
        write(connection, UNMIGRATED, left_out)


def chat_values(row: Row, now: datetime) -> tuple[uuid.UUID, datetime, dict[str, object]]:
    """The id, the time and all our columns for a plain chat. Raises Unreadable."""
    chat_id = read_uuid(row["id"])
    created_at, updated_at = read_times(row.get("created_at"), row.get("updated_at"))
    title = row.get("title")
    values = {
        "id": chat_id,
        "user_id": OWNER_ID,
        "title": str(title) if title is not None and str(title).strip() else "New Conversation",
        "provider": str(row.get("provider") or "ollama"),
        "model_name": str(row.get("model_name") or "minimax-m2:cloud"),
        "created_at": created_at or updated_at or now,
        "updated_at": updated_at or created_at or now,
    }
    return chat_id, created_at or updated_at or now, values


def carry_messages(connection: sa.Connection, carried: Carried) -> None:
    """Writes the messages that were set aside into ours, each following the one before it in its chat."""
    for rows in portions(connection, "chatmessage", message_order(connection)):
        good = []
        left_out = []
        for row in rows:
            try:
                good.append(message_values(row, carried))
            except Unreadable as error:
                left_out.append(left_out_row(carried, "chatmessage", row, str(error)))
                continue
            left_out.extend(left_over_columns(carried, "chatmessage", row, MESSAGE_COLUMNS))
        write(connection, MESSAGES, good)
        write(connection, UNMIGRATED, left_out)
        if carried.messages % ROWS_A_LOG_LINE < len(good):
            log.info("Carried %d messages so far.", carried.messages)


def message_values(row: Row, carried: Carried) -> dict[str, object]:
    """Our columns for a plain message, which then is the last of its chat. Raises Unreadable."""
    role = read_role(row["role"])
    content = read_text(row["content"], "content")
    chat_id = read_uuid(row["session_id"]) if row["session_id"] is not None else None
    if chat_id is None or chat_id not in carried.chats:
        raise Unreadable("its chat is not there")
    parent_id, chat_created_at = carried.chats[chat_id]
    created_at = read_time(row.get("created_at")) or chat_created_at
    carried.messages += 1
    carried.chats[chat_id] = (carried.messages, chat_created_at)
    return {
        "id": carried.messages,
        "session_id": chat_id,
        "user_id": OWNER_ID,
        "parent_id": parent_id,
        "role": str(role),
        "status": "complete",
        "created_at": created_at,
        "provider": row.get("provider"),
        "model_name": row.get("model_name"),
        "tool_calls": read_json_text(row.get("tool_calls")),
        "reasoning": row.get("reasoning"),
        "content": content,
    }


def message_order(connection: sa.Connection) -> str:
    """The ORDER BY of plain messages: by time, then as they were written."""
    columns = {column["name"]: column["type"] for column in sa.inspect(connection).get_columns(ASIDE["chatmessage"])}
    sqlite = connection.dialect.name == "sqlite"
    # A random UUID says nothing of the order; where the row lies does.
    written = "id" if isinstance(columns["id"], sa.Integer) else "rowid" if sqlite else "ctid"
    if "created_at" not in columns:
        return f" ORDER BY {written}"
    # As text, '2026-01-01T08:00Z' and '2026-01-01 09:00' would not be in order.
    return f" ORDER BY julianday(created_at), created_at, {written}" if sqlite else f" ORDER BY created_at NULLS FIRST, {written}"


def portions(connection: sa.Connection, table: str, order: str) -> Iterator[Sequence[Row]]:
    """The rows of a table that was set aside, 1,000 at a time, never all in memory."""
    result = connection.execute(sa.text(f"SELECT * FROM {ASIDE[table]}{order}"), execution_options={"stream_results": True})
    for part in result.mappings().partitions(ROWS_A_STATEMENT):
        yield [{str(name): value for name, value in row.items()} for row in part]


def left_out_row(carried: Carried, table: str, row: Row, reason: str) -> dict[str, object]:
    carried.left_out[f"{table}: {reason}"] += 1
    identity = row["id"]
    return {
        "user_id": OWNER_ID,
        "table_name": table,
        "external_id": identity.hex() if isinstance(identity, bytes) else str(identity),
        "reason": reason,
        "row_json": row_as_json(row),
    }


def left_over_columns(carried: Carried, table: str, row: Row, known: Sequence[str]) -> Iterator[dict[str, object]]:
    """What a carried row says in columns that have no place here, if it says anything."""
    rest = {name: value for name, value in row.items() if name not in known and value is not None}
    if rest:
        yield left_out_row(carried, table, {"id": row["id"], **rest}, f"no place for {', '.join(sorted(rest))}")


def write(connection: sa.Connection, table: sa.TableClause, rows: list[dict[str, object]]) -> None:
    if rows:
        connection.execute(sa.insert(table), rows)


def finish_chats(connection: sa.Connection, carried: Carried) -> None:
    """What a chat row says of its messages, the marks for the usage rollup, and the next message id of PostgreSQL."""
    connection.execute(
        sa.text(
            "UPDATE chatsession SET message_count = (SELECT count(*) FROM chatmessage m WHERE m.session_id = chatsession.id), "
            "current_message_id = (SELECT max(m.id) FROM chatmessage m WHERE m.session_id = chatsession.id), "
            "last_message_at = (SELECT max(m.created_at) FROM chatmessage m WHERE m.session_id = chatsession.id)"
        )
    )
    last = (
        sa.select(CHATS.c.id, sa.func.substr(MESSAGES.c.content, 1, 2000).label("head"))
        .join(MESSAGES, MESSAGES.c.id == CHATS.c.current_message_id)
        .execution_options(stream_results=True)
    )
    update = sa.update(CHATS).where(CHATS.c.id == sa.bindparam("chat_id", type_=sa.Uuid())).values(last_snippet=sa.bindparam("cut"))
    for rows in connection.execute(last).partitions(ROWS_A_STATEMENT):
        connection.execute(update, [{"chat_id": row.id, "cut": snippet(row.head) or None} for row in rows])
    if connection.dialect.name == "postgresql" and carried.messages:
        connection.execute(sa.text("SELECT setval(pg_get_serial_sequence('chatmessage', 'id'), :last)"), {"last": carried.messages})
