"""What a person chose for all of their chats."""

from chatcore.api.calls import Call, Reply, fields, flag_of, query, text_of
from chatcore.api.values import preferences_json
from chatcore.errors import Invalid
from chatcore.preferences import Preferences, read_preferences, write_preferences


def show(call: Call) -> Reply:
    """As they are."""
    query(call.query, {})
    return Reply({"preferences": preferences_json(read_preferences(call.core.db, call.viewer))})


def change(call: Call) -> Reply:
    """All of them; what is not sent is as it is for everybody again."""
    sent = fields(call.body, {"titles": bool, "title_provider": str, "title_model": str})
    provider, model = text_of(sent, "title_provider"), text_of(sent, "title_model")
    if (provider is None) != (model is None):
        raise Invalid("A title is asked of a 'title_provider' and its 'title_model'.", "Send both, or neither for the model that answered.")
    here = ", ".join(call.core.providers)
    if provider is not None and provider not in call.core.providers:
        raise Invalid(f"The field 'title_provider' names {provider[:60]!r}, which is not here.", f"Here are: {here}.")
    titles = flag_of(sent, "titles")
    chosen = Preferences(titles is not False, (provider, model) if provider is not None and model is not None else None)
    return Reply({"preferences": preferences_json(write_preferences(call.core.db, call.viewer, chosen))})
