"""The files on messages: kept once per person and content, listed without what they hold, and told to a model.

Functions ending in `_in` and those that begin with a transaction do their part inside the caller's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session

from chatcore.db import Database
from chatcore.documents import Prepared
from chatcore.errors import Conflict, Invalid, NotFound
from chatcore.history import no_message, possible_id
from chatcore.parts import AttachmentInfo, Capability, ModelInfo, Picture, Role, Turn, Viewer
from chatcore.rows import ATTACHED_TO, ATTACHMENT_COLUMNS, ATTACHMENTS, CONTENTS, MESSAGES, SAME_FILE, attachments_of, parts_of

# An image takes some hundred to two thousand tokens of the window, and each request carries all that are sent.
MOST_IMAGES = 10
TOKENS_AN_IMAGE = 4000
# Somebody else's transaction takes a content away only between two looks; more than once in a row it does not happen.
TRIES = 3
NAMED = 8
NEWLINES = "\n"

# One statement for a whole branch; what images hold is read afterwards, of the few that are sent.
ENCLOSED = (
    sa.select(
        ATTACHMENTS.c.id,
        ATTACHMENTS.c.message_id,
        ATTACHMENTS.c.name,
        ATTACHMENTS.c.media_type,
        ATTACHMENTS.c.sha256,
        CONTENTS.c.text,
        CONTENTS.c.is_cut,
    )
    .join_from(ATTACHMENTS, CONTENTS, SAME_FILE)
    .where(ATTACHED_TO)
    .order_by(ATTACHMENTS.c.id)
)
PICTURES = (
    sa.select(ATTACHMENTS.c.id, ATTACHMENTS.c.media_type, CONTENTS.c.picture, sa.case((CONTENTS.c.picture.is_(None), CONTENTS.c.content)))
    .join_from(ATTACHMENTS, CONTENTS, SAME_FILE)
    .where(ATTACHMENTS.c.id.in_(sa.bindparam("ids", expanding=True)))
)


# --- kept --------------------------------------------------------------------------------------------------------


def add_in(tx: Session, viewer: Viewer, message_id: int, files: Sequence[Prepared], *, now: datetime) -> None:
    """Puts files on a message of the viewer, in their order; a content that the viewer has already is not stored again.

    The database refuses a message that is not the viewer's.
    """
    if not files:
        return
    keep_contents(tx, viewer, {file.sha256: file for file in files})
    common = {"user_id": viewer.user_id, "message_id": message_id, "created_at": now}
    for file in files:
        values = {"name": file.name, "media_type": file.media_type, "size_bytes": len(file.content), "sha256": file.sha256}
        tx.execute(sa.insert(ATTACHMENTS).values(common | values))


def keep_contents(tx: Session, viewer: Viewer, files: Mapping[str, Prepared]) -> None:
    """Sees to it that the content of each file is there, and locked until the end of the transaction: the one who takes the last
    other attachment of it away at the same time waits, and then leaves it."""
    wanted = sa.and_(CONTENTS.c.user_id == viewer.user_id, CONTENTS.c.sha256.in_(list(files)))
    held = sa.select(CONTENTS.c.sha256).where(wanted).order_by(CONTENTS.c.sha256).with_for_update()
    for _ in range(TRIES):
        missing = sorted(set(files) - set(tx.execute(held).scalars()))
        if not missing:
            return
        for sha256 in missing:
            file = files[sha256]
            values = {
                "user_id": viewer.user_id,
                "sha256": sha256,
                "size_bytes": len(file.content),
                "characters": None if file.text is None else len(file.text),
                "is_cut": file.is_cut,
                "text": file.text,
                "picture": file.picture,
                "content": file.content,
            }
            tx.execute(inserting(tx).values(values).on_conflict_do_nothing())
    raise Conflict("A file is being deleted at this moment.", "Send it again.")


def inserting(tx: Session) -> "sa.dialects.postgresql.Insert | sa.dialects.sqlite.Insert":
    """An insert that can pass over what is there, which each engine spells for itself."""
    from sqlalchemy.dialects import postgresql, sqlite

    return sqlite.insert(CONTENTS) if tx.get_bind().dialect.name == "sqlite" else postgresql.insert(CONTENTS)


def copy_attachments(tx: Session, viewer: Viewer, from_id: int, to_id: int) -> int:
    """Puts the files of one message of the viewer on another too, and answers how many; nothing is read or stored twice.

    For who copies a message. Raises NotFound for a message that is not the viewer's.
    """
    both = sa.select(sa.func.count()).where(MESSAGES.c.id.in_([from_id, to_id]), MESSAGES.c.user_id == viewer.user_id)
    if tx.execute(both).scalar_one() != len({from_id, to_id}):
        raise no_message()
    columns = [ATTACHMENTS.c[name] for name in ("user_id", "name", "media_type", "size_bytes", "sha256", "created_at")]
    theirs = sa.select(sa.literal(to_id, ATTACHMENTS.c.message_id.type), *columns).where(ATTACHMENTS.c.message_id == from_id)
    names = ["message_id", *(column.key for column in columns)]
    copied = sa.insert(ATTACHMENTS).from_select(names, theirs.order_by(ATTACHMENTS.c.id)).returning(ATTACHMENTS.c.id)
    return len(tx.execute(copied).all())


# --- read --------------------------------------------------------------------------------------------------------


def list_attachments(db: Database, viewer: Viewer, message_ids: Iterable[int]) -> dict[int, tuple[AttachmentInfo, ...]]:
    """The files of those of these messages that are the viewer's, without what they hold, oldest first."""
    found: dict[int, tuple[AttachmentInfo, ...]] = {}
    with db.read() as tx:
        for part in parts_of(message_ids):
            mine = sa.select(MESSAGES.c.id).where(MESSAGES.c.id.in_(part), MESSAGES.c.user_id == viewer.user_id)
            found |= attachments_of(tx, list(tx.execute(mine).scalars()))
    return found


def read_attachment(
    db: Database, viewer: Viewer, message_id: int, attachment_id: int, *, small: bool = False
) -> tuple[AttachmentInfo, bytes]:
    """A file of a message and what it holds; `small`: of an image the picture that is made of it for models, where there is one.

    Raises NotFound, also for a file of another message.
    """
    content = sa.func.coalesce(CONTENTS.c.picture, CONTENTS.c.content) if small else CONTENTS.c.content
    statement = sa.select(*ATTACHMENT_COLUMNS, content.label("found")).join_from(ATTACHMENTS, CONTENTS, SAME_FILE)
    here = sa.and_(ATTACHMENTS.c.id == possible_id(attachment_id), ATTACHMENTS.c.message_id == possible_id(message_id))
    with db.read() as tx:
        row = tx.execute(statement.where(here, ATTACHMENTS.c.user_id == viewer.user_id)).mappings().one_or_none()
    if row is None:
        raise NotFound("This file is not there.", "Its message may have been deleted. Go back to your chats.")
    values = dict(row)
    found: bytes = values.pop("found")
    info = AttachmentInfo(**values)
    return (replace(info, media_type=picture_type(found)) if small and info.is_image else info), found


# --- told to a model ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sight:
    """What a model is told of attachments: at most so many images, the newest ones; and documents, or not."""

    images: int = MOST_IMAGES
    documents: bool = True


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A file as a model is told of it: a document's text, or a picture; an image without a picture is only named."""

    name: str
    media_type: str
    sha256: str
    text: str | None = field(default=None, repr=False)
    is_cut: bool = False
    picture: Picture | None = None


def sight_of(model: ModelInfo | None, provider: str, window: int | None) -> Sight:
    """What is told to a model: of one that nobody knows, or whose server does not say what it can, everything.

    In a small window (tokens, None: not known) images would leave no room for words: there is one for each 4,000 tokens, at most
    10. Those of the newest prompt are always sent.
    """
    if provider == "guide":
        return Sight(0, documents=False)
    if model is not None and model.capabilities is not None and Capability.VISION not in model.capabilities:
        return Sight(0)
    return Sight(MOST_IMAGES if window is None else max(1, min(MOST_IMAGES, window // TOKENS_AN_IMAGE)))


def check_sight(sight: Sight, model_name: str, offered: Sequence[ModelInfo], *, images: bool) -> None:
    """Raises Invalid if a model cannot take what a prompt has attached, naming the models that can."""
    if not sight.documents:
        raise Invalid("The built-in guide cannot read files.", "Choose a language model, then send it again.")
    if not images or sight.images:
        return
    seeing = [model.id for model in offered if model.can_chat and Capability.VISION in (model.capabilities or ())]
    named = ", ".join(seeing[:NAMED]) + (" …" if len(seeing) > NAMED else "")
    raise Invalid(
        f"{model_name} cannot see images.",
        f"Choose a model that can: {named}." if seeing else "No model here can. Get one on the Models page, or leave the images out.",
    )


def enclosed_in(tx: Session, message_ids: Iterable[int], sight: Sight, *, asked_id: int) -> dict[int, tuple[Enclosed, ...]]:
    """The files of these messages, which the caller has checked to be the viewer's, as a model is told of them: of the images the
    newest, see `Sight`, but all of the prompt that is to be answered."""
    rows: list[sa.RowMapping] = []
    for part in parts_of(message_ids):
        rows += tx.execute(ENCLOSED, {"message_ids": part}).mappings()
    if not rows or not sight.documents:
        return {}
    # Along a branch ids grow, and with them those of the files.
    rows.sort(key=lambda row: (row["message_id"], row["id"]))
    images = [row for row in rows if str(row["media_type"]).startswith("image/")]
    least = sum(row["message_id"] == asked_id for row in images)
    shown = [row["id"] for row in images[-max(sight.images, least) :]] if sight.images else []
    pictures = {row[0]: Picture(picture_type(row[2] or row[3]), row[2] or row[3]) for row in tx.execute(PICTURES, {"ids": shown})}
    found: dict[int, tuple[Enclosed, ...]] = {}
    for row in rows:
        file = Enclosed(row["name"], row["media_type"], row["sha256"], row["text"], row["is_cut"], pictures.get(row["id"]))
        found[row["message_id"]] = (*found.get(row["message_id"], ()), file)
    return found


def enclosed(file: Prepared) -> Enclosed:
    """A file that is not stored yet, as a model is told of it."""
    sent = file.picture or file.content
    picture = Picture(picture_type(sent), sent) if file.is_image else None
    return Enclosed(file.name, file.media_type, file.sha256, file.text, file.is_cut, picture)


def turn_with(text: str, files: Sequence[Enclosed]) -> Turn:
    """A prompt with its files: documents in front of it, each between marks that its own text cannot hold, and pictures beside it."""
    parts = [told(file) for file in files]
    pictures = tuple(file.picture for file in files if file.picture is not None)
    return Turn(Role.USER.value, "\n\n".join(filter(None, [*parts, text])), images=pictures)


def told(file: Enclosed) -> str:
    """What the text of a prompt says of a file; nothing of a picture that is sent with it."""
    if file.picture is not None:
        return ""
    name = file.name.replace('"', "'")
    if file.text is None:
        return f'[The image "{name}" was attached here; it is not sent any more.]'
    # Part of the content's hash: no text can hold the hash of itself.
    mark = f"file-{file.sha256[:8]}"
    note = f"\n[Cut here: these are the first {len(file.text):,} characters of the file.]" if file.is_cut else ""
    return f'<{mark} name="{name}" type="{file.media_type}">\n{file.text.strip(NEWLINES)}{note}\n</{mark}>'


def picture_type(content: bytes) -> str:
    """The media type of a picture, by its first bytes."""
    for start, media_type in ((b"\x89PNG", "image/png"), (b"GIF8", "image/gif"), (b"RIFF", "image/webp")):
        if content.startswith(start):
            return media_type
    return "image/jpeg"
