"""The benchmarks run: their scenarios on a handful of rows, their report on made-up figures. No time is asserted."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks import machine, report
from benchmarks.figures import Figure, median, percentile
from benchmarks.report import Row
from benchmarks.scenarios import STORAGE, StorageScenario
from benchmarks.scenarios.stream import lateness
from benchmarks.sizes import TINY, Sizes
from chatcore.db import Database
from chatcore.errors import Invalid


@pytest.mark.parametrize("scenario", STORAGE, ids=lambda scenario: scenario.name)
def test_a_storage_scenario_measures_on_its_engines(scenario: StorageScenario, db: Database) -> None:
    if db.dialect not in scenario.engines:
        return
    figures = scenario.measure(db, TINY)
    assert figures
    assert len({figure.name for figure in figures}) == len(figures)
    assert all(figure.value >= 0 for figure in figures)


def test_percentiles_are_samples_that_happened() -> None:
    samples = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert median(samples) == 3.0
    assert percentile(samples, 95) == percentile(samples, 100) == 5.0
    assert median([1.0, 2.0]) == 1.0
    with pytest.raises(Invalid):
        median([])


def test_a_budget_is_kept_up_to_and_including_it() -> None:
    assert Figure("a", 2.0, "ms", 2.0).kept is True
    assert Figure("a", 2.1, "ms", 2.0).kept is False
    assert Figure("a", 2.1, "ms").kept is None


def test_results_are_written_and_read_for_the_next_run(tmp_path: Path) -> None:
    rows = [Row("append", "sqlite", Figure("append, p50", 1.5, "ms", 2.0, (1.0, 1.5, 2.0)))]
    path = tmp_path / "deep" / "run.json"
    report.write(path, rows, started=datetime(2026, 3, 14, tzinfo=UTC), machine=machine.facts(), quick=True)
    earlier = report.read(path)
    assert earlier == {("append", "sqlite", "append, p50"): 1.5}
    assert "+0 %" in report.table(rows, earlier)
    path.write_text("{}")
    with pytest.raises(Invalid):
        report.read(path)


def test_a_token_is_late_by_the_time_from_its_sending_to_the_frame_that_shows_it() -> None:
    generation = {"started_at": "2026-03-14T12:00:00+00:00", "time_to_first_chunk_s": 0.5}
    sent_ms = datetime(2026, 3, 14, 12, tzinfo=UTC).timestamp() * 1000 + 500
    frames = [{"text": 8.0, "painted": sent_ms + 20}, {"text": 12.0, "painted": sent_ms + 60}]
    sizes = Sizes(stream_tokens=3, stream_rate=100)
    assert lateness(generation, frames, "painted", sizes) == pytest.approx([20, 10, 40], abs=0.01)
