"""Markdown as it may be drawn: nothing that comes out of it can run, load or leave by itself, and a text costs no more than its length
allows, whatever it consists of."""

import html
import re

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

SAFE_ADDRESS = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)
# A line or a cell of a table takes 30 to 90 us to read, a sign between words 5 to 30 (a bracket): a second at most together. A book
# of a million characters has some 20,000 of either; the 2 million signs of a message that is nothing else would take a minute.
MOST_LINES = 20_000
MOST_SIGNS = 20_000
LINES = re.compile(r"[\n|]")
# What makes the parser stop and look around, letters and spaces do not.
SIGNS = re.compile(r"[\n!#$%&*+\-:<=>@\[\\\]^_`{}~]")


class SafeMarkdown(MarkdownIt):
    """CommonMark with tables and strikethrough, without raw HTML, whose links lead to the web and to mail only: never into a page, a
    program or a script."""

    def __init__(self) -> None:
        super().__init__("commonmark", {"html": False})
        self.enable(["table", "strikethrough"])

    def validateLink(self, url: str) -> bool:
        """Whether an address may become a link."""
        return SAFE_ADDRESS.match(url) is not None


class BoundedMarkdown(SafeMarkdown):
    """The same for whole texts, in bounded time: a paragraph with which there would be more than 20,000 signs that could mean something
    is shown as it was written, and so is the whole of a text of more lines than that."""

    def __init__(self) -> None:
        super().__init__()
        self.core.ruler.at("inline", inline)

    def render_text(self, text: str) -> str:
        """The HTML of a text."""
        if more_than(LINES, MOST_LINES, text):
            return f"<pre>{html.escape(text)}</pre>\n"
        return str(self.render(text))


def inline(state: StateCore) -> None:
    """Reads what stands inside the blocks, as long as there are not too many signs."""
    left = MOST_SIGNS
    for token in state.tokens:
        if token.type != "inline":
            continue
        token.children = []
        signs = len(SIGNS.findall(token.content))
        if signs <= left:
            left -= signs
            state.md.inline.parse(token.content, state.md, state.env, token.children)
        else:
            token.children.append(Token("text", "", 0, content=token.content))


def more_than(signs: re.Pattern[str], most: int, text: str) -> bool:
    """Whether a text has more of these signs; one that is short enough is not looked at."""
    return len(text) > most and len(signs.findall(text)) > most
