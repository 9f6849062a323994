"""Chats that are never written: they live in the memory of this process, as long as somebody holds them.

Who talks in one holds the `TemporaryChat` (a page in its browser session); here it is only known, not held, so it is gone when the
session is. While an answer is being written it is held for that. Messages have ids below 0, which no database gives.
"""

import itertools
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from weakref import WeakValueDictionary

from chatcore.attachments import Sight, enclosed, picture_type, turn_with
from chatcore.documents import Prepared
from chatcore.errors import NotFound
from chatcore.ledger import Ending, Entry
from chatcore.parameters import PLAIN, ChatSettings
from chatcore.parts import AttachmentInfo, GenerationInfo, MessageInfo, Offset, Role, State, Turn, Update, Viewer

TITLE = "Temporary chat"
Change = Callable[[MessageInfo], MessageInfo]


@dataclass(eq=False)
class TemporaryChat:
    """A chat in memory: whose it is, how its model is asked, and its messages, oldest first."""

    id: uuid.UUID
    user_id: str
    settings: ChatSettings = PLAIN
    messages: tuple[MessageInfo, ...] = ()
    # What the files on its prompts hold, by prompt.
    files: dict[int, tuple[Prepared, ...]] = field(default_factory=dict)
    # What a send that was clicked twice has in common.
    request_keys: set[str] = field(default_factory=set)

    @property
    def running(self) -> bool:
        """Whether an answer is being written in it."""
        return any(message.status is State.RUNNING for message in self.messages)

    def turns(self, sight: Sight) -> tuple[Turn, ...]:
        """What a model is told of it, with the files it can take: of the images the newest. An answer that broke off is kept, an empty
        one is left out."""
        turns: list[Turn] = []
        images = sight.images
        for message in reversed(self.messages):
            if message.role is not Role.USER:
                turns += [Turn("assistant", message.content)] if message.content.strip() else []
                continue
            told = [enclosed(file) for file in self.files.get(message.id, ()) if sight.documents]
            shown, images = images, images - sum(file.picture is not None for file in told)
            if shown <= 0:
                told = [replace(file, picture=None) for file in told]
            turns.append(turn_with(message.content, told))
        return tuple(reversed(turns))


class Memory:
    """The temporary chats of this process. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._guard = threading.RLock()
        self._chats: WeakValueDictionary[uuid.UUID, TemporaryChat] = WeakValueDictionary()
        self._answering: dict[int, TemporaryChat] = {}
        self._ids = itertools.count(-1, -1)

    def make(self, viewer: Viewer, settings: ChatSettings = PLAIN) -> TemporaryChat:
        """A new chat of the viewer, gone when the caller drops it."""
        chat = TemporaryChat(uuid.uuid4(), viewer.user_id, settings)
        with self._guard:
            self._chats[chat.id] = chat
        return chat

    def ask(self, chat: TemporaryChat, *, text: str, files: Sequence[Prepared] = (), now: datetime) -> MessageInfo:
        """Adds a prompt with its files."""
        with self._guard:
            last = chat.messages[-1].id if chat.messages else None
            asked = MessageInfo(next(self._ids), chat.id, last, Role.USER, State.COMPLETE, text, now)
            attached = tuple(info_of(file, asked.id, number) for number, file in enumerate(files, 1))
            chat.messages += (replace(asked, attachments=attached),)
            chat.files[asked.id] = tuple(files)
            return chat.messages[-1]

    def answer(self, chat: TemporaryChat, *, provider: str, model_name: str, now: datetime) -> MessageInfo:
        """Adds an empty answer to the last prompt, in the place of one that is there."""
        with self._guard:
            asked = chat.messages[:-1] if chat.messages[-1].role is Role.ASSISTANT else chat.messages
            answer = MessageInfo(
                next(self._ids), chat.id, asked[-1].id, Role.ASSISTANT, State.RUNNING, "", now, provider=provider, model_name=model_name
            )
            chat.messages = (*asked, answer)
            self._answering[answer.id] = chat
            return answer

    def take_back(self, chat: TemporaryChat, messages: tuple[MessageInfo, ...]) -> None:
        """Makes the chat what it was, with these messages: nothing will answer what came since."""
        with self._guard:
            for message in chat.messages:
                if message not in messages:
                    self._answering.pop(message.id, None)
                    chat.files.pop(message.id, None)
            chat.messages = messages

    def file(self, viewer: Viewer, message_id: int, attachment_id: int, *, small: bool = False) -> tuple[AttachmentInfo, bytes]:
        """A file of a prompt and what it holds, as `attachments.read_attachment` has it. Raises NotFound."""
        message = self.message(viewer, message_id)
        with self._guard:
            chat = self._chats.get(message.session_id)
            files = chat.files.get(message_id, ()) if chat is not None else ()
        if not 0 < attachment_id <= len(files):
            raise NotFound("This file is not there.", "A temporary chat is gone when its page is closed.")
        file, info = files[attachment_id - 1], message.attachments[attachment_id - 1]
        if small and file.picture is not None:
            return replace(info, media_type=picture_type(file.picture)), file.picture
        return info, file.content

    def began(self, message_id: int, generation_id: int, now: datetime) -> None:
        """The ledger has a row for this answer."""
        self._change(message_id, lambda message: replace(message, generation=begun(message, generation_id, now)))

    def finish(self, message_id: int, ending: Ending, entry: Entry | None) -> None:
        """The answer has ended; `entry` is what the ledger has of it, None if it was closed by somebody else."""
        self._change(message_id, lambda message: ended(message, ending, entry))
        with self._guard:
            self._answering.pop(message_id, None)

    def message(self, viewer: Viewer, message_id: int) -> MessageInfo:
        """A message of a chat of the viewer; of a running answer without its text, which the Runner has. Raises NotFound."""
        with self._guard:
            for chat in list(self._chats.values()):
                for message in chat.messages if chat.user_id == viewer.user_id else ():
                    if message.id == message_id:
                        return message
        raise NotFound("This message is not there.", "A temporary chat is gone when its page is closed.")

    def read(self, viewer: Viewer, message_id: int, after: Offset) -> Update:
        """News of an answer that the Runner does not write any more. Raises NotFound."""
        message = self.message(viewer, message_id)
        text, reasoning, info = message.content, message.reasoning or "", message.generation
        return Update(
            text=text[max(after.text, 0) :],
            reasoning=reasoning[max(after.reasoning, 0) :],
            state=message.status,
            next=Offset(len(text), len(reasoning)),
            error=info.error_message if info else None,
            hint=info.error_hint if info else None,
            reasoning_s=info.reasoning_s if info else None,
        )

    def _change(self, message_id: int, change: Change) -> None:
        with self._guard:
            chat = self._answering.get(message_id)
            if chat is not None:
                chat.messages = tuple(change(message) if message.id == message_id else message for message in chat.messages)


def info_of(file: Prepared, message_id: int, number: int) -> AttachmentInfo:
    """A file as the page is told of it, without what it holds."""
    characters = None if file.text is None else len(file.text)
    return AttachmentInfo(number, message_id, file.name, file.media_type, len(file.content), characters, file.is_cut)


def begun(message: MessageInfo, generation_id: int, now: datetime) -> GenerationInfo:
    """The attempt at an answer as it starts."""
    return GenerationInfo(generation_id, State.RUNNING, message.provider or "", message.model_name or "", now)


def ended(message: MessageInfo, ending: Ending, entry: Entry | None) -> MessageInfo:
    """The answer as it is at its end, with the figures the ledger has."""
    info = message.generation
    if info is not None:
        failed = ending.failed if ending.state is State.FAILED else None
        info = replace(
            info,
            state=ending.state,
            finished_at=ending.finished_at,
            duration_s=ending.duration_s,
            time_to_first_chunk_s=ending.time_to_first_chunk_s,
            eval_s=ending.usage.eval_s if ending.usage else None,
            input_tokens=entry.input_tokens if entry else None,
            output_tokens=entry.output_tokens if entry else None,
            usage_source=entry.usage_source if entry else None,
            finish_reason=entry.finish_reason if entry else None,
            error_type=failed.code.value if failed else None,
            error_message=failed.message if failed else None,
            error_hint=failed.hint if failed else None,
            error_retryable=failed.retryable if failed else None,
            reasoning_s=ending.reasoning_s,
        )
    written = ending.written
    return replace(message, status=ending.state, content=written.text, reasoning=written.reasoning or None, generation=info)
