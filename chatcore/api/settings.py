"""The settings of a chat: system prompt, think level, parameters."""

from collections.abc import Mapping

from chatcore.api.calls import Call, Reply, fields, query, text_of
from chatcore.api.values import settings_json
from chatcore.chat_settings import read_settings, write_settings
from chatcore.parameters import ChatSettings, clean_settings

SETTINGS_FIELDS: dict[str, type] = {"system_prompt": str, "think": str, "options": dict}


def show(call: Call) -> Reply:
    """The settings of a chat."""
    query(call.query, {})
    return Reply({"settings": settings_json(read_settings(call.core.db, call.viewer, call.chat_id()))})


def change(call: Call) -> Reply:
    """All settings of a chat, from its next prompt on; what is not sent is the model's own again."""
    chat_id, settings = call.chat_id(), settings_of(fields(call.body, SETTINGS_FIELDS))
    return Reply({"settings": settings_json(write_settings(call.core.db, call.viewer, chat_id, settings))})


def settings_of(sent: Mapping[str, object]) -> ChatSettings:
    """The settings among fields that were sent. Raises Invalid."""
    options = sent.get("options")
    return clean_settings(text_of(sent, "system_prompt"), text_of(sent, "think"), options if isinstance(options, dict) else None)
