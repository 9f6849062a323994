"""Presets: list, save, change, delete."""

from chatcore.api.calls import Call, Reply, fields, flag_of, query, text_of
from chatcore.api.settings import SETTINGS_FIELDS, settings_of
from chatcore.api.values import preset_json
from chatcore.errors import Invalid
from chatcore.organise.presets import change_preset, delete_preset, list_presets, save_preset


def list_all(call: Call) -> Reply:
    """Every preset, by name."""
    query(call.query, {})
    return Reply({"presets": [preset_json(preset) for preset in list_presets(call.core.db, call.viewer)]})


def create(call: Call) -> Reply:
    """Settings under a name."""
    sent = fields(call.body, {"name": str, "default": bool, "provider": str, "model": str, **SETTINGS_FIELDS})
    name, provider, model = (text_of(sent, field) for field in ("name", "provider", "model"))
    if name is None:
        raise Invalid("The field 'name' is missing.", "Send the name of the preset in it.")
    if (provider is None) != (model is None):
        raise Invalid("A preset is for a 'provider' and a 'model', or for any.", "Send both, or neither.")
    preset = save_preset(
        call.core.db,
        call.viewer,
        name=name,
        settings=settings_of(sent),
        now=call.now,
        model=(provider, model) if provider is not None and model is not None else None,
        is_default=flag_of(sent, "default") or False,
    )
    return Reply({"preset": preset_json(preset)}, 201)


def change(call: Call) -> Reply:
    """Another name, default or not; with any field of the settings, these are all of them."""
    preset_id = call.row_id("preset_id", "preset")
    sent = fields(call.body, {"name": str, "default": bool, **SETTINGS_FIELDS})
    settings = settings_of(sent) if sent.keys() & SETTINGS_FIELDS.keys() else None
    name, is_default = text_of(sent, "name"), flag_of(sent, "default")
    preset = change_preset(call.core.db, call.viewer, preset_id, name=name, settings=settings, is_default=is_default)
    return Reply({"preset": preset_json(preset)})


def delete(call: Call) -> Reply:
    """Forgotten; the chats that use it keep their settings."""
    query(call.query, {})
    delete_preset(call.core.db, call.viewer, call.row_id("preset_id", "preset"))
    return Reply(status=204)
