"""Two answers to one prompt: ask for them, look at them, vote."""

from chatcore.api.calls import Call, Reply, fields, flag_of, query, text_of
from chatcore.api.chats import DRAFT_FIELDS, chosen_model, draft
from chatcore.api.values import comparison_json
from chatcore.comparisons import cast_vote, compare, get_comparison, list_comparisons, toss
from chatcore.errors import Invalid
from chatcore.history import get_chat
from chatcore.parts import Vote

FIELDS = {**DRAFT_FIELDS, "rival_provider": str, "rival_model": str, "blind": bool}


def list_all(call: Call) -> Reply:
    """The comparisons of a chat, the oldest first."""
    query(call.query, {})
    found = list_comparisons(call.core.db, call.viewer, call.chat_id())
    return Reply({"comparisons": [comparison_json(comparison) for comparison in found]})


def start(call: Call) -> Reply:
    """A prompt to two models at once."""
    chat_id = call.chat_id()
    sent = fields(call.body, FIELDS)
    if "text" not in sent and "attachments" not in sent:
        raise Invalid("The field 'text' is missing.", "Send the prompt in it.")
    if "rival_provider" not in sent or "rival_model" not in sent:
        missing = "rival_model" if "rival_provider" in sent else "rival_provider"
        raise Invalid(f"The field {missing!r} is missing.", "Name the second model with 'rival_provider' and 'rival_model'.")
    chat = get_chat(call.core.db, call.viewer, chat_id)
    model = (chat.provider, chat.model_name) if "model" not in sent and "provider" not in sent else None
    rival = chosen_model(call, {"provider": sent["rival_provider"], "model": sent["rival_model"]})
    is_blind = "blind" not in sent or bool(flag_of(sent, "blind"))
    compared = compare(
        call.core.runner,
        call.viewer,
        chat_id,
        draft(call, sent, model),
        rival,
        is_blind=is_blind,
        swapped=is_blind and toss(),
        now=call.now,
    )
    where = {"chat_id": str(compared.chat_id), "user_message_id": compared.user_message_id}
    return Reply({**where, "comparison": comparison_json(compared.comparison)}, 201)


def show(call: Call) -> Reply:
    """A comparison as it is now."""
    query(call.query, {})
    found = get_comparison(call.core.db, call.viewer, call.row_id("comparison_id", "comparison"))
    return Reply({"comparison": comparison_json(found)})


def vote(call: Call) -> Reply:
    """Which answer is better; from now on the names are told."""
    comparison_id = call.row_id("comparison_id", "comparison")
    said = text_of(fields(call.body, {"vote": str}), "vote")
    if said not in tuple(Vote):
        raise Invalid(f"The field 'vote' cannot be {(said or '')[:40]!r}.", f"Send one of {', '.join(Vote)}.")
    return Reply({"comparison": comparison_json(cast_vote(call.core.db, call.viewer, comparison_id, Vote(said), now=call.now))})
