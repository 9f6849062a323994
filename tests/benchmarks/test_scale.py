"""The scale suite runs: on a small corpus, which is exact, lawful, the same every time, and left as it was. No time is asserted."""

from argparse import Namespace
from datetime import datetime

import pytest
import sqlalchemy as sa

from benchmarks.corpus import Batch, Corpus
from benchmarks.corpus_people import PEOPLE, RARE_USER, TOP_USER
from benchmarks.loading import load, read_marker
from benchmarks.portions import portions, portions_ahead
from benchmarks.scale.__main__ import measured, parse
from benchmarks.scale.ground import Effort, Ground
from benchmarks.scale.parts import PARTS, Part
from benchmarks.scale.usage import examine
from benchmarks.vocabulary import ABSENT, COMMON, FIVE_PERCENT, PLANTED, RARE, RARE_MESSAGES
from chatcore.db import Database
from chatcore.errors import Invalid
from chatcore.rows import CHATS, GENERATIONS, MESSAGES
from chatcore.search import count_hits

MESSAGES_WRITTEN = 1_200
EFFORT = Effort(samples=1, longest_s=0.1, imported=100, deleted=2, appended=20)


@pytest.fixture
def ground(db: Database) -> Ground:
    """A database filled with a small corpus."""
    return Ground(db, load(db, Corpus(MESSAGES_WRITTEN)), EFFORT)


def contents(db: Database, user_id: str | None = None) -> list[str]:
    wanted = sa.select(MESSAGES.c.content)
    with db.read() as tx:
        return list(tx.execute(wanted.where(MESSAGES.c.user_id == user_id) if user_id else wanted).scalars())


def rows(db: Database) -> list[list[tuple[object, ...]]]:
    """Everything that was filled in, but for the ids of generations, which the database gives."""
    with db.read() as tx:
        generations = sa.select(*(column for column in GENERATIONS.c if column.key != "id")).order_by(GENERATIONS.c.message_id)
        tags = sa.text("SELECT session_id, tag_id, user_id FROM chattag ORDER BY 1, 2")
        statements = (sa.select(CHATS).order_by(CHATS.c.id), sa.select(MESSAGES).order_by(MESSAGES.c.id), generations, tags)
        return [[tuple(row) for row in tx.execute(statement)] for statement in statements]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_a_part_measures(ground: Ground, part: Part) -> None:
    figures = {figure.name: figure for figure in part.measure(ground)}
    assert figures
    assert all(figure.value >= 0 for figure in figures.values())
    for table in part.tables(figures) if part.tables else ():
        assert "|  |" not in table, "a place in the table is empty"


def test_all_of_it_runs_by_one_command(db: Database) -> None:
    options: Namespace = parse(["--messages", "300", "--samples", "1", "--only", "space", "threads"])
    broken: list[str] = []
    found = list(measured(db, options, broken))
    assert not broken
    assert {row.scenario for row in found} == {"scale.fill", "scale.space", "scale.threads", "scale.memory"}
    again = list(measured(db, options, broken))
    assert {row.scenario for row in again} == {"scale.space", "scale.threads", "scale.memory"}, "a filled database is taken as it is"


def test_the_doctor_finds_nothing(ground: Ground) -> None:
    examine(ground)


def test_a_word_stands_where_it_was_planted_and_nowhere_else(ground: Ground) -> None:
    for user_id in ("", TOP_USER, RARE_USER):
        texts, planted = contents(ground.db, user_id or None), ground.filling.planted[user_id]
        # These are in phrases as well.
        for word in PLANTED.difference(COMMON, FIVE_PERCENT):
            assert sum(word in text for text in texts) == planted.get(word, 0), word
    assert all(ground.filling.planted[TOP_USER][word] == RARE_MESSAGES for word in RARE)


def test_search_finds_what_was_planted(ground: Ground) -> None:
    viewer, planted = ground.people["top user"], ground.filling.planted[TOP_USER]
    for word in RARE:
        assert count_hits(ground.db, viewer, word) + count_hits(ground.db, viewer, f"{word} is:trash") == planted[word]
    assert count_hits(ground.db, viewer, ABSENT[0]) == 0


def test_what_is_written_is_undone(ground: Ground) -> None:
    before = rows(ground.db)
    writing = next(part for part in PARTS if part.name == "writing")
    names = [figure.name for figure in writing.measure(ground)]
    assert "delete a chat of 50-70 messages, p50" in names
    assert rows(ground.db) == before
    examine(ground)


def test_a_filling_that_was_ended_goes_on(db: Database, ground: Ground) -> None:
    whole = rows(ground.db)
    with db.write() as tx:
        for table in ("generation", "chatsession", "tag", "folder", "users"):
            tx.execute(sa.text(f"DELETE FROM {table}"))
        tx.execute(sa.text("DROP TABLE benchmark_corpus"))

    def end(done: int, total: int) -> None:
        if done >= 600:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(db, Corpus(MESSAGES_WRITTEN), at_once=200, on_progress=end)
    halfway = read_marker(db)
    assert halfway is not None
    assert (halfway.written, halfway.whole) == (600, False)
    assert load(db, Corpus(MESSAGES_WRITTEN), at_once=200) == ground.filling
    assert rows(db)[1] == whole[1]


def test_another_corpus_is_not_mixed_in(ground: Ground) -> None:
    with pytest.raises(Invalid):
        load(ground.db, Corpus(MESSAGES_WRITTEN, seed=2))


def test_the_same_seed_gives_the_same_rows() -> None:
    first, second, other = (list(Corpus(400, seed=seed).batches(150)) for seed in (5, 5, 6))
    assert first == second
    assert [batch.messages for batch in first] != [batch.messages for batch in other]


def test_a_process_of_its_own_makes_the_same_portions_behind_those_that_were_written(monkeypatch: pytest.MonkeyPatch) -> None:
    here = list(portions(Corpus(400), 150, written=150))
    monkeypatch.setattr("benchmarks.portions.MESSAGES_AHEAD", 0)
    assert list(portions_ahead(Corpus(400), 150, written=150)) == here
    assert [len(portion.entries) for portion in here] == [150, 100]


@pytest.mark.parametrize("number", [1, 2, 3, 777])
def test_exactly_so_many_messages_are_made_in_the_order_of_their_times(number: int) -> None:
    messages = [row for batch in Corpus(number, first_id=11).batches(100) for row in batch.messages]
    assert [row[0] for row in messages] == list(range(11, 11 + number))
    times = [row[6] for row in messages if isinstance(row[6], datetime)]
    assert times == sorted(times)


def test_a_larger_corpus_looks_as_it_should() -> None:
    corpus = Corpus(6_000)
    batches: list[Batch] = list(corpus.batches(1_000))
    messages = [row for batch in batches for row in batch.messages]
    texts = [str(row[10]) for row in messages]
    assert 540 < sum(map(len, texts)) / len(texts) < 640
    assert 0.08 < sum("```" in text for text in texts) / len(texts) < 0.12
    assert 0.15 < sum(row[2] == TOP_USER for row in messages) / len(messages) < 0.28
    assert len({row[2] for row in messages}) > len(PEOPLE) * 0.9
    assert 0.25 < corpus.planted[""][COMMON[0]] / len(texts) < 0.35
    assert all(word not in text for word in ABSENT for text in texts)
