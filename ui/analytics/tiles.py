"""The number tiles of the analytics page."""

import streamlit as st

from chatcore.reports.tiles import BETTER, Tile


def show_tiles(tiles: tuple[Tile, ...]) -> None:
    """The tiles in a grid that wraps on small screens."""
    with st.grid(4, min_column_width=150, gap="small"):
        for tile in tiles:
            st.metric(
                tile.label,
                tile.value,
                tile.delta,
                delta_color="off" if tile.is_new else BETTER.get(tile.measure, "off"),
                delta_arrow="off" if tile.is_new else "auto",
                delta_description=tile.detail or None,
                help=tile.help,
                border=True,
                height="stretch",
            )
