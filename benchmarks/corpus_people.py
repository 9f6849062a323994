"""The people of the corpus, and the tags and folders that each of them has."""

from collections.abc import Iterator

from chatcore.accounts import LOCAL_OWNER_ID

USERS = 50
# The first of 50 people with this exponent has 18 % of the chats, the last 0.6 %.
USER_EXPONENT = 0.89
PEOPLE = (LOCAL_OWNER_ID, *(f"person-{number:02}" for number in range(2, USERS + 1)))
PLACES = {user_id: place for place, user_id in enumerate(PEOPLE)}
# Whose questions are measured.
TOP_USER, RARE_USER = PEOPLE[0], PEOPLE[-1]
ISSUER = "https://example.org"
TAGS = ("work", "code", "travel", "reading", "someday")
# The second lies in the first.
FOLDERS = ("Projects", "Winter", "Home")


def tag_id(user_id: str, place: int) -> int:
    """The id of a person's tag by its place in TAGS."""
    return PLACES[user_id] * len(TAGS) + place + 1


def folder_id(user_id: str, place: int) -> int:
    """The id of a person's folder by its place in FOLDERS."""
    return PLACES[user_id] * len(FOLDERS) + place + 1


def tag_rows() -> Iterator[tuple[object, ...]]:
    """Everybody's tags in the columns of `benchmarks.loading`."""
    return ((tag_id(user_id, place), user_id, name) for user_id in PEOPLE for place, name in enumerate(TAGS))


def folder_rows() -> Iterator[tuple[object, ...]]:
    """Everybody's folders in the columns of `benchmarks.loading`."""
    for user_id in PEOPLE:
        for place, name in enumerate(FOLDERS):
            yield folder_id(user_id, place), user_id, folder_id(user_id, 0) if place == 1 else None, name
