"""Markdown costs what a person would write, whatever a text consists of."""

import pytest
from markdown_it.rules_inline import StateInline, text

from chatcore.markdown import MOST_LINES, MOST_SIGNS, BoundedMarkdown


class Counted(BoundedMarkdown):
    """Counts how often the parser stops to look what stands at a place: the measure of its work."""

    def __init__(self) -> None:
        super().__init__()
        self.stops = 0
        self.inline.ruler.at("text", self.look)

    def look(self, state: StateInline, silent: bool) -> bool:
        self.stops += 1
        return text(state, silent)


# A paragraph of each: one alone above the bound, and many below it.
@pytest.mark.parametrize("paragraph", [50_000, 100])
@pytest.mark.parametrize("piece", ["[", "*a ", "[a]("])
def test_a_text_of_signs_alone_is_bounded_work(piece: str, paragraph: int) -> None:
    markdown = Counted()
    whole = (piece * (paragraph // len(piece)) + "\n\n") * (100_000 // paragraph)

    drawn = markdown.render_text(whole)

    assert markdown.stops <= 3 * MOST_SIGNS
    assert drawn.count(piece[0]) == whole.count(piece[0])


def test_what_stands_behind_too_many_signs_is_there_as_it_was_written() -> None:
    drawn = BoundedMarkdown().render_text(f"**before**\n\n{'[' * MOST_SIGNS}<b>\n\n**after**")

    assert all(part in drawn for part in ("<strong>before</strong>", "[&lt;b&gt;</p>", "<strong>after</strong>"))


def test_code_is_no_sign() -> None:
    assert "<strong>after</strong>" in BoundedMarkdown().render_text(f"```\n{'[' * 2 * MOST_SIGNS}\n```\n**after**")


@pytest.mark.parametrize("line", ["- a\n", "|", "a\n\n"])
def test_a_text_of_very_many_lines_is_shown_as_it_is(line: str) -> None:
    markdown = Counted()

    drawn = markdown.render_text(line * MOST_LINES + "\n<b>")

    assert markdown.stops == 0
    assert drawn.startswith("<pre>")
    assert "&lt;b&gt;" in drawn
