"""Chats: list, make, show, change, delete, and the messages in them."""

from dataclasses import replace

from chatcore.api.calls import Call, Reply, fields, flag_of, number_of, query, text_of, texts_of
from chatcore.api.settings import SETTINGS_FIELDS, settings_of
from chatcore.api.uploads import files_of
from chatcore.api.values import Json, chat_json, sent_json
from chatcore.browse import Browse, browse_chats
from chatcore.changes import Changes, change_chats
from chatcore.chat import Draft, first_model, send
from chatcore.chat_settings import write_settings_in
from chatcore.errors import Invalid
from chatcore.history import create_chat_in, delete_chats, get_chat, list_chats, purge_chats
from chatcore.models import DEFAULT_TITLE
from chatcore.organise.tags import tags_of
from chatcore.parts import ChatInfo, Shelf

MODEL_FIELDS = {"provider": str, "model": str}
DRAFT_FIELDS = {"text": str, "request_key": str, "tools": bool, "attachments": list, **MODEL_FIELDS}
LONGEST_KEY = 80


def list_all(call: Call) -> Reply:
    """A page of a shelf; of a folder of it or with a tag, if asked for."""
    asked = query(call.query, {"shelf": str, "folder_id": int, "tag": str, "limit": int, "cursor": str})
    shelf = text_of(asked, "shelf") or Shelf.ACTIVE
    if shelf not in tuple(Shelf):
        raise Invalid(f"There is no shelf {shelf[:60]!r}.", f"Ask for {', '.join(Shelf)}.")
    db, limit, cursor = call.core.db, number_of(asked, "limit", 30), text_of(asked, "cursor")
    if "folder_id" in asked or "tag" in asked:
        folders = (number_of(asked, "folder_id", 0),) if "folder_id" in asked else ()
        tags = (text_of(asked, "tag") or "",) if "tag" in asked else ()
        page = browse_chats(db, call.viewer, Browse(folders=folders, tags=tags, shelf=Shelf(shelf)), limit=limit, cursor=cursor)
    else:
        page = list_chats(db, call.viewer, shelf=Shelf(shelf), limit=limit, cursor=cursor)
    names = tags_of(db, call.viewer, [chat.id for chat in page.items])
    return Reply({"chats": [chat_json(chat, names[chat.id]) for chat in page.items], "next_cursor": page.next_cursor})


def with_tags(call: Call, chat: ChatInfo) -> Json:
    """A chat as JSON, its tags looked up."""
    return chat_json(chat, tags_of(call.core.db, call.viewer, [chat.id])[chat.id])


def create(call: Call) -> Reply:
    """A new chat; with "text" it starts with that prompt and the answer is on its way."""
    sent = fields(call.body, {"title": str, **DRAFT_FIELDS, **SETTINGS_FIELDS})
    settings = settings_of(sent)
    title = text_of(sent, "title")
    if "text" in sent or "attachments" in sent:
        if title is not None:
            raise Invalid(
                "The fields 'title' and 'text' do not go together.", "Leave one out: a chat that starts with a prompt is named by it."
            )
        first = replace(draft(call, sent), settings=settings)
        started = send(call.core.runner, call.viewer, None, first, now=call.now)
        chat = get_chat(call.core.db, call.viewer, started.chat_id)
        return Reply({"chat": chat_json(chat, ()), **sent_json(started)}, 201)
    if "request_key" in sent:
        raise Invalid("The field 'request_key' needs 'text'.", "Send the prompt with it.")
    provider, model = chosen_model(call, sent)
    title = DEFAULT_TITLE if title is None else title
    with call.core.db.write() as tx:
        chat = create_chat_in(tx, call.viewer, now=call.now, title=title, provider=provider, model_name=model)
        if not settings.is_plain:
            write_settings_in(tx, call.viewer, chat.id, settings)
    return Reply({"chat": chat_json(chat, ())}, 201)


def show(call: Call) -> Reply:
    """A chat without its messages."""
    query(call.query, {})
    return Reply({"chat": with_tags(call, get_chat(call.core.db, call.viewer, call.chat_id()))})


def change(call: Call) -> Reply:
    """Another title, pinned or not, archived or not, in the trash or not, in another folder or in none, other tags: all or nothing."""
    chat_id = call.chat_id()
    known = {"title": str, "pinned": bool, "archived": bool, "deleted": bool, "folder_id": int, "add_tags": list, "remove_tags": list}
    sent = fields(call.body, known)
    changes = Changes(
        title=text_of(sent, "title"),
        pinned=flag_of(sent, "pinned"),
        archived=flag_of(sent, "archived"),
        deleted=flag_of(sent, "deleted"),
        folder_id=number_of(sent, "folder_id", 0) if "folder_id" in sent else None,
        add_tags=texts_of(sent, "add_tags"),
        remove_tags=texts_of(sent, "remove_tags"),
    )
    change_chats(call.core.db, call.viewer, [chat_id], changes, now=call.now)
    return Reply({"chat": with_tags(call, get_chat(call.core.db, call.viewer, chat_id))})


def delete(call: Call) -> Reply:
    """Into the trash; with purge=true for ever, with forget_usage=true also out of the usage figures."""
    asked = query(call.query, {"purge": bool, "forget_usage": bool})
    chat_id = call.chat_id()
    if asked.get("purge"):
        purge_chats(call.core.db, call.viewer, [chat_id], forget_usage=bool(asked.get("forget_usage")))
    elif asked.get("forget_usage"):
        raise Invalid("The word 'forget_usage' needs purge=true.", "What is in the trash can come back, with its usage.")
    else:
        delete_chats(call.core.db, call.viewer, [chat_id], now=call.now)
    return Reply(status=204)


def send_message(call: Call) -> Reply:
    """A prompt to an existing chat."""
    chat_id = call.chat_id()
    sent = fields(call.body, DRAFT_FIELDS)
    if "text" not in sent and "attachments" not in sent:
        raise Invalid("The field 'text' is missing.", "Send the prompt in it.")
    chat = get_chat(call.core.db, call.viewer, chat_id)
    model = (chat.provider, chat.model_name) if "model" not in sent and "provider" not in sent else None
    return Reply(sent_json(send(call.core.runner, call.viewer, chat_id, draft(call, sent, model), now=call.now)), 201)


def draft(call: Call, sent: dict[str, object], model: tuple[str, str] | None = None) -> Draft:
    """The prompt as chatcore takes it."""
    key = text_of(sent, "request_key")
    if key is not None and not 0 < len(key) <= LONGEST_KEY:
        raise Invalid(f"The field 'request_key' has not 1 to {LONGEST_KEY} characters.", "A UUID made for each prompt is right.")
    provider, model_name = model or chosen_model(call, sent)
    return Draft(
        text_of(sent, "text") or "",
        provider,
        model_name,
        request_key=key,
        trace_parent=call.trace_parent,
        use_tools=bool(flag_of(sent, "tools")),
        files=files_of(sent),
    )


def chosen_model(call: Call, sent: dict[str, object]) -> tuple[str, str]:
    """Provider and model as sent, else what a new chat would take."""
    provider, model = text_of(sent, "provider"), text_of(sent, "model")
    if provider is None and model is None:
        return first_model(call.core.db, call.viewer, call.core.models())
    if provider is None or model is None:
        missing = "provider" if provider is None else "model"
        raise Invalid(
            f"The field {missing!r} is missing.", "Send 'provider' and 'model' together, or neither; GET /api/v1/models lists them."
        )
    if provider not in call.core.providers:
        raise Invalid(f"The field 'provider' names {provider[:60]!r}, which is not here.", f"Here are: {', '.join(call.core.providers)}.")
    return provider, model
