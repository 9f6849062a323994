"""What time it is, somewhere."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chatcore.tools.base import BUILT_IN, Context, Json, ToolFailed


class Clock:
    """The current date and time; models know neither."""

    name = "current_time"
    description = "Tells the current date and time, in UTC or in a time zone."
    read_only = True
    source = BUILT_IN
    schema: Json = {
        "type": "object",
        "properties": {
            "zone": {"type": "string", "maxLength": 60, "description": "An IANA time zone such as Europe/Berlin; UTC if left out."}
        },
        "additionalProperties": False,
    }

    async def run(self, arguments: Json, context: Context) -> str:
        """The date, the time and the offset."""
        return said(context.now, str(arguments.get("zone") or "UTC"))


def said(now: datetime, zone: str) -> str:
    """A moment in a zone, for people and as ISO 8601. Raises ToolFailed for a zone nobody knows."""
    try:
        local = now.astimezone(UTC if zone.upper() == "UTC" else ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ToolFailed(f"There is no time zone {zone!r}. Use an IANA name such as Europe/Berlin or America/New_York.") from error
    return f"{local:%A}, {local.day} {local:%B %Y}, {local:%H:%M:%S} in {zone} ({local.isoformat(timespec='seconds')})"
