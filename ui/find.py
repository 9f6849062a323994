"""The search inside the open chat: what is asked stands in the URL (`?q=`), the question is put here and nowhere else."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from chatcore.core import Core
from chatcore.parts import Viewer
from chatcore.search.inside import Inside, hits_in
from chatcore.search.query import Term
from ui import app


@dataclass(frozen=True, slots=True)
class Found:
    """What was looked for in the chat, and where it is. `at` is the number of the marked hit, counted from 1; 0 for none."""

    text: str
    hits: Inside
    at: int

    @property
    def notice(self) -> str:
        """What there is to say about the search, in one sentence; often nothing."""
        if self.hits.indexed < 1:
            return f"The search index is still being built: {self.hits.indexed:.0%} of all messages can be found."
        return self.hits.notices[0] if self.hits.notices else ""

    @property
    def words(self) -> list[dict[str, object]]:
        """The words to mark, as the browser looks for them."""
        return [as_marked(term) for term in self.hits.terms]


def as_marked(term: Term) -> dict[str, object]:
    """A term for the browser: words that stand one after the other, the last one perhaps going on."""
    return {"words": list(term.words), "prefix": term.prefix}


def found(core: Core, viewer: Viewer, chat_id: uuid.UUID, text: str | None, marked: int | None) -> Found | None:
    """The hits of a text in a chat and which of them is marked; None where nothing is looked for."""
    if not text or not text.strip():
        return None
    hits = hits_in(core.db, viewer, chat_id, text, now=app.now(), zone=app.time_zone())
    return Found(text, hits, hits.message_ids.index(marked) + 1 if marked in hits.message_ids else 0)


def step(hits: Sequence[int], at: int, by: int) -> int | None:
    """The hit `by` further than hit number `at`, round at the ends; from none the newest. None where there is no hit."""
    if not hits:
        return None
    return hits[(at - 1 + by) % len(hits)] if at else hits[-1]
