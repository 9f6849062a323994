"""What is done with a message: edit and send again, go on, show its branch, copy up to it, rate it, delete it."""

from collections.abc import Mapping, Sequence

from chatcore import branches, feedback, revisions
from chatcore.api.calls import Call, Reply, fields, number_of, query, text_of
from chatcore.api.chats import DRAFT_FIELDS, draft, with_tags
from chatcore.api.values import Json, message_json, sent_json
from chatcore.comparisons import unnamed
from chatcore.errors import Invalid
from chatcore.history import get_chat, get_message
from chatcore.parts import MessageInfo
from chatcore.thread import END, After, Around, Before, Place, open_thread

MODEL_FIELDS: Mapping[str, type] = {"provider": str, "model": str}
PLACES = {"before": Before, "after": After, "around": Around}


def whole_json(call: Call, messages: Sequence[MessageInfo]) -> list[Json]:
    """Messages of one chat, each with the ids of all attempts that stand in its place and what the caller thinks of it; without the
    names that a blind comparison hides."""
    hidden = unnamed(call.core.db, call.viewer, messages[0].session_id) if messages else ()
    ids = [message.id for message in messages]
    beside, rated = branches.siblings(call.core.db, call.viewer, ids), feedback.ratings(call.core.db, call.viewer, ids)
    return [
        message_json(message, named=message.id not in hidden)
        | {
            "siblings": list(beside[message.id].ids) if message.id in beside else [message.id],
            "feedback": feedback_json(rated.get(message.id)),
        }
        for message in messages
    ]


def feedback_json(rating: feedback.Rating | None) -> Json | None:
    """A thumb (1 or -1) and its note; null where the answer is not rated."""
    return {"rating": rating.rating, "note": rating.note} if rating else None


def list_all(call: Call) -> Reply:
    """The last messages of the branch that is shown, oldest first, or those before, after or around a message."""
    asked = query(call.query, {"limit": int, **dict.fromkeys(PLACES, int)})
    places: list[Place] = [place(number_of(asked, name, 0)) for name, place in PLACES.items() if name in asked]
    if len(places) > 1:
        raise Invalid(f"A window has one place, not {len(places)}.", f"Ask for one of {', '.join(PLACES)}.")
    place = places[0] if places else END
    thread = open_thread(call.core.db, call.viewer, call.chat_id(), place=place, limit=number_of(asked, "limit", 40))
    return Reply(
        {
            "chat": with_tags(call, thread.chat),
            "messages": whole_json(call, thread.messages),
            "before": thread.messages[0].id if thread.has_earlier and thread.messages else None,
            "after": thread.messages[-1].id if thread.has_later and thread.messages else None,
        }
    )


def show(call: Call) -> Reply:
    """A message as it is now."""
    query(call.query, {})
    return Reply({"message": whole_json(call, [get_message(call.core.db, call.viewer, call.message_id())])[0]})


def edit(call: Call) -> Reply:
    """A prompt in other words, beside the old one, and its answer."""
    sent = fields(call.body, DRAFT_FIELDS)
    if "text" not in sent:
        raise Invalid("The field 'text' is missing.", "Send the prompt in its new words.")
    asked = get_message(call.core.db, call.viewer, call.message_id())
    chat = get_chat(call.core.db, call.viewer, asked.session_id)
    model = (chat.provider, chat.model_name) if "model" not in sent and "provider" not in sent else None
    again = revisions.edit_and_resend(call.core.runner, call.viewer, asked.id, draft(call, sent, model), now=call.now)
    return Reply(sent_json(again), 201)


def go_on(call: Call) -> Reply:
    """The rest of an answer that was cut off, by another model if one is named."""
    provider, model = model_of(call, fields(call.body, MODEL_FIELDS))
    again = revisions.continue_answer(
        call.core.runner,
        call.viewer,
        call.message_id(),
        now=call.now,
        provider=provider,
        model_name=model,
        trace_parent=call.trace_parent,
    )
    return Reply(sent_json(again), 201)


def model_of(call: Call, sent: Mapping[str, object]) -> tuple[str | None, str | None]:
    """Provider and model among the fields that were sent, both or neither. Raises Invalid."""
    provider, model = text_of(sent, "provider"), text_of(sent, "model")
    if (provider is None) != (model is None):
        missing = "provider" if provider is None else "model"
        raise Invalid(f"The field {missing!r} is missing.", "Send 'provider' and 'model' together, or neither.")
    if provider is not None and provider not in call.core.providers:
        raise Invalid(f"The field 'provider' names {provider[:60]!r}, which is not here.", f"Here are: {', '.join(call.core.providers)}.")
    return provider, model


def switch(call: Call) -> Reply:
    """Shows the branch of a message from now on."""
    fields(call.body, {})
    return Reply({"current_message_id": branches.switch_branch(call.core.db, call.viewer, call.message_id())})


def fork(call: Call) -> Reply:
    """A new chat with copies of the message and of what came before it."""
    fields(call.body, {})
    made = branches.fork(call.core.db, call.viewer, call.message_id(), now=call.now)
    return Reply({"chat": with_tags(call, made)}, 201)


def rate(call: Call) -> Reply:
    """A thumb for an answer, with a note or without, in the place of what was said before."""
    sent = fields(call.body, {"rating": int, "note": str})
    if "rating" not in sent:
        raise Invalid("The field 'rating' is missing.", "Send 1 for good, -1 for bad; DELETE takes a rating back.")
    rating, note = number_of(sent, "rating", 0), text_of(sent, "note")
    given = feedback.rate(call.core.db, call.viewer, call.message_id(), rating=rating, note=note, now=call.now)
    return Reply({"feedback": feedback_json(given)})


def unrate(call: Call) -> Reply:
    """Takes a rating back, with its note."""
    feedback.rate(call.core.db, call.viewer, call.message_id(), rating=None, now=call.now)
    return Reply(status=204)


def delete(call: Call) -> Reply:
    """Deletes a message with everything that follows it, for ever; how many messages these were."""
    query(call.query, {})
    return Reply({"deleted": branches.delete_message(call.core.db, call.viewer, call.message_id())})
