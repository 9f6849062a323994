"""Saved searches: list, save, change, delete, put in order."""

from chatcore.api.calls import Call, Reply, fields, numbers_of, query, text_of
from chatcore.api.values import view_json
from chatcore.errors import Invalid
from chatcore.organise.views import change_view, delete_view, list_views, order_views, save_view


def list_all(call: Call) -> Reply:
    """Every saved search, in the caller's order."""
    query(call.query, {})
    return Reply({"searches": [view_json(view) for view in list_views(call.core.db, call.viewer)]})


def create(call: Call) -> Reply:
    """A search under a name."""
    sent = fields(call.body, {"name": str, "query": str})
    name, text = text_of(sent, "name"), text_of(sent, "query")
    if name is None or text is None:
        missing = "name" if name is None else "query"
        raise Invalid(f"The field {missing!r} is missing.", "Send 'name' and 'query'.")
    return Reply({"search": view_json(save_view(call.core.db, call.viewer, name=name, query=text, now=call.now))}, 201)


def change(call: Call) -> Reply:
    """Another name, another search, or both at once."""
    view_id = call.row_id("search_id", "saved search")
    sent = fields(call.body, {"name": str, "query": str})
    view = change_view(call.core.db, call.viewer, view_id, name=text_of(sent, "name"), query=text_of(sent, "query"))
    return Reply({"search": view_json(view)})


def order(call: Call) -> Reply:
    """The order of the list."""
    sent = fields(call.body, {"order": list})
    if "order" not in sent:
        raise Invalid("The field 'order' is missing.", "Send the ids in it, the first one first.")
    return Reply({"searches": [view_json(view) for view in order_views(call.core.db, call.viewer, numbers_of(sent, "order"))]})


def delete(call: Call) -> Reply:
    """Forgotten; the chats it found stay."""
    query(call.query, {})
    delete_view(call.core.db, call.viewer, call.row_id("search_id", "saved search"))
    return Reply(status=204)
