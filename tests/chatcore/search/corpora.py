"""Chats, messages and search texts to try: made of few words, so that they meet."""

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from hypothesis import strategies as st
from sqlmodel import Session, SQLModel

from chatcore.attachments import add_in
from chatcore.columns import new_chat_id
from chatcore.db import Database
from chatcore.documents import Prepared
from chatcore.parts import Role, State, Viewer
from chatcore.rows import CHATS, MESSAGES
from tests.chatcore.search.reference import Chat, Message, World
from tests.factories import NOW

ATTACHMENTS = SQLModel.metadata.tables["attachment"]
TAGS = SQLModel.metadata.tables["tag"]
FOLDER = SQLModel.metadata.tables["folder"]
CHAT_TAGS = SQLModel.metadata.tables["chattag"]

DAYS = 6
MODELS = (("ollama", "llama3.2:3b"), ("ollama", "Llama3.2:70b"), ("openai", "GPT-5 mini"), ("guide", "guide"), ("ollama", "guide-q4"))
LABELS = ("work", "To do", "müde")
FOLDERS = ("Work", "Work/Plans", "Home", "Home/Work")
TITLES = (
    "Tides and the moon",
    "MOON",
    "Über Ebbe",
    "über fooBaz",
    "C++ or C#?",
    "100% of a_b",
    "量子力学",
    "New Conversation",
    "moonlight 🚀",
)

# What a search is made of and what it is to be found in.
KNOWN = """
moon Moon MOON moons moonlight tide tides the a ab C cplusplus C++ c++ C# csharp C++17 fooC++ loopCount++ 3.14 314
foo baz fooBaz fooBar FooBazQux foo_bar foo_baz foo-bar foo.baz HTMLPage v2Beta NEAR AND NOT and null ™ ~/notes/moon.txt
ada@example.org ada@example example.org https://example.org/a/b?c=1#tide notes/moon C:\\notes don't it’s
Über über uber u\u0308ber résumé resume ὀδός ΟΔΟΣ ПРИВЕТ привет İstanbul istanbul ﬁne fine x² x2
量子力学 量子 子 子力 學 がぎ ｶﾞｷﾞ 한국어 국어 สวัสดี 🚀 🌙🌙 👩\u200d👧 ㍿ 株式 moon🚀moon 使用moon模型
"""
PIECES = (*KNOWN.split(), *("x" * number for number in (127, 128, 129, 300)), "\x01", "moon\x07tide", "\u2028", "a\u180eb")
SIGNS = (*"-_/'\\:&%“\"", " ", " ", " ", "\n", ", ", ". ", "", "**", "\n```python\n", "~~~", " ” ", "\t\t")


@dataclass(frozen=True)
class Room:
    """A chat to be made; `day` is when it was last written in."""

    title: str = "Tides"
    day: float = 0.0
    pinned: bool = False
    archived: bool = False
    in_trash: bool = False
    tags: frozenset[str] = frozenset()
    folder: str | None = None


@dataclass(frozen=True)
class Saying:
    """A message to be made, in the chat of this place, so many seconds after the start."""

    content: str
    room: int = 0
    model: int | None = None
    has_tool: bool = False
    has_attachment: bool = False
    status: State = State.COMPLETE


@dataclass(frozen=True)
class Corpus:
    """What a person is to have; the seconds of the messages are all different."""

    rooms: tuple[Room, ...]
    sayings: tuple[tuple[float, Saying], ...]


def palettes() -> st.SearchStrategy[list[str]]:
    """A few words, rarely any characters: what one person speaks of, so that searches for the same words find some of it."""
    anything = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
    return st.lists(st.sampled_from(PIECES), min_size=2, max_size=4, unique=True) | st.lists(anything, min_size=1, max_size=3)


def texts(palette: list[str]) -> st.SearchStrategy[str]:
    """Texts of these words with all kinds of signs between them."""
    pairs = st.lists(st.tuples(st.sampled_from(palette), st.sampled_from(SIGNS)), min_size=1, max_size=4)
    return pairs.map(lambda pairs: "".join(itertools.chain.from_iterable(pairs)))


def corpora(palette: list[str], *, most_messages: int = 16) -> st.SearchStrategy[Corpus]:
    rooms = st.builds(
        Room,
        title=st.sampled_from(TITLES) | st.sampled_from(palette),
        day=st.sampled_from([day / 4 for day in range(4 * DAYS)]),
        pinned=st.booleans(),
        archived=st.booleans(),
        in_trash=st.integers(0, 4).map(lambda number: number == 4),
        tags=st.frozensets(st.sampled_from(LABELS), max_size=2),
        folder=st.none() | st.sampled_from(FOLDERS),
    )
    sayings = st.builds(
        Saying,
        content=texts(palette),
        room=st.integers(0, 3),
        model=st.none() | st.integers(0, len(MODELS) - 1),
        has_tool=st.booleans(),
        has_attachment=st.booleans(),
        status=st.sampled_from([State.COMPLETE, State.COMPLETE, State.STOPPED, State.FAILED, State.INTERRUPTED, State.RUNNING]),
    )
    midnights = st.sampled_from([day * 86_400 + second for day in range(DAYS) for second in (-1, 0)])
    seconds = st.lists(midnights | st.integers(0, DAYS * 86_400), unique=True, min_size=1, max_size=most_messages)

    def corpus(rooms: list[Room], seconds: list[int], sayings: list[Saying]) -> Corpus:
        # What comes after the point of a second must not matter where the seconds differ.
        times = [second + (second % 4) * 0.333333 for second in seconds]
        return Corpus(tuple(rooms), tuple(zip(times, itertools.cycle(sayings), strict=False)))

    return st.builds(corpus, st.lists(rooms, min_size=1, max_size=4), seconds, st.lists(sayings, min_size=4, max_size=most_messages))


_windows = itertools.count()


def next_start() -> datetime:
    """A midnight no other corpus is near, so that no two messages of a database share a second."""
    return datetime(2001, 1, 1, tzinfo=UTC) + timedelta(days=(DAYS + 2) * next(_windows))


def write(db: Database, viewer: Viewer, corpus: Corpus, start: datetime) -> World:
    """Writes a corpus, as an import does, and answers what is there now."""
    chats = [
        Chat(new_chat_id(), room.title, start + timedelta(days=room.day), room.pinned, room.archived, room.in_trash, room.tags, room.folder)
        for room in corpus.rooms
    ]
    with db.write() as tx:
        folders = make_folders(tx, viewer)
        for chat in chats:
            values = {"id": chat.id, "user_id": viewer.user_id, "title": chat.title, "created_at": start, "updated_at": chat.updated_at}
            where = {"pinned": chat.pinned, "archived": chat.archived, "deleted_at": start if chat.in_trash else None}
            values |= {"folder_id": folders[chat.folder] if chat.folder else None}
            tx.execute(sa.insert(CHATS).values(values | where))
        for name in sorted({name for chat in chats for name in chat.tags}):
            tag_id = tx.execute(sa.insert(TAGS).values(user_id=viewer.user_id, name=name).returning(TAGS.c.id)).scalar_one()
            tagged = [{"session_id": chat.id, "tag_id": tag_id, "user_id": viewer.user_id} for chat in chats if name in chat.tags]
            tx.execute(sa.insert(CHAT_TAGS), tagged)
        messages = []
        for second, saying in corpus.sayings:
            chat = chats[saying.room % len(chats)]
            messages.append(write_message(tx, viewer, saying, chat, start + timedelta(seconds=second)))
    return World(tuple(chats), tuple(messages))


def write_message(tx: Session, viewer: Viewer, saying: Saying, chat: Chat, now: datetime) -> Message:
    """Writes a message; one without a model is a person's."""
    provider, model_name = MODELS[saying.model] if saying.model is not None else (None, None)
    role = Role.USER if provider is None else Role.ASSISTANT
    status = State.COMPLETE if role is Role.USER else saying.status
    values = {
        "session_id": chat.id, "user_id": viewer.user_id, "role": role.value, "status": status.value, "content": saying.content,
        "created_at": now, "provider": provider, "model_name": model_name, "tool_calls": "[]" if saying.has_tool else None,
    }  # fmt: skip
    message_id: int = tx.execute(sa.insert(MESSAGES).values(values).returning(MESSAGES.c.id)).scalar_one()
    if saying.has_attachment:
        attach(tx, viewer, message_id)
    return Message(
        message_id, chat, role, saying.content, now, provider, model_name, saying.has_tool, saying.has_attachment, status is State.RUNNING
    )


def make_folders(tx: Session, viewer: Viewer) -> dict[str, int]:
    """Makes all folders; their ids by their paths."""
    ids: dict[str, int] = {}
    for path in FOLDERS:
        above, _, name = path.rpartition("/")
        values = {"user_id": viewer.user_id, "parent_id": ids.get(above), "name": name}
        ids[path] = tx.execute(sa.insert(FOLDER).values(values).returning(FOLDER.c.id)).scalar_one()
    return ids


def attach(tx: Session, viewer: Viewer, message_id: int) -> None:
    """Puts a small file on a message."""
    add_in(tx, viewer, message_id, [Prepared("a.txt", "text/plain", b"x", text="x")], now=NOW)
