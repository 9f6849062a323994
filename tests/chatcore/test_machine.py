"""What fits a machine: its memory as the system tells it, and the arithmetic over it."""

import asyncio
from pathlib import Path

import pytest

from chatcore.advice import Fit, advise, needed
from chatcore.library import GB, LIBRARY, Listed, closest
from chatcore.machine import Machine, Memory, in_meminfo, is_here, read_gpu, read_memory, sum_cards
from tests.chatcore.test_energy import stand_in

MEMINFO = "MemTotal:       16000000 kB\nMemFree:         1000000 kB\nMemAvailable:   12000000 kB\nHugePages_Total:       0\n"
KIB, MIB = 1024, 1024 * 1024


def machine(tmp_path: Path, **files: str) -> Memory | None:
    """What is read where the system has these files."""
    (tmp_path / "meminfo").write_text(MEMINFO)
    for name, text in files.items():
        (tmp_path / f"memory.{name}").write_text(text)
    return read_memory(tmp_path / "meminfo", tmp_path)


def test_the_memory_is_what_the_system_tells(tmp_path: Path) -> None:
    assert machine(tmp_path) == Memory(16_000_000 * KIB, 12_000_000 * KIB)
    assert machine(tmp_path, max="max\n", current="5\n") == Memory(16_000_000 * KIB, 12_000_000 * KIB)


def test_a_container_has_what_it_is_allowed(tmp_path: Path) -> None:
    assert machine(tmp_path, max=f"{4 * GB}\n", current=f"{GB}\n") == Memory(4 * GB, 3 * GB)
    assert machine(tmp_path, max=f"{4 * GB}\n", current=f"{5 * GB}\n") == Memory(4 * GB, 0)


def test_without_meminfo_the_total_is_that_of_the_pages(tmp_path: Path) -> None:
    found = read_memory(tmp_path / "nothing", tmp_path)
    assert found is not None
    assert found.total_bytes > 0
    assert found.free_bytes is None
    assert in_meminfo("nonsense") is None


@pytest.mark.parametrize(
    ("printed", "memory"),
    [
        ("24564, 20000\n", Memory(24564 * MIB, 20000 * MIB)),
        ("24564, 20000\n8192, 100\n", Memory(32756 * MIB, 20100 * MIB)),
        ("[N/A], [N/A]\n8192, 100\n", Memory(8192 * MIB, 100 * MIB)),
        ("Failed to initialize NVML: Driver/library version mismatch\n", None),
        ("", None),
    ],
)
def test_the_cards_together_have_so_much_memory(printed: str, memory: Memory | None) -> None:
    assert sum_cards(printed) == memory


def test_the_program_of_the_driver_is_asked_and_never_required(tmp_path: Path) -> None:
    assert asyncio.run(read_gpu(str(tmp_path / "nvidia-smi"))) is None
    assert asyncio.run(read_gpu(stand_in(tmp_path, f'echo "$@" > {tmp_path}/asked; echo "24564, 20000"'))) == Memory(
        24564 * MIB, 20000 * MIB
    )
    assert (tmp_path / "asked").read_text().split() == ["--query-gpu=memory.total,memory.free", "--format=csv,noheader,nounits"]
    assert asyncio.run(read_gpu(stand_in(tmp_path, "echo 24564, 20000; exit 9"))) is None


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("http://127.0.0.1:11434", True),
        ("http://localhost:11434", True),
        ("http://[::1]:11434", True),
        ("http://gpu-box:11434", False),
        ("http://192.168.1.20:11434", False),
        ("https://ollama.com:443", False),
        ("in the test", False),
        ("http://[", False),
    ],
)
def test_a_server_is_here_where_its_address_says_so(address: str, here: bool) -> None:
    assert is_here(address) is here


# --- advice ------------------------------------------------------------------------------------------------------


def fit_of(size_gb: float, computer: Machine | None, *, in_use_gb: float = 0) -> Fit:
    (advice,) = advise(computer, in_use_bytes=int(in_use_gb * GB), models=[Listed("m", "", "", int(size_gb * GB))])
    return advice.fit


def test_what_a_model_needs_is_about_what_was_published() -> None:
    assert needed(int(5.2 * GB)) == pytest.approx(6.6 * GB, rel=0.15)
    assert needed(int(6.6 * GB)) == pytest.approx(9.0 * GB, rel=0.15)


def test_without_a_card_the_main_memory_counts() -> None:
    laptop = Machine(Memory(16 * GB, 12 * GB))
    assert [fit_of(size, laptop) for size in (5, 8, 9, 12)] == [Fit.COMFORTABLE, Fit.COMFORTABLE, Fit.TIGHT, Fit.TOO_LARGE]


def test_memory_that_others_take_makes_it_tight_but_not_that_of_models() -> None:
    busy = Machine(Memory(16 * GB, 4 * GB))
    assert fit_of(5, busy) is Fit.TIGHT
    assert fit_of(5, busy, in_use_gb=6) is Fit.COMFORTABLE


def test_a_card_it_fits_on_is_enough() -> None:
    gamer = Machine(Memory(16 * GB, 2 * GB), gpu=Memory(24 * GB, 20 * GB))
    assert fit_of(14, gamer) is Fit.COMFORTABLE
    assert fit_of(19, gamer) is Fit.TIGHT
    assert fit_of(65, gamer) is Fit.TOO_LARGE


def test_of_another_machine_nothing_is_said() -> None:
    for advice in advise(None):
        assert advice.fit is Fit.UNKNOWN
        assert not advice.best
        assert "not known" in advice.reason
    assert fit_of(5, Machine()) is Fit.UNKNOWN


def test_the_arithmetic_stands_beside_its_result() -> None:
    (advice,) = advise(Machine(Memory(16 * GB, 12 * GB)), models=[Listed("m", "", "", 5 * GB)])
    assert (
        advice.reason
        == "About 7.0 GB: 5.0 GB for the model, 2.0 GB for its window and the program. This machine has 16 GB, 12 GB of it free."
    )


def test_one_is_named_to_begin_with_and_without_a_card_a_quick_one() -> None:
    def best(computer: Machine) -> list[str]:
        return [advice.model.name for advice in advise(computer) if advice.best]

    assert best(Machine(Memory(64 * GB, 60 * GB))) == ["qwen3:8b"]
    assert best(Machine(Memory(64 * GB, 60 * GB), gpu=Memory(24 * GB, 24 * GB))) == ["gpt-oss:20b"]
    assert best(Machine(Memory(1 * GB, 1 * GB))) == []


def test_the_library_is_in_order_of_size_and_names_each_once() -> None:
    sizes = [listed.size_bytes for listed in LIBRARY]
    assert sizes == sorted(sizes)
    assert len({listed.name for listed in LIBRARY}) == len(LIBRARY)


def test_a_slip_of_the_pen_is_understood() -> None:
    assert closest("Qwen3:8B") == "qwen3:8b"
    assert closest("llama32:3b") == "llama3.2:3b"
    assert closest("something else") is None
