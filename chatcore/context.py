"""How full a model's window is: what a chat needs of it, and whether a server left messages out without saying so.

Servers count the tokens of what they were sent; that is the measure. Ollama drops the oldest messages of a chat that is too long and
says nothing (truncate, in its API); it shows only in the next count, which does not grow by what was added.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from chatcore.db import Database
from chatcore.history import get_chat_in, leaf_of
from chatcore.ledger import CHARACTERS_A_TOKEN, SMALLEST_WINDOW, SURE
from chatcore.parameters import ChatSettings
from chatcore.parts import MessageInfo, ModelInfo, Viewer
from chatcore.rows import ATTACHMENTS, CONTENTS, MESSAGES, SAME_FILE

# From here on the next long prompt or answer may not fit any more.
NEARLY_FULL = 0.8


@dataclass(frozen=True, slots=True)
class Filling:
    """What a chat needs of the window, in tokens; `estimated` if no server has counted it. `window` is None where nobody knows it."""

    tokens: int
    estimated: bool
    window: int | None

    @property
    def share(self) -> float | None:
        """How full the window is; above 1 the oldest messages are cut."""
        return self.tokens / self.window if self.window else None

    @property
    def nearly_full(self) -> bool:
        """Whether the oldest messages will soon be cut."""
        return self.share is not None and self.share >= NEARLY_FULL


def window_of(settings: ChatSettings, model: ModelInfo | None) -> int | None:
    """The window of the next request in tokens: as the chat sets it, else as it is loaded, else the most the model can."""
    most = model.context_length if model else None
    if settings.window is not None:
        return min(settings.window, most) if most else settings.window
    return (model.loaded_context or most) if model else None


def window_had(model: ModelInfo | None, *, loads: bool) -> int | None:
    """The window in tokens that a model answers with where nobody asked for one; None where nobody knows. `loads`: its server loads
    models with windows of its own choice, so that only the one it has loaded says anything."""
    if model is None:
        return None
    return model.loaded_context or (model.context_length if model.cloud or not loads else None)


def filling(db: Database, viewer: Viewer, chat_id: uuid.UUID, last: Sequence[MessageInfo], window: int | None) -> Filling:
    """How full the window is after the `last` messages of the branch that is shown, oldest first. Raises NotFound.

    Counted by the server at the newest answer, plus an estimate of what came after it; else all is estimated.
    """
    after = 0
    for message in reversed(last):
        counted = reported(message)
        if counted is not None:
            return Filling(sum(counted) + after, False, window)
        after += estimate(message)
    return Filling(characters(db, viewer, chat_id) // CHARACTERS_A_TOKEN, True, window)


def characters(db: Database, viewer: Viewer, chat_id: uuid.UUID) -> int:
    """How many characters the shown branch of a chat has, with its documents. Raises NotFound."""
    with db.read() as tx:
        chat = get_chat_in(tx, viewer, chat_id)
        leaf_id = leaf_of(tx, chat_id, chat.current_message_id)
        branch = sa.select(MESSAGES.c.id, MESSAGES.c.parent_id).where(MESSAGES.c.id == leaf_id).cte("branch", recursive=True)
        parent = MESSAGES.alias("parent")
        branch = branch.union_all(sa.select(parent.c.id, parent.c.parent_id).join(branch, parent.c.id == branch.c.parent_id))
        ids = sa.select(branch.c.id)
        written = sa.select(sa.func.coalesce(sa.func.sum(sa.func.length(MESSAGES.c.content)), 0)).where(MESSAGES.c.id.in_(ids))
        files = sa.select(sa.func.coalesce(sa.func.sum(CONTENTS.c.characters), 0)).join_from(ATTACHMENTS, CONTENTS, SAME_FILE)
        attached = files.where(ATTACHMENTS.c.message_id.in_(ids))
        return int(tx.execute(written).scalar_one()) + int(tx.execute(attached).scalar_one())


def reported(message: MessageInfo) -> tuple[int, int] | None:
    """The tokens a server counted at an answer, in its last prompt and out; None where none did."""
    generation = message.generation
    if generation is None or generation.usage_source != "reported":
        return None
    if generation.input_tokens is None or generation.output_tokens is None:
        return None
    if generation.context_tokens is not None:
        return generation.context_tokens, generation.output_tokens
    # With tools the prompts of all rounds are added up there.
    return None if message.tool_calls else (generation.input_tokens, generation.output_tokens)


def estimate(message: MessageInfo) -> int:
    """About how many tokens a message has with the documents on it; of images nobody knows."""
    return (len(message.content) + sum(file.characters or 0 for file in message.attachments)) // CHARACTERS_A_TOKEN


def cut_answers(messages: Sequence[MessageInfo]) -> frozenset[int]:
    """The answers, among messages that follow each other, whose server was sent more than it looked at.

    Told by its count: with the same model it must have grown, from one answer to the next, by what was said since.
    """
    cut: set[int] = set()
    before: MessageInfo | None = None
    added = 0
    for message in messages:
        counted = reported(message)
        if counted is not None and before is not None:
            then = reported(before) or (0, 0)
            same = (message.provider, message.model_name) == (before.provider, before.model_name)
            expected = then[0] + added * SURE
            if same and counted[0] < expected and expected >= SMALLEST_WINDOW:
                cut.add(message.id)
        if counted is not None:
            before, added = message, 0
        added += estimate(message)
    return frozenset(cut)
