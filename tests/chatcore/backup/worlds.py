"""Databases with something in every corner, and what they hold."""

import random
import struct
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL

from chatcore import doctor, feedback, permissions, preferences
from chatcore.backup.source import Content, content_of, open_source
from chatcore.chat_settings import write_settings
from chatcore.db import Database, open_database
from chatcore.importing import import_file
from chatcore.organise import folders, presets, prompts, tags, views
from chatcore.parameters import ChatSettings
from chatcore.parts import Policy, State, Viewer
from chatcore.rollup.making import refresh
from tests.chatcore.formats import samples
from tests.factories import GENERATIONS, NOW, make_chat, make_exchange, make_viewer
from tests.files import NOTES, attach

# What a form of lines could stumble over, in texts that people write.
NASTY = (
    "plain", "", " ", "\\", "\\N", "\\.", "\\n", "a\tb", "a\nb", "a\r\nb", "\b\f\v", "'\"`;--", "{}[]", "NULL", "null", "%s :name {0}",
    "\u2028\u0085\x1c\x1e", "äöü ß é e\u0301", "漢字とかな 한글 ไทย", "👩\u200d👧 🏳️", "\ufeff", "\u202e", "C:\\new\\table", "\x01\x7f",
    "a\\\tb\\\\\nc",
)  # fmt: skip


def any_text(rng: random.Random) -> str:
    """Some of these, in any order, and any characters that can be stored."""
    letters = [
        chr(rng.choice((rng.randint(1, 127), rng.randint(128, 0xD7FF), rng.randint(0x1F300, 0x1FAFF)))) for _ in range(rng.randint(0, 12))
    ]
    return "".join(rng.choices(NASTY, k=rng.randint(0, 5)) + letters)


def any_number(rng: random.Random) -> float:
    """A number of any size that a time or a cost may have, also such as no decimal says exactly."""
    drawn: float = struct.unpack(">d", struct.pack(">Q", rng.getrandbits(63) % 0x7FE0000000000000))[0]
    return rng.choice((0.0, 0.1, 1.0, 2.0, 1e-7, 1e15, 1e16, 1 / 3, 5e-324, 9007199254740993.0, drawn, rng.random()))


def fill_world(db: Database, tmp_path: Path, seed: int = 1) -> Viewer:
    """Two people with random chats in several branches, and one thing of every kind."""
    rng = random.Random(seed)
    ada, bob = make_viewer(db, is_owner=True), make_viewer(db, "Bob")
    for viewer in (ada, bob):
        for number in range(4):
            moment = NOW + timedelta(days=number, microseconds=rng.randint(0, 999_999))
            chat = make_chat(db, viewer, title=any_text(rng) or "tides", now=moment)
            for state in rng.choices(list(State), k=3):
                if state is not State.RUNNING:
                    make_exchange(db, viewer, chat.id, prompt=f"{any_text(rng)}?", answer=f"{any_text(rng)}.", state=state, now=moment)
    belongings(db, ada, tmp_path)
    with db.write() as tx:
        for row_id in tx.execute(sa.select(GENERATIONS.c.id)).scalars().all():
            values: dict[str, object] = {
                name: rng.choice((0.1, 1 / 3, rng.random() * 1e5)) for name in ("duration_s", "load_s", "prompt_s", "eval_s")
            }
            values |= {"reasoning_s": any_number(rng), "error_retryable": rng.choice((True, False, None))}
            tx.execute(sa.update(GENERATIONS).where(GENERATIONS.c.id == row_id).values(values))
    refresh(db)
    # One day is marked again.
    make_exchange(db, ada, make_chat(db, ada).id)
    return ada


def belongings(db: Database, ada: Viewer, tmp_path: Path) -> None:
    """What hangs on chats, and how a person keeps order."""
    chat = make_chat(db, ada)
    asked, answer = make_exchange(db, ada, chat.id)
    attach(db, ada, asked.id, NOTES)
    feedback.rate(db, ada, answer.id, rating=1, note="\\N", now=NOW)
    folder = folders.make_folder(db, ada, name="Work")
    folders.make_folder(db, ada, name="Plans", parent_id=folder.id)
    tags.tag_chats(db, ada, [chat.id], add=["sql"], remove=[])
    views.save_view(db, ada, name="mine", query="tides", now=NOW)
    presets.save_preset(db, ada, name="Brief", settings=ChatSettings(system_prompt="Be brief."), now=NOW)
    prompts.save_prompt(db, ada, name="tides", text="Tides?\n{{where}}", now=NOW)
    permissions.set_policy(db, ada, "write_note", Policy.ALLOW)
    preferences.write_preferences(db, ada, preferences.Preferences())
    write_settings(db, ada, chat.id, ChatSettings(system_prompt="a\tb"))
    import_file(db, ada, samples.claude(tmp_path), now=NOW)


def contents(url: URL) -> dict[str, Content]:
    """What a database holds, table by table."""
    with open_source(url) as source:
        return {table.name: content_of(source, table) for table in source.tables}


def ailments(url: str) -> list[str]:
    """What the doctor finds wrong, every word of the search index included."""
    db = open_database(url)
    try:
        return [str(finding) for finding in doctor.examine(db, now=NOW, thorough=True) if finding.level is not doctor.Level.OK]
    finally:
        db.close()
