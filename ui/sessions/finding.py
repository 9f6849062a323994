"""The page with a search: its notices, the chats and messages that match, and what narrows them."""

import re

import streamlit as st

from chatcore.parts import Shelf
from chatcore.search import find_chats, search
from chatcore.search.query import read_query, split, with_filter
from chatcore.search.results import Facets, Results
from ui import app, data, words
from ui.sessions import address, bulk, component, facets, marks, places, results
from ui.sessions.buttons import of_everything
from ui.sessions.clock import Clock
from ui.sessions.filters import Search
from ui.sessions.results import Found

PAGE_SIZE = 20
MOST_TITLES = 5
BARE_WORD = re.compile(r"\w{3,}")


def show(asked: Search) -> None:
    """A page of results, or what to do where there are none."""
    db, viewer = app.core().db, app.viewer()
    clock = Clock(app.now(), app.time_zone())

    def ask(cursor: str | None) -> Results:
        return search(db, viewer, asked.text, order=asked.order, limit=PAGE_SIZE, cursor=cursor, now=clock.now, zone=clock.zone)

    place, page = places.read(asked, ask, rows=lambda page: len(page.hits))
    titles = () if place.page else find_chats(db, viewer, asked.text, limit=MOST_TITLES, now=clock.now, zone=clock.zone)
    show_notices(page)
    if not page.hits and not titles:
        show_nothing(asked, clock)
        return
    spread = data.facets(db, viewer, asked.text, str(clock.zone), clock.now)
    everything = bulk.everything_in(asked.text)
    found = Found(
        of=asked.text,
        titles=titles,
        hits=page.hits,
        page=place.page,
        count=count_of(spread, place, page),
        beyond=bool(page.next_cursor or place.page or len(titles) == MOST_TITLES),
        everything=everything_data(everything, clock) if everything else None,
        facets=facets.as_data(asked.text, spread),
        facets_note="" if spread.complete else f"Counted in the newest {words.count(spread.of)} messages.",
    )
    organised = marks.of(db, viewer, found.chat_ids)
    results.show(results.as_data(found, clock, organised), act=act, narrow=narrow, choose=choose_everything)
    bulk.open_sent(results.KEY)
    places.show_pager(place.page, page.next_cursor)


def everything_data(chosen: bulk.Everything, clock: Clock) -> dict[str, object]:
    """All chats of the search, as the element takes them."""
    verbs = of_everything(read_query(chosen.text, now=clock.now, zone=clock.zone))
    return {"token": chosen.token, "text": chosen.sentence, "verbs": verbs}


def count_of(spread: Facets, place: places.Place, page: Results) -> str:
    """How many messages there are, and which of them the page shows."""
    total = words.plural(spread.of, "message") if spread.complete else f"{words.count(spread.of)}+ messages"
    if not page.next_cursor and not place.page:
        return total
    first, last = place.range(len(page.hits), page_size=PAGE_SIZE)
    return f"{words.count(first)}–{words.count(last)} of {total}"


def show_notices(page: Results) -> None:
    """What the search could not do with the text, and how far the index is."""
    notices = [words.plain(notice) for notice in page.notices]
    if page.indexed < 1:
        notices.append(f"The messages are being indexed: {int(100 * page.indexed)}% of them can be found so far.")
    if notices:
        st.info("  \n".join(notices), icon=":material/info:")


def show_nothing(asked: Search, clock: Clock) -> None:
    """What can be tried where nothing is found."""
    text = asked.text
    with st.container(horizontal_alignment="center", key="sessions_nothing"):
        st.space("medium")
        st.subheader("Nothing found", text_alignment="center", anchor=False)
        only_filters = "No message meets all these filters."
        hint = "A message must have every word, as a whole word. Fewer words find more." if without_filters(text) else only_filters
        st.caption(hint, text_alignment="center")
        with st.container(horizontal=True, horizontal_alignment="center"):
            for key, label, icon, other in (
                ("sessions.unfiltered", "Without the filters", "filter_alt_off", without_filters(text)),
                ("sessions.longer", "Longer words too", "match_word", with_open_words(text)),
                ("sessions.trash", "Look in the trash", "delete", in_trash(text, clock)),
            ):
                if other and other != text:
                    st.button(
                        label, key=key, icon=f":material/{icon}:", on_click=address.search_for, args=(other,), help=words.plain(other)
                    )


def without_filters(text: str) -> str:
    """The words of a text without its filters."""
    return " ".join(piece for piece, name, _ in split(text) if not name)


def with_open_words(text: str) -> str:
    """The text with each plain word open at its end: tides as tides*."""
    return " ".join(f"{piece}*" if not name and BARE_WORD.fullmatch(piece) and piece != "OR" else piece for piece, name, _ in split(text))


def in_trash(text: str, clock: Clock) -> str:
    """The text as a search of the trash; as it is if it says already where to look."""
    shelves = read_query(text, now=clock.now, zone=clock.zone).shelves
    return with_filter(text, "is", "trash") if shelves == {Shelf.ACTIVE, Shelf.ARCHIVED} else text


# --- what the results send ---------------------------------------------------------------------------------------


def act() -> None:
    """A button of the bar over the results."""
    bulk.act(results.KEY)


def choose_everything() -> None:
    """A click on "All chats of this search"."""
    last = st.session_state.get(address.LAST)
    if isinstance(last, Search):
        bulk.choose_everything(last.text)


def narrow() -> None:
    """A click on a value beside the results: it goes into the search text, or out of it."""
    event = component.sent(results.KEY, "facet")
    last = st.session_state.get(address.LAST)
    if not isinstance(last, Search):
        return
    with app.calm_callback():
        spread = data.facets(app.core().db, app.viewer(), last.text, str(app.time_zone()), app.now())
        facet = facets.find(spread, event.get("kind"), event.get("key"))
        if facet:
            # Without the last filter and without words nothing is left to search for: back to the list.
            address.search_for(facets.toggled(last.text, facet))
