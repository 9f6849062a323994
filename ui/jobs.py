"""A job that runs in the background of the server: how far it is, the button that stops it, and how it ended where it did not succeed."""

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from chatcore import background
from ui import app, words

AnyJob = TypeVar("AnyJob", bound=background.Job)


@st.fragment(run_every=0.5)
def watch(
    current: Callable[[], AnyJob | None], *, page: str, title: Callable[[AnyJob], str], how_far: Callable[[AnyJob], str], note: str
) -> None:
    """Draws the job of a page, with a `note` on what may be done meanwhile; runs alone, twice a second, and the page again when the job
    has ended."""
    job = current()
    if job is None or job.ended.is_set():
        st.rerun()
    with st.container(border=True):
        st.markdown(f"**{words.plain(title(job))}**")
        st.progress(job.share, text=how_far(job))
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button("Stop", icon=":material/stop:", key=f"{page}.stop", on_click=job.stop)
            st.caption(f"You may go to other pages meanwhile{note}")


def show_failure(job: background.Job, *, stopped: str) -> None:
    """Why a job that has ended brought nothing, if it did not; `stopped` is what became of one that somebody stopped."""
    if job.error is not None:
        app.show_error(job.error)
    elif job.broke:
        app.show_unexpected()
    elif job.stopped:
        st.info(f"**Stopped.**  \n{stopped}", icon=":material/stop:")
