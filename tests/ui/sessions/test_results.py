"""What the results of a search are made of."""

import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.parts import ChatInfo, Role
from chatcore.search.results import Hit, TitleHit
from ui.sessions.clock import Clock
from ui.sessions.finding import in_trash, with_open_words, without_filters
from ui.sessions.marks import NONE, Organised
from ui.sessions.results import Found, as_data, pieces

NOW = datetime(2026, 3, 14, 15, 9, tzinfo=UTC)
CLOCK = Clock(NOW, UTC)
TIDES, BREAD = uuid.UUID(int=1), uuid.UUID(int=2)


def hit(message_id: int, chat_id: uuid.UUID = TIDES, *, role: Role = Role.USER, archived: bool = False, in_trash: bool = False) -> Hit:
    return Hit(message_id, chat_id, "A title", role, NOW, None, None, "two tides a day", ((4, 9),), archived=archived, in_trash=in_trash)


@given(st.text(max_size=30), st.lists(st.tuples(st.integers(0, 9), st.integers(1, 3)), max_size=5))
def test_the_pieces_of_a_text_are_the_text(text: str, wanted: list[tuple[int, int]]) -> None:
    marks, at = [], 0
    for gap, length in wanted:
        if at + gap + length <= len(text):
            marks.append((at + gap, at + gap + length))
            at += gap + length
    found = pieces(text, marks)
    assert "".join(str(piece["text"]) for piece in found) == text
    assert [piece["text"] for piece in found if piece["mark"]] == [text[start:end] for start, end in marks]


def test_hits_of_one_chat_that_follow_one_another_stand_under_one_heading() -> None:
    data = as_data(Found("tides", (), [hit(4), hit(3), hit(2, BREAD), hit(1)]), CLOCK, NONE)
    groups = data["groups"]
    assert isinstance(groups, list)
    assert [(group["chat"], [row["id"] for row in group["hits"]]) for group in groups] == [
        (str(TIDES), [4, 3]), (str(BREAD), [2]), (str(TIDES), [1]),
    ]  # fmt: skip
    assert [row["id"] for row in rows(data)] == [str(TIDES), str(BREAD)]


def test_a_hit_leads_to_its_message_and_says_who_wrote_it() -> None:
    data = as_data(Found("tides", (), [hit(7), hit(8, role=Role.ASSISTANT)]), CLOCK, NONE)
    groups = data["groups"]
    assert isinstance(groups, list)
    mine, answer = groups[0]["hits"]
    assert mine["href"] == f"./?c={TIDES}&m=7"
    assert (mine["who"], answer["who"]) == ("You", "Model")
    assert mine["pieces"] == [{"text": "two ", "mark": False}, {"text": "tides", "mark": True}, {"text": " a day", "mark": False}]


def test_a_chat_is_ticked_once_whether_its_title_or_its_messages_match() -> None:
    chat = ChatInfo(TIDES, "Tides", "guide", "guide", NOW, NOW, pinned=True)
    hits = [hit(1), hit(2, BREAD, archived=True), hit(3, uuid.UUID(int=3), in_trash=True)]
    data = as_data(Found("tides", [TitleHit(chat, ((0, 5),))], hits), CLOCK, NONE)
    assert [(row["title"], row["badge"]) for row in rows(data)] == [("Tides", ""), ("A title", "Archived"), ("A title", "In the trash")]
    can = [set(row["can"]) for row in rows(data)]  # type: ignore[call-overload]  # data for the browser is untyped
    assert can[2] == {"restore", "purge"}
    assert can[0] ^ can[1] == {"unpin", "archive", "pin", "unarchive"}


def rows(data: dict[str, object]) -> list[dict[str, object]]:
    found = data["rows"]
    assert isinstance(found, list)
    return found


def test_a_row_shows_its_folder_and_a_few_tags() -> None:
    organised = Organised({TIDES: ("a", "b", "c", "d", "e")}, {TIDES: ("Plans", "Work/Plans")})
    assert [chip["text"] for chip in organised.chips(TIDES)] == ["Plans", "a", "b", "c", "+2"]
    assert organised.chips(TIDES)[0]["note"] == "In the folder Work/Plans"
    assert organised.chips(BREAD) == []


@pytest.mark.parametrize(("text", "unfiltered", "opened", "trash"), [
    ("tides", "tides", "tides*", "tides is:trash"),
    ("tides model:guide", "tides", "tides* model:guide", "tides model:guide is:trash"),
    ('"a b" OR sun -moon C++', '"a b" OR sun -moon C++', '"a b" OR sun* -moon C++', '"a b" OR sun -moon C++ is:trash'),
    ("tides is:trash", "tides", "tides* is:trash", "tides is:trash"),
    ("is:archived", "", "is:archived", "is:archived"),
])  # fmt: skip
def test_what_is_offered_where_nothing_is_found(text: str, unfiltered: str, opened: str, trash: str) -> None:
    assert (without_filters(text), with_open_words(text), in_trash(text, CLOCK)) == (unfiltered, opened, trash)
