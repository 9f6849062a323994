"""What holds for every tool there is."""

import re
from datetime import UTC, datetime

import pytest
from jsonschema.validators import Draft202012Validator

from chatcore.settings import Settings
from chatcore.tools import TOOLS, Services
from chatcore.tools.base import LONGEST_RESULT, Tool, cut_result, problem, spec

SETTINGS = Settings(database_url="sqlite:///unused.db", fetch_allow="example.org")
NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)


def opened() -> list[Tool]:
    tools = [factory(SETTINGS, Services(search=lambda viewer, query, limit, without: ())) for _, factory in TOOLS]
    return [tool for tool in tools if tool is not None]


@pytest.mark.parametrize("tool", opened(), ids=lambda tool: tool.name)
def test_a_tool_can_be_told_to_any_model(tool: Tool) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", tool.name)
    assert tool.description
    assert tool.source == "Built in"
    Draft202012Validator.check_schema(tool.schema)
    assert tool.schema["type"] == "object"
    assert tool.schema["additionalProperties"] is False
    assert spec(tool).schema == tool.schema


@pytest.mark.parametrize("tool", opened(), ids=lambda tool: tool.name)
def test_a_tool_is_called_as_the_registry_says(tool: Tool) -> None:
    assert tool.name in dict(TOOLS)


def test_a_tool_that_is_switched_off_is_not_there() -> None:
    settings = Settings(database_url="sqlite:///unused.db")
    assert dict(TOOLS)["fetch_url"](settings, Services(search=lambda viewer, query, limit, without: ())) is None


SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"port": {"type": "string"}, "at": {"type": "object", "properties": {"day": {"type": "integer"}}}},
    "required": ["port"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"port": "Brest"}, None),
        ({}, "The arguments do not fit: 'port' is a required property"),
        ({"port": 3}, "The arguments do not fit at port: 3 is not of type 'string'"),
        ({"port": "Brest", "at": {"day": "x"}}, "The arguments do not fit at at.day: 'x' is not of type 'integer'"),
    ],
)
def test_arguments_are_checked_against_the_schema(arguments: dict[str, object], said: str | None) -> None:
    assert problem(SCHEMA, arguments) == said


@pytest.mark.parametrize("schema", [{"type": "nonsense"}, {"$ref": "http://127.0.0.1:9/schema.json"}, {"$ref": "#/nowhere"}])
def test_a_broken_schema_is_told_and_nothing_is_fetched(schema: dict[str, object]) -> None:
    assert "own schema is broken" in str(problem(schema, {"a": 1}))


def test_a_long_result_is_cut_with_a_mark() -> None:
    kept = cut_result("x" * 3_000_000)
    assert kept.startswith("x" * LONGEST_RESULT + "\n[Cut here: the result has 3,000,000 characters")
    assert len(kept) < LONGEST_RESULT + 200
    assert cut_result("short\0") == "short\ufffd"
