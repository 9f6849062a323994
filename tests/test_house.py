"""The house: imports go down one list, and each outside package has its rooms. docs/design.md draws it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Top to bottom. A file may import from floors below its own, and from its own floor only inside one family.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("app",),
    ("pages",),
    ("ui",),
    ("chatcore.__main__",),
    ("chatcore.cli",),
    ("chatcore.cli_models",),
    ("chatcore.cli_stats",),
    ("chatcore.cli_subject",),
    ("chatcore.cli_database", "chatcore.cli_progress"),
    ("chatcore.api",),
    ("chatcore.core",),
    ("chatcore.upkeep", "chatcore.metrics", "chatcore.traces", "chatcore.backfill"),
    ("chatcore.comparisons",),
    (
        "chatcore.summary",
        "chatcore.branches",
        "chatcore.revisions",
        "chatcore.titles",
        "chatcore.temporary",
        "chatcore.queue",
    ),
    ("chatcore.chat", "chatcore.approvals", "chatcore.pulls"),
    ("chatcore.installed",),
    ("chatcore.generation",),
    ("chatcore.rounds",),
    ("chatcore.attempt", "chatcore.memory"),
    ("chatcore.reports", "chatcore.context", "chatcore.continued", "chatcore.sharing"),
    ("chatcore.importing", "chatcore.exporting"),
    ("chatcore.backup",),
    ("chatcore.ledger", "chatcore.changes", "chatcore.thread", "chatcore.takeover", "chatcore.demo", "chatcore.stats", "chatcore.doctor"),
    ("chatcore.chat_settings", "chatcore.attachments", "chatcore.preferences", "chatcore.queued"),
    ("chatcore.feedback",),
    ("chatcore.history", "chatcore.browse", "chatcore.search", "chatcore.analytics", "chatcore.accounts"),
    ("chatcore.organise", "chatcore.rollup", "chatcore.permissions"),
    ("chatcore.rows", "chatcore.bulk"),
    ("chatcore.db",),
    ("chatcore.migrations",),
    ("chatcore.models",),
    ("chatcore.columns",),
    ("chatcore.providers", "chatcore.tools", "chatcore.formats"),
    ("chatcore.settings",),
    ("chatcore.endpoints",),
    ("chatcore.older_rows",),
    ("chatcore.parameters", "chatcore.documents"),
    ("chatcore.archive", "chatcore.json_values"),
    (
        "chatcore.texts",
        "chatcore.markdown",
        "chatcore.words",
        "chatcore.phrases",
        "chatcore.live",
        "chatcore.processes",
        "chatcore.workers",
        "chatcore.background",
    ),
    ("chatcore.advice",),
    ("chatcore.machine", "chatcore.library"),
    ("chatcore.prices", "chatcore.energy", "chatcore.toolcalls"),
    ("chatcore.parts",),
    ("chatcore.errors",),
    ("chatcore",),
)

# Which outside package may be imported where; what is not named here may be imported nowhere.
OUTSIDE: dict[str, tuple[str, ...]] = {
    "streamlit": ("app", "pages", "ui"),
    "altair": ("ui",),
    "pandas": ("chatcore.analytics", "chatcore.reports", "ui", "pages"),
    "numpy": ("chatcore.analytics", "chatcore.rollup"),
    "starlette": ("app", "chatcore.api"),
    "uvicorn": ("chatcore.cli",),
    "markdown_it": ("chatcore.api", "chatcore.markdown"),
    "pyarrow": ("chatcore.exporting.as_rows",),
    "mdurl": ("chatcore.api",),
    "ollama": ("chatcore.providers.ollama",),
    "httpx": ("chatcore.providers.ollama", "chatcore.tools.fetch"),
    "openai": ("chatcore.providers.openai",),
    "httpx2": ("chatcore.providers.openai",),
    "jsonschema": ("chatcore.tools.base",),
    "referencing": ("chatcore.tools.base",),
    "mcp": ("chatcore.tools.mcp",),
    "alembic": ("chatcore.db", "chatcore.migrations"),
    "sqlmodel": ("chatcore",),
    "sqlalchemy": ("chatcore",),
    "psycopg": ("chatcore",),
    "click": ("chatcore.cli",),
    "uuid_utils": ("chatcore.columns",),
    "prometheus_client": ("chatcore.metrics",),
    "genai_prices": ("chatcore.prices",),
    "opentelemetry": ("chatcore.traces",),
    "pypdf": ("chatcore.documents",),
    "docx": ("chatcore.documents",),
    "PIL": ("chatcore.documents",),
}
NO_SQL = ("pages", "ui", "chatcore.providers", "chatcore.tools", "chatcore.formats")


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = [
    path
    for room in ("app.py", "pages", "ui", "chatcore")
    for path in ([ROOT / room] if room.endswith(".py") else sorted((ROOT / room).rglob("*.py")))
    if "versions" not in path.parts and path.exists()
]


def inside(module: str, room: str) -> bool:
    """Whether a module is the room itself, lies in it, or is split off it by an underscore (ollama_wire of ollama)."""
    return module == room or module.startswith((f"{room}.", f"{room}_"))


def floor_of(module: str) -> int:
    """The floor whose room names the module most exactly."""
    best = max(((len(room), number) for number, rooms in enumerate(FLOORS) for room in rooms if inside(module, room)), default=None)
    assert best is not None, f"{module} has no floor: give it one in tests/test_house.py and docs/design.md"
    return best[1]


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if (ROOT / Path(*whole.split("."))).with_suffix(".py").exists() else str(node.module)


def family(module: str) -> str:
    """The package a module belongs to: siblings of one family are told apart by `test_siblings...`."""
    return ".".join(module.split(".")[:2])


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_imports_go_down_the_house(path: Path) -> None:
    module = module_name(path)
    for name in imports(ast.parse(path.read_text())):
        top = name.split(".")[0]
        if top not in ("app", "pages", "ui", "chatcore"):
            continue
        assert top != "pages", f"{module} imports {name}: nobody imports a page"
        if family(module) == family(name) or inside(name, module) or (inside(module, "ui") and inside(name, "ui")):
            continue
        assert floor_of(name) > floor_of(module), f"{module} imports {name}, which is not below it"


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_outside_packages_stay_in_their_rooms(path: Path) -> None:
    module = module_name(path)
    standard = __import__("sys").stdlib_module_names
    for name in imports(ast.parse(path.read_text())):
        top = name.split(".")[0]
        if top in standard or top in ("app", "pages", "ui", "chatcore"):
            continue
        rooms = OUTSIDE.get(top)
        assert rooms is not None, f"{module} imports {top}: name it in requirements.txt and in tests/test_house.py"
        assert any(inside(module, room) for room in rooms), f"{module} imports {top}, which belongs in {', '.join(rooms)}"


@pytest.mark.parametrize("path", [p for p in SOURCES if any(inside(module_name(p), room) for room in NO_SQL)], ids=module_name)
def test_screens_providers_and_formats_write_no_sql(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert not re.match(r"\s*(SELECT\s.+\sFROM|INSERT INTO|UPDATE\s.+\sSET|DELETE FROM)\s", node.value, re.S), node.value[:60]


@pytest.mark.parametrize("path", [p for p in SOURCES if p.parent.name in ("providers", "tools", "formats")], ids=module_name)
def test_siblings_of_a_family_do_not_import_each_other(path: Path) -> None:
    module = module_name(path)
    if module == family(module):
        return  # the registry names all its siblings
    stem = path.stem.split("_")[0]
    for name in imports(ast.parse(path.read_text())):
        if family(name) == family(module) and name != family(module):
            sibling = name.split(".")[2].split("_")[0]
            assert sibling in (stem, "base"), f"{module} imports its sibling {name}"


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_files_and_functions_stay_readable(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 600, f"{path.name} has grown past 600 lines: split it where its subject splits"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= 80, f"{path.name}: {node.name} has {lines} lines: split it"
            if not node.name.startswith("_") and path.parts[-2] != "pages":
                assert ast.get_docstring(node) or lines <= 12 or "test" in node.name, (
                    f"{path.name}: {node.name} says nothing of what it does"
                )


def test_no_page_is_named_like_an_installed_package() -> None:
    import importlib.util

    for page in (ROOT / "pages").glob("*.py"):
        spec = importlib.util.find_spec(page.stem)
        assert spec is None or Path(str(spec.origin)).is_relative_to(ROOT), f"pages/{page.name} hides an installed package"


def test_every_requirement_says_why_it_is_here() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        comment = False
        for line in (ROOT / name).read_text().splitlines():
            if not line or line.startswith("-"):
                comment = False
            elif line.startswith("#"):
                comment = True
            else:
                assert "==" in line, f"{name}: {line} names no exact version"
                assert comment or line.startswith("mypy") or line.startswith("pandas-stubs"), f"{name}: {line} has no comment that says why"
