"""The content of attached files, each once per person.

Why: the same file is attached again and again, and a chat that is edited or copied has it once more with every branch. What a
file holds moves to a table of its own, keyed by its owner and its SHA-256, with what was made of it: the text of a document,
a smaller picture. An attachment keeps its name, its type and its message.

That content is there for each attachment, and goes with the last one, is held by triggers. A key would say the same, but SQLite
can add none of two columns without making the table anew, and with it the triggers of the search index.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "attachment_content",
        sa.Column("user_id", sa.String(), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("sha256", sa.String(length=64), primary_key=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("characters", sa.BigInteger(), nullable=True),
        sa.Column("is_cut", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("picture", sa.LargeBinary(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("size_bytes >= 0", name="ck_attachment_content_size"),
        sa.CheckConstraint("(text IS NULL) = (characters IS NULL)", name="ck_attachment_content_characters"),
    )
    op.execute(
        "INSERT INTO attachment_content (user_id, sha256, size_bytes, content) SELECT user_id, sha256, size_bytes, content FROM attachment "
        "WHERE id IN (SELECT min(id) FROM attachment GROUP BY user_id, sha256)"
    )
    op.execute("ALTER TABLE attachment DROP COLUMN content")
    for statement in SQLITE_LAWS if op.get_bind().dialect.name == "sqlite" else POSTGRESQL_LAWS:
        op.execute(statement)


def downgrade():
    raise NotImplementedError("There is no way back from 0008: restore the backup.")


KEPT = "user_id = old.user_id AND sha256 = old.sha256"
LEFT = "EXISTS (SELECT 1 FROM attachment a WHERE a.user_id = old.user_id AND a.sha256 = old.sha256)"
HELD = (
    "EXISTS (SELECT 1 FROM attachment_content c WHERE c.user_id = new.user_id AND c.sha256 = new.sha256) "
    "AND EXISTS (SELECT 1 FROM chatmessage m WHERE m.id = new.message_id AND m.user_id = new.user_id)"
)
HELD_SAYS = "an attachment has its content, and the user of its message"
STAYS_SAYS = "an attachment keeps its user and its content"

SQLITE_LAWS = (
    f"CREATE TRIGGER law_attachment_held BEFORE INSERT ON attachment WHEN NOT ({HELD}) BEGIN SELECT RAISE(ABORT, '{HELD_SAYS}'); END",
    "CREATE TRIGGER law_attachment_stays BEFORE UPDATE OF user_id, sha256 ON attachment "
    "WHEN new.user_id <> old.user_id OR new.sha256 <> old.sha256 "
    f"BEGIN SELECT RAISE(ABORT, '{STAYS_SAYS}'); END",
    "CREATE TRIGGER attachment_content_goes AFTER DELETE ON attachment BEGIN "
    f"DELETE FROM attachment_content WHERE {KEPT} AND NOT {LEFT}; END",
)

# Locked before it is looked whether another attachment has it: one that is being added right now has the lock, and is seen after.
POSTGRESQL_LAWS = (
    f"""CREATE FUNCTION law_attachment() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'UPDATE' THEN RAISE EXCEPTION '{STAYS_SAYS}' USING ERRCODE = 'check_violation'; END IF;
    IF NOT ({HELD}) THEN RAISE EXCEPTION '{HELD_SAYS}' USING ERRCODE = 'check_violation'; END IF;
    RETURN new; END $$""",
    "CREATE TRIGGER law_attachment_held BEFORE INSERT ON attachment FOR EACH ROW EXECUTE FUNCTION law_attachment()",
    "CREATE TRIGGER law_attachment_stays BEFORE UPDATE OF user_id, sha256 ON attachment FOR EACH ROW "
    "WHEN (new.user_id <> old.user_id OR new.sha256 <> old.sha256) EXECUTE FUNCTION law_attachment()",
    f"""CREATE FUNCTION attachment_content_goes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM 1 FROM attachment_content WHERE {KEPT} FOR UPDATE;
    DELETE FROM attachment_content WHERE {KEPT} AND NOT {LEFT};
    RETURN NULL; END $$""",
    "CREATE TRIGGER attachment_content_goes AFTER DELETE ON attachment FOR EACH ROW EXECUTE FUNCTION attachment_content_goes()",
)
