"""The session page: find any chat among very many, and tidy up."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta

import streamlit as st

from chatcore import browse, history
from chatcore.parts import Shelf
from ui import app, chat_actions, chat_filters, chat_pages, chat_table, data, words
from ui.chat_actions import Done
from ui.chat_filters import ANY_TIME, CUSTOM, RANGES, SHELVES, SORTS, ChatFilters

COUNT_CAP = 1000
DIALOG = "sessions.dialog"
DONE = "sessions.done"
LAST = "sessions.filters"
# Who comes back to the page later has forgotten what the notice speaks of.
NOTICE_LASTS = timedelta(minutes=2)
NOTICE_STYLE = """
<style>
[data-testid="stLayoutWrapper"]:has(> .st-key-sessions_done) { position: sticky; bottom: 1rem; z-index: 10; }
.st-key-sessions_done {
  width: max-content; max-width: 100%; margin: 0 auto; padding: 0.35rem 0.5rem 0.35rem 1rem; border-radius: 0.75rem;
  background: light-dark(#2a2a26, #f2f2ec); box-shadow: 0 4px 18px rgb(0 0 0 / 0.25);
}
.st-key-sessions_done :is(p, button, span) { color: light-dark(#fafaf6, #1f1f1c) !important; }
</style>
"""


def main() -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.title("Sessions", anchor=False, width="content")
        if st.button("New chat", icon=":material/edit_square:", key="sessions.new"):
            app.open_chat(None)
    resume()
    browser()


@st.fragment
def browser() -> None:
    """The filters and the list: runs alone when a filter changes, the rest of the page stays as it is."""
    with app.calm():
        app.show_kept_error()
        params = {name: st.query_params.get_all(name) for name in st.query_params}
        known = data.known_models(app.core().db, app.viewer())
        filters, unknown = chat_filters.read(params, known)
        if unknown:
            # A link may name a model that was first used a moment ago.
            known = browse.known_models(app.core().db, app.viewer())
            filters, unknown = chat_filters.read(params, known)
        st.session_state[LAST] = filters
        show_filters(filters, known)
        if unknown:
            st.info(f"Not known here, so left out: {words.plain(', '.join(unknown))}.", icon=":material/filter_alt_off:")
        show_list(filters)
        show_done()
        show_dialog()


# --- filters -----------------------------------------------------------------------------------------------------


def show_filters(filters: ChatFilters, known: Sequence[tuple[str, str]]) -> None:
    """The widgets, each showing what the URL says: back, forward and shared links are right by construction."""
    state = st.session_state
    state["sessions.shelf"] = filters.shelf
    state["sessions.q"] = filters.text
    state["sessions.provider"] = list(filters.providers)
    state["sessions.model"] = list(filters.models)
    state["sessions.sort"] = filters.sort
    if not choosing_days():
        state["sessions.range"] = filters.range
        state["sessions.days"] = (filters.first, filters.last) if filters.first and filters.last else ()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.segmented_control(
            "Shelf",
            list(SHELVES),
            format_func=SHELVES.__getitem__,
            key="sessions.shelf",
            label_visibility="collapsed",
            required=True,
            on_change=remember,
        )
        st.text_input(
            "Search titles and messages",
            key="sessions.q",
            type="search",
            placeholder="Search titles and messages",
            max_chars=chat_filters.MAX_TEXT,
            label_visibility="collapsed",
            on_change=remember,
        )
        label = f"Filters ({filters.hidden})" if filters.hidden else "Filters"
        with st.popover(label, icon=":material/tune:"):
            show_more_filters(known)
        st.selectbox(
            "Sort by",
            list(SORTS),
            format_func=lambda key: SORTS[key][0],
            key="sessions.sort",
            label_visibility="collapsed",
            width=235,
            on_change=remember,
        )


def show_more_filters(known: Sequence[tuple[str, str]]) -> None:
    """Model, provider and time: asked for less often, so behind a button."""
    models = list(dict.fromkeys(model for _, model in known))
    providers = list(dict.fromkeys(provider for provider, _ in known))
    st.multiselect("Model", models, key="sessions.model", placeholder="Any model", on_change=remember)
    st.multiselect("Provider", providers, key="sessions.provider", placeholder="Any provider", on_change=remember)
    st.selectbox("Last activity", list(RANGES), format_func=RANGES.__getitem__, key="sessions.range", on_change=remember)
    if st.session_state["sessions.range"] == CUSTOM:
        st.date_input("First and last day", key="sessions.days", value=[], on_change=remember)
    st.button("Reset filters", key="sessions.reset", on_click=reset, width="stretch")


def choosing_days() -> bool:
    """Whether the viewer is in the middle of choosing two days: then the URL does not say yet what the widgets show."""
    days = st.session_state.get("sessions.days", ())
    return st.session_state.get("sessions.range") == CUSTOM and len(days) < 2


def remember() -> None:
    """Puts what the widgets say into the URL, from which everything is drawn."""
    state = st.session_state
    days = tuple(state.get("sessions.days", ()))
    write_url(
        ChatFilters(
            shelf=state["sessions.shelf"],
            text=str(state["sessions.q"]).strip(),
            providers=tuple(state.get("sessions.provider", ())),
            models=tuple(state.get("sessions.model", ())),
            range=state.get("sessions.range", ANY_TIME),
            first=days[0] if len(days) == 2 else None,
            last=days[1] if len(days) == 2 else None,
            sort=state["sessions.sort"],
        )
    )


def resume() -> None:
    """Back from a chat that was opened here, the filters hold: the browser's way back leads over a URL that names the chat."""
    last = st.session_state.get(LAST)
    if last is not None and app.CHAT_PARAM in st.query_params:
        write_url(last)


def write_url(filters: ChatFilters) -> None:
    """The URL says these filters and nothing else: what another page left in it ends here."""
    st.query_params.from_dict(filters.params())


def reset() -> None:
    """Any text, any model, any provider, any time; shelf and order stay."""
    state = st.session_state
    state["sessions.range"], state["sessions.days"] = ANY_TIME, ()
    write_url(ChatFilters(shelf=state["sessions.shelf"], sort=state["sessions.sort"]))


# --- the list ----------------------------------------------------------------------------------------------------


def show_list(filters: ChatFilters) -> None:
    """One page of chats, or what to do where there are none."""
    db, viewer = app.core().db, app.viewer()
    clock = chat_table.Clock(app.now(), app.time_zone())
    wanted = filters.browse(now=clock.now, zone=clock.zone)
    place, page = chat_pages.read(
        filters, lambda cursor: browse.browse_chats(db, viewer, wanted, limit=chat_pages.PAGE_SIZE, cursor=cursor)
    )
    if not page.items:
        show_nothing(filters)
        return
    found = browse.count_chats(db, viewer, wanted, cap=COUNT_CAP + 1)
    total = f"{words.count(COUNT_CAP)}+" if found > COUNT_CAP else words.count(found)
    first, last = place.range(len(page.items))
    chat_table.show(
        page.items,
        shelf=filters.shelf,
        sort=filters.sort,
        count=f"{words.count(first)}–{words.count(last)} of {total}" if page.next_cursor or place.page else words.plural(found, "chat"),
        clock=clock,
        act=act,
        turn=turn,
    )
    opened = chat_table.sent("open")
    if opened:
        app.open_chat(chat_actions.chat_ids_of([opened])[0])
    show_pager(place.page, page.next_cursor)
    if filters.shelf is Shelf.TRASH:
        st.button("Empty the trash …", key="sessions.empty", icon=":material/delete_forever:", type="tertiary", on_click=ask_empty)


def show_pager(number: int, next_cursor: str | None) -> None:
    """Previous and next; nothing where one page holds all."""
    if not number and not next_cursor:
        return
    with st.container(horizontal=True, horizontal_alignment="center", vertical_alignment="center"):
        st.button(
            "Previous",
            icon=":material/chevron_left:",
            key="sessions.previous",
            disabled=not number,
            on_click=chat_pages.back,
            type="tertiary",
        )
        st.caption(f"Page {words.count(number + 1)}", width="content")
        st.button(
            "Next",
            icon=":material/chevron_right:",
            icon_position="right",
            key="sessions.next",
            disabled=next_cursor is None,
            on_click=chat_pages.onward,
            args=(next_cursor,),
            type="tertiary",
        )


def show_nothing(filters: ChatFilters) -> None:
    """Why the list is empty, and the next step."""
    text = {
        Shelf.ACTIVE: ("No chats yet", "Every chat you start is kept here, and found again by its title and its words."),
        Shelf.ARCHIVED: ("Nothing is archived", "Archive what you are done with: it leaves the sidebar and can still be found here."),
        Shelf.TRASH: ("The trash is empty", "Deleted chats lie here for a while, and are then deleted for ever."),
    }
    heading, hint = ("No chat matches", "Try fewer words or another time.") if filters.narrowed else text[filters.shelf]
    with st.container(horizontal_alignment="center", key="sessions_nothing"):
        st.space("medium")
        st.subheader(heading, text_alignment="center", anchor=False)
        st.caption(hint, text_alignment="center")
        if filters.narrowed:
            st.button("Reset filters", key="sessions.reset_all", icon=":material/filter_alt_off:", on_click=reset)
        elif filters.shelf is Shelf.ACTIVE and st.button(
            "Start a chat", key="sessions.start", type="primary", icon=":material/edit_square:"
        ):
            app.open_chat(None)


# --- what the table sends ----------------------------------------------------------------------------------------


def turn() -> None:
    """A click on a column's head: sort by it, or the other way round."""
    st.session_state["sessions.sort"] = chat_filters.turned(st.session_state["sessions.sort"], str(chat_table.sent("sort")))
    remember()


def act() -> None:
    """A button of the table's bar: some act at once and can be taken back, others ask first."""
    event = chat_table.sent("act")
    if not isinstance(event, Mapping):
        return
    verb = str(event.get("verb"))
    with app.calm_callback():
        chat_ids = chat_actions.chat_ids_of(event.get("ids"))
        if verb in ("rename", "purge"):
            st.session_state[DIALOG] = (verb, chat_ids)
        else:
            tell(chat_actions.carry_out(app.core().db, app.viewer(), verb, chat_ids, now=app.now()))


def undo() -> None:
    """Takes back exactly what the last action changed."""
    done, _ = st.session_state.pop(DONE, (None, None))
    if done is None:
        return  # a second click in the same breath
    with app.calm_callback():
        chat_actions.carry_out(app.core().db, app.viewer(), done.undo_verb, done.chat_ids, now=app.now())
        tell(Done("Taken back."))


def tell(done: Done) -> None:
    """Keeps what was done for the notice."""
    st.session_state[DONE] = (done, app.now())


def dismiss() -> None:
    """Closes the notice."""
    st.session_state.pop(DONE, None)


def show_done() -> None:
    """What was done, with its undo, at the foot of the window: the list does not move under the pointer, and at its end
    the notice has a place of its own."""
    done, since = st.session_state.get(DONE, (None, None))
    if done is None or app.now() - since > NOTICE_LASTS:
        return
    st.html(NOTICE_STYLE)
    with st.container(horizontal=True, vertical_alignment="center", key="sessions_done"):
        st.markdown(words.plain(done.sentence), width="content")
        if done.undo_verb:
            st.button("Undo", key="sessions.undo", on_click=undo, type="tertiary", icon=":material/undo:")
        st.button("Close", key="sessions.close", on_click=dismiss, type="tertiary", icon=":material/close:")


# --- what asks first ---------------------------------------------------------------------------------------------


def show_dialog() -> None:
    """Opens the dialog that was asked for; it lives on by itself from then on."""
    verb, chat_ids = st.session_state.pop(DIALOG, (None, ()))
    match verb:
        case "rename":
            chat = history.get_chat(app.core().db, app.viewer(), chat_ids[0])
            rename_dialog(chat.id, chat.title)
        case "purge":
            purge_dialog(chat_ids)
        case "empty":
            empty_dialog()


@st.dialog("Rename chat")
def rename_dialog(chat_id: uuid.UUID, title: str) -> None:
    with st.form("sessions.rename", border=False):
        st.text_input("Title", value=title, key="sessions.title", max_chars=200)
        saved = st.form_submit_button("Save", type="primary", on_click=rename, args=(chat_id,))
    close_dialog(saved)


@st.dialog("Delete for ever?")
def purge_dialog(chat_ids: Sequence[uuid.UUID]) -> None:
    st.markdown(f"{words.plural(len(chat_ids), 'chat')} with all messages will be gone. Nobody can bring them back.")
    ask_usage()
    close_dialog(
        st.button(
            "Delete for ever", key="sessions.purge", type="primary", icon=":material/delete_forever:", on_click=purge, args=(chat_ids,)
        )
    )


@st.dialog("Empty the trash?")
def empty_dialog() -> None:
    st.markdown("Every chat in the trash will be gone, with all messages. Nobody can bring them back.")
    ask_usage()
    close_dialog(st.button("Empty the trash", key="sessions.purge_all", type="primary", icon=":material/delete_forever:", on_click=empty))


def ask_usage() -> None:
    st.checkbox("Forget the usage numbers too", key="sessions.forget", help="The analytics page then counts these answers no more.")


def close_dialog(confirmed: bool) -> None:
    """Closes the dialog if what was confirmed went well, else says in it what went wrong."""
    if "app.error" in st.session_state:
        app.show_kept_error()
    elif confirmed:
        st.rerun()


def rename(chat_id: uuid.UUID) -> None:
    with app.calm_callback():
        chat = history.rename_chat(app.core().db, app.viewer(), chat_id, title=st.session_state["sessions.title"])
        tell(Done(f"Renamed to “{chat.title}”."))


def purge(chat_ids: Sequence[uuid.UUID]) -> None:
    with app.calm_callback():
        number = history.purge_chats(app.core().db, app.viewer(), chat_ids, forget_usage=bool(st.session_state.get("sessions.forget")))
        tell(Done(f"{words.plural(number, 'chat')} deleted for ever."))


def ask_empty() -> None:
    st.session_state[DIALOG] = ("empty", ())


def empty() -> None:
    with app.calm_callback():
        number = chat_actions.empty_trash(app.core().db, app.viewer(), forget_usage=bool(st.session_state.get("sessions.forget")))
        tell(Done(f"{words.plural(number, 'chat')} deleted for ever."))


main()
