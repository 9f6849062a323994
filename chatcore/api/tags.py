"""Tags: list, rename, delete. They are put on chats and taken off by changing the chat."""

from chatcore.api.calls import Call, Reply, fields, query, text_of
from chatcore.api.values import tag_json
from chatcore.errors import Invalid
from chatcore.organise.tags import delete_tag, list_tags, rename_tag


def list_all(call: Call) -> Reply:
    """Every tag with the number of its chats."""
    query(call.query, {})
    return Reply({"tags": [tag_json(tag) for tag in list_tags(call.core.db, call.viewer)]})


def change(call: Call) -> Reply:
    """Another name; the name of another tag makes the two one."""
    tag_id, name = call.row_id("tag_id", "tag"), text_of(fields(call.body, {"name": str}), "name")
    if name is None:
        raise Invalid("The field 'name' is missing.", "Send the new name in it.")
    return Reply({"tag": tag_json(rename_tag(call.core.db, call.viewer, tag_id, name=name))})


def delete(call: Call) -> Reply:
    """Off every chat and forgotten; the chats stay."""
    query(call.query, {})
    delete_tag(call.core.db, call.viewer, call.row_id("tag_id", "tag"))
    return Reply(status=204)
