"""Whatever is in a text, it stays a text."""

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as some

from chatcore.reports.markup import Markup, joined, tag
from chatcore.texts import harmless


@given(some.text(), some.text())
def test_any_text_comes_back_as_it_was_from_an_element_and_from_an_attribute(inside: str, title: str) -> None:
    read = ElementTree.fromstring(tag("p", tag("b", inside), title_=title))
    (bold,) = read
    assert (bold.text or "", list(bold)) == (harmless(inside), [])
    assert read.attrib == {"title": harmless(title)}


def test_markup_is_escaped_once() -> None:
    assert tag("td", "a < b & c") == "<td>a &lt; b &amp; c</td>"
    assert tag("td", tag("b", "a < b")) == "<td><b>a &lt; b</b></td>"
    assert joined("<", Markup("<br>")) == "&lt;<br>"
    assert tag("rect", x=1.0, y=2.26, class_="cell", aria_label='"') == '<rect x="1" y="2.3" class="cell" aria-label="&quot;"/>'
