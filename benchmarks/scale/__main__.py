"""`python -m benchmarks.scale`: fills a database with so many messages, or takes the one that was kept, measures on it, prints
tables, writes the results as JSON and says which budgets are kept."""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from benchmarks import machine, report
from benchmarks.corpus import VERSION, Corpus
from benchmarks.databases import ENGINES, Databases
from benchmarks.figures import Figure
from benchmarks.loading import load, read_marker
from benchmarks.portions import Filling
from benchmarks.report import Row
from benchmarks.scale.ground import Effort, Ground
from benchmarks.scale.memory import Peak
from benchmarks.scale.parts import NAMES, PARTS
from chatcore.db import Database, init_db, open_database
from chatcore.errors import ChatcoreError
from chatcore.search.build import build_index, is_building
from chatcore.search.merging import Gathering

RESULTS = Path(__file__).parent.parent / "results"
# For the forecast: messages a second with the search index, and how long the questions take.
FILL_RATE = {"sqlite": 5_000, "postgresql": 1_000}
MEASURING_MIN = 8
REPORT_EVERY_S = 10.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0: every budget is kept; 1: one is not; 2: something could not be measured."""
    options = parse(arguments)
    # Being told to end must not leave servers behind: it becomes an exception, and every `finally` below runs.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    started, facts = datetime.now(UTC), machine.facts()
    rows: list[Row] = []
    broken: list[str] = []
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="chatcore-scale-") as folder:
        databases = Databases(Path(folder), keep=options.keep)
        try:
            for engine in options.engine:
                with opened(databases, engine, options) as db:
                    rows += measured(db, options, broken)
        finally:
            databases.close()
    earlier = report.read(options.against) if options.against else {}
    path = options.out or RESULTS / "local" / f"{started:%Y%m%dT%H%M%SZ}-scale-{options.messages}.json"
    corpus = {"version": VERSION, "seed": options.seed, "messages": options.messages, "processor_time": options.processor_time}
    report.write(path, rows, started=started, machine=facts, quick=False, corpus=corpus)
    show(rows, earlier)
    print(f"\nThe machine's pace: {facts['pace_ms']} ms before, {machine.pace_ms()} ms after (see benchmarks/README.md).")
    print(f"\nWritten to {path}")
    for sentence in broken:
        print(f"Not measured: {sentence}")
    missed = [row for row in rows if row.figure.kept is False]
    print(f"{len(missed)} of {sum(row.figure.budget is not None for row in rows)} budgets missed." if missed else "Every budget is kept.")
    return 2 if broken else 1 if missed else 0


@contextmanager
def opened(databases: Databases, engine: str, options: argparse.Namespace) -> Iterator[Database]:
    """The database to fill or to take as it is, at the newest schema."""
    with databases.corpus_url(engine, options.messages, seed=options.seed) as url:
        db = open_database(url)
        try:
            init_db(db)
            index_anew(db)
            yield db
        finally:
            db.close()


def index_anew(db: Database) -> None:
    """Fills the search index if a migration has made it anew, and leaves it as the upkeep does."""
    with db.read() as tx:
        if not is_building(tx):
            return
    say(f"The search index on {db.dialect} is built anew: some minutes.")
    build_index(db)
    Gathering(db).finish()


def measured(db: Database, options: argparse.Namespace, broken: list[str]) -> Iterator[Row]:
    """All figures of one engine; a part that cannot be measured is named in `broken` and left out."""
    filling, figures = filled(db, options)
    yield from (Row("scale.fill", db.dialect, figure) for figure in figures)
    # PostgreSQL works in another process: there only the time that passes says anything.
    clock = time.thread_time if options.processor_time and db.is_sqlite else time.perf_counter
    ground, peak = Ground(db, filling, Effort(samples=options.samples, clock=clock)), Peak()
    for part in PARTS:
        if part.name not in options.only:
            continue
        say(f"… {part.name} on {db.dialect}")
        started = reported = time.perf_counter()
        try:
            for number, figure in enumerate(part.measure(ground)):
                peak.look()
                if time.perf_counter() - reported > REPORT_EVERY_S:
                    reported = time.perf_counter()
                    say(f"  {number} figures after {reported - started:.0f} s")
                row = Row(f"scale.{part.name}", db.dialect, figure)
                if part.tables is None:
                    print(report.line(row), flush=True)
                yield row
        except ChatcoreError as error:
            broken.append(f"{part.name} on {db.dialect}: {error}")
        say(f"  {time.perf_counter() - started:.0f} s")
    yield from (Row("scale.memory", db.dialect, figure) for figure in peak.figures("measuring"))


def filled(db: Database, options: argparse.Namespace) -> tuple[Filling, list[Figure]]:
    """The database with all its messages, and how long it took to write them; no figures if they were there."""
    there = read_marker(db)
    rate = FILL_RATE[db.dialect]
    if there and there.whole:
        check_count(db, there)
        say(f"{options.messages:,} messages on {db.dialect} are there; about {MEASURING_MIN} minutes to measure.")
    else:
        left = options.messages - (there.written if there else 0)
        say(f"{left:,} messages on {db.dialect}: about {left / rate / 60:.0f} minutes to fill, then {MEASURING_MIN} to measure.")
    started, peak = time.perf_counter(), Peak()
    reported = started

    def on_progress(done: int, total: int) -> None:
        nonlocal reported
        peak.look()
        if time.perf_counter() - reported > REPORT_EVERY_S:
            reported = time.perf_counter()
            say(f"  {done:,} of {total:,} after {reported - started:.0f} s")

    filling = there if there and there.whole else load(db, Corpus(options.messages, seed=options.seed), on_progress=on_progress)
    if there:
        return filling, []
    spent_s = time.perf_counter() - started
    figures = [Figure("fill", spent_s, "s"), Figure("fill, messages a second", filling.messages / spent_s, "messages/s")]
    return filling, [*figures, *peak.figures("filling")]


def check_count(db: Database, filling: Filling) -> None:
    """Says so if an earlier run was ended before it had undone what it wrote."""
    with db.read_at_length() as tx:
        number = tx.execute(sa.text("SELECT count(*) FROM chatmessage")).scalar_one()
    if number != filling.messages:
        say(f"It has {number:,} messages, because an earlier run was ended while it wrote. Delete it if that matters.")


def show(rows: Sequence[Row], earlier: dict[report.Key, float]) -> None:
    """All results: what has tables of its own by them, the rest one figure a line."""
    own = {f"scale.{part.name}": part.tables for part in PARTS if part.tables}
    print("\n" + report.table([row for row in rows if row.scenario not in own or earlier], earlier))
    for scenario, tables in own.items():
        for engine in ENGINES:
            figures = {row.figure.name: row.figure for row in rows if (row.scenario, row.engine) == (scenario, engine)}
            for table in tables(figures) if figures else ():
                print(f"\n{scenario} on {engine}\n\n{table}")


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000, metavar="NUMBER", help="how many messages (100,000)")
    parser.add_argument("--seed", type=int, default=1, metavar="NUMBER", help="another number makes other texts (1)")
    parser.add_argument("--engine", nargs="+", choices=ENGINES, default=ENGINES, metavar="ENGINE", help=f"of: {', '.join(ENGINES)}")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, metavar="PART", help=f"of: {', '.join(NAMES)}")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the filled databases there, and take them if they are there")
    parser.add_argument("--samples", type=int, default=Effort().samples, metavar="NUMBER", help="how often each question is asked (30)")
    parser.add_argument(
        "--processor-time",
        action="store_true",
        help="SQLite: count only the time the processor works, for a machine that does other things",
    )
    parser.add_argument("--against", type=Path, metavar="FILE", help="an earlier result to set beside this one")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the results go (benchmarks/results/local/TIME-scale-NUMBER.json)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
