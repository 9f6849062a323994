"""Markdown that grows, as HTML blocks: finished blocks are frozen, only the growing one is drawn again.

Pure: text in, steps out; knows neither sockets nor answers. The pieces are the top-level blocks of CommonMark with tables
and strikethrough. Raw HTML is text, links lead to http, https and mailto only, pictures become links to them: a picture
that loads by itself tells its server that somebody reads, and a model can be talked into writing one.

Drawing step by step gives the same HTML as drawing the whole text at once, for any split of the text, with one
exception: a reference definition ([name]: address) works for what comes after it only.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from chatcore.markdown import SafeMarkdown

# Nobody writes a paragraph of 30,000 characters; one with as many brackets takes seconds to read, so it is shown as it is.
LONGEST_INLINE = 30_000
LINE_END = re.compile(r"\r\n?")
BLANK_END = re.compile(r"\n[ \t]*\n\Z")
# A heading and a rule too: the line "-|" after one makes a table of it.
ENDED_BY_A_BLANK_LINE = frozenset({"paragraph_open", "blockquote_open", "table_open", "heading_open", "hr"})
# Two lines: a second one such as "-|" makes a table of the first.
FENCE = re.compile(r"(?:(`{3,})[^`\n]*|(~{3,})[^\n]*)\n(?=[^\n]*\n)")


MARKDOWN = SafeMarkdown()
RENDERER = RendererHTML()


@dataclass(frozen=True, slots=True)
class Block:
    """A top-level block: its place among the blocks, counted from 0, and its HTML."""

    i: int
    html: str


@dataclass(frozen=True, slots=True)
class Added:
    """Text to append to the code of block `i`."""

    i: int
    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """What changed: blocks that are finished for ever, the growing block drawn again, or text for its code."""

    blocks: tuple[Block, ...] = ()
    open: Block | None = None
    append: Added | None = None


class Painter:
    """One answer being painted. Give it all text in order, in pieces of any size."""

    def __init__(self) -> None:
        self.read = 0
        """How many characters were parsed so far, the measure of its work."""
        self._tail = ""
        self._count = 0
        self._shown = ""
        self._code: Code | None = None
        self._carriage_return = False
        self._references: dict[str, object] = {}
        self._drawn: dict[str, str] = {}
        self._drawing: dict[str, str] = {}

    @property
    def open_index(self) -> int:
        """The place of the block that grows; all before it are finished."""
        return self._count

    @property
    def growing(self) -> int:
        """How many characters are not finished, which the next step reads again; none in an open code block."""
        return 0 if self._code else len(self._tail)

    def forget_shown(self) -> None:
        """The growing block is drawn whole at the next step, whatever the reader has of it."""
        self._shown, self._code = "", None

    def step(self, added: str) -> Step:
        """What this text changes."""
        self._tail += self._normal(added)
        if self._count == 0:
            self._tail = self._tail.lstrip("\n")
        if self._code is not None:
            more = self._code.more(self._tail)
            if more is not None:
                return Step(append=Added(self._count, more) if more else None)
            self._code = None
        tokens, references = self._parse(self._tail)
        blocks = self._freeze() if self._may_freeze(tokens) else ()
        if blocks:
            tokens, references = self._parse(self._tail)
        if tokens and tokens[0].type == "fence":
            self._code = Code.found(self._tail)
            if self._code is not None:
                tokens, references = self._parse(self._tail[: self._code.sent])
        opened = self._redrawn(self._html(tokens, references))
        # Of what stands inside blocks only what was just drawn is kept: the lines of the list or table that grows.
        self._drawn, self._drawing = self._drawing, {}
        return Step(blocks, open=opened)

    def finish(self) -> Step:
        """The last step: everything is finished."""
        if self._carriage_return:
            self._carriage_return = False
            self._tail += "\n"
        tokens, references = self._parse(self._tail)
        blocks = self._numbered(grouped(tokens), references)
        # What was shown of a block that turned out to be none, a link's definition, is taken away.
        cleared = Block(self._count, "") if self._shown and not blocks else None
        self._count += len(blocks)
        self._tail, self._shown, self._code = "", "", None
        return Step(blocks, open=cleared)

    def _normal(self, added: str) -> str:
        """The text with one kind of line end. A carriage return at its end waits for what follows."""
        if self._carriage_return:
            added = "\r" + added
        self._carriage_return = added.endswith("\r")
        if self._carriage_return:
            added = added[:-1]
        return LINE_END.sub("\n", added).replace("\0", "\ufffd")

    def _may_freeze(self, tokens: Sequence[Token]) -> bool:
        """Whether looking for finished blocks is worth a second parse: there are several, or one that may be at its end."""
        end = self._tail.rfind("\n") + 1
        return end > 0 and (
            len(grouped(tokens)) > 1 or BLANK_END.search(self._tail, 0, end) is not None or bool(tokens and tokens[0].type == "fence")
        )

    def _freeze(self) -> tuple[Block, ...]:
        """The blocks that no later text can change: those among the complete lines that are followed by another block, or
        closed by themselves. A line that is not complete decides nothing: '#' is a heading, '#1' a word."""
        end = self._tail.rfind("\n") + 1
        if not end:
            return ()
        complete = self._tail[:end]
        tokens, references = self._parse(complete)
        groups = grouped(tokens)
        if groups and not closed(groups[-1], complete):
            end = start_of_line(complete, (groups.pop()[0].map or [0])[0])
        if not groups:
            return ()
        if "]:" in self._tail[:end]:
            _, self._references = self._parse(self._tail[:end])
        blocks = self._numbered(groups, references)
        self._tail = self._tail[end:]
        self._count += len(blocks)
        self._shown = ""
        return blocks

    def _numbered(self, groups: Sequence[Sequence[Token]], references: dict[str, object]) -> tuple[Block, ...]:
        return tuple(Block(self._count + place, self._html(group, references)) for place, group in enumerate(groups))

    def _redrawn(self, html: str) -> Block | None:
        """The growing block, unless the reader has it already."""
        if html == self._shown:
            return None
        self._shown = html
        return Block(self._count, html)

    def _parse(self, text: str) -> tuple[list[Token], dict[str, object]]:
        """The block tokens and the references known after them; what stands inside the blocks is parsed when it is drawn."""
        self.read += len(text)
        tokens: list[Token] = []
        # A copy: half a definition, still being written, must not stay.
        env: dict[str, dict[str, object]] = {"references": dict(self._references)}
        MARKDOWN.block.parse(text, MARKDOWN, env, tokens)
        return tokens, env["references"]

    def _html(self, tokens: Sequence[Token], references: dict[str, object]) -> str:
        """The HTML of block tokens, as `MarkdownIt.render` makes it."""
        parts = []
        for place, token in enumerate(tokens):
            if token.type != "inline":
                parts.append(draw(tokens, place))
                continue
            # With references the same words may mean something else than a moment ago.
            html = self._drawn.get(token.content) if not references else None
            self._drawing[token.content] = html = self._inline_html(token.content, references) if html is None else html
            parts.append(html)
        return "".join(parts)

    def _inline_html(self, content: str, references: dict[str, object]) -> str:
        """The HTML of what stands inside a block."""
        if len(content) > LONGEST_INLINE:
            return escapeHtml(content)
        self.read += len(content)
        tokens: list[Token] = []
        MARKDOWN.inline.parse(content, MARKDOWN, {"references": references}, tokens)
        return "".join(draw(tokens, place) for place in range(len(tokens)))


@dataclass(slots=True)
class Code:
    """An open code block at the start of the tail: what is in it grows by plain text, without parsing."""

    closing: re.Pattern[str]
    """A line that ends it."""
    maybe: re.Pattern[str]
    """The start of a line that may become one."""
    sent: int
    """How many characters of the tail are shown."""

    @classmethod
    def found(cls, tail: str) -> "Code | None":
        """The open code block that the tail is, None if it is none, is closed, or its first two lines are not complete."""
        opening = FENCE.match(tail)
        if opening is None:
            return None
        marker = opening.group(1) or opening.group(2)
        sign = re.escape(marker[0])
        closing = re.compile(rf"^ {{0,3}}{sign}{{{len(marker)},}}[ \t]*$", re.MULTILINE)
        if closing.search(tail[: tail.rfind("\n") + 1], opening.end()):
            return None
        code = cls(closing, maybe=re.compile(rf" {{0,3}}{sign}*[ \t]*"), sent=0)
        code.sent = max(code.safe_end(tail), opening.end())
        return code

    def more(self, tail: str) -> str | None:
        """What to append to the code; None once the block is closed."""
        complete = tail.rfind("\n") + 1
        line = tail.rfind("\n", 0, self.sent) + 1
        if complete > line and self.closing.search(tail[line:complete]):
            return None
        end = max(self.safe_end(tail), self.sent)
        added, self.sent = tail[self.sent : end], end
        return added

    def safe_end(self, tail: str) -> int:
        """The end of the text that is code for certain."""
        line = tail.rfind("\n") + 1
        return line if self.maybe.fullmatch(tail, line) else len(tail)


def draw(tokens: Sequence[Token], place: int) -> str:
    """One token as HTML."""
    token = tokens[place]
    if token.type in ("link_open", "image"):
        address = str(token.attrs["href" if token.type == "link_open" else "src"])
        start = f'<a href="{escapeHtml(address)}" target="_blank" rel="noopener noreferrer nofollow">'
        return start if token.type == "link_open" else f"{start}{escapeHtml(token.content or 'picture')}</a>"
    if token.type == "text_special":
        return escapeHtml(token.content)
    rule = RENDERER.rules.get(token.type)
    return str(rule(tokens, place, MARKDOWN.options, {}) if rule else RENDERER.renderToken(tokens, place, MARKDOWN.options, {}))


def grouped(tokens: Sequence[Token]) -> list[list[Token]]:
    """The tokens of each top-level block."""
    groups: list[list[Token]] = []
    depth = 0
    for token in tokens:
        if depth == 0:
            groups.append([])
        groups[-1].append(token)
        depth += token.nesting
    return groups


def closed(last: Sequence[Token], complete: str) -> bool:
    """Whether the last block of these complete lines is at its end, whatever follows."""
    first = last[0]
    if first.type == "fence":
        # From its first line on, since blocks before it may still be there; an indented one waits for the next block.
        text = complete[start_of_line(complete, (first.map or [0])[0]) :]
        return FENCE.match(text) is not None and Code.found(text) is None
    return first.type in ENDED_BY_A_BLANK_LINE and BLANK_END.search(complete) is not None


def start_of_line(text: str, line: int) -> int:
    """Where a line starts, counted from 0."""
    start = 0
    for _ in range(line):
        start = text.index("\n", start) + 1
    return start
