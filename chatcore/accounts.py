"""Who the viewer is: the local owner of an installation without sign-in, or the person a sign-in names."""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

import chatcore.models  # noqa: F401  # fills the metadata
from chatcore.columns import new_chat_id
from chatcore.db import Database
from chatcore.errors import Denied
from chatcore.parts import Viewer
from chatcore.texts import storable

LOCAL_OWNER_ID = "local"
LOCAL_OWNER_NAME = "You"

USERS = SQLModel.metadata.tables["users"]
VIEWER_COLUMNS = (USERS.c.id, USERS.c.name, USERS.c.email, USERS.c.is_owner)

# Both engines take this sentence, and both make the second of two first sign-ins at once find the row of the first.
REMEMBER = sa.text(
    "INSERT INTO users (id, name, email, issuer, subject, is_owner, created_at) "
    "VALUES (:id, :name, :email, :issuer, :subject, false, :created_at) "
    "ON CONFLICT (issuer, subject) DO UPDATE SET name = excluded.name, email = excluded.email"
).bindparams(sa.bindparam("created_at", type_=USERS.c.created_at.type))
OPEN_HOUSE = sa.text(
    "INSERT INTO users (id, name, is_owner, created_at) VALUES (:id, :name, true, :created_at) ON CONFLICT (id) DO NOTHING"
).bindparams(sa.bindparam("created_at", type_=USERS.c.created_at.type))


def local_owner(db: Database, *, now: datetime) -> Viewer:
    """The one person of an installation without sign-in; the first call makes the row, also when several come at once."""
    with db.read() as tx:
        found = find(tx, USERS.c.id == LOCAL_OWNER_ID)
    if found:
        return found
    with db.write() as tx:
        tx.execute(OPEN_HOUSE, {"id": LOCAL_OWNER_ID, "name": LOCAL_OWNER_NAME, "created_at": now})
    return Viewer(user_id=LOCAL_OWNER_ID, name=LOCAL_OWNER_NAME, is_owner=True)


def signed_in(db: Database, claims: Mapping[str, object], *, now: datetime) -> Viewer:
    """The person an OpenID Connect sign-in names by its `iss` and `sub`; a name or an e-mail that changed is kept up to date.

    The e-mail never decides who somebody is: a provider may give it to another person. Raises Denied without `iss` and `sub`.
    """
    issuer, subject = claim(claims, "iss"), claim(claims, "sub")
    if not issuer or not subject:
        raise Denied(
            "The sign-in does not say who you are.",
            "Ask who runs this installation to check the sign-in provider: iss and sub are missing.",
        )
    email = claim(claims, "email")
    name = claim(claims, "name") or claim(claims, "preferred_username") or email or "Somebody"
    person = sa.and_(USERS.c.issuer == issuer, USERS.c.subject == subject)
    with db.read() as tx:
        found = find(tx, person)
    if found and (found.name, found.email) == (name, email):
        return found
    values = {"id": str(new_chat_id()), "name": name, "email": email, "issuer": issuer, "subject": subject, "created_at": now}
    with db.write() as tx:
        tx.execute(REMEMBER, values)
        row = tx.execute(sa.select(*VIEWER_COLUMNS).where(person)).one()
    return Viewer(user_id=row.id, name=row.name, email=row.email, is_owner=row.is_owner)


def find(tx: Session, person: sa.ColumnElement[bool]) -> Viewer | None:
    """The viewer for a row, None if there is none yet."""
    row = tx.execute(sa.select(*VIEWER_COLUMNS).where(person)).one_or_none()
    return Viewer(user_id=row.id, name=row.name, email=row.email, is_owner=row.is_owner) if row else None


def claim(claims: Mapping[str, object], name: str) -> str | None:
    """A claim as trimmed text that can be stored; None if it is missing, empty or no text."""
    value = claims.get(name)
    return storable(value).strip() or None if isinstance(value, str) else None
