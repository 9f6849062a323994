"""A query with everything looked up that the index cannot know by itself: the names of models, tags, folders and chats."""

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import TypeVar

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from chatcore.organise.folders import find_folders
from chatcore.organise.names import key_of
from chatcore.organise.tags import known_tags
from chatcore.parts import Shelf, Viewer
from chatcore.rows import CHATS, USED_MODELS
from chatcore.search.query import Query, Term, Wanted, chat_id_of
from chatcore.texts import storable
from chatcore.words import TAG_CHARACTERS, words_of

TAGS = SQLModel.metadata.tables["tag"]
CHAT_TAGS = SQLModel.metadata.tables["chattag"]
MODELS_USED = sa.select(USED_MODELS.c.provider, USED_MODELS.c.model_name).where(USED_MODELS.c.user_id == sa.bindparam("user_id"))
# One and the same, by which a question of the usual kind is known.
KEPT = CHATS.c.deleted_at.is_(None)
Named = TypeVar("Named")
TitledBy = Callable[[str, tuple[str, ...]], sa.Select[uuid.UUID]]


@dataclass(frozen=True, slots=True)
class Ask:
    """What the index is asked: the words of `query`, and tags of which one of each group must be there and some must not.

    `in_chat` are conditions on the chat (table `chatsession`), which only a part of all chats meets where it `is_set`. Where few
    chats meet them they are `chat_ids` instead, also as one text in `chats_listed`, which have so many `messages`. `nothing` is
    why nothing can be found, None if something can.
    """

    query: Query
    user_id: str
    tag_groups: tuple[tuple[str, ...], ...] = ()
    not_tags: tuple[str, ...] = ()
    in_chat: tuple[sa.ColumnElement[bool], ...] = ()
    is_set: bool = False
    chat_ids: tuple[uuid.UUID, ...] | None = None
    chats_listed: str = ""
    messages: int = 0
    nothing: str | None = None


class NothingMeant(Exception):
    """A filter names what the viewer has not, so nothing can be found."""


def hexed(text: str) -> str:
    """A name as one word of the index."""
    return text.encode().hex()[:TAG_CHARACTERS]


def resolve(tx: Session, viewer: Viewer, query: Query, titled: TitledBy, most_chats: int) -> Ask:
    """The question for the index that the query means for this viewer. `titled` selects a person's chats by words of the title;
    of more than `most_chats` chats each hit is asked whether it lies in one."""
    groups: list[tuple[str, ...]] = []
    without: list[str] = []
    groups += [("h" + value,) for value in query.has.among]
    if query.roles.among:
        groups.append(tuple("r" + value for value in query.roles.among))
    without += ["h" + value for value in query.has.without] + ["r" + value for value in query.roles.without]
    nothing = None
    if query.models or query.providers:
        pairs = tx.execute(MODELS_USED, {"user_id": viewer.user_id}).all()
        for wanted, sigil, known, what in (
            (query.models, "m", {pair.model_name for pair in pairs} - {""}, "model"),
            (query.providers, "p", {pair.provider for pair in pairs} - {""}, "provider"),
        ):
            if wanted.among:
                found = named(wanted.among, known)
                groups.append(tuple(sigil + hexed(name) for name in found))
                nothing = nothing or (None if found else f"No answer of yours is from a {what} “{' or '.join(wanted.among)}”.")
            without += [sigil + hexed(name) for name in named(wanted.without, known)]
    ask = Ask(query, viewer.user_id, tuple(groups), tuple(without), nothing=nothing)
    try:
        return in_chats(tx, viewer, ask, titled, most_chats)
    except NothingMeant as reason:
        return replace(ask, nothing=ask.nothing or str(reason))


def named(wanted: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """The known names that are meant: those of exactly that name in any case, else those that contain it. A name whose last
    message is deleted is still known, and means itself."""
    found: dict[str, None] = {}
    for name in wanted:
        low = name.lower()
        exact = [one for one in known if one.lower() == low]
        found |= dict.fromkeys(exact or [one for one in known if low in one.lower()])
    return tuple(sorted(found))


# --- the chat that a hit lies in ---------------------------------------------------------------------------------


def in_chats(tx: Session, viewer: Viewer, ask: Ask, titled: TitledBy, most: int) -> Ask:
    """The question narrowed to the chats that the query allows."""
    query = ask.query
    shelves = on_shelves(query.shelves)
    narrow = [] if query.pinned is None else [is_pinned(query.pinned)]
    narrow += conditions_of(query.chats, partial(named_chats, viewer, titled))
    narrow += tag_conditions(tx, viewer, query.tags) + folder_conditions(tx, viewer, query.folders)
    if not query.among_few_chats:
        return replace(ask, in_chat=(*shelves, *narrow) if narrow else shelves)
    few = tx.execute(chats_meeting((*shelves, *narrow)), {"user_id": viewer.user_id, "limit": most + 1}).all()
    if not few:
        raise NothingMeant("No chat of yours is meant by these filters.")
    if len(few) > most:
        return replace(ask, in_chat=(*shelves, *narrow), is_set=True)
    ids, counts = zip(*few, strict=True)
    return replace(ask, chat_ids=ids, chats_listed=listed(ids), messages=sum(counts))


def listed(ids: Iterable[int | uuid.UUID]) -> str:
    """Ids as an array of PostgreSQL in one parameter: as a thousand they take 5 ms, as an array of the driver 1 ms (measured)."""
    return f"{{{','.join(map(str, ids))}}}"


def of_titles(ask: Ask) -> list[sa.ColumnElement[bool]]:
    """The conditions for a chat whose title is asked: its tags are not in the index of titles. Its time is its last activity."""
    conditions: list[sa.ColumnElement[bool]] = list(ask.in_chat)
    if ask.chat_ids is not None:
        conditions.append(CHATS.c.id.in_(ask.chat_ids))
    if ask.query.after:
        conditions.append(CHATS.c.updated_at >= ask.query.after)
    if ask.query.before:
        conditions.append(CHATS.c.updated_at < ask.query.before)
    return conditions


# Conditions are kept, since with them the statements are that have them (chatcore/search/postgresql_statements.py).


@lru_cache
def chats_meeting(conditions: tuple[sa.ColumnElement[bool], ...]) -> sa.Select[uuid.UUID, int]:
    """Selects a person's chats that meet conditions, with how many messages they have."""
    limit = sa.bindparam("limit", type_=sa.Integer)
    return sa.select(CHATS.c.id, CHATS.c.message_count).where(CHATS.c.user_id == sa.bindparam("user_id"), *conditions).limit(limit)


@lru_cache
def on_shelves(shelves: frozenset[Shelf]) -> tuple[sa.ColumnElement[bool], ...]:
    """The conditions of a set of shelves, as few as possible: each costs a look at the chat of every hit."""
    trash, active, archived = (shelf in shelves for shelf in (Shelf.TRASH, Shelf.ACTIVE, Shelf.ARCHIVED))
    if active and archived:
        return () if trash else (KEPT,)
    if not (active or archived):
        return (CHATS.c.deleted_at.is_not(None) if trash else sa.false(),)
    where = CHATS.c.archived == sa.literal(archived)
    return (sa.or_(CHATS.c.deleted_at.is_not(None), where),) if trash else (KEPT, where)


@lru_cache
def is_pinned(pinned: bool) -> sa.ColumnElement[bool]:
    """That a chat is pinned, or is not."""
    return CHATS.c.pinned == sa.literal(pinned)


def is_kept(conditions: Sequence[sa.ColumnElement[bool]]) -> bool:
    """Whether a chat must only not be in the trash."""
    return len(conditions) == 1 and conditions[0] is KEPT


def conditions_of(wanted: Wanted[Named], condition: Callable[[Sequence[Named]], sa.ColumnElement[bool]]) -> list[sa.ColumnElement[bool]]:
    """That one of some is there, and none of others."""
    found = [condition(wanted.among)] if wanted.among else []
    return found + ([sa.not_(condition(wanted.without))] if wanted.without else [])


def tag_conditions(tx: Session, viewer: Viewer, wanted: Wanted[str]) -> list[sa.ColumnElement[bool]]:
    """That a chat has each of these tags, and none of those."""
    if not wanted:
        return []
    known = known_tags(tx, viewer)
    unknown = [name for name in wanted.among if key_of(name) not in known]
    if unknown:
        raise NothingMeant(f"You have no tag “{unknown[0]}”.")
    without = [known[key_of(name)] for name in wanted.without if key_of(name) in known]
    among = [tagged(viewer.user_id, (known[key_of(name)],)) for name in wanted.among]
    return among + ([tagged(viewer.user_id, tuple(without), refused=True)] if without else [])


def folder_conditions(tx: Session, viewer: Viewer, wanted: Wanted[str]) -> list[sa.ColumnElement[bool]]:
    """That a chat lies in one of these folders or in a folder in it, and in none of those."""
    among, without = (
        tuple(found for name in names for found in find_folders(tx, viewer, name)) for names in (wanted.among, wanted.without)
    )
    if wanted.among and not among:
        raise NothingMeant(f"You have no folder “{' or '.join(wanted.among)}”.")
    return ([in_folders(among)] if among else []) + ([in_folders(without, refused=True)] if without else [])


@lru_cache
def tagged(user_id: str, ids: tuple[int, ...], *, refused: bool = False) -> sa.ColumnElement[bool]:
    """That a chat has one of these tags, or none of them."""
    theirs = sa.select(CHAT_TAGS.c.session_id).where(CHAT_TAGS.c.user_id == user_id, CHAT_TAGS.c.tag_id.in_(ids))
    return CHATS.c.id.not_in(theirs) if refused else CHATS.c.id.in_(theirs)


@lru_cache
def in_folders(ids: tuple[int, ...], *, refused: bool = False) -> sa.ColumnElement[bool]:
    """That a chat lies in one of these folders, or in none of them; to lie in no folder is a no, not an unknown."""
    lies_in = sa.and_(CHATS.c.folder_id.is_not(None), CHATS.c.folder_id.in_(ids))
    return sa.not_(lies_in) if refused else lies_in


def named_chats(viewer: Viewer, titled: TitledBy, names: Sequence[str]) -> sa.ColumnElement[bool]:
    """That a chat is one of these: by its id, or by the words of its title, of which the last may go on."""
    ids = [chat_id for name in names if (chat_id := chat_id_of(name))]
    titles = [tuple(words_of(storable(name))) for name in names if not chat_id_of(name)]
    return sa.or_(CHATS.c.id.in_(ids), *(CHATS.c.id.in_(titled(viewer.user_id, words)) for words in titles if words))


# --- words as an engine wants them -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dialect:
    """How an engine writes the parts of a question: a term that must be there, one that must not, a tag, and what joins them."""

    term: Callable[[Term], str]
    refused: Callable[[Term], str]
    tag: Callable[[str], str]
    both: str
    either: str
    but_not: str
    owner: Callable[[str], str] = field(default=lambda user_id: "u" + hexed(user_id))


def written(ask: Ask, dialect: Dialect, *, titles: bool = False, owner: bool = True) -> str:
    """The whole question in one expression: the viewer, the words, the tags, and what must not be there.

    `titles`: for the index of titles, which knows no tags but the owner. Without `owner`: among tags that only theirs have.
    """

    def one_of(parts: Sequence[str]) -> str:
        return parts[0] if len(parts) == 1 else f"({dialect.either.join(parts)})"

    parts = [one_of([dialect.term(term) for term in group]) for group in ask.query.groups]
    refused = [dialect.refused(term) for term in ask.query.without]
    if not titles:
        parts += [one_of([dialect.tag(tag) for tag in group]) for group in ask.tag_groups]
        refused += [dialect.tag(tag) for tag in ask.not_tags]
    if owner:
        parts.append(dialect.tag(dialect.owner(ask.user_id)))
    whole = dialect.both.join(parts)
    return f"({whole}){dialect.but_not}({dialect.either.join(refused)})" if refused else whole
