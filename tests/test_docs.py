"""The documentation tells the truth: commands, variables, links and pictures it names exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "benchmarks" / "README.md",
]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_and_picture_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", target) or target.startswith("#"):
            continue
        assert (page.parent / target.split("#")[0]).exists(), f"{name(page)} links to {target}"


def test_every_environment_variable_is_documented() -> None:
    sources = "\n".join(path.read_text() for room in ("app.py", "chatcore", "ui", "pages") for path in
                        ([ROOT / room] if room.endswith(".py") else sorted((ROOT / room).rglob("*.py"))))  # fmt: skip
    read = set(re.findall(r"\"((?:CHATCORE|OLLAMA|OTEL)_[A-Z_]+|DATABASE_URL)\"", sources))
    documented = (ROOT / "docs" / "operations.md").read_text()
    missing = sorted(variable for variable in read if f"`{variable}`" not in documented)
    assert not missing, f"docs/operations.md does not name {missing}"
    assert read, "the search for variables finds none: the pattern is wrong"


def test_every_command_of_the_command_line_is_documented() -> None:
    from chatcore.cli import main

    documented = (ROOT / "docs" / "cli.md").read_text()
    missing = [command for command in main.commands if f"`{command}" not in documented and f"chatcore {command}" not in documented]
    assert not missing, f"docs/cli.md does not name {missing}"


def test_the_readme_opens_with_the_two_commands() -> None:
    top = (ROOT / "README.md").read_text()[:1500]
    assert "make run" in top
    assert "make test" in top
    makefile = (ROOT / "Makefile").read_text()
    assert "\nrun:" in makefile
    assert "\ntest:" in makefile


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert numbers == list(range(1, len(numbers) + 1))
