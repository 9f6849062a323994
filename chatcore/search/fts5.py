"""The question for the entries of FTS5, put together: SQLAlchemy takes as long for that as SQLite to answer it, so it is done
once for each kind of question, to which only the values are given then."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

import sqlalchemy as sa

from chatcore.columns import EPOCH
from chatcore.rows import CHATS, MESSAGES
from chatcore.search.ask import KEPT, Ask, Dialect, is_kept, written
from chatcore.search.beginnings import is_plain
from chatcore.search.query import Term
from chatcore.words import INDEXED_CHARACTERS, TAG_CHARACTERS

# An entry lies at most so many seconds after its message, unless as many messages share one.
DRIFT_S = 6 * 3600
SECOND = timedelta(seconds=1)

MESSAGE_ENTRIES = sa.table("message_search", sa.column("key", sa.BigInteger), sa.column("message_id", sa.BigInteger))
MESSAGE_INDEX = sa.table("message_fts", sa.column("rowid", sa.BigInteger))
CHAT_ENTRIES = sa.table("chat_search", sa.column("key", sa.BigInteger), sa.column("session_id", CHATS.c.id.type))
CHAT_INDEX = sa.table("chat_fts", sa.column("rowid", sa.BigInteger))
TEXT = sa.func.substr(MESSAGES.c.content, 1, INDEXED_CHARACTERS).label("text")
KEY = MESSAGE_INDEX.c.rowid.label("key")

# What a row of a message tells as well as the tags in the index, by the sigil of the tags.
TOLD = {"r": MESSAGES.c.role, "m": MESSAGES.c.model_name, "p": MESSAGES.c.provider}

# What kinds the tags are of that a row must have, one of each group, and that it must not have.
Sigils = tuple[str, str]
Kind = tuple[bool, bool, bool, bool, tuple[int, ...] | None, bool, Sigils | None]
Statement = sa.Select[*tuple[object, ...]]


def term(term: Term) -> str:
    """A term in FTS5's words (https://www.sqlite.org/fts5.html#full_text_query_syntax)."""
    phrase = f'"{" ".join(term.words)}"' + (" *" if term.prefix else "")
    if term.part:
        return f"parts : {phrase}"
    return f"{{words parts}} : {phrase}" if len(term.words) == 1 else f"words : {phrase}"


DIALECT = Dialect(term, term, lambda tag: f'tags : "{tag}"', both=" AND ", either=" OR ", but_not=" NOT ")


@dataclass(frozen=True, slots=True)
class Entries:
    """A question for the ids and keys of messages, the newest first, and the values it is asked with, but for `limit`."""

    statement: Statement
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Tags:
    """Tags of which one of each group must be there, and none of the others."""

    groups: tuple[tuple[str, ...], ...]
    refused: tuple[str, ...]

    @property
    def are_long(self) -> bool:
        """Whether there are others than roles, which are asked for by less."""
        return any(tag[0] != "r" for group in (*self.groups, self.refused) for tag in group)

    @property
    def are_told(self) -> bool:
        """Whether the row of a message tells as much: it has the whole name, of which a tag may have the beginning."""
        return all(tag[0] in TOLD and len(tag) <= TAG_CHARACTERS for group in (*self.groups, self.refused) for tag in group)

    @property
    def sigils(self) -> Sigils:
        """What kinds they are of."""
        return "".join(group[0][0] for group in self.groups), "".join(sorted({tag[0] for tag in self.refused}))

    @property
    def values(self) -> dict[str, object]:
        """The values of the conditions that stand for them."""
        values: dict[str, object] = {f"among_{place}": [name_in(tag) for tag in group] for place, group in enumerate(self.groups)}
        return values | {f"not_{sigil}": [name_in(tag) for tag in self.refused if tag[0] == sigil] for sigil in self.sigils[1]}


def name_in(tag: str) -> str:
    """The name that a tag stands for: that of a role is written as it is."""
    return tag[1:] if tag[0] == "r" else bytes.fromhex(tag[1:]).decode()


def as_told(sigils: Sigils) -> Iterator[sa.ColumnElement[bool]]:
    """The conditions on the row of a person's message that stand for tags of these kinds."""
    among, refused = sigils
    # With a plus, or SQLite could begin with the index of the person's messages.
    yield sa.literal_column("+chatmessage.user_id") == sa.bindparam("user_id")
    for place, sigil in enumerate(among):
        yield TOLD[sigil].in_(sa.bindparam(f"among_{place}", expanding=True))
    for sigil in refused:
        yield sa.func.coalesce(TOLD[sigil], "").not_in(sa.bindparam(f"not_{sigil}", expanding=True))


def entries(
    ask: Ask,
    *,
    read: Sequence[Sequence[Term]] = (),
    with_role: bool = False,
    only: Term | None = None,
    tags: Tags | None = None,
    after: Sequence[object] | None = None,
) -> Entries:
    """The question for the messages that match, behind the one of this key; with groups of terms to `read` for the text of each
    too, or NULL where SQLite itself can see that one of the groups has none of its words in it; or `with_role` of each. Of the
    words `only` one, then whose a message is, its `tags` and chats as the rows tell."""
    since, before = ask.query.after, ask.query.before
    sizes, sigils = sizes_of(read) if read else None, None if tags is None else tags.sigils
    kind: Kind = (since is not None, before is not None, after is not None, bool(ask.in_chat), sizes, with_role, sigils)
    statement = usual_question(*kind) if not ask.in_chat or is_kept(ask.in_chat) else question_of(kind, ask.in_chat)
    values: dict[str, object] = {"match": term(only) if only else question(ask), **words_to_read(read)}
    if tags is not None:
        values |= {"user_id": ask.user_id, **tags.values}
    if since:
        values |= {"since": since, "first": second(since)}
    if before:
        values |= {"before": before, "last": second(before) + DRIFT_S}
    if after is not None:
        values["after"] = after[0]
    return Entries(statement, values)


@lru_cache(maxsize=100)
def usual_question(*kind: *Kind) -> Statement:
    """The question of this kind for the chats that are not in the trash."""
    return question_of(kind, (KEPT,))


def question_of(kind: Kind, in_chat: tuple[sa.ColumnElement[bool], ...]) -> Statement:
    """The question with the conditions that there are; each entry with its message where a column or a condition asks for it."""
    has_since, has_before, has_after, asks_chats, sizes, with_role, sigils = kind
    key, tables = MESSAGE_INDEX.c.rowid, MESSAGE_INDEX.join(MESSAGE_ENTRIES, MESSAGE_ENTRIES.c.key == MESSAGE_INDEX.c.rowid)
    if has_since or has_before or asks_chats or sizes is not None or with_role or sigils:
        tables = tables.join(MESSAGES, MESSAGES.c.id == MESSAGE_ENTRIES.c.message_id)
    more: list[sa.ColumnElement[str]] = [] if sizes is None else [likely_text(sizes).label("text")]
    more += [MESSAGES.c.role] if with_role else []
    statement = sa.select(MESSAGE_ENTRIES.c.message_id, KEY, *more).select_from(tables).where(sa.text("message_fts MATCH :match"))
    if sigils:
        statement = statement.where(*as_told(sigils))
    if has_since:
        statement = statement.where(key >= sa.bindparam("first"), MESSAGES.c.created_at >= sa.bindparam("since"))
    if has_before:
        statement = statement.where(key < sa.bindparam("last"), MESSAGES.c.created_at < sa.bindparam("before"))
    if asks_chats:
        statement = statement.where(sa.exists(sa.select(1).where(CHATS.c.id == MESSAGES.c.session_id, *in_chat).correlate(MESSAGES)))
    if has_after:
        statement = statement.where(key < sa.bindparam("after"))
    return statement.order_by(key.desc()).limit(sa.bindparam("limit", type_=sa.Integer))


def sampled(groups: Sequence[Sequence[Term]], ids: Sequence[int]) -> Entries:
    """The question for the texts of the messages of these ids, each NULL where SQLite sees that one of the groups is not in it."""
    return Entries(texts_of(sizes_of(groups)), {**words_to_read(groups), "ids": ids})


@lru_cache(maxsize=100)
def texts_of(sizes: tuple[int, ...]) -> Statement:
    """The question for the texts of messages by their ids."""
    return sa.select(likely_text(sizes)).where(MESSAGES.c.id.in_(sa.bindparam("ids", expanding=True)))


def text_to_read(groups: Sequence[Sequence[Term]]) -> tuple[sa.ColumnElement[str], dict[str, str]]:
    """The text of a message, or NULL, as `entries` has it, and the values it is asked with."""
    return likely_text(sizes_of(groups)).label("text"), words_to_read(groups)


def words_to_read(groups: Sequence[Sequence[Term]]) -> dict[str, str]:
    """The values of `likely_text`."""
    return {
        f"word_{place}_{number}": f"%{term.words[0]}%"
        for place, (group, size) in enumerate(zip(groups, sizes_of(groups), strict=True))
        for number, term in enumerate(group[:size])
    }


def sizes_of(groups: Sequence[Sequence[Term]]) -> tuple[int, ...]:
    """How many words of each group SQLite can look for by itself."""
    return tuple(len(group) if all(map(is_plain, group)) else 0 for group in groups)


def likely_text(sizes: Sequence[int]) -> sa.ColumnElement[str]:
    """The text of a message in which each group may have one of its words, so many as `sizes` says; 0 is a group that only the
    text itself can tell of. What is not ASCII may be written in other letters."""
    content, likely = MESSAGES.c.content, []
    for place, size in enumerate(sizes):
        if size:
            likely.append(sa.or_(*(content.like(sa.bindparam(f"word_{place}_{number}", type_=sa.String)) for number in range(size))))
    is_other = sa.func.length(content) != sa.func.length(sa.cast(content, sa.LargeBinary))
    return sa.case((sa.or_(sa.and_(*likely), is_other), TEXT), else_=sa.null()) if likely else TEXT


def question(ask: Ask) -> str:
    """The whole question, with the chats it is narrowed to. These are the viewer's: one leap more for each hit, into the list of all
    that is theirs, takes half of the time or more (measured)."""
    if ask.chat_ids is None:
        return written(ask, DIALECT)
    ask = replace(ask, tag_groups=(*ask.tag_groups, tuple("c" + chat_id.hex for chat_id in ask.chat_ids)))
    return written(ask, DIALECT, owner=False)


def second(when: datetime) -> int:
    """The whole second since 1970 in which a time lies."""
    return (when - EPOCH) // SECOND
