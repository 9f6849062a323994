"""The estimate of energy: arithmetic, and what nvidia-smi says where there is one."""

import stat
from pathlib import Path

import pytest

from chatcore.energy import Meter, energy_wh, read_watts, sum_watts


def stand_in(folder: Path, script: str) -> str:
    """A program in the place of nvidia-smi."""
    path = folder / "nvidia-smi"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_an_hour_at_a_hundred_watts_is_a_hundred_watt_hours() -> None:
    assert energy_wh(watts=100.0, duration_s=3600.0) == pytest.approx(100.0)
    assert energy_wh(watts=180.0, duration_s=2.0) == pytest.approx(0.1)
    assert energy_wh(watts=180.0, duration_s=0.0) == 0.0


@pytest.mark.parametrize(
    ("printed", "watts"),
    [
        ("54.32\n", 54.32),
        ("54.25\n101.50\n", 155.75),
        ("[N/A]\n30.00\n", 30.0),
        ("[N/A]\n", None),
        ("[Not Supported]", None),
        ("", None),
        ("nan\n", None),
        ("-3\n", None),
        ("Failed to initialize NVML: Driver/library version mismatch\n", None),
    ],
)
def test_the_cards_together_take_so_many_watts(printed: str, watts: float | None) -> None:
    assert sum_watts(printed) == (None if watts is None else pytest.approx(watts))


def test_the_program_is_asked_for_the_power_in_plain_numbers(tmp_path: Path) -> None:
    program = stand_in(tmp_path, f'echo "$@" > {tmp_path}/asked; echo 42.5')
    assert read_watts(program) == 42.5
    assert (tmp_path / "asked").read_text().split() == ["--query-gpu=power.draw", "--format=csv,noheader,nounits"]


def test_a_program_that_fails_or_is_not_there_tells_nothing(tmp_path: Path) -> None:
    assert read_watts(str(tmp_path / "nvidia-smi")) is None
    assert read_watts(stand_in(tmp_path, "echo 42.5; exit 9")) is None


def test_watts_set_by_hand_are_taken_and_nothing_is_sampled(tmp_path: Path) -> None:
    meter = Meter(150.0, program=stand_in(tmp_path, f"touch {tmp_path}/asked; echo 42.5"))
    meter.sample()
    assert not (tmp_path / "asked").exists()
    assert (meter.watts, meter.is_measured, meter.needs_samples) == (150.0, False, False)


def test_samples_make_a_mean(tmp_path: Path) -> None:
    meter = Meter(program=stand_in(tmp_path, f"cat {tmp_path}/now"))
    assert (meter.watts, meter.is_measured, meter.needs_samples) == (None, False, True)
    for watts in ("100", "200"):
        (tmp_path / "now").write_text(watts)
        meter.sample()
    assert meter.watts == pytest.approx(105.0)
    assert meter.is_measured
    (tmp_path / "now").write_text("[N/A]")
    meter.sample()
    assert meter.watts == pytest.approx(105.0)


def test_without_the_program_and_without_a_number_nothing_is_known(tmp_path: Path) -> None:
    meter = Meter(program=str(tmp_path / "nvidia-smi"))
    meter.sample()
    assert (meter.watts, meter.needs_samples) == (None, False)
