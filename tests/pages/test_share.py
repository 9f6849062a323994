"""Sharing on the pages: no button while it is off, a dialog that makes, updates and revokes, and a list of all links."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from chatcore import history, sharing
from chatcore.core import close_shared, shared
from chatcore.parts import ChatInfo
from chatcore.sharing import Extras, Link
from tests.factories import make_chat, make_exchange, make_viewer
from tests.pages.frame import Frame

IMPORTS = Path(__file__).resolve().parents[2] / "pages" / "imports.py"


@pytest.fixture
def sharing_frame(frame: Frame, monkeypatch: pytest.MonkeyPatch) -> Frame:
    """The pages of an installation whose owner has switched sharing on."""
    monkeypatch.setenv("CHATCORE_SHARING", "on")
    close_shared()
    shared()
    return frame


def make(frame: Frame, *, title: str = "Tides") -> ChatInfo:
    made = make_chat(frame.core.db, frame.viewer, title=title, now=datetime.now(UTC))
    make_exchange(frame.core.db, frame.viewer, made.id, now=datetime.now(UTC))
    return made


def links(frame: Frame) -> tuple[Link, ...]:
    return sharing.list_links(frame.core.db, frame.viewer, now=datetime.now(UTC))


def opened(frame: Frame, chat: ChatInfo) -> AppTest:
    """The chat with the dialog open."""
    return frame.run(c=str(chat.id)).button(key="share.button").click().run()


def keys(at: AppTest) -> set[str | None]:
    return {button.key for button in at.button}


def imports_page(frame: Frame) -> AppTest:
    at = frame.new()
    at.run()
    at.switch_page(str(IMPORTS)).run()
    assert not at.exception
    return at


def test_while_sharing_is_off_there_is_no_button_and_no_list(frame: Frame) -> None:
    made = make(frame)
    sharing.make_link(frame.core.db, frame.viewer, made.id, now=datetime.now(UTC))
    assert "share.button" not in keys(frame.run(c=str(made.id)))
    assert [tab.label for tab in imports_page(frame).tabs] == ["Import", "Export"]


def test_a_link_is_made_with_what_was_ticked_updated_and_revoked(sharing_frame: Frame) -> None:
    made = make(sharing_frame)
    at = opened(sharing_frame, made)
    # The owner of an installation without sign-in has no name to show.
    assert {tick.key for tick in at.checkbox} == {"share.files", "share.reasoning", "share.tools", "share.system_prompt"}
    at.checkbox(key="share.reasoning").check()
    today = datetime.now(UTC).date()
    at.date_input(key="share.ends").set_value(today + timedelta(days=1))
    at.button(key="share.button").click()
    at.button(key="share.make").click().run()
    assert not at.exception
    (link,) = links(sharing_frame)
    assert link.extras == Extras(reasoning=True)
    assert link.expires_at is not None
    assert link.expires_at.date() == today + timedelta(days=2)
    assert at.code[0].value.endswith(f"/share/{link.token}")
    assert f"ends after {link.expires_at - timedelta(days=1):%-d %b %Y}" in "".join(caption.value for caption in at.caption)
    make_exchange(sharing_frame.core.db, sharing_frame.viewer, made.id, now=datetime.now(UTC))
    at.button(key="share.button").click()
    at.button(key=f"share.update.{link.id}").click().run()
    assert links(sharing_frame)[0].messages == 4
    at.button(key="share.button").click()
    at.button(key=f"share.revoke.{link.id}").click().run()
    assert not at.exception
    assert links(sharing_frame) == ()


def test_what_cannot_be_shared_is_said_in_the_dialog(sharing_frame: Frame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "LONGEST_TEXT", 10)
    at = opened(sharing_frame, make(sharing_frame))
    at.button(key="share.button").click()
    at.button(key="share.make").click().run()
    assert not at.exception
    assert "too long for a link" in at.warning[0].value
    assert "share.button" not in keys(sharing_frame.run(c=str(make_chat(sharing_frame.core.db, sharing_frame.viewer).id)))


def test_all_links_are_listed_and_nobody_elses(sharing_frame: Frame) -> None:
    db, now = sharing_frame.core.db, datetime.now(UTC)
    assert "No chat is shared" in imports_page(sharing_frame).info[-1].value
    one, other = make(sharing_frame, title="Tides"), make(sharing_frame, title="Bread")
    bob = make_viewer(db, "Bob")
    for viewer, chat in ((sharing_frame.viewer, one), (sharing_frame.viewer, other), (bob, make_chat(db, bob, title="Bob's", messages=1))):
        sharing.make_link(db, viewer, chat.id, now=now)
    history.delete_chats(db, sharing_frame.viewer, [one.id], now=now)
    at = imports_page(sharing_frame)
    text = " ".join(element.value for element in (*at.markdown, *at.caption))
    assert "**Bread**" in text
    assert "**Tides**" in text
    assert "Bob" not in text
    assert "does not answer while its chat is in the trash" in text
    at.button(key=f"share.revoke.{links(sharing_frame)[0].id}").click().run()
    assert [link.title for link in links(sharing_frame)] == ["Tides"]
