"""Folders for chats, and searches that are kept.

Why: with thousands of chats a list by time is no order. A chat lies in one folder or in none, folders lie in folders,
and a search that is needed again and again gets a name. Tags are there since 0001.

A folder is never stronger than what lies in it: the chats of a folder that is deleted are set free (SET NULL), never
deleted. The key names the folder alone, since SET NULL over (user_id, folder_id) would also take the chat's owner, and
SQLite can add a column with a key only if the key is that column; that the folder is the chat owner's is a trigger, as
with the message a chat shows. `chatsession` is not rebuilt: with a million messages behind it that would take minutes.

From here on the trash is emptied after some time. What lies in it was put there to stay until somebody deletes it for
good, so its time begins now.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade():
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    create_folders()
    create_saved_searches()
    # Alembic would add the key by itself afterwards, which SQLite cannot.
    op.execute(
        f"ALTER TABLE chatsession ADD COLUMN folder_id {'INTEGER' if is_sqlite else 'BIGINT'} "
        "CONSTRAINT fk_chatsession_folder REFERENCES folder (id) ON DELETE SET NULL"
    )
    create_indexes()
    for statement in SQLITE_LAWS if is_sqlite else POSTGRESQL_LAWS:
        op.execute(statement)
    start_the_trash(op.get_context().config.attributes["now"])


def start_the_trash(now):
    chats = sa.table("chatsession", sa.column("deleted_at", sa.DateTime(timezone=True)))
    op.execute(sa.update(chats).where(chats.c.deleted_at < now).values(deleted_at=now))


def downgrade():
    raise NotImplementedError("There is no way back from 0002: restore the backup.")


def big_id():
    return sa.Column("id", BigId, primary_key=True, autoincrement=True)


def user_id():
    return sa.Column("user_id", sa.String(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False)


def create_folders():
    op.create_table(
        "folder",
        big_id(),
        user_id(),
        sa.Column("parent_id", BigId, nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        # Before the key that points to it: PostgreSQL wants it there.
        sa.UniqueConstraint("user_id", "id", name="uq_folder_user_id"),
        sa.UniqueConstraint("user_id", "parent_id", "name", name="uq_folder_name"),
        sa.ForeignKeyConstraint(["user_id", "parent_id"], ["folder.user_id", "folder.id"], name="fk_folder_parent"),
        sa.CheckConstraint("parent_id IS NULL OR parent_id <> id", name="ck_folder_parent_not_self"),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 80 AND length(replace(name, '/', '')) = length(name)", name="ck_folder_name"),
    )


def create_saved_searches():
    op.create_table(
        "saved_search",
        big_id(),
        user_id(),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("user_id", "name", name="uq_saved_search_user_name"),
    )


INDEXES = (
    # NULLs are all different to a unique key, so the names at the top need one of their own.
    ("uq_folder_top_name", "folder", "user_id name", True, "parent_id IS NULL"),
    ("ix_chatsession_folder", "chatsession", "user_id folder_id archived updated_at id", False, "deleted_at IS NULL"),
    # For SET NULL: without it the database looks through all chats for each folder that is deleted.
    ("ix_chatsession_folder_id", "chatsession", "folder_id", False, "folder_id IS NOT NULL"),
)


def create_indexes():
    for name, table, columns, unique, where in INDEXES:
        condition = sa.text(where)
        op.create_index(name, table, columns.split(), unique=unique, sqlite_where=condition, postgresql_where=condition)


FILED = (
    "new.folder_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM folder f WHERE f.id = new.folder_id AND f.user_id = new.user_id)"
)
FILED_SAYS = "a chat lies in a folder of the same user"
STAYS_SAYS = "a folder keeps its user"

SQLITE_LAWS = (
    f"CREATE TRIGGER law_chat_folder_insert BEFORE INSERT ON chatsession WHEN {FILED} "
    f"BEGIN SELECT RAISE(ABORT, '{FILED_SAYS}'); END",
    f"CREATE TRIGGER law_chat_folder_update BEFORE UPDATE OF folder_id, user_id ON chatsession WHEN {FILED} "
    f"BEGIN SELECT RAISE(ABORT, '{FILED_SAYS}'); END",
    "CREATE TRIGGER law_folder_stays BEFORE UPDATE OF user_id ON folder WHEN new.user_id <> old.user_id "
    f"BEGIN SELECT RAISE(ABORT, '{STAYS_SAYS}'); END",
)

POSTGRESQL_LAWS = (
    f"""CREATE FUNCTION law_chat_folder() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE its_user varchar; BEGIN
    SELECT user_id INTO its_user FROM folder WHERE id = new.folder_id;
    IF its_user IS DISTINCT FROM new.user_id THEN RAISE EXCEPTION '{FILED_SAYS}' USING ERRCODE = 'check_violation'; END IF;
    RETURN new; END $$""",
    "CREATE TRIGGER law_chat_folder BEFORE INSERT OR UPDATE OF folder_id, user_id ON chatsession "
    "FOR EACH ROW WHEN (new.folder_id IS NOT NULL) EXECUTE FUNCTION law_chat_folder()",
    f"""CREATE FUNCTION law_folder_stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION '{STAYS_SAYS}' USING ERRCODE = 'check_violation'; END $$""",
    "CREATE TRIGGER law_folder_stays BEFORE UPDATE OF user_id ON folder FOR EACH ROW "
    "WHEN (new.user_id <> old.user_id) EXECUTE FUNCTION law_folder_stays()",
)
