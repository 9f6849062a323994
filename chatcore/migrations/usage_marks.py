"""The triggers that mark a day of a person for the rollup, whatever changes in it, for both engines.

A message counts on the day it was made, and so does which models answered it: a new answer marks the prompt's day too. Text is
not counted, so saving a growing answer marks nothing. A mark waits for nobody: on PostgreSQL each transaction has its own, on
SQLite one writes at a time.

Messages that are written many at a time (`search_later`, see `search_index`) are marked together, by `MARK_STRETCH`: three marks
for each take longer than to write it.
"""

from collections.abc import Iterator

import sqlalchemy as sa

from chatcore.migrations.search_index import IS_LATER
from chatcore.migrations.stored import AS_NUMBERS, AS_TEXT, Stored

# What a page of the rollup is made of; see `chatcore.rollup.gather`.
COUNTED_OF_MESSAGE = "user_id, session_id, parent_id, role, created_at, provider, model_name"
COUNTED_OF_GENERATION = (
    "user_id, session_id, message_id, provider, model_name, state, started_at, duration_s, time_to_first_chunk_s, load_s, prompt_s, "
    "eval_s, input_tokens, output_tokens, cached_tokens, reasoning_tokens, usage_source, error_type, cost, cost_currency"
)
POSTGRESQL_DAY = "CAST(floor(extract(epoch FROM {0}) / 86400) AS INTEGER)"


def create(connection: sa.Connection) -> None:
    """Makes the triggers, and marks every day of everybody that has something to count."""
    sqlite = connection.dialect.name == "sqlite"
    for statement in sqlite_triggers(AS_TEXT) if sqlite else postgresql_triggers():
        # exec_driver_sql takes % and : as they are.
        connection.exec_driver_sql(statement)
    written, asked = (day_when_made(sqlite=sqlite).format(column) for column in ("created_at", "started_at"))
    connection.exec_driver_sql(
        "INSERT INTO usage_dirty (user_id, day, writer) "
        f"SELECT user_id, {written}, 0 FROM chatmessage UNION SELECT user_id, {asked}, 0 FROM generation"
    )


def create_more(connection: sa.Connection) -> None:
    """Makes the triggers of what pages have had since 0017, and marks the days that have any of it; other pages are right as they are."""
    sqlite = connection.dialect.name == "sqlite"
    for statement in sqlite_triggers_of_more(AS_TEXT) if sqlite else postgresql_triggers_of_more():
        connection.exec_driver_sql(statement)
    written, asked = (day_when_made(sqlite=sqlite).format(column) for column in ("created_at", "started_at"))
    days = (
        f"SELECT user_id AS u, {written} AS d FROM chatmessage WHERE tool_calls IS NOT NULL UNION SELECT user_id, {asked} FROM generation "
        "WHERE context_window IS NOT NULL OR finish_reason = 'length' OR error_type = 'context_length'"
    )
    # Not beside a mark that is there: on SQLite a day has one.
    connection.exec_driver_sql(
        f"INSERT INTO usage_dirty (user_id, day, writer) SELECT u, d, 0 FROM ({days}) AS found "
        "WHERE NOT EXISTS (SELECT 1 FROM usage_dirty x WHERE x.user_id = u AND x.day = d)"
    )


def day_when_made(*, sqlite: bool) -> str:
    """The day of a time, as the migrations find it that make the triggers."""
    return AS_TEXT.day if sqlite else POSTGRESQL_DAY


def days_of_message(row: str, day: str) -> str:
    """The days on which a message counts: its own, and that of the message it follows."""
    own, parent = (day.format(f"{name}.created_at") for name in (row, "p"))
    return (
        f"SELECT {row}.user_id AS u, {own} AS d "
        f"UNION SELECT p.user_id, {parent} FROM chatmessage p WHERE p.id = {row}.parent_id AND p.session_id = {row}.session_id"
    )


def days_of_generation(row: str, day: str) -> str:
    """The day on which an attempt counts."""
    return f"SELECT {row}.user_id AS u, {day.format(f'{row}.started_at')} AS d"


def days_of_import(row: str, day: str) -> str:
    """The days of a message that is said to come from elsewhere, and of the attempts at it."""
    own, asked = (day.format(column) for column in ("m.created_at", "g.started_at"))
    return (
        f"SELECT m.user_id AS u, {own} AS d FROM chatmessage m WHERE m.id = {row}.message_id "
        f"UNION SELECT g.user_id, {asked} FROM generation g WHERE g.message_id = {row}.message_id"
    )


# What came later, see `create_more`: columns that a page is made of since it has tool calls and full windows.
CALLS_OF_MESSAGE = "tool_calls"
FILLS_OF_GENERATION = "finish_reason, context_window, context_tokens, left_out"


def days_of_stretch(day: str) -> str:
    """The days of all messages from :first to :last, as one by one."""
    own, parent, asked = (day.format(column) for column in ("m.created_at", "p.created_at", "g.started_at"))
    return (
        f"SELECT m.user_id AS u, {own} AS d FROM chatmessage m WHERE m.id BETWEEN :first AND :last "
        f"UNION SELECT p.user_id, {parent} FROM chatmessage m JOIN chatmessage p ON p.id = m.parent_id AND p.session_id = m.session_id "
        "WHERE m.id BETWEEN :first AND :last "
        f"UNION SELECT g.user_id, {asked} FROM generation g WHERE g.message_id BETWEEN :first AND :last"
    )


# Each with what it counts, the column that names the message, and the days.
TABLES = (
    ("chatmessage", COUNTED_OF_MESSAGE, "id", days_of_message),
    ("generation", COUNTED_OF_GENERATION, "message_id", days_of_generation),
    ("importref", "message_id", "message_id", days_of_import),
)
# A person who is being deleted needs no marks, and may have none: they would point to nobody.
OF_SOMEBODY = "EXISTS (SELECT 1 FROM users WHERE id = u)"


def sqlite_triggers(stored: Stored) -> Iterator[str]:
    """A mark is one row a day, which counts the changes it stands for."""
    for table, columns, message_id, days_of in TABLES:
        for event, rows in (("INSERT", ["new"]), ("DELETE", ["old"]), (f"UPDATE OF {columns}", ["old", "new"])):
            body = "".join(sqlite_mark(days_of(row, stored.day)) for row in rows)
            alone = f"WHEN NOT {IS_LATER.format(f'new.{message_id}')} " if event == "INSERT" else ""
            yield f"CREATE TRIGGER tr_{table}_usage_{event[:6].lower()} AFTER {event} ON {table} {alone}BEGIN {body} END"


def sqlite_mark(days: str) -> str:
    """Counts the change on the marks that are there, and makes those that are not."""
    return (
        f"UPDATE usage_dirty SET writer = writer + 1 WHERE (user_id, day) IN (SELECT u, d FROM ({days})); "
        f"INSERT INTO usage_dirty (user_id, day, writer) SELECT u, d, 1 FROM ({days}) "
        f"WHERE {OF_SOMEBODY} AND NOT EXISTS (SELECT 1 FROM usage_dirty x WHERE x.user_id = u AND x.day = d); "
    )


def postgresql_triggers() -> Iterator[str]:
    """A mark is one row a day and transaction."""
    for table, columns, message_id, days_of in TABLES:
        for event, rows in (("INSERT", ["new"]), ("DELETE", ["old"]), (f"UPDATE OF {columns}", ["old", "new"])):
            name = f"{table}_usage_{event[:6].lower()}"
            body = " ".join(postgresql_mark(days_of(row, POSTGRESQL_DAY)) for row in rows)
            if event == "INSERT":
                body = f"IF NOT {IS_LATER.format(f'new.{message_id}')} THEN {body} END IF;"
            yield f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$"
            yield f"CREATE TRIGGER tr_{name} AFTER {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"


def postgresql_mark(days: str) -> str:
    """A mark of this transaction."""
    return (
        "INSERT INTO usage_dirty (user_id, day, writer) SELECT u, d, CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT) "
        f"FROM ({days}) AS changed WHERE {OF_SOMEBODY} ON CONFLICT DO NOTHING;"
    )


# Here old and new lie on the same day: what moves a row marks both days above.
MORE = (
    ("chatmessage", "calls", CALLS_OF_MESSAGE, "created_at", "{new}.tool_calls {differs} {old}.tool_calls"),
    ("generation", "fills", FILLS_OF_GENERATION, "started_at", ""),
)


def sqlite_triggers_of_more(stored: Stored) -> Iterator[str]:
    """Saving a growing answer writes its calls again and again: only where they are others is the day marked."""
    for table, name, columns, at, when in MORE:
        if_changed = f"WHEN {when.format(new='new', old='old', differs='IS NOT')} " if when else ""
        body = sqlite_mark(f"SELECT new.user_id AS u, {stored.day.format(f'new.{at}')} AS d")
        yield f"CREATE TRIGGER tr_{table}_usage_{name} AFTER UPDATE OF {columns} ON {table} {if_changed}BEGIN {body} END"


def postgresql_triggers_of_more() -> Iterator[str]:
    """The same."""
    for table, name, columns, at, when in MORE:
        if_changed = f"WHEN ({when.format(new='new', old='old', differs='IS DISTINCT FROM')}) " if when else ""
        function = f"{table}_usage_{name}"
        body = postgresql_mark(f"SELECT new.user_id AS u, {POSTGRESQL_DAY.format(f'new.{at}')} AS d")
        yield f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$"
        yield f"CREATE TRIGGER tr_{function} AFTER UPDATE OF {columns} ON {table} FOR EACH ROW {if_changed}EXECUTE FUNCTION {function}()"


# The statements that mark the days of a stretch, in their order.
MARK_STRETCH = {
    "sqlite": tuple(filter(str.strip, sqlite_mark(days_of_stretch(AS_NUMBERS.day)).split(";"))),
    "postgresql": (postgresql_mark(days_of_stretch(POSTGRESQL_DAY)),),
}
# The same for days that whoever writes has counted itself: :user and :days, a JSON array.
NAMED_DAYS = {
    "sqlite": "SELECT :user AS u, value AS d FROM json_each(:days)",
    "postgresql": "SELECT CAST(:user AS varchar) AS u, CAST(day AS integer) AS d FROM json_array_elements_text(CAST(:days AS json)) AS day",
}
MARK_DAYS = {
    "sqlite": tuple(filter(str.strip, sqlite_mark(NAMED_DAYS["sqlite"]).split(";"))),
    "postgresql": (postgresql_mark(NAMED_DAYS["postgresql"]),),
}


def allow_later(connection: sa.Connection) -> None:
    """Brings triggers made before 0018 to where they leave alone the messages that are marked together."""
    sqlite = connection.dialect.name == "sqlite"
    for statement in sqlite_triggers(AS_TEXT) if sqlite else postgresql_triggers():
        if " AFTER INSERT ON " in statement and sqlite:
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {statement.split()[2]}")
            connection.exec_driver_sql(statement)
        elif not sqlite and "_usage_insert() RETURNS" in statement:
            connection.exec_driver_sql(statement)
