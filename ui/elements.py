"""What elements of our own are given."""

from collections.abc import Mapping


def handed(data: Mapping[str, object]) -> dict[str, object]:
    """The data of an element with tuples in the place of its lists: of a list Streamlit asks pandas whether it is a table, and to load
    pandas takes the first visitor half a second, and the server 50 MB."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}
