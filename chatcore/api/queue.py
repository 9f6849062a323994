"""The queue of a chat: what waits in it, put more there, change, remove, send now."""

from chatcore.api.calls import Call, Reply, fields, query, text_of
from chatcore.api.chats import DRAFT_FIELDS, draft
from chatcore.api.values import queued_json, sent_json
from chatcore.errors import Invalid
from chatcore.history import get_chat
from chatcore.queue import send_or_queue, send_queued
from chatcore.queued import Queued, change_queued, list_queued, remove_queued


def list_all(call: Call) -> Reply:
    """What waits in a chat, the next one first."""
    query(call.query, {})
    return Reply({"queue": [queued_json(queued) for queued in list_queued(call.core.db, call.viewer, call.chat_id())]})


def put(call: Call) -> Reply:
    """A prompt that waits while the chat answers; it is sent at once where there is nothing to wait for."""
    chat_id = call.chat_id()
    sent = fields(call.body, DRAFT_FIELDS)
    if "text" not in sent and "attachments" not in sent:
        raise Invalid("The field 'text' is missing.", "Send the prompt in it, or files in 'attachments'.")
    chat = get_chat(call.core.db, call.viewer, chat_id)
    model = (chat.provider, chat.model_name) if "model" not in sent and "provider" not in sent else None
    found = send_or_queue(call.core.runner, call.viewer, chat_id, draft(call, sent, model), now=call.now)
    if isinstance(found, Queued):
        return Reply({"queued": queued_json(found)}, 202)
    return Reply(sent_json(found), 201)


def change(call: Call) -> Reply:
    """Another text; its turn stays."""
    queued_id = call.row_id("queued_id", "prompt")
    text = text_of(fields(call.body, {"text": str}), "text")
    if text is None:
        raise Invalid("The field 'text' is missing.", "Send the new text in it.")
    return Reply({"queued": queued_json(change_queued(call.core.db, call.viewer, queued_id, text=text))})


def remove(call: Call) -> Reply:
    """Forgotten without having been sent."""
    query(call.query, {})
    remove_queued(call.core.db, call.viewer, call.row_id("queued_id", "prompt"))
    return Reply(status=204)


def send_now(call: Call) -> Reply:
    """Sent before the others; an answer that runs is stopped."""
    fields(call.body, {})
    return Reply(sent_json(send_queued(call.core.runner, call.viewer, call.row_id("queued_id", "prompt"), now=call.now)), 201)
