"""Bringing chats here: drop a file, see what is in it, choose where it goes, watch it come, read what came."""

import json
from collections.abc import Callable
from datetime import datetime

import streamlit as st

from chatcore.formats import FORMATS
from chatcore.importing import Options, Preview, Report, jobs, preview
from chatcore.importing.jobs import Job
from chatcore.organise import folders, tags
from ui import app, words
from ui.jobs import show_failure, watch

# What is dropped is in memory until it is imported.
LARGEST_MB = 200
TYPES = ["zip", "json", "jsonl", "ndjson", "db", "sqlite", "sqlite3"]
LOOKED = "imports.looked"
FILE, PATH = "imports.file", "imports.path"
SHOWN = 12


def show() -> None:
    """Whichever of the steps the viewer is at."""
    job = current()
    if job is None:
        choose_file()
    elif job.ended.is_set():
        show_end(job)
    else:
        note = ". If you stop, what came so far stays, and the same file goes on from there."
        watch(current, page="imports", title=lambda job: f"Importing {job.file_name}", how_far=progress_text, note=note)


# --- the file ----------------------------------------------------------------------------------------------------


def choose_file() -> None:
    """The place to drop a file, and what is in the one that was dropped."""
    dropped = st.file_uploader(
        "Drop the export of another program here",
        type=TYPES,
        key=f"{FILE}.{st.session_state.get(FILE, 0)}",
        max_upload_size=LARGEST_MB,
        help=f"Up to {LARGEST_MB} MB. A larger one is imported on the server: by its path, or python -m chatcore import FILE",
    )
    db, viewer = app.core().db, app.viewer()
    path = None if dropped is not None else choose_path()
    if dropped is not None:
        content, name = dropped.getbuffer(), dropped.name
        told = looked(dropped.file_id, lambda: jobs.look(db, viewer, content, file_name=name))
        if (options := decided(told)) is not None:
            jobs.start(db, viewer, content, told, file_name=name, options=options, now=app.now())
            next_file()
            st.rerun()
    elif path is not None:
        found = jobs.on_server(viewer, path)
        told = looked(path, lambda: preview(db, viewer, found))
        if (options := decided(told)) is not None:
            jobs.start_file(db, viewer, found, told, file_name=found.name, options=options, now=app.now())
            next_file()
            st.rerun()
    else:
        show_formats()


def choose_path() -> str | None:
    """The path of a file on the server that the owner wants to import; nobody else is asked."""
    if not app.viewer().is_owner:
        return None
    with (
        st.expander("A larger file, which lies on the server"),
        st.form("imports.on_server", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        path: str = st.text_input("Its path there", key=f"{PATH}.{st.session_state.get(FILE, 0)}", placeholder="/home/ada/export.zip")
        st.form_submit_button("Look into it", key="imports.look")
    return path.strip() or None


def looked(key: str, look: Callable[[], Preview]) -> Preview:
    """What is in the file of this key, looked at once."""
    known: tuple[str, Preview] | None = st.session_state.get(LOOKED)
    if known is None or known[0] != key:
        with st.spinner("Looking at the file …"):
            known = (key, look())
        st.session_state[LOOKED] = known
    return known[1]


def decided(told: Preview) -> Options | None:
    """Shows what is in a file and asks where it goes; answers once the import is to begin."""
    show_preview(told)
    options = choose_options()
    new = told.new_chats
    label = f"Import {words.plural(new, 'chat')}" if new else "Import what changed"
    clicked = st.button(label, type="primary", icon=":material/download:", key="imports.start", disabled=not told.chats)
    return options if clicked else None


def next_file() -> None:
    """Empties the places for a file and a path."""
    st.session_state[FILE] = st.session_state.get(FILE, 0) + 1
    st.session_state.pop(LOOKED, None)


def show_formats() -> None:
    """Where a person gets such a file."""
    with st.expander("What can be imported, and where to get it"):
        st.markdown("\n".join(f"- **{words.plain(known.label)}** — {words.plain(known.hint)}" for known in FORMATS))
        st.caption("Files are read, never changed. Nothing leaves this server.")


def show_preview(told: Preview) -> None:
    """What is in the file, before anything is written."""
    st.markdown(f"**{words.plain(told.label)}**")
    with st.container(horizontal=True):
        st.metric("Chats", words.count(told.chats), border=True)
        st.metric("Not here yet", words.count(told.new_chats), border=True)
        st.metric("Messages", words.count(told.messages), border=True)
        st.metric("Cannot be imported", words.count(sum(told.reasons.values())), border=True)
    facts = []
    if told.first_at and told.last_at:
        first, last = (day_text(moment) for moment in (told.first_at, told.last_at))
        facts.append(f"From {first} to {last}" if first != last else f"On {first}")
    if told.models:
        shown = [f"{model} ({words.count(answers)})" for model, answers in list(told.models.items())[:SHOWN]]
        facts.append("Models: " + ", ".join(shown) + (f" and {len(told.models) - SHOWN} more" if len(told.models) > SHOWN else ""))
    if told.files:
        facts.append(words.plural(told.files, "picture or file", "pictures and files"))
    st.markdown("  \n".join(map(words.plain, facts)))
    show_reasons(
        "What will be left out or mended, and why", dict(told.notes), dict(told.reasons), [(one.name, one.reason) for one in told.skipped]
    )


def day_text(moment: datetime) -> str:
    """A day where the viewer is: 9 October 2025."""
    day = moment.astimezone(app.time_zone())
    return f"{day.day} {day:%B %Y}"


def show_reasons(title: str, notes: dict[str, int], reasons: dict[str, int], skipped: list[tuple[str, str]]) -> None:
    """What chats come without, and the chats that do not come, with the reason for each."""
    if not notes and not reasons:
        return
    with st.expander(title):
        for name, counted in (("Within chats", notes), ("Whole chats", reasons)):
            if counted:
                rows = sorted(counted.items(), key=lambda item: -item[1])
                st.markdown(f"**{name}**\n" + "\n".join(f"- {words.count(number)} × {words.plain(reason)}" for reason, number in rows))
        if skipped:
            table = {"Chat": [name for name, _ in skipped], "Why it cannot be imported": [reason for _, reason in skipped]}
            st.dataframe(table, hide_index=True, width="stretch")


def choose_options() -> Options:
    """Where new chats go."""
    db, viewer = app.core().db, app.viewer()
    places = {folder.id: folder.path for folder in folders.list_folders(db, viewer)}
    with st.container(horizontal=True):
        folder_id = st.selectbox(
            "Into the folder", [None, *places], format_func=lambda key: places.get(key, "No folder"), key="imports.folder", width=320
        )
        chosen = st.multiselect(
            "With the tags", [tag.name for tag in tags.list_tags(db, viewer)], key="imports.tags", accept_new_options=True, width="stretch",
            placeholder="Choose or write tags",
        )  # fmt: skip
    return Options(folder_id=folder_id, tags=tuple(chosen))


# --- while it runs, and after ------------------------------------------------------------------------------------


def current() -> Job | None:
    """The import that runs, or has ended last."""
    return jobs.current(app.core().db, app.viewer())


def progress_text(job: Job) -> str:
    """Messages done, the rate, and the time left."""
    pace = job.pace
    if pace is None:
        return "Beginning …"
    left = f" · {words.duration(pace.left_s)} left" if pace.left_s is not None else ""
    of = f" of {words.count(job.expected)}" if job.expected is not None else ""
    return f"{words.count(pace.done)}{of} messages · {words.count(round(pace.messages_per_s))} a second{left}"


def show_end(job: Job) -> None:
    """How the import ended."""
    show_failure(job, stopped="What came so far stays. Import the same file again to go on.")
    if job.report is not None:
        show_report(job.report)
    if st.button("Import another file", icon=":material/add:", key="imports.another"):
        jobs.put_away(app.core().db, app.viewer())
        st.rerun()


def show_report(report: Report) -> None:
    """What came, with links to the chats, and what did not."""
    chats, messages = report.chats, report.messages
    nothing_new = not chats.get("imported") and not chats.get("updated")
    headline = "Nothing new in this file: everything was here already." if nothing_new else f"Imported {report.file_name}."
    st.success(f"**{words.plain(headline)}**", icon=":material/check_circle:")
    with st.container(horizontal=True):
        for name in ("imported", "updated", "unchanged", "skipped"):
            st.metric(f"Chats {name}", words.count(chats.get(name, 0)), border=True)
        st.metric("Messages imported", words.count(messages.get("imported", 0)), border=True)
    if kept := messages.get("kept"):
        st.markdown(f"{words.plural(kept, 'message')} changed in the file and here: yours stayed.")
    if report.imported:
        with st.container(gap="xxsmall"):
            for chat in report.imported[:SHOWN]:
                label = f"{words.plain(words.shortened(chat.title, 60))} :small[· {words.plural(chat.messages, 'message')}]"
                st.page_link(app.CHAT_PAGE, label=label, icon=":material/chat_bubble:", query_params={app.CHAT_PARAM: str(chat.chat_id)})
        more = sum(chats.get(name, 0) for name in ("imported", "updated")) - min(len(report.imported), SHOWN)
        if more > 0:
            st.caption(f"and {words.count(more)} more, in the list of chats")
    show_reasons(
        "What was left out or mended, and why", dict(report.notes), dict(report.reasons), [(one.name, one.reason) for one in report.skipped]
    )
    st.download_button(
        "Download the report",
        lambda: json.dumps(report.as_json(), ensure_ascii=False, indent=2).encode(),
        f"import-report-{report.run_id}.json",
        "application/json",
        key="imports.report",
        on_click="ignore",
        icon=":material/description:",
    )
