"""How SQLite keeps times and the ids of chats: as text up to 0019, since 0020 as numbers and bytes (see `chatcore.columns`).

Triggers reckon with them, so each is made in the form of the version it belongs to. PostgreSQL has types of its own for both.
"""

from dataclasses import dataclass

# The first schema with numbers and bytes.
NUMBERS_SINCE = "0020"


@dataclass(frozen=True, slots=True)
class Stored:
    """Makes of a stored time its second and its day since 1970, and of the id of a chat its hexadecimal digits; {0} is the column."""

    second: str
    day: str
    digits: str


# Cut from the text, since strftime rounds to milliseconds and so up.
AS_TEXT = Stored(
    second="CAST(strftime('%s', substr({0}, 1, 19)) AS INTEGER)",
    day="CAST(strftime('%s', substr({0}, 1, 10)) AS INTEGER) / 86400",
    digits="{0}",
)
# SQLite divides towards zero; before 1970 that would be the second or the day after.
AS_NUMBERS = Stored(
    second="({0} / 1000000 - ({0} % 1000000 < 0))",
    day="({0} / 86400000000 - ({0} % 86400000000 < 0))",
    digits="lower(hex({0}))",
)
