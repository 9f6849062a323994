"""What a search finds inside one chat: where to jump, and which words to mark."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from chatcore.db import Database
from chatcore.parts import Shelf, Viewer
from chatcore.search import POOL, asked, engine, newest_ids
from chatcore.search.build import indexed_share
from chatcore.search.query import Term, Wanted, read_query


@dataclass(frozen=True, slots=True)
class Inside:
    """The hits in a chat: ids of messages in their order, the newest 1,000 if not `complete`. `terms` is what was looked for,
    `notices` are sentences about what the text could not mean, `indexed` the share of messages that can be found so far."""

    message_ids: tuple[int, ...] = ()
    complete: bool = True
    terms: tuple[Term, ...] = ()
    notices: tuple[str, ...] = ()
    indexed: float = 1.0


def hits_in(db: Database, viewer: Viewer, chat_id: uuid.UUID, text: str, *, now: datetime, zone: tzinfo) -> Inside:
    """The messages of a chat, of any branch and on any shelf, that match a search text; none in a chat of somebody else."""
    query = read_query(text, now=now, zone=zone)
    with db.read() as tx:
        if not query.asks:
            return Inside(notices=query.notices)
        within = replace(query, chats=Wanted((str(chat_id),)), shelves=frozenset(Shelf))
        ask, notices = asked(engine(db), tx, viewer, text, within)
        ids = newest_ids(engine(db), tx, ask, POOL + 1) if ask else []
        return Inside(tuple(sorted(ids[:POOL])), len(ids) <= POOL, query.terms, notices, indexed_share(tx))
