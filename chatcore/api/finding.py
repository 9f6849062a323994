"""Search: messages that match, what the quick switcher offers, how the hits spread, how many there are."""

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

from chatcore.api.calls import Call, Reply, number_of, query, text_of
from chatcore.api.values import facets_json, hit_json, switch_json
from chatcore.errors import Invalid
from chatcore.organise.tags import tags_of
from chatcore.search import COUNT_CAP, count_hits, facets, quick_switch, search
from chatcore.search.results import Order


def find(call: Call) -> Reply:
    """A page of the messages that match."""
    asked = query(call.query, {"q": str, "order": str, "limit": int, "cursor": str, "zone": str})
    order = text_of(asked, "order") or Order.NEWEST
    if order not in tuple(Order):
        raise Invalid(f"There is no order {order[:60]!r}.", f"Ask for {' or '.join(Order)}.")
    found = search(
        call.core.db,
        call.viewer,
        text_of(asked, "q") or "",
        order=Order(order),
        limit=number_of(asked, "limit", 20),
        cursor=text_of(asked, "cursor"),
        now=call.now,
        zone=zone_of(asked),
    )
    return Reply(
        {
            "hits": [hit_json(hit) for hit in found.hits],
            "next_cursor": found.next_cursor,
            "notices": found.notices,
            "indexed": found.indexed,
        }
    )


def switch(call: Call) -> Reply:
    """Chats and messages for a text that is still being typed."""
    asked = query(call.query, {"q": str, "limit": int, "zone": str})
    text, limit = text_of(asked, "q") or "", number_of(asked, "limit", 7)
    found = quick_switch(call.core.db, call.viewer, text, limit=limit, now=call.now, zone=zone_of(asked))
    return Reply(switch_json(found, tags_of(call.core.db, call.viewer, [hit.chat.id for hit in found.chats])))


def spread(call: Call) -> Reply:
    """How the newest hits spread over models, months, roles and tags."""
    asked = query(call.query, {"q": str, "zone": str})
    return Reply(facets_json(facets(call.core.db, call.viewer, text_of(asked, "q") or "", now=call.now, zone=zone_of(asked))))


def count(call: Call) -> Reply:
    """How many messages match, counted up to a bound."""
    asked = query(call.query, {"q": str, "zone": str})
    number = count_hits(call.core.db, call.viewer, text_of(asked, "q") or "", now=call.now, zone=zone_of(asked))
    most = COUNT_CAP - 1
    return Reply({"count": min(number, most), "more": number > most})


def zone_of(asked: dict[str, object]) -> tzinfo:
    """Where the caller's days begin: the zone of that name, UTC if none was sent. Raises Invalid for a name nobody knows."""
    name = text_of(asked, "zone")
    if name is None:
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        # A folder of zones (America) and a name too long for a file are errors of the file system.
        raise Invalid(
            f"There is no time zone {name[:60]!r}.", "Send an IANA name such as Europe/Berlin, or leave it out for UTC."
        ) from error
