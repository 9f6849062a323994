"""How the hits of a search spread, and how a click on a value changes the search text, which is the only truth."""

from collections.abc import Sequence

from chatcore.search.query import has_filter, narrowed, without_filter
from chatcore.search.results import Facet, Facets
from ui import words

GROUPS = (("models", "Model"), ("months", "Month"), ("roles", "Written by"), ("tags", "Tag"))
ROLES = {"user": "You", "assistant": "Models"}


def label_of(kind: str, facet: Facet) -> str:
    """A value as people read it: March 2026 for 2026-03."""
    match kind:
        case "models":
            return "Built-in guide" if facet.label == "guide" else facet.label
        case "months":
            return words.month(facet.label)
        case "roles":
            return ROLES.get(facet.label, facet.label)
    return facet.label


def is_on(text: str, facet: Facet) -> bool:
    """Whether the search text has this value's filters."""
    return all(has_filter(text, name, value) for name, value in facet.filters)


def toggled(text: str, facet: Facet) -> str:
    """The search text with the value's filters, or without them if it has them.

    A model or a role takes the place of another, since two would mean one of the two; times and tags narrow each other.
    """
    if not is_on(text, facet):
        return narrowed(text, facet.filters)
    for name, value in facet.filters:
        text = without_filter(text, name, value)
    return text


def find(facets: Facets, kind: object, label: object) -> Facet | None:
    """The value that the browser means; None if there is no such value (any more)."""
    found: Sequence[Facet] = getattr(facets, str(kind), ()) if kind in [name for name, _ in GROUPS] else ()
    return next((facet for facet in found if facet.label == label), None)


def as_data(text: str, facets: Facets) -> list[dict[str, object]]:
    """The groups that have something to choose from, as the results show them."""
    groups: list[dict[str, object]] = []
    for kind, heading in GROUPS:
        found: Sequence[Facet] = getattr(facets, kind)
        values = [
            {"key": facet.label, "label": label_of(kind, facet), "count": words.count(facet.count), "on": is_on(text, facet)}
            for facet in found
        ]
        # A single value that all hits have narrows nothing, unless it is what narrows them.
        if len(values) > 1 or any(value["on"] for value in values) or any(facet.count < facets.of for facet in found):
            groups.append({"kind": kind, "heading": heading, "values": values})
    return groups
