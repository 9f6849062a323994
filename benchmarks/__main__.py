"""`python -m benchmarks`: measures, prints one table, writes the results as JSON and says which budgets are kept."""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import machine, report
from benchmarks.databases import ENGINES, Databases
from benchmarks.report import Row
from benchmarks.scenarios import APP, NAMES, STORAGE
from benchmarks.sizes import FULL, QUICK, Sizes
from benchmarks.stage import Stage
from chatcore.errors import ChatcoreError

RESULTS = Path(__file__).parent / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0: every budget is kept; 1: one is not; 2: a scenario could not be measured."""
    options = parse(arguments)
    # Being told to end must not leave servers behind: it becomes an exception, and every `finally` below runs.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    started, facts = datetime.now(UTC), machine.facts()
    rows: list[Row] = []
    broken: list[str] = []
    with tempfile.TemporaryDirectory(prefix="chatcore-bench-") as name:
        # PostgreSQL may run as a user of its own and has to get in.
        folder = Path(name)
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
        databases = Databases(folder, keep=options.keep)
        stage = Stage(folder, databases)
        try:
            for row in measured(options, databases, stage, broken):
                rows.append(row)
                print(report.line(row), flush=True)
        finally:
            stage.close()
            databases.close()
    earlier = report.read(options.against) if options.against else {}
    path = options.out or RESULTS / "local" / f"{started:%Y%m%dT%H%M%SZ}.json"
    report.write(path, rows, started=started, machine=facts, quick=options.quick)
    print("\n" + report.table(rows, earlier))
    print(f"\nWritten to {path}")
    for sentence in broken:
        print(f"Not measured: {sentence}")
    missed = [row for row in rows if row.figure.kept is False]
    print(f"{len(missed)} of {sum(row.figure.budget is not None for row in rows)} budgets missed." if missed else "Every budget is kept.")
    return 2 if broken else 1 if missed else 0


def measured(options: argparse.Namespace, databases: Databases, stage: Stage, broken: list[str]) -> Iterator[Row]:
    """The figures of the chosen scenarios as they come; one that cannot be measured is named in `broken` and left out."""
    sizes: Sizes = QUICK if options.quick else FULL
    if options.messages:
        sizes = replace(sizes, corpus=options.messages, large_file=options.messages)
    for storage in STORAGE:
        for engine in storage.engines:
            if storage.name not in options.only or engine not in options.engine:
                continue
            print(f"… {storage.name} on {engine}", file=sys.stderr, flush=True)
            try:
                with databases.open(engine) as db:
                    yield from [Row(storage.name, engine, figure) for figure in storage.measure(db, sizes)]
            except ChatcoreError as error:
                broken.append(f"{storage.name} on {engine}: {error}")
    for scenario in APP:
        if scenario.name not in options.only or "sqlite" not in options.engine:
            continue
        print(f"… {scenario.name}", file=sys.stderr, flush=True)
        try:
            yield from [Row(scenario.name, "sqlite", figure) for figure in scenario.measure(stage, sizes)]
        except (ChatcoreError, AssertionError) as error:
            broken.append(f"{scenario.name}: {error}")
        except Exception as error:  # noqa: BLE001  # the edge: a browser that times out must not lose what was measured before
            broken.append(f"{scenario.name}: {type(error).__name__}: {str(error)[:300]}")
        time.sleep(1)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, metavar="SCENARIO", help=f"of: {', '.join(NAMES)}")
    parser.add_argument("--engine", nargs="+", choices=ENGINES, default=ENGINES, metavar="ENGINE", help=f"of: {', '.join(ENGINES)}")
    parser.add_argument("--quick", action="store_true", help="smaller and fewer: to see that it works, not to be compared")
    parser.add_argument("--against", type=Path, metavar="FILE", help="an earlier result to set beside this one")
    parser.add_argument(
        "--messages", type=int, metavar="NUMBER", help="of the corpus behind the analytics page (100,000), and of the large file (60,000)"
    )
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where filled databases stay, those of benchmarks.scale too")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the results go (benchmarks/results/local/TIME.json)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
