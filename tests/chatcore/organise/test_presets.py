"""Presets."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from chatcore.db import Database
from chatcore.errors import Invalid, NotFound
from chatcore.organise import presets
from chatcore.organise.presets import change_preset, default_settings, delete_preset, list_presets, save_preset
from chatcore.parameters import PLAIN, ChatSettings
from chatcore.parts import Viewer
from tests.conftest import NOW
from tests.factories import make_viewer

BRIEF = ChatSettings("Be brief.", "off", {"temperature": 0.2})


@pytest.fixture
def viewer(db: Database) -> Viewer:
    return make_viewer(db)


def test_settings_are_kept_under_a_name(db: Database, viewer: Viewer) -> None:
    made = save_preset(db, viewer, name=" Brief ", settings=BRIEF, now=NOW, model=("ollama", "qwen3:4b"))
    assert (made.name, made.settings, made.provider, made.model_name, made.is_default) == ("Brief", BRIEF, "ollama", "qwen3:4b", False)
    save_preset(db, viewer, name="all else", settings=PLAIN, now=NOW)
    assert [preset.name for preset in list_presets(db, viewer)] == ["all else", "Brief"]


def test_at_most_one_preset_is_what_new_chats_begin_with(db: Database, viewer: Viewer) -> None:
    assert default_settings(db, viewer) == PLAIN
    brief = save_preset(db, viewer, name="Brief", settings=BRIEF, now=NOW, is_default=True)
    assert default_settings(db, viewer) == BRIEF
    other = save_preset(db, viewer, name="Other", settings=PLAIN, now=NOW, is_default=True)
    assert [preset.is_default for preset in list_presets(db, viewer)] == [False, True]
    change_preset(db, viewer, brief.id, is_default=True)
    change_preset(db, viewer, other.id, is_default=False)
    assert default_settings(db, viewer) == BRIEF
    delete_preset(db, viewer, brief.id)
    assert default_settings(db, viewer) == PLAIN


def test_a_change_leaves_what_it_does_not_name(db: Database, viewer: Viewer) -> None:
    made = save_preset(db, viewer, name="Brief", settings=BRIEF, now=NOW, is_default=True)
    assert change_preset(db, viewer, made.id, name="BRIEF").settings == BRIEF
    changed = change_preset(db, viewer, made.id, settings=PLAIN)
    assert (changed.name, changed.settings, changed.is_default) == ("BRIEF", PLAIN, True)


def test_a_name_is_taken_in_whatever_case(db: Database, viewer: Viewer) -> None:
    save_preset(db, viewer, name="Brief", settings=BRIEF, now=NOW)
    other = save_preset(db, viewer, name="Other", settings=BRIEF, now=NOW)
    attempts: tuple[Callable[[], object], ...] = (
        lambda: save_preset(db, viewer, name="bRIEF", settings=PLAIN, now=NOW),
        lambda: change_preset(db, viewer, other.id, name="brief", is_default=True),
        lambda: save_preset(db, viewer, name=" ", settings=PLAIN, now=NOW),
        lambda: save_preset(db, viewer, name="x" * 61, settings=PLAIN, now=NOW),
        lambda: save_preset(db, viewer, name="New", settings=PLAIN, now=NOW, model=("ollama", " ")),
    )
    for attempt in attempts:
        with pytest.raises(Invalid):
            attempt()
    assert [(preset.name, preset.is_default) for preset in list_presets(db, viewer)] == [("Brief", False), ("Other", False)]


def test_what_is_gone_is_not_found(db: Database, viewer: Viewer) -> None:
    made = save_preset(db, viewer, name="Brief", settings=BRIEF, now=NOW)
    delete_preset(db, viewer, made.id)
    with pytest.raises(NotFound):
        delete_preset(db, viewer, made.id)


def test_their_number_is_limited(db: Database, viewer: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presets, "MOST_PRESETS", 1)
    save_preset(db, viewer, name="one", settings=PLAIN, now=NOW)
    with pytest.raises(Invalid, match="already"):
        save_preset(db, viewer, name="two", settings=PLAIN, now=NOW)


def test_the_database_itself_refuses_two_defaults(db: Database, viewer: Viewer) -> None:
    save_preset(db, viewer, name="one", settings=PLAIN, now=NOW, is_default=True)
    save_preset(db, viewer, name="two", settings=PLAIN, now=NOW)
    with pytest.raises(IntegrityError), db.write() as tx:
        tx.execute(sa.update(presets.PRESETS).values(is_default=True))
