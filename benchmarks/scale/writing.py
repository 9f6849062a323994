"""What changes the database: messages appended, old chats deleted, an import. All of it is undone afterwards, so that a kept
database stays as it was filled."""

import time
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from benchmarks.corpus import Batch, Corpus, Row
from benchmarks.corpus_texts import Texts
from benchmarks.figures import Figure
from benchmarks.loading import COLUMNS, take_ids, write, write_rows
from benchmarks.portions import cut
from benchmarks.scale.ground import Ground, half_and_most, person
from benchmarks.scale.threads import some_chats
from chatcore import history
from chatcore.parts import Role
from chatcore.rows import GENERATIONS, MESSAGES
from chatcore.search.merging import Gathering

BUDGET_APPEND_MS = 2.0
CHATS = 10
# Chats of about 60 messages.
LEAST, MOST = 50, 70
# With their answers, chats and second writes this keeps a transaction below 1,000 rows, so that others can write meanwhile.
IMPORTED_A_TRANSACTION = 480


def measure(ground: Ground) -> Iterator[Figure]:
    """Through history's functions; the import writes in the portions that chatcore's own imports write."""
    yield from appended(ground)
    yield from deleted(ground)
    yield from imported(ground)
    # As the upkeep leaves it, for what is asked of a kept database next.
    Gathering(ground.db).finish()


def appended(ground: Ground) -> Iterator[Figure]:
    """`history.append` of prompts and answers, 600 characters on average, to ten new chats by turns; each is searchable at once."""
    db, viewer, texts = ground.db, ground.people["top user"], Texts(ground.filling.seed + 1)
    chats = [history.create_chat(db, viewer, now=ground.now, title=f"Appended {number}").id for number in range(CHATS)]
    samples = []
    for number in range(ground.effort.appended):
        role = Role.ASSISTANT if number // CHATS % 2 else Role.USER
        content = texts.laid_out(role, "english", texts.answer("english") if role is Role.ASSISTANT else texts.prompt("english"))
        when = ground.now + timedelta(seconds=number)
        samples.append(ground.once(partial(history.append, db, viewer, chats[number % CHATS], role=role, content=content, now=when)))
    history.purge_chats(db, viewer, chats, forget_usage=True)
    # The first ones open connections and compile statements.
    warm = samples[len(samples) // 10 :]
    yield from half_and_most("append a message", warm, budget=ground.budget(BUDGET_APPEND_MS) if db.is_sqlite else None)


def deleted(ground: Ground) -> Iterator[Figure]:
    """`history.purge_chats` of one old chat of 50 to 70 messages, which is written again afterwards."""
    db, viewer = ground.db, ground.people["top user"]
    samples = []
    for chat_id in some_chats(ground, viewer, ground.effort.deleted, least=LEAST, most=MOST):
        with db.read() as tx:
            saved, ledger = read_back(tx, chat_id)
        samples.append(ground.once(partial(history.purge_chats, db, viewer, [chat_id])))
        with db.write() as tx:
            tx.execute(sa.delete(GENERATIONS).where(GENERATIONS.c.id.in_(ledger)))
            write_rows(tx, saved)
    if samples:
        yield from half_and_most("delete a chat of 50-70 messages", samples)


def read_back(tx: Session, chat_id: uuid.UUID) -> tuple[Batch, Sequence[int]]:
    """All rows of a chat as they were written, and the ids of its generations."""

    def rows(table: str, key: str, order: str) -> list[Row]:
        columns = SQLModel.metadata.tables[table].c
        wanted = sa.select(*(columns[name] for name in COLUMNS[table])).where(columns[key] == chat_id).order_by(columns[order])
        return [tuple(row) for row in tx.execute(wanted)]

    batch = Batch(
        last_id=0,
        chats=rows("chatsession", "id", "id"),
        tags=rows("chattag", "session_id", "tag_id"),
        messages=rows("chatmessage", "session_id", "id"),
        generations=rows("generation", "session_id", "id"),
    )
    batch.leaves = [(int(str(batch.messages[-1][0])), chat_id)]
    ledger = tx.execute(sa.select(GENERATIONS.c.id).where(GENERATIONS.c.session_id == chat_id)).scalars().all()
    return batch, ledger


def imported(ground: Ground) -> Iterator[Figure]:
    """More chats of the same two years, with their index; then all of them are deleted, one call a person."""
    db = ground.db
    # Few enough that the index of a kept database is hardly larger afterwards.
    number = min(ground.effort.imported, ground.filling.messages // 50)
    with db.read() as tx:
        newest = int(tx.execute(sa.select(sa.func.max(MESSAGES.c.id))).scalar_one())
    chats: defaultdict[str, list[uuid.UUID]] = defaultdict(list)
    spent_s = 0.0
    corpus = Corpus(number, seed=ground.filling.seed + 1, first_id=newest + 1)
    for batch in corpus.batches(IMPORTED_A_TRANSACTION):
        for row in batch.chats:
            chats[str(row[1])].append(uuid.UUID(str(row[0])))
        started = time.perf_counter()
        portion = cut(corpus, batch)
        with db.write() as tx:
            write(tx, [portion])
            take_ids(tx, "chatmessage")
        spent_s += time.perf_counter() - started
    yield Figure("bulk import", number / spent_s, "messages/s", note=f"{number:,} messages, {IMPORTED_A_TRANSACTION} a transaction.")
    spent_s = 0.0
    for user_id, ids in chats.items():
        spent_s += ground.once(partial(history.purge_chats, db, person(db, user_id), ids, forget_usage=True)) / 1000
    yield Figure("bulk delete", number / spent_s, "messages/s", note=f"{sum(map(len, chats.values())):,} chats, one call a person.")
