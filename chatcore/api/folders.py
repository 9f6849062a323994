"""Folders: list, make, rename, move, delete. A chat is put into one by changing the chat."""

from chatcore.api.calls import Call, Reply, fields, number_of, query, text_of
from chatcore.api.values import folder_json
from chatcore.errors import Invalid
from chatcore.organise.folders import NO_FOLDER, change_folder, delete_folder, list_folders, make_folder


def list_all(call: Call) -> Reply:
    """Every folder, each before those in it."""
    query(call.query, {})
    return Reply({"folders": [folder_json(folder) for folder in list_folders(call.core.db, call.viewer)]})


def create(call: Call) -> Reply:
    """A new folder, in another or at the top."""
    sent = fields(call.body, {"name": str, "parent_id": int})
    name = text_of(sent, "name")
    if name is None:
        raise Invalid("The field 'name' is missing.", "Send the name of the folder in it.")
    folder = make_folder(call.core.db, call.viewer, name=name, parent_id=number_of(sent, "parent_id", NO_FOLDER) or None)
    return Reply({"folder": folder_json(folder)}, 201)


def change(call: Call) -> Reply:
    """Another name, another place, or both at once."""
    folder_id = call.row_id("folder_id", "folder")
    sent = fields(call.body, {"name": str, "parent_id": int})
    parent_id = number_of(sent, "parent_id", NO_FOLDER) if "parent_id" in sent else None
    return Reply(
        {"folder": folder_json(change_folder(call.core.db, call.viewer, folder_id, name=text_of(sent, "name"), parent_id=parent_id))}
    )


def delete(call: Call) -> Reply:
    """Gone; what was in it moves up."""
    query(call.query, {})
    delete_folder(call.core.db, call.viewer, call.row_id("folder_id", "folder"))
    return Reply(status=204)
