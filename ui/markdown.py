"""Text of people and models, made ready for `st.markdown`: only markdown, none of Streamlit's own signs, no remote images.

Decided here, once:
- Images become links: a browser that draws `![](https://elsewhere/?q=...)` tells elsewhere what the chat says.
- Streamlit's directives (:red[...], :material/home:, ::name) are shown as they were typed.
- A dollar sign is money unless the text between two of them looks like a formula; \\(...\\) and \\[...\\] are formulas.
- A mermaid diagram that names an address is shown as code, for the first reason.
Code is left as it is. HTML is not drawn at all: Streamlit does that by default.
"""

import re
from dataclasses import dataclass, field

FENCE = re.compile(r"(`{3,}|~{3,})(.*)$")
LIST_MARK = re.compile(r"(?:[-*+]|\d{1,9}[.)])(?:[ \t]+|$)")
QUOTE = re.compile(r" {0,3}(?:> ?)+")
# What may hide from our reading of code that the browser does not take for code: HTML and formula blocks.
DOUBTFUL = re.compile(r"^[ \t>]*(?:<[A-Za-z/!?]|\$\$)", re.MULTILINE)
LINKED = re.compile(r"\]\s*[(\[]|\]:")
CODE_SPAN = re.compile(r"(?<![`\\])(`+)(?!`)(?:(?!\n[ \t]*\n).)+?(?<!`)\1(?!`)", re.DOTALL)

DIRECTIVE = re.compile(r"(?<![:\\]):(?=[A-Za-z][\w-]*[\[{])")
DIRECTIVE_LINE = re.compile(r"^([ \t>]*)(:{2,})(?=[A-Za-z])", re.MULTILINE)
ICON = re.compile(r":material/")
SHORTCODE = re.compile(r"(:[\w+-]+)(?=:)")

DOLLARS = re.compile(r"\$\$.+?\$\$|(?<![\\$\w])\$(?![\s$])(?P<inside>[^$\n]*?)(?<!\s)\$(?![\d\w$])", re.DOTALL)
# A formula holds no second opening sign: looking on past one would take quadratic time where none is ever closed.
TEX_INLINE = re.compile(r"\\\((?P<inside>(?:(?!\\[()])[^\n])+)\\\)")
TEX_BLOCK = re.compile(r"(?P<lead>^[ \t]*)?\\\[(?P<inside>(?:(?!\\[\[\]]).)+)\\\]", re.DOTALL | re.MULTILINE)
# Addresses keep every sign: a backslash would become part of them.
ADDRESS = re.compile(r"\bhttps?://[^\s<>]+|(?<=\]\()[^()\s]+(?=\))")
FORMULA = re.compile(r"[\\^_=+{}<>|]|^[A-Za-z]$|^[A-Za-z]\([A-Za-z]\)$")
JOINER = "\u200b"


def show(text: str, *, keep_lines: bool = False) -> str:
    """The text as `st.markdown` should get it. `keep_lines` keeps single line breaks, as people who type expect."""
    linked = bool(LINKED.search(text))
    doubtful = linked and bool(DOUBTFUL.search(text))
    parts = []
    for code, part in _split(text):
        if not code:
            part = _prose(part, linked=linked)
            parts.append(_broken(part) if keep_lines else part)
        elif code == "mermaid" and "//" in part:
            parts.append(re.sub(r"mermaid[^\n]*", "", part, count=1))
        else:
            parts.append(part.replace("![", f"!{JOINER}[") if doubtful else part)
    return "\n".join(parts)


# --- where code is -----------------------------------------------------------------------------------------------


@dataclass
class _Reader:
    """Reads lines as CommonMark does, as far as fences go: an open one, and how far the open list items are indented."""

    offsets: list[int] = field(default_factory=list)
    mark: str = ""
    quoted: bool = False

    def in_code(self, line: str) -> str | None:
        """Whether this line belongs to a fence: its info word where it opens one, 'code' inside, None outside."""
        quote = QUOTE.match(line)
        body = line[quote.end() :] if quote else line
        if bool(quote) != self.quoted:
            self.mark, self.offsets, self.quoted = "", [], bool(quote)
        if not body.strip():
            return "code" if self.mark else None
        indent = len(body.expandtabs(4)) - len(body.expandtabs(4).lstrip())
        while self.offsets and indent < self.offsets[-1]:
            self.offsets.pop()
            self.mark = ""
        return self._inside(body, indent) if self.mark else self._outside(body, indent)

    def _inside(self, body: str, indent: int) -> str:
        fence = FENCE.match(body.strip())
        base = self.offsets[-1] if self.offsets else 0
        if fence and not fence[2].strip() and fence[1].startswith(self.mark) and indent - base <= 3:
            self.mark = ""
        return "code"

    def _outside(self, body: str, indent: int) -> str | None:
        base = self.offsets[-1] if self.offsets else 0
        rest = body.lstrip()
        while indent - base <= 3 and (item := LIST_MARK.match(rest)):
            indent += len(item[0].expandtabs(4))
            rest = rest[item.end() :]
            self.offsets.append(indent)
            base = indent
        fence = FENCE.match(rest)
        if not fence or indent - base > 3 or (fence[1][0] == "`" and "`" in fence[2]):
            return None
        self.mark = fence[1]
        return (fence[2].split() or ["code"])[0].lower()


def _split(text: str) -> list[tuple[str | None, str]]:
    """The text in runs of whole lines: (info word, lines) for fenced code, (None, lines) for the rest."""
    runs: list[tuple[str | None, list[str]]] = []
    reader = _Reader()
    for line in text.split("\n"):
        was_open = bool(reader.mark)
        kind = reader.in_code(line)
        continues = runs and ((kind is None and runs[-1][0] is None) or (kind is not None and was_open and runs[-1][0] is not None))
        if continues:
            runs[-1][1].append(line)
        else:
            runs.append((kind, [line]))
    return [(kind, "\n".join(lines)) for kind, lines in runs]


# --- the rest ----------------------------------------------------------------------------------------------------


def _prose(text: str, *, linked: bool) -> str:
    pieces, at = [], 0
    for span in CODE_SPAN.finditer(text):
        pieces += [_words(text[at : span.start()], linked=linked), span[0].replace("![", f"!{JOINER}[") if linked else span[0]]
        at = span.end()
    return "".join([*pieces, _words(text[at:], linked=linked)])


def _words(text: str, *, linked: bool) -> str:
    if linked:
        text = re.sub(r"!+\[\]", "[image]", text)
        text = re.sub(r"!+(?=\[)", "", text)
    text = TEX_INLINE.sub(_inline_formula, TEX_BLOCK.sub(_block_formula, text))
    pieces, at = [], 0
    for address in ADDRESS.finditer(text):
        pieces += [_signs(text[at : address.start()]), address[0]]
        at = address.end()
    return "".join([*pieces, _signs(text[at:])])


def _inline_formula(found: re.Match[str]) -> str:
    inside = found["inside"].strip()
    return f"${inside}$" if FORMULA.search(inside) else found[0]


def _block_formula(found: re.Match[str]) -> str:
    lead, inside = found["lead"], found["inside"].strip()
    if not FORMULA.search(inside):
        return found[0]
    return " ".join(f"${inside}$".split()) if lead is None else f"{lead}$$\n{lead}{inside}\n{lead}$$"


def _signs(text: str) -> str:
    text = DIRECTIVE_LINE.sub(lambda found: found[1] + r"\:" * len(found[2]), text)
    text = DIRECTIVE.sub(r"\\:", text)
    text = ICON.sub(r":material\\/", text)
    text = SHORTCODE.sub(lambda found: found[1] + "\\", text)
    return _dollars(text)


def _dollars(text: str) -> str:
    pieces, at = [], 0
    for found in DOLLARS.finditer(text):
        inside = found["inside"]
        if inside is not None and not FORMULA.search(inside):
            continue
        pieces += [_money(text[at : found.start()]), found[0]]
        at = found.end()
    return "".join([*pieces, _money(text[at:])])


def _money(text: str) -> str:
    return re.sub(r"(?<!\\)\$", r"\\$", text)


def _broken(text: str) -> str:
    return re.sub(r"(?<=\S)(?<!\\)[ \t]*\n(?=[ \t]*\S)", "  \n", text)
