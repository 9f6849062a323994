"""Colours belong to names."""

from chatcore.reports import palette


def test_a_model_keeps_its_colour_when_others_come_and_go() -> None:
    names = ["gpt-oss:20b", "llama3.2:3b", "qwen3:8b"]
    own = palette.colours(names)
    assert len(set(own.values())) == 3
    assert palette.shown_colours(["qwen3:8b", "llama3.2:3b"], names) == [own["qwen3:8b"], own["llama3.2:3b"]]
    assert palette.shown_colours(["llama3.2:3b", "qwen3:8b"], names) == [own["llama3.2:3b"], own["qwen3:8b"]]


def test_eight_models_have_eight_colours_and_the_ninth_starts_again() -> None:
    own = palette.colours([f"model-{n}" for n in range(9)])
    assert len(set(list(own.values())[:8])) == 8
    assert set(own.values()) == set(palette.PALETTE)


def test_two_shown_models_never_look_the_same() -> None:
    names = [f"model-{n}" for n in range(40)]
    assert len(set(palette.shown_colours(names[20:27], names))) == 7
