"""HTML and SVG as text that is also well-formed XML. What is not marked as markup is escaped: no name of a model can become any."""

import html

from chatcore.texts import harmless

EMPTY = ("meta", "rect", "line", "polyline")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def escaped(text: str) -> Markup:
    """The text as it is read, whatever is in it; markup stays what it is."""
    return text if isinstance(text, Markup) else Markup(html.escape(harmless(text)))


def joined(*pieces: str) -> Markup:
    """Pieces one after the other."""
    return Markup("".join(escaped(piece) for piece in pieces))


def tag(element: str, *children: str, **attributes: str | float) -> Markup:
    """An element. Attributes end in an underscore where Python has the word (`class_`), and have hyphens for underscores;
    numbers are written with one digit after the point at most."""
    written = []
    for name, value in attributes.items():
        text = f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
        written.append(f' {name.rstrip("_").replace("_", "-")}="{escaped(text)}"')
    start = f"<{element}{''.join(written)}"
    return Markup(f"{start}/>") if element in EMPTY else Markup(f"{start}>{joined(*children)}</{element}>")
