"""Painting step by step is painting at once, whatever the steps; and nothing that comes out can run, load or leave."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chatcore.api.paint import LONGEST_INLINE, Painter
from chatcore.markdown import SafeMarkdown
from tests.chatcore.api.page import Page, whole

# What markdown is made of; reference definitions have their own tests.
PIECES = (
    "# ", "#", "\n", "\n\n", "- ", "* ", "+ ", "1. ", "2) ", "> ", "```", "~~~", "````", "```py\n", "\n```\n", "\n~~~\n", "a", "b c", "x\n",
    "    ", "  ", "\t", " ", "|", "|-|-|\n", "|a|b|\n", ":-|", "---", "===", "**", "*", "_", "`", "~~", "[x](http://a)", "<http://b.c>",
    "![i](https://q/p.png)", "\\", "&amp;", "&#x41;", "<b>", "<!--", "\r", "\r\n", "$", "!", "\0", "漢字", "\u2028", "🌞", "\ud83d",
)  # fmt: skip
MARKDOWN = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)
STEPS = st.lists(st.integers(1, 30), min_size=1, max_size=40)


def painted(text: str, steps: list[int]) -> str:
    """The page after the text has come in pieces of these sizes, over and over."""
    painter, page, start, number = Painter(), Page(), 0, 0
    while start < len(text):
        end = start + steps[number % len(steps)]
        page.show(painter.step(text[start:end]))
        start, number = end, number + 1
    page.show(painter.finish())
    return page.html()


@settings(max_examples=400, deadline=None)
@given(text=MARKDOWN, steps=STEPS)
@example(text="para\n#1", steps=[6])
@example(text="p\n1.\n2. x", steps=[4])
@example(text="```**- $#\n-|", steps=[1])
@example(text="# h|<b>\n-|-\n", steps=[1])
@example(text="```\nfoo\n   ", steps=[1])
@example(text="a\r", steps=[1])
@example(text="\n\n```\nx", steps=[1])
@example(text="    a\n\n    b", steps=[1])
@example(text="- a\n\n\n  b\n- c", steps=[3])
def test_any_split_gives_the_same_page(text: str, steps: list[int]) -> None:
    assert painted(text, steps) == whole(text)


@settings(max_examples=150, deadline=None)
@given(text=MARKDOWN, had=st.integers(0, 80), steps=STEPS)
def test_a_reader_who_comes_back_anywhere_ends_with_the_same_page(text: str, had: int, steps: list[int]) -> None:
    had = min(had, len(text))
    before, page = Painter(), Page()
    page.show(before.step(text[:had]))
    again = Painter()
    again.step(text[:had])
    again.forget_shown()
    step = again.open_index
    page.apply({"reset_from": step})
    for start in range(had, len(text), steps[0]):
        page.show(again.step(text[start : start + steps[0]]))
    page.show(again.step(""))
    page.show(again.finish())
    assert page.html() == whole(text)


def test_a_definition_works_for_what_comes_after_it() -> None:
    text = "[docs]: https://example.org/a\n\nSee [docs].\n\nAnd [docs] again."
    assert painted(text, [1]) == painted(text, [1000]) == whole(text)
    assert 'href="https://example.org/a"' in painted(text, [7])


def test_half_a_definition_does_not_stay() -> None:
    assert "example.org/whole" in painted("[docs]: https://example.org/whole\n\nSee [docs].", [1])


def test_a_paragraph_that_becomes_a_definition_is_taken_away() -> None:
    page, painter = Page(), Painter()
    page.show(painter.step("[docs]:"))
    assert "docs" in page.html()
    page.show(painter.step(" https://example.org"))
    assert page.html() == ""


# --- what may come out -------------------------------------------------------------------------------------------

TAGS = {
    "p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code", "em", "strong", "s", "a", "br", "hr", "table",
    "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
ATTRIBUTES = {
    "a": {"href", "target", "rel"},
    "ol": {"start"},
    "code": {"class"},
    "th": {"style"},
    "td": {"style"},
}


class Checker(HTMLParser):
    """Fails for a tag or an attribute that painting does not need."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        for name, value in attrs:
            assert name in ATTRIBUTES.get(tag, set()), f"{tag} {name}"
            if name == "style":
                assert re.fullmatch(r"text-align:(left|right|center)", value or "")
        if tag == "a":
            found = dict(attrs)
            assert re.match(r"(https?://|mailto:)", found["href"] or "", re.IGNORECASE), found
            assert found["target"] == "_blank"
            assert set((found["rel"] or "").split()) >= {"noopener", "noreferrer"}

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError("a declaration")

    def handle_pi(self, data: str) -> None:
        raise AssertionError("an instruction")


ATTACKS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<iframe src=javascript:alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](<javascript:alert(1)>)",
    "[x](vbscript:x)",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "![x](data:image/png;base64,AAAA)",
    "[x](file:///etc/passwd)",
    "[x](//evil.example)",
    "[x](/api/v1/chat/sessions)",
    "[x](blob:https://a/b)",
    "<javascript:alert(1)>",
    '[x](https://a "onmouseover=alert(1)")',
    '[x](https://a/"onmouseover="alert(1))',
    '![" onerror="alert(1)](https://a/b.png)',
    '```"><script>alert(1)</script>\nx\n```',
    '```js" onclick="alert(1)\nx\n```',
    "[a]: javascript:alert(1)\n\n[a]",
    "<!-- -->",
    "<![CDATA[x]]>",
    "<?php ?>",
    "| a |\n|:-:|\n| <b onclick=x> |",
    "<style>*{display:none}</style>",
    "<details open ontoggle=alert(1)>",
    "[![x](https://a/b.png)](https://c)",
)


def check(html: str) -> None:
    checker = Checker()
    checker.feed(html)
    checker.close()


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_that_comes_out_can_run_or_load(attack: str) -> None:
    for steps in ([1], [1000]):
        check(painted(attack, steps))


@settings(max_examples=300, deadline=None)
@given(parts=st.lists(st.one_of(st.sampled_from(ATTACKS), st.sampled_from(PIECES)), max_size=12), steps=STEPS)
def test_no_mixture_of_attacks_gets_through(parts: list[str], steps: list[int]) -> None:
    check(painted("".join(parts), steps))


def test_a_picture_is_a_link_that_loads_nothing() -> None:
    html = painted("![a chart](https://example.org/c.png?q=secret)", [5])
    assert "<img" not in html
    assert html == ('<p><a href="https://example.org/c.png?q=secret" target="_blank" rel="noopener noreferrer nofollow">a chart</a></p>\n')


# --- how much work it is -----------------------------------------------------------------------------------------


def test_finished_blocks_are_never_read_again() -> None:
    """Ten times the text is ten times the work, not a hundred times."""

    def work(blocks: int) -> int:
        painter = Painter()
        for number in range(blocks):
            painter.step(f"Paragraph {number} with some *words* in it.\n")
            painter.step("\n")
        return painter.read

    assert work(2000) < 12 * work(200)


def test_an_open_code_block_is_not_read_again() -> None:
    painter = Painter()
    painter.step("```py\nx = 1\n")
    before = painter.read
    for number in range(1000):
        step = painter.step(f"x = {number}\n")
        assert step.append is not None
        assert step.open is None
    assert painter.read == before


def test_a_list_that_grows_draws_only_its_last_line() -> None:
    painter, drawn = Painter(), 0
    for number in range(200):
        line = f"- item {number} with **bold** words\n"
        before = painter.read
        painter.step(line)
        drawn += painter.read - before
    lines = 200 * len(line)
    # The structure is read again at each step (twice: what is certain, and what is shown), what stands in the lines is not.
    assert drawn < 2 * sum(number * len(line) for number in range(1, 201)) + 4 * lines


def test_a_megabyte_at_once_is_painted() -> None:
    text = "A paragraph of words with `code` and *stress*.\n\n" * 21_000
    painter, page = Painter(), Page()
    page.show(painter.step(text))
    page.show(painter.finish())
    assert len(page.elements) == 21_000
    assert painter.read < 6 * len(text)


def test_a_giant_paragraph_is_shown_as_it_is() -> None:
    text = "[" * (LONGEST_INLINE + 1)
    assert painted(text, [10_000]) == f"<p>{text}</p>\n"


def test_the_markdown_is_what_the_page_shows_at_the_end() -> None:
    """CommonMark with tables and strikethrough: the same blocks as the final text, so nothing jumps."""
    active = SafeMarkdown().get_active_rules()
    assert {"table", "fence", "list", "blockquote", "heading"} <= set(active["block"])
    assert "strikethrough" in active["inline"]
