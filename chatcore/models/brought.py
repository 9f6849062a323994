"""What came from elsewhere: imports and their references, and rows of older schemas without a place here."""

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Text, text
from sqlmodel import Field, SQLModel

from chatcore.columns import BigId, ChatId, Time
from chatcore.models.base import big_id, utc_now


class ImportRef(SQLModel, table=True):
    """Where an imported chat or message came from.

    Purpose: running an import twice changes nothing. `source` names the place it came from, `kind` is user, chat or
    message, `external_id` its id there. Relationships: the row it became; gone with that row's chat or message only in
    the sense that the ids become null, so what a person deleted is not imported again. `run_id` is the import that brought
    it, `content_hash` how it looked then (see `chatcore.importing_shapes`): a row that looks otherwise was changed here.
    Ownership: `user_id`.
    """

    __tablename__ = "importref"
    __table_args__ = (
        CheckConstraint("kind IN ('user', 'chat', 'message')", name="ck_importref_kind"),
        Index("ix_importref_user", "user_id"),
        Index("ix_importref_session_id", "session_id"),
        Index("ix_importref_message_id", "message_id"),
        Index("ix_importref_run", "run_id", sqlite_where=text("run_id IS NOT NULL"), postgresql_where=text("run_id IS NOT NULL")),
    )

    source: str = Field(primary_key=True)
    kind: str = Field(primary_key=True, max_length=20)
    external_id: str = Field(primary_key=True)
    user_id: str = Field(foreign_key="users.id", ondelete="CASCADE")
    session_id: uuid.UUID | None = Field(default=None, sa_type=ChatId, foreign_key="chatsession.id", ondelete="SET NULL")
    message_id: int | None = Field(default=None, sa_column=Column(BigId, ForeignKey("chatmessage.id", ondelete="SET NULL"), nullable=True))
    imported_at: datetime = Field(default_factory=utc_now, sa_type=Time)
    run_id: int | None = Field(
        default=None,
        sa_column=Column(BigId, ForeignKey("import_run.id", name="fk_importref_run", ondelete="SET NULL"), nullable=True),
    )
    content_hash: str | None = Field(default=None, max_length=32)


class ImportRun(SQLModel, table=True):
    """An import of a file.

    Purpose: imports can be listed, gone on with after an interruption, and undone. `fingerprint` is the SHA-256 of the file,
    `owner` the process that runs it (`chatcore.processes`), `report` a JSON object once it ended (`chatcore.importing.report`).
    Relationships: `ImportRef` names it. Ownership: `user_id`.
    """

    __tablename__ = "import_run"
    __table_args__ = (
        Index("ix_import_run_user", "user_id", "id"),
        CheckConstraint("state IN ('running', 'complete', 'stopped', 'failed', 'undone')", name="ck_import_run_state"),
        CheckConstraint("(state = 'running') = (finished_at IS NULL)", name="ck_import_run_finished"),
    )

    id: int | None = Field(default=None, sa_column=big_id())
    user_id: str = Field(foreign_key="users.id", ondelete="CASCADE")
    format: str = Field(max_length=40)
    file_name: str
    fingerprint: str = Field(max_length=64)
    state: str = Field(default="running", max_length=20)
    owner: str | None = None
    started_at: datetime = Field(default_factory=utc_now, sa_type=Time)
    finished_at: datetime | None = Field(default=None, sa_type=Time)
    report: str | None = Field(default=None, sa_column=Column(Text, nullable=True))


class UnmigratedRow(SQLModel, table=True):
    """A row of an older schema that has no place in this one.

    Purpose: a migration loses nothing: `row_json` is the row as it was, `reason` says why it could not be carried.
    Relationships: none. Ownership: `user_id`.
    """

    __tablename__ = "unmigrated_row"

    id: int | None = Field(default=None, sa_column=big_id())
    user_id: str = Field(foreign_key="users.id", ondelete="CASCADE", index=True)
    table_name: str
    external_id: str
    reason: str
    row_json: str = Field(sa_column=Column(Text, nullable=False))
