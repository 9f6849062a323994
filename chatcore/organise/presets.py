"""Presets: settings for a chat that have a name. A chat that uses one has a copy, so changing a preset changes no chat."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

import chatcore.models  # noqa: F401  # fills the metadata
from chatcore.db import Database
from chatcore.errors import Invalid, NotFound
from chatcore.organise.names import clean_name, key_of, take_turn
from chatcore.parameters import PLAIN, ChatSettings, dump_options, load_settings
from chatcore.parts import Viewer

PRESETS = SQLModel.metadata.tables["preset"]

LONGEST_PRESET = 60
LONGEST_MODEL = 200
# The list is shown whole.
MOST_PRESETS = 100


@dataclass(frozen=True, slots=True)
class PresetInfo:
    """Settings with a name. `provider` and `model_name`, both or neither, are the model it is meant for; `is_default` says that
    new chats begin with it."""

    id: int
    name: str
    settings: ChatSettings
    provider: str | None
    model_name: str | None
    is_default: bool
    created_at: datetime


def list_presets(db: Database, viewer: Viewer) -> tuple[PresetInfo, ...]:
    """Every preset of the viewer, in alphabetical order."""
    with db.read() as tx:
        return tuple(sorted(presets_in(tx, viewer).values(), key=lambda preset: (key_of(preset.name), preset.id)))


def presets_in(tx: Session, viewer: Viewer) -> dict[int, PresetInfo]:
    """The viewer's presets inside a transaction, by id."""
    found = tx.execute(sa.select(PRESETS).where(PRESETS.c.user_id == viewer.user_id).order_by(PRESETS.c.id))
    return {
        row.id: PresetInfo(
            id=row.id,
            name=row.name,
            settings=load_settings(row.system_prompt, row.think, row.options),
            provider=row.provider,
            model_name=row.model_name,
            is_default=row.is_default,
            created_at=row.created_at,
        )
        for row in found
    }


def default_settings(db: Database, viewer: Viewer) -> ChatSettings:
    """What a new chat of the viewer begins with."""
    return next((preset.settings for preset in list_presets(db, viewer) if preset.is_default), PLAIN)


def save_preset(
    db: Database,
    viewer: Viewer,
    *,
    name: str,
    settings: ChatSettings,
    now: datetime,
    model: tuple[str, str] | None = None,
    is_default: bool = False,
) -> PresetInfo:
    """Keeps settings under a name; `model` is the (provider, model) they are meant for. Raises Invalid for an impossible or taken
    name."""
    name = clean_preset(name)
    values = columns_of(settings) | columns_of_model(model)
    with db.write() as tx:
        take_turn(tx, viewer)
        presets = presets_in(tx, viewer)
        if len(presets) >= MOST_PRESETS:
            raise Invalid(f"There are {MOST_PRESETS} presets already.", "Delete some that you no longer need.")
        check_free(presets, name)
        if is_default:
            tx.execute(undefault(viewer))
        values |= {"user_id": viewer.user_id, "name": name, "is_default": is_default, "created_at": now}
        preset_id: int = tx.execute(sa.insert(PRESETS).values(values).returning(PRESETS.c.id)).scalar_one()
        return presets_in(tx, viewer)[preset_id]


def change_preset(
    db: Database,
    viewer: Viewer,
    preset_id: int,
    *,
    name: str | None = None,
    settings: ChatSettings | None = None,
    is_default: bool | None = None,
) -> PresetInfo:
    """Another name, other settings, default or not, or all at once; None leaves it as it is. Raises Invalid for an impossible or
    taken name, NotFound; then nothing is changed."""
    name = name if name is None else clean_preset(name)
    with db.write() as tx:
        take_turn(tx, viewer)
        presets = presets_in(tx, viewer)
        preset = of(presets, preset_id)
        if name is not None:
            check_free(presets, name, but=preset_id)
        if is_default:
            tx.execute(undefault(viewer))
        values = {"name": name or preset.name, "is_default": preset.is_default if is_default is None else is_default}
        tx.execute(mine(viewer, preset_id).values(values | columns_of(preset.settings if settings is None else settings)))
        return presets_in(tx, viewer)[preset_id]


def delete_preset(db: Database, viewer: Viewer, preset_id: int) -> None:
    """Forgets a preset; chats that use it keep their settings. Raises NotFound."""
    with db.write() as tx:
        take_turn(tx, viewer)
        of(presets_in(tx, viewer), preset_id)
        tx.execute(sa.delete(PRESETS).where(PRESETS.c.user_id == viewer.user_id, PRESETS.c.id == preset_id))


def columns_of(settings: ChatSettings) -> dict[str, object]:
    """The settings as a row has them."""
    return {"system_prompt": settings.system_prompt, "think": settings.think, "options": dump_options(settings.options)}


def columns_of_model(model: tuple[str, str] | None) -> dict[str, object]:
    """The model as a row has it. Raises Invalid for one without a name."""
    if model is None:
        return {"provider": None, "model_name": None}
    provider, model_name = (
        clean_name(name, what=what, longest=LONGEST_MODEL) for name, what in zip(model, ("provider", "model"), strict=True)
    )
    return {"provider": provider, "model_name": model_name}


def undefault(viewer: Viewer) -> sa.Update:
    """No preset of the viewer is the default any more."""
    return sa.update(PRESETS).where(PRESETS.c.user_id == viewer.user_id, PRESETS.c.is_default).values(is_default=False)


def mine(viewer: Viewer, preset_id: int) -> sa.Update:
    """A change of one preset of the viewer."""
    return sa.update(PRESETS).where(PRESETS.c.user_id == viewer.user_id, PRESETS.c.id == preset_id)


def check_free(presets: dict[int, PresetInfo], name: str, but: int | None = None) -> None:
    """Raises Invalid if another preset than `but` has that name, in whatever case."""
    if any(key_of(preset.name) == key_of(name) and preset.id != but for preset in presets.values()):
        raise Invalid(f"There is a preset {name!r} already.", "Choose another name, or change that one.")


def of(presets: dict[int, PresetInfo], preset_id: int) -> PresetInfo:
    """The preset of that id. Raises NotFound."""
    if preset_id not in presets:
        raise NotFound("This preset is not there.", "It may have been deleted. Look at the list of presets.")
    return presets[preset_id]


def clean_preset(name: str) -> str:
    """The name of a preset as it is stored. Raises Invalid."""
    return clean_name(name, what="preset", longest=LONGEST_PRESET)
