"""Reading what a model server sent: JSON, in which a wrong type counts as absent, or a refusal."""

import json

from chatcore.texts import storable

Json = dict[str, object]


class Refused(Exception):
    """The server answered with an error status."""

    def __init__(self, status: int, body: str, retry_after: str | None) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.body = body
        self.retry_after = retry_after


def text_in(value: Json, key: str) -> str:
    """The text under a key, '' where there is none."""
    found = value.get(key)
    return found if isinstance(found, str) else ""


def count_in(value: Json, key: str) -> int | None:
    """The count under a key; None where there is none, or one that cannot be (negative, beyond what a database stores)."""
    found = value.get(key)
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 2**53 else None


def object_in(value: Json, key: str) -> Json:
    """The object under a key, {} where there is none."""
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def objects_in(value: Json, key: str) -> list[Json]:
    """The objects of the list under a key."""
    found = value.get(key)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def arguments_in(function: Json) -> tuple[Json | None, str, str | None]:
    """The arguments of a call, else what stood there instead and what is wrong with it. A JSON text counts as its object."""
    found = function.get("arguments")
    if isinstance(found, str):
        try:
            found = json.loads(found) if found.strip() else {}
        except (ValueError, RecursionError):
            return None, storable(str(found)), "The arguments are not valid JSON."
    if found is None:
        return {}, "", None
    if not isinstance(found, dict):
        return None, storable(json.dumps(found, ensure_ascii=False)), "The arguments are not a JSON object."
    return {storable(key): clean(value) for key, value in found.items()}, "", None


def clean(value: object) -> object:
    """A JSON value in which every text can be stored."""
    match value:
        case str():
            return storable(value)
        case list():
            return [clean(item) for item in value]
        case dict():
            return {storable(str(key)): clean(item) for key, item in value.items()}
        case _:
            return value
