"""The triggers that mark a day for the sums of everybody, whenever a page of it is made, changed or deleted, for both engines.

Also when the pages of a person go with them. A mark waits for nobody, as those of `chatcore.migrations.usage_marks`.
"""

from collections.abc import Iterator

import sqlalchemy as sa

EVENTS = {"INSERT": "new", "UPDATE": "new", "DELETE": "old"}


def create(connection: sa.Connection) -> None:
    """Makes the triggers."""
    for statement in sqlite_triggers() if connection.dialect.name == "sqlite" else postgresql_triggers():
        connection.exec_driver_sql(statement)


def sqlite_triggers() -> Iterator[str]:
    """A mark is one row a day and zone, which counts the changes it stands for."""
    for event, row in EVENTS.items():
        yield (
            f"CREATE TRIGGER tr_usage_day_sum_{event.lower()} AFTER {event} ON usage_day BEGIN "
            f"UPDATE usage_sum_dirty SET writer = writer + 1 WHERE day = {row}.day; "
            f"INSERT INTO usage_sum_dirty (day, zone, writer) SELECT {row}.day, z.name, 1 FROM usage_zone z "
            f"WHERE NOT EXISTS (SELECT 1 FROM usage_sum_dirty x WHERE x.day = {row}.day AND x.zone = z.name); END"
        )


def postgresql_triggers() -> Iterator[str]:
    """A mark is one row a day, zone and transaction."""
    for event, row in EVENTS.items():
        name = f"usage_day_sum_{event.lower()}"
        yield (
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "INSERT INTO usage_sum_dirty (day, zone, writer) "
            f"SELECT {row}.day, z.name, CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT) FROM usage_zone z ON CONFLICT DO NOTHING; "
            "RETURN NULL; END $$"
        )
        yield f"CREATE TRIGGER tr_{name} AFTER {event} ON usage_day FOR EACH ROW EXECUTE FUNCTION {name}()"
