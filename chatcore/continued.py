"""Chats that go on from another one: what a model is told of the old chat before their first prompt.

The new chat keeps only the summary, but it names where the old one ended: whoever asks for the summary again, in other words or from
another model, has the old chat summarized and not the prompt that asked for it. Once the old chat is deleted for good, the prompt
alone is left.
"""

from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa
from sqlmodel import Session

from chatcore.ledger import CHARACTERS_A_TOKEN
from chatcore.parts import Turn, Viewer
from chatcore.rows import CHATS, MESSAGES
from chatcore.texts import cut

# Of the window, for what is summarized: the rest is for the instructions and the summary.
SHARE = 0.6
SHOWN_TITLE = 80
INSTRUCTION = (
    "Summarize our conversation so far, so that we can go on in a new chat that knows only this summary. Write in the language of the "
    "conversation. Keep what was asked and decided, facts, names, numbers and code that are still needed, and what is open. "
    "Leave out greetings and detours. Begin with the summary itself."
)
# What stands in the chat for the instruction, around the title of the old chat.
ASKED = ("Let us go on from the chat “", "”. Summarize it first.")


def asked_for(title: str) -> str:
    """The first prompt of a chat that goes on from one with this title."""
    return cut(title, SHOWN_TITLE).join(ASKED)


def end_before(tx: Session, viewer: Viewer, prompt_id: int) -> int | None:
    """The message with which the old chat ended, if this is a first prompt of a chat that goes on from one of the viewer's."""
    old = MESSAGES.alias("old")
    statement = (
        sa.select(old.c.id)
        .join(CHATS, CHATS.c.continued_from == old.c.id)
        .join(MESSAGES, MESSAGES.c.session_id == CHATS.c.id)
        .where(MESSAGES.c.id == prompt_id, MESSAGES.c.parent_id.is_(None))
        .where(MESSAGES.c.user_id == viewer.user_id, old.c.user_id == viewer.user_id)
    )
    found: int | None = tx.execute(statement).scalar()
    return found


def after(old: Sequence[Turn], turns: Sequence[Turn], window: int | None) -> tuple[Turn, ...]:
    """The turns of a chat from its first prompt on, after those of the old one that fit into the `window` (tokens)."""
    first, *rest = turns
    begin, end = ASKED
    if first.content.startswith(begin) and first.content.endswith(end):
        first = replace(first, content=INSTRUCTION)
    return (*newest(old, window), first, *rest)


def newest(turns: Sequence[Turn], window: int | None) -> tuple[Turn, ...]:
    """The newest turns that fit into the window with room for a summary, at least one; all where the window is not known."""
    if window is None:
        return tuple(turns)
    room = int(window * SHARE) * CHARACTERS_A_TOKEN
    kept: list[Turn] = []
    for turn in reversed(turns):
        room -= len(turn.content)
        if room < 0 and kept:
            break
        kept.insert(0, turn)
    return tuple(kept)
