"""What a browser does with the frames of a live answer, and what it should see in the end."""

from dataclasses import dataclass, field

from markdown_it.common.utils import escapeHtml

from chatcore.api.live import step_json
from chatcore.api.paint import Step, draw
from chatcore.markdown import SafeMarkdown

CODE_END = "</code></pre>\n"


@dataclass
class Page:
    """The elements by their place."""

    elements: dict[int, str] = field(default_factory=dict)
    frozen: set[int] = field(default_factory=set)

    def show(self, step: Step) -> None:
        """Applies a step of the painter."""
        self.apply(step_json(step))

    def apply(self, frame: dict[str, object]) -> None:
        """Applies a frame as the page's script does, and holds the promise that a finished block never changes."""
        first = frame.get("reset_from")
        if isinstance(first, int):
            self.elements = {i: html for i, html in self.elements.items() if i < first}
            self.frozen = {i for i in self.frozen if i < first}
        for block in frame.get("blocks", []):  # type: ignore[attr-defined]  # JSON
            assert block["i"] not in self.frozen
            self.frozen.add(block["i"])
            self.elements[block["i"]] = block["html"]
        opened, added = frame.get("open"), frame.get("append")
        if isinstance(opened, dict):
            assert opened["i"] not in self.frozen
            self.elements[opened["i"]] = opened["html"]
        if isinstance(added, dict):
            html = self.elements[added["i"]]
            assert added["i"] not in self.frozen
            assert html.endswith(CODE_END)
            self.elements[added["i"]] = html.removesuffix(CODE_END) + escapeHtml(added["text"]) + CODE_END

    def html(self) -> str:
        """All elements in their order."""
        return "".join(self.elements[i] for i in sorted(self.elements))


WHOLE = SafeMarkdown()
for kind in ("link_open", "image"):
    WHOLE.add_render_rule(kind, lambda renderer, tokens, place, options, env: draw(tokens, place))


def whole(text: str) -> str:
    """The whole text drawn at once, by the library's own renderer with our links."""
    return str(WHOLE.render(text))
