"""Who the viewer is."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from chatcore.accounts import LOCAL_OWNER_ID, USERS, local_owner, signed_in
from chatcore.db import Database
from chatcore.errors import Denied
from chatcore.parts import Viewer

ADA: dict[str, object] = {"iss": "https://id.example.org", "sub": "1815", "name": "Ada Lovelace", "email": "ada@example.org"}


def users(db: Database) -> int:
    with db.read() as tx:
        number: int = tx.execute(sa.select(sa.func.count()).select_from(USERS)).scalar_one()
    return number


def at_once(call: Callable[[], Viewer], threads: int = 8) -> list[Viewer]:
    """What so many threads get that call at the same moment."""
    start, found = threading.Barrier(threads), []

    def run() -> None:
        start.wait(10)
        found.append(call())

    runners = [threading.Thread(target=run) for _ in range(threads)]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join(30)
    assert len(found) == threads
    return found


def test_the_local_owner_is_made_once_also_when_many_come_at_once(db: Database, now: datetime) -> None:
    owners = at_once(lambda: local_owner(db, now=now))
    owners.append(local_owner(db, now=now + timedelta(days=1)))
    assert set(owners) == {Viewer(user_id=LOCAL_OWNER_ID, name="You", is_owner=True)}
    assert users(db) == 1


def test_a_first_sign_in_makes_one_person_also_when_many_come_at_once(db: Database, now: datetime) -> None:
    people = at_once(lambda: signed_in(db, ADA, now=now))
    assert len(set(people)) == users(db) == 1
    assert (people[0].name, people[0].email, people[0].is_owner) == ("Ada Lovelace", "ada@example.org", False)
    assert UUID(people[0].user_id).version == 7


def test_a_person_is_known_by_issuer_and_subject_and_a_new_name_is_kept(db: Database, now: datetime) -> None:
    before = signed_in(db, ADA, now=now)
    after = signed_in(db, ADA | {"name": "Ada King", "email": "king@example.org"}, now=now)
    assert after == Viewer(user_id=before.user_id, name="Ada King", email="king@example.org")
    assert signed_in(db, ADA | {"name": "Ada King", "email": "king@example.org"}, now=now) == after
    assert users(db) == 1


@pytest.mark.parametrize("other", [{"sub": "1816"}, {"iss": "https://other.example.org"}])
def test_the_same_email_does_not_make_the_same_person(db: Database, other: dict[str, object], now: datetime) -> None:
    assert signed_in(db, ADA, now=now).user_id != signed_in(db, ADA | other, now=now).user_id


@pytest.mark.parametrize("missing", [{"iss": None}, {"sub": ""}, {"sub": "  "}, {"sub": 7}, {"iss": ["x"]}])
def test_a_sign_in_that_names_nobody_is_denied(db: Database, missing: dict[str, object], now: datetime) -> None:
    with pytest.raises(Denied) as error:
        signed_in(db, ADA | missing, now=now)
    assert error.value.hint
    assert users(db) == 0


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"name": None, "preferred_username": "ada"}, "ada"),
        ({"name": " ", "preferred_username": None}, "ada@example.org"),
        ({"name": None, "email": None}, "Somebody"),
        ({"name": "A\0d\ud800a"}, "A\ufffdd\ufffda"),
    ],
)
def test_a_person_always_has_a_name_that_can_be_stored(db: Database, claims: dict[str, object], name: str, now: datetime) -> None:
    assert signed_in(db, ADA | claims, now=now).name == name


def test_a_subject_cannot_pass_for_the_local_owner(db: Database, now: datetime) -> None:
    local_owner(db, now=now)
    viewer = signed_in(db, {"iss": LOCAL_OWNER_ID, "sub": LOCAL_OWNER_ID}, now=now)
    assert viewer.user_id != LOCAL_OWNER_ID
    assert not viewer.is_owner
