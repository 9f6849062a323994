"""Chats, messages, the usage ledger and all that belongs to them.

Why: the first schema. It joins the specification's `chatsession`/`chatmessage` with its `conversations`/`messages` and
states the laws of the data where nobody can go round them: as keys, as checks, and as triggers where two rows are
needed. A database that has the specification's plain tables keeps its rows (see `chatcore/migrations/plain.py`).
"""

import sqlalchemy as sa
from alembic import op

from chatcore.migrations.plain import carry_rows, set_aside

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Time = sa.DateTime(timezone=True)
STATES = "'running', 'complete', 'stopped', 'failed', 'interrupted'"


def upgrade():
    connection = op.get_bind()
    plain = set_aside(connection)
    create_tables()
    create_indexes()
    for statement in SQLITE_LAWS if connection.dialect.name == "sqlite" else POSTGRESQL_LAWS:
        op.execute(statement)
    if plain:
        carry_rows(connection, plain, now=op.get_context().config.attributes["now"])


def downgrade():
    raise NotImplementedError("There is no way back from 0001: restore the backup.")


def big_id():
    return sa.Column("id", BigId, primary_key=True, autoincrement=True)


def text(name, *, null=False, length=None, default=None):
    return sa.Column(name, sa.String(length), nullable=null, server_default=default)


def flag(name):
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.text("false"))


def count(name):
    return sa.Column(name, sa.BigInteger(), nullable=False, server_default=sa.text("0"))


def time(name, *, null=False):
    return sa.Column(name, Time, nullable=null)


def number(name, kind):
    return sa.Column(name, kind, nullable=True)


def user_id():
    return sa.Column("user_id", sa.String(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False)


def message_id(*, null, ondelete):
    return sa.Column("message_id", BigId, sa.ForeignKey("chatmessage.id", ondelete=ondelete), nullable=null)


def session_id():
    return sa.Column("session_id", sa.Uuid(), sa.ForeignKey("chatsession.id", ondelete="SET NULL"), nullable=True)


def create_tables():
    op.create_table(
        "users",
        sa.Column("id", sa.String(), primary_key=True),
        text("name"),
        text("email", null=True),
        text("issuer", null=True),
        text("subject", null=True),
        flag("is_owner"),
        time("created_at"),
        sa.UniqueConstraint("issuer", "subject", name="uq_users_issuer_subject"),
    )
    create_chats()
    create_messages()
    create_generations()
    create_belongings()
    create_bookkeeping()


def create_chats():
    # Chats and messages name each other. SQLite cannot add a constraint later but may name a table that comes later;
    # PostgreSQL is the other way round.
    shown = sa.ForeignKeyConstraint(
        ["current_message_id"], ["chatmessage.id"], name="fk_chatsession_current_message", ondelete="SET NULL"
    )
    op.create_table(
        "chatsession",
        sa.Column("id", sa.Uuid(), primary_key=True),
        user_id(),
        text("title"),
        text("provider"),
        text("model_name"),
        time("created_at"),
        time("updated_at"),
        flag("pinned"),
        flag("archived"),
        time("deleted_at", null=True),
        sa.Column("current_message_id", BigId, nullable=True),
        count("message_count"),
        count("input_tokens"),
        count("output_tokens"),
        time("last_message_at", null=True),
        text("last_snippet", null=True),
        sa.UniqueConstraint("user_id", "id", name="uq_chatsession_user_id"),
        sa.CheckConstraint("message_count >= 0 AND input_tokens >= 0 AND output_tokens >= 0", name="ck_chatsession_counters"),
        *([shown] if op.get_bind().dialect.name == "sqlite" else []),
    )


def create_messages():
    op.create_table(
        "chatmessage",
        big_id(),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        text("user_id"),
        sa.Column("parent_id", BigId, nullable=True),
        text("role", length=20),
        text("status", length=20, default="complete"),
        time("created_at"),
        text("provider", null=True),
        text("model_name", null=True),
        sa.Column("tool_calls", sa.Text(), nullable=True),
        sa.Column("reasoning", sa.Text(), nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id", "session_id"], ["chatsession.user_id", "chatsession.id"], name="fk_chatmessage_chat", ondelete="CASCADE"
        ),
        # Before the key that points to it: PostgreSQL wants it there.
        sa.UniqueConstraint("session_id", "id", name="uq_chatmessage_session_id"),
        # Checked at the end of the transaction, so the messages of a chat may be deleted in any order.
        sa.ForeignKeyConstraint(
            ["session_id", "parent_id"],
            ["chatmessage.session_id", "chatmessage.id"],
            name="fk_chatmessage_parent",
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.CheckConstraint("role IN ('user', 'assistant')", name="ck_chatmessage_role"),
        sa.CheckConstraint(f"status IN ({STATES})", name="ck_chatmessage_status"),
        sa.CheckConstraint("role = 'assistant' OR status = 'complete'", name="ck_chatmessage_user_complete"),
        sa.CheckConstraint("parent_id IS NULL OR parent_id <> id", name="ck_chatmessage_parent_not_self"),
    )
    if op.get_bind().dialect.name != "sqlite":
        op.create_foreign_key(
            "fk_chatsession_current_message", "chatsession", "chatmessage", ["current_message_id"], ["id"], ondelete="SET NULL"
        )


def create_generations():
    op.create_table(
        "generation",
        big_id(),
        user_id(),
        session_id(),
        message_id(null=True, ondelete="SET NULL"),
        text("provider"),
        text("model_name"),
        text("response_model", null=True),
        text("state", length=20),
        time("started_at"),
        time("finished_at", null=True),
        number("duration_s", sa.Float()),
        number("time_to_first_chunk_s", sa.Float()),
        number("load_s", sa.Float()),
        number("prompt_s", sa.Float()),
        number("eval_s", sa.Float()),
        number("input_tokens", sa.BigInteger()),
        number("output_tokens", sa.BigInteger()),
        number("cached_tokens", sa.BigInteger()),
        number("reasoning_tokens", sa.BigInteger()),
        text("usage_source", null=True, length=20),
        text("finish_reason", null=True, length=20),
        text("error_type", null=True, length=40),
        text("error_message", null=True),
        text("error_hint", null=True),
        sa.Column("error_retryable", sa.Boolean(), nullable=True),
        number("cost", sa.Float()),
        text("cost_currency", null=True, length=3),
        text("cost_source", null=True),
        text("request_key", null=True, length=80),
        text("owner", null=True),
        time("heartbeat_at", null=True),
        time("stop_requested_at", null=True),
        sa.CheckConstraint(f"state IN ({STATES})", name="ck_generation_state"),
        sa.CheckConstraint("(state = 'running') = (finished_at IS NULL)", name="ck_generation_finished"),
        sa.CheckConstraint("(state = 'failed') = (error_type IS NOT NULL)", name="ck_generation_error"),
        sa.CheckConstraint("(input_tokens IS NULL) = (output_tokens IS NULL)", name="ck_generation_half_usage"),
        sa.CheckConstraint("(usage_source IS NULL) = (output_tokens IS NULL)", name="ck_generation_usage_source"),
        sa.CheckConstraint("usage_source IN ('reported', 'estimated', 'imported')", name="ck_generation_usage_source_known"),
        sa.CheckConstraint(
            "(cost IS NULL) = (cost_source IS NULL) AND (cost IS NULL) = (cost_currency IS NULL)", name="ck_generation_cost"
        ),
        sa.CheckConstraint(
            "coalesce(input_tokens, 0) >= 0 AND coalesce(output_tokens, 0) >= 0 AND coalesce(cached_tokens, 0) >= 0 "
            "AND coalesce(reasoning_tokens, 0) >= 0",
            name="ck_generation_tokens",
        ),
        sa.CheckConstraint(
            "coalesce(duration_s, 0) >= 0 AND coalesce(time_to_first_chunk_s, 0) >= 0 AND coalesce(load_s, 0) >= 0 "
            "AND coalesce(prompt_s, 0) >= 0 AND coalesce(eval_s, 0) >= 0 AND coalesce(cost, 0) >= 0",
            name="ck_generation_amounts",
        ),
    )


def create_belongings():
    op.create_table(
        "attachment",
        big_id(),
        user_id(),
        message_id(null=False, ondelete="CASCADE"),
        text("name"),
        text("media_type"),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        text("sha256", length=64),
        time("created_at"),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("size_bytes >= 0", name="ck_attachment_size"),
    )
    op.create_table(
        "feedback",
        big_id(),
        user_id(),
        message_id(null=False, ondelete="CASCADE"),
        sa.Column("rating", sa.Integer(), nullable=False),
        text("note", null=True),
        time("created_at"),
        sa.UniqueConstraint("user_id", "message_id", name="uq_feedback_user_message"),
        sa.CheckConstraint("rating IN (-1, 1)", name="ck_feedback_rating"),
    )
    op.create_table(
        "tag",
        big_id(),
        user_id(),
        text("name"),
        sa.UniqueConstraint("user_id", "name", name="uq_tag_user_name"),
        sa.UniqueConstraint("user_id", "id", name="uq_tag_user_id"),
    )
    op.create_table(
        "chattag",
        sa.Column("session_id", sa.Uuid(), primary_key=True),
        sa.Column("tag_id", BigId, primary_key=True, autoincrement=False),
        text("user_id"),
        sa.ForeignKeyConstraint(
            ["user_id", "session_id"], ["chatsession.user_id", "chatsession.id"], name="fk_chattag_chat", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id", "tag_id"], ["tag.user_id", "tag.id"], name="fk_chattag_tag", ondelete="CASCADE"),
    )


def create_bookkeeping():
    op.create_table(
        "importref",
        sa.Column("source", sa.String(), primary_key=True),
        sa.Column("kind", sa.String(20), primary_key=True),
        sa.Column("external_id", sa.String(), primary_key=True),
        user_id(),
        session_id(),
        message_id(null=True, ondelete="SET NULL"),
        time("imported_at"),
        sa.CheckConstraint("kind IN ('user', 'chat', 'message')", name="ck_importref_kind"),
    )
    op.create_table(
        "unmigrated_row",
        big_id(),
        user_id(),
        text("table_name"),
        text("external_id"),
        text("reason"),
        sa.Column("row_json", sa.Text(), nullable=False),
    )
    op.create_table(
        "usage_hourly",
        sa.Column("user_id", sa.String(), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("hour", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("provider", sa.String(), primary_key=True),
        sa.Column("model_name", sa.String(), primary_key=True),
        count("user_messages"),
        count("answers"),
        count("failed"),
        count("input_tokens"),
        count("output_tokens"),
    )
    op.create_table(
        "usage_dirty",
        sa.Column("user_id", sa.String(), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("hour", sa.Integer(), primary_key=True, autoincrement=False),
    )


# Plain ascending columns only: SQLite reads an index backwards as well, and cannot report a descending one.
INDEXES = (
    ("ix_chatsession_list", "chatsession", "user_id archived pinned updated_at id", False, "deleted_at IS NULL"),
    ("ix_chatsession_trash", "chatsession", "user_id deleted_at id", False, "deleted_at IS NOT NULL"),
    ("ix_chatsession_current_message_id", "chatsession", "current_message_id", False, None),
    # Not the chat first: PostgreSQL without statistics would take it to find a parent and read the whole chat.
    ("ix_chatmessage_parent", "chatmessage", "parent_id session_id", False, None),
    ("ix_chatmessage_chat", "chatmessage", "user_id session_id", False, None),
    ("ix_chatmessage_user_created", "chatmessage", "user_id created_at", False, None),
    ("ix_chatmessage_created_at", "chatmessage", "created_at", False, None),
    ("ix_generation_message_id", "generation", "message_id", False, None),
    ("ix_generation_session_id", "generation", "session_id", False, None),
    ("ix_generation_user_started", "generation", "user_id started_at", False, None),
    ("ix_generation_started_at", "generation", "started_at", False, None),
    ("uq_generation_running_message", "generation", "message_id", True, "state = 'running'"),
    ("ix_generation_running", "generation", "state heartbeat_at", False, "state = 'running'"),
    ("uq_generation_request_key", "generation", "user_id request_key", True, "request_key IS NOT NULL"),
    ("ix_attachment_user_sha256", "attachment", "user_id sha256", False, None),
    ("ix_attachment_message_id", "attachment", "message_id", False, None),
    ("ix_feedback_message_id", "feedback", "message_id", False, None),
    ("ix_chattag_tag", "chattag", "user_id tag_id", False, None),
    ("ix_chattag_chat", "chattag", "user_id session_id", False, None),
    ("ix_importref_user", "importref", "user_id", False, None),
    ("ix_importref_session_id", "importref", "session_id", False, None),
    ("ix_importref_message_id", "importref", "message_id", False, None),
    ("ix_unmigrated_row_user_id", "unmigrated_row", "user_id", False, None),
)


def create_indexes():
    for name, table, columns, unique, where in INDEXES:
        condition = sa.text(where) if where else None
        op.create_index(name, table, columns.split(), unique=unique, sqlite_where=condition, postgresql_where=condition)


# The laws that need two rows. What an update may do is what a delete does: set a reference to null.
ANSWER = (
    "new.message_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM chatmessage m WHERE m.id = new.message_id "
    "AND m.role = 'assistant' AND m.user_id = new.user_id AND m.session_id = new.session_id)"
)
CHAT = (
    "new.session_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM chatsession c WHERE c.id = new.session_id AND c.user_id = new.user_id)"
)
SHOWN = (
    "new.current_message_id IS NOT NULL AND NOT EXISTS "
    "(SELECT 1 FROM chatmessage m WHERE m.id = new.current_message_id AND m.session_id = new.id)"
)
ANSWER_SAYS = "a generation answers an assistant message of the same user and chat"
CHAT_SAYS = "a generation belongs to a chat of the same user"
SHOWN_SAYS = "the message shown is one of the chat"
MOVED_SAYS = "a message keeps its role, its chat and its user"

SQLITE_LAWS = (
    f"CREATE TRIGGER law_generation_answer_insert BEFORE INSERT ON generation WHEN {ANSWER} "
    f"BEGIN SELECT RAISE(ABORT, '{ANSWER_SAYS}'); END",
    f"CREATE TRIGGER law_generation_chat_insert BEFORE INSERT ON generation WHEN {CHAT} "
    f"BEGIN SELECT RAISE(ABORT, '{CHAT_SAYS}'); END",
    "CREATE TRIGGER law_generation_answer_update BEFORE UPDATE OF user_id, session_id, message_id ON generation "
    "WHEN (new.message_id IS NOT old.message_id OR new.user_id <> old.user_id "
    f"OR (new.session_id IS NOT NULL AND new.session_id IS NOT old.session_id)) AND {ANSWER} "
    f"BEGIN SELECT RAISE(ABORT, '{ANSWER_SAYS}'); END",
    "CREATE TRIGGER law_generation_chat_update BEFORE UPDATE OF user_id, session_id ON generation "
    f"WHEN (new.session_id IS NOT old.session_id OR new.user_id <> old.user_id) AND {CHAT} "
    f"BEGIN SELECT RAISE(ABORT, '{CHAT_SAYS}'); END",
    "CREATE TRIGGER law_message_stays BEFORE UPDATE OF role, session_id, user_id ON chatmessage "
    "WHEN new.role <> old.role OR new.session_id <> old.session_id OR new.user_id <> old.user_id "
    f"BEGIN SELECT RAISE(ABORT, '{MOVED_SAYS}'); END",
    f"CREATE TRIGGER law_message_shown_insert BEFORE INSERT ON chatsession WHEN {SHOWN} "
    f"BEGIN SELECT RAISE(ABORT, '{SHOWN_SAYS}'); END",
    f"CREATE TRIGGER law_message_shown_update BEFORE UPDATE OF current_message_id ON chatsession WHEN {SHOWN} "
    f"BEGIN SELECT RAISE(ABORT, '{SHOWN_SAYS}'); END",
)

# One key in each question: without statistics PostgreSQL would otherwise read the whole chat to find one message.
POSTGRESQL_LAWS = (
    f"""CREATE FUNCTION law_generation() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE answer chatmessage%ROWTYPE; chat_user varchar; BEGIN
    IF new.message_id IS NOT NULL AND (TG_OP = 'INSERT' OR new.message_id IS DISTINCT FROM old.message_id
        OR new.user_id <> old.user_id OR (new.session_id IS NOT NULL AND new.session_id IS DISTINCT FROM old.session_id)) THEN
      SELECT role, user_id, session_id INTO answer.role, answer.user_id, answer.session_id FROM chatmessage WHERE id = new.message_id;
      IF NOT FOUND OR answer.role <> 'assistant' OR answer.user_id <> new.user_id
          OR answer.session_id IS DISTINCT FROM new.session_id THEN
        RAISE EXCEPTION '{ANSWER_SAYS}' USING ERRCODE = 'check_violation';
      END IF;
    END IF;
    IF new.session_id IS NOT NULL
        AND (TG_OP = 'INSERT' OR new.session_id IS DISTINCT FROM old.session_id OR new.user_id <> old.user_id) THEN
      SELECT user_id INTO chat_user FROM chatsession WHERE id = new.session_id;
      IF NOT FOUND OR chat_user <> new.user_id THEN
        RAISE EXCEPTION '{CHAT_SAYS}' USING ERRCODE = 'check_violation';
      END IF;
    END IF;
    RETURN new; END $$""",
    "CREATE TRIGGER law_generation BEFORE INSERT OR UPDATE OF user_id, session_id, message_id ON generation "
    "FOR EACH ROW EXECUTE FUNCTION law_generation()",
    f"""CREATE FUNCTION law_message_stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION '{MOVED_SAYS}' USING ERRCODE = 'check_violation'; END $$""",
    "CREATE TRIGGER law_message_stays BEFORE UPDATE OF role, session_id, user_id ON chatmessage FOR EACH ROW "
    "WHEN (new.role <> old.role OR new.session_id <> old.session_id OR new.user_id <> old.user_id) "
    "EXECUTE FUNCTION law_message_stays()",
    f"""CREATE FUNCTION law_message_shown() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE its_chat uuid; BEGIN
    SELECT session_id INTO its_chat FROM chatmessage WHERE id = new.current_message_id;
    IF its_chat IS DISTINCT FROM new.id THEN RAISE EXCEPTION '{SHOWN_SAYS}' USING ERRCODE = 'check_violation'; END IF;
    RETURN new; END $$""",
    "CREATE TRIGGER law_message_shown BEFORE INSERT OR UPDATE OF current_message_id ON chatsession "
    "FOR EACH ROW WHEN (new.current_message_id IS NOT NULL) EXECUTE FUNCTION law_message_shown()",
)
