"""A search in what the viewer has written and was answered before."""

import asyncio

from chatcore.errors import ChatcoreError
from chatcore.tools.base import BUILT_IN, Context, Json, Search, ToolFailed

MOST_HITS = 10
DEFAULT_HITS = 5
LONGEST_QUERY = 300


class HistorySearch:
    """Finds earlier messages of the viewer, and nobody else's: the search it is given takes the viewer."""

    name = "search_history"
    description = (
        "Searches the person's own earlier chats with you and other models. Use it when they refer to something that was said before. "
        "Words are looked up as they are, all of them have to be there; a phrase goes in double quotes."
    )
    read_only = True
    source = BUILT_IN
    schema: Json = {
        "type": "object",
        "properties": {
            "query": {"type": "string", "minLength": 1, "maxLength": LONGEST_QUERY, "description": "The words to look for"},
            "limit": {
                "type": "integer",
                "minimum": 1,
                "maximum": MOST_HITS,
                "description": f"How many messages, {DEFAULT_HITS} if left out",
            },
        },
        "required": ["query"],
        "additionalProperties": False,
    }

    def __init__(self, search: Search) -> None:
        self._search = search

    async def run(self, arguments: Json, context: Context) -> str:
        """The messages, each with its chat and its date."""
        query, limit = str(arguments["query"]), arguments.get("limit", DEFAULT_HITS)
        try:
            # In a thread, since the database may take its time and the loop serves every answer.
            most = limit if isinstance(limit, int) else DEFAULT_HITS
            # What stands in the chat itself the model has read.
            found = await asyncio.to_thread(self._search, context.viewer, query, most, context.chat_id)
        except ChatcoreError as error:
            raise ToolFailed(str(error)) from error
        if not found:
            return f"Nothing in the history has {query!r}. Try fewer or other words."
        return "\n\n".join(f"[{hit.chat_title}, {hit.role}, {hit.created_at:%Y-%m-%d}]\n{hit.text}" for hit in found)
