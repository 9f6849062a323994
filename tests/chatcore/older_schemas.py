"""Databases as older versions left them."""

import uuid

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from chatcore.db import Database
from chatcore.migrations import run
from tests.conftest import NOW

CHAT_A = uuid.UUID("11111111-2222-4333-8444-555555555555")
CHAT_B = uuid.UUID("aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee")

ROWS_0001 = """
INSERT INTO users (id, name, is_owner, created_at) VALUES ('ada', 'Ada', true, '2026-01-01 00:00:00');
INSERT INTO chatsession (id, user_id, title, provider, model_name, created_at, updated_at, pinned, message_count)
  VALUES ('{chat}', 'ada', 'Tea', 'ollama', 'm', '2026-01-01 00:00:00', '2026-01-02 00:00:00', true, 2);
INSERT INTO chatsession (id, user_id, title, provider, model_name, created_at, updated_at, deleted_at)
  VALUES ('{trashed}', 'ada', 'Travel', 'ollama', 'm', '2026-01-01 00:00:00', '2026-01-02 00:00:00', '2026-01-03 00:00:00');
INSERT INTO chatmessage (id, session_id, user_id, role, created_at, content)
  VALUES (1, '{chat}', 'ada', 'user', '2026-01-01 00:00:00', 'Which?');
INSERT INTO chatmessage (id, session_id, user_id, parent_id, role, created_at, content)
  VALUES (2, '{chat}', 'ada', 1, 'assistant', '2026-01-01 00:00:01', 'Green.');
UPDATE chatsession SET current_message_id = 2 WHERE id = '{chat}';
INSERT INTO generation (user_id, session_id, message_id, provider, model_name, state, started_at, finished_at)
  VALUES ('ada', '{chat}', 2, 'ollama', 'm', 'complete', '2026-01-01 00:00:00', '2026-01-01 00:00:01');
INSERT INTO feedback (user_id, message_id, rating, created_at) VALUES ('ada', 2, 1, '2026-01-01 00:00:02');
INSERT INTO tag (id, user_id, name) VALUES (1, 'ada', 'drinks');
INSERT INTO chattag (session_id, tag_id, user_id) VALUES ('{chat}', 1, 'ada')
"""

# SQLite, up to 0021: a message without a model has the tags `m` and `p`.
MESSAGE_WORDS_0021 = """
CREATE VIEW message_words AS SELECT s.key AS key, search_words(m.content) AS words, search_parts(m.content) AS parts,
  'u' || substr(hex(m.user_id), 1, 1000) || ' c' || lower(hex(m.session_id)) || ' r' || m.role
  || coalesce(' m' || substr(hex(m.model_name), 1, 1000), '') || coalesce(' p' || substr(hex(m.provider), 1, 1000), '')
  || CASE WHEN instr(m.content, '```') OR instr(m.content, '~~~') THEN ' hcode' ELSE '' END
  || CASE WHEN m.tool_calls IS NOT NULL THEN ' htool' ELSE '' END
  || CASE WHEN EXISTS (SELECT 1 FROM attachment a WHERE a.message_id = m.id) THEN ' hattachment' ELSE '' END
  AS tags FROM message_search s JOIN chatmessage m ON m.id = s.message_id
"""


def run_script(database: Database, script: str) -> None:
    with database.write() as tx:
        for statement in script.split(";"):
            tx.execute(sa.text(statement))


def rows(database: Database, sql: str) -> list[tuple[object, ...]]:
    with database.read() as tx:
        return [tuple(row) for row in tx.execute(sa.text(sql))]


def migrate_to(database: Database, revision: str) -> None:
    """The schema as that migration left it."""
    with database.migration() as connection:
        config = Config(attributes={"connection": connection, "now": NOW})
        config.set_main_option("script_location", str(run.FOLDER))
        command.upgrade(config, revision)
