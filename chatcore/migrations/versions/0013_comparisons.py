"""Two answers to one prompt beside each other, and the vote on them.

Why: a thumb says something of one answer, a vote of two, so it has a table of its own. The row is there before the vote:
that the names are hidden must survive a reload. Like the ledger it outlives its chat: the keys are set to null and the
names of the models stay, so who deletes a chat does not lose what was found out about models.

A table is only added. Every constraint is part of it, so nothing is rewritten, and nothing hangs on a message but one more
look into an index when it is deleted.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Time = sa.DateTime(timezone=True)


def upgrade():
    op.create_table(
        "comparison",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("user_id", sa.String(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("session_id", sa.Uuid(), sa.ForeignKey("chatsession.id", ondelete="SET NULL"), nullable=True),
        sa.Column("left_message_id", BigId, sa.ForeignKey("chatmessage.id", ondelete="SET NULL"), nullable=True),
        sa.Column("right_message_id", BigId, sa.ForeignKey("chatmessage.id", ondelete="SET NULL"), nullable=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in NAMES),
        sa.Column("is_blind", sa.Boolean(), nullable=False, server_default=sa.text("true")),
        sa.Column("outcome", sa.String(20), nullable=True),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("decided_at", Time, nullable=True),
        # Unique keys and not only laws: SET NULL finds its row by them.
        sa.UniqueConstraint("left_message_id", name="uq_comparison_left"),
        sa.UniqueConstraint("right_message_id", name="uq_comparison_right"),
        sa.CheckConstraint("left_message_id <> right_message_id", name="ck_comparison_two_answers"),
        sa.CheckConstraint("outcome IN ('left', 'right', 'both_good', 'both_bad', 'skipped')", name="ck_comparison_outcome"),
        sa.CheckConstraint("(outcome IS NULL) = (decided_at IS NULL)", name="ck_comparison_decided"),
    )
    op.create_index("ix_comparison_session_id", "comparison", ["session_id"])
    op.create_index("ix_comparison_user_created", "comparison", ["user_id", "created_at"])
    for statement in SQLITE_LAWS if op.get_bind().dialect.name == "sqlite" else POSTGRESQL_LAWS:
        op.execute(statement)


def downgrade():
    raise NotImplementedError("There is no way back from 0013: restore the backup.")


NAMES = ("left_provider", "left_model_name", "right_provider", "right_model_name")

# A side may be missing: a row that is copied from another database may have outlived its chat.
ANSWER = (
    "(new.{side} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM chatmessage m WHERE m.id = new.{side} "
    "AND m.role = 'assistant' AND m.user_id = new.user_id AND m.session_id = new.session_id))"
)
SIDES = ("left_message_id", "right_message_id")
ANSWERS = " OR ".join(ANSWER.format(side=side) for side in SIDES)
APART = (
    "(new.left_message_id IS NOT NULL AND new.right_message_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM chatmessage l "
    "JOIN chatmessage r ON r.id = new.right_message_id AND r.parent_id = l.parent_id WHERE l.id = new.left_message_id))"
)
ALONE = "new.outcome IS NULL AND (new.left_message_id IS NULL OR new.right_message_id IS NULL)"
ANSWERS_SAYS = "a comparison is of two answers to one prompt, of the same user and chat"
STAYS_SAYS = "a comparison keeps its answers, its chat and its user"


def moved(differs):
    """That a key of the row becomes another one; it may only be set to null."""
    keys = " OR ".join(f"(new.{key} IS NOT NULL AND new.{key} {differs} old.{key})" for key in (*SIDES, "session_id"))
    return f"new.user_id <> old.user_id OR {keys}"


SQLITE_LAWS = (
    f"CREATE TRIGGER law_comparison_answers BEFORE INSERT ON comparison WHEN {ANSWERS} OR {APART} "
    f"BEGIN SELECT RAISE(ABORT, '{ANSWERS_SAYS}'); END",
    "CREATE TRIGGER law_comparison_stays BEFORE UPDATE OF user_id, session_id, left_message_id, right_message_id ON comparison "
    f"WHEN {moved('IS NOT')} BEGIN SELECT RAISE(ABORT, '{STAYS_SAYS}'); END",
    f"CREATE TRIGGER comparison_alone AFTER UPDATE OF left_message_id, right_message_id ON comparison WHEN {ALONE} "
    "BEGIN DELETE FROM comparison WHERE id = new.id; END",
)
POSTGRESQL_LAWS = (
    f"""CREATE FUNCTION law_comparison_answers() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF {ANSWERS} OR {APART} THEN RAISE EXCEPTION '{ANSWERS_SAYS}' USING ERRCODE = 'check_violation'; END IF;
    RETURN new; END $$""",
    "CREATE TRIGGER law_comparison_answers BEFORE INSERT ON comparison FOR EACH ROW EXECUTE FUNCTION law_comparison_answers()",
    f"""CREATE FUNCTION law_comparison_stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION '{STAYS_SAYS}' USING ERRCODE = 'check_violation'; END $$""",
    "CREATE TRIGGER law_comparison_stays BEFORE UPDATE OF user_id, session_id, left_message_id, right_message_id ON comparison "
    f"FOR EACH ROW WHEN ({moved('IS DISTINCT FROM')}) EXECUTE FUNCTION law_comparison_stays()",
    """CREATE FUNCTION comparison_alone() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    DELETE FROM comparison WHERE id = new.id; RETURN NULL; END $$""",
    "CREATE TRIGGER comparison_alone AFTER UPDATE OF left_message_id, right_message_id ON comparison "
    f"FOR EACH ROW WHEN ({ALONE}) EXECUTE FUNCTION comparison_alone()",
)
