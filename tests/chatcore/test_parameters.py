"""Settings of a chat as values: what is accepted, what is stored, what a provider is asked."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.errors import Invalid
from chatcore.parameters import (
    BY_NAME,
    LONGEST_SYSTEM_PROMPT,
    PARAMETERS,
    PLAIN,
    THINK_LEVELS,
    ChatSettings,
    Parameter,
    clean_options,
    clean_settings,
    dump_options,
    load_settings,
    request,
    think_levels,
)
from chatcore.parts import ModelInfo, Turn

ASKED = (Turn("user", "Why?"),)


def a_number(name: str) -> st.SearchStrategy[float]:
    parameter = BY_NAME[name]
    if parameter.whole:
        return st.integers(int(parameter.least), int(parameter.most))
    return st.floats(parameter.least, parameter.most)


options = st.fixed_dictionaries(
    {}, optional={name: a_number(name) for name in BY_NAME} | {"stop": st.lists(st.text(min_size=1, max_size=20), max_size=8)}
)


@given(st.text(max_size=50), st.sampled_from((*THINK_LEVELS, None)), options)
def test_settings_come_back_from_the_database_as_they_were(system_prompt: str, think: str | None, given_options: dict[str, object]) -> None:
    settings = clean_settings(system_prompt, think, given_options)
    assert load_settings(settings.system_prompt, settings.think, dump_options(settings.options)) == settings


def test_what_is_empty_is_not_set() -> None:
    assert clean_settings("  \n", "", {"temperature": None, "stop": []}) == PLAIN
    assert dump_options({}) is None


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda parameter: parameter.name)
def test_a_parameter_out_of_its_range_is_refused_with_its_range(parameter: Parameter) -> None:
    for value in (parameter.least - 1, parameter.most + 1, True, "1", float("nan"), float("inf"), [1]):
        with pytest.raises(Invalid) as refused:
            clean_options({parameter.name: value})
        assert parameter.name in refused.value.message
        assert "number from" in refused.value.hint
    kept = clean_options({parameter.name: parameter.least})
    assert kept == {parameter.name: parameter.least}


@pytest.mark.parametrize(
    "wrong",
    [{"top_k": 1.5}, {"stop": "END"}, {"stop": [1]}, {"stop": ["x" * 201]}, {"stop": list("abcdefghi")}, {"num_gpu": 1}, {"x" * 999: 1}],
)
def test_what_no_server_can_use_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        clean_options(wrong)


def test_a_system_prompt_has_an_end_and_a_level_has_a_name() -> None:
    with pytest.raises(Invalid, match="80,001"):
        clean_settings("x" * (LONGEST_SYSTEM_PROMPT + 1))
    with pytest.raises(Invalid, match="think level"):
        clean_settings(think="harder")


def test_of_what_another_program_wrote_the_usable_is_kept() -> None:
    written = json.dumps({"temperature": 9, "seed": 7, "num_gpu": 1, "stop": ["END"]})
    assert load_settings("Be brief.", "harder", written) == ChatSettings("Be brief.", None, {"seed": 7, "stop": ["END"]})
    for broken in ("{", "[1]", "null"):
        assert load_settings(None, None, broken) == PLAIN


def test_the_system_prompt_goes_first_and_nothing_is_sent_that_is_not_set() -> None:
    plain = request(PLAIN, "qwen3:4b", ASKED)
    assert (plain.turns, plain.think, plain.options) == (ASKED, None, {})
    full = request(ChatSettings("Be brief.", "low", {"num_ctx": 8192}), "qwen3:4b", ASKED)
    assert (full.turns, full.think, full.options) == ((Turn("system", "Be brief."), *ASKED), "low", {"num_ctx": 8192})


@pytest.mark.parametrize(
    ("level", "model", "said"),
    [("off", "qwen3:4b", False), ("on", "qwen3:4b", True), ("off", "gpt-oss:20b", None), ("on", "gpt-oss:20b", None),
     ("high", "gpt-oss:20b", "high")],
)  # fmt: skip
def test_thinking_is_only_switched_off_where_it_can_be(level: str, model: str, said: object) -> None:
    assert request(ChatSettings(think=level), model, ASKED).think == said


def test_a_model_offers_the_levels_it_has() -> None:
    thinks = frozenset({"completion", "thinking"})
    assert think_levels(ModelInfo("qwen3:4b", "ollama", thinks)) == THINK_LEVELS
    assert think_levels(ModelInfo("gpt-oss:20b", "ollama", thinks)) == ("low", "medium", "high")
    assert think_levels(ModelInfo("llama3.2:3b", "ollama", frozenset({"completion"}))) == ()
    assert think_levels(ModelInfo("some", "ollama")) == think_levels(None) == ()
