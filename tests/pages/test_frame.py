"""What stands around every page: navigation, sign-in, the last net for errors."""

import threading
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.frame import Frame, components
from ui import sign_in

PAGES = Path(__file__).resolve().parents[2] / "pages"
SWITCHER = "chatcore_switcher"


def test_the_chat_page_is_the_first_one(frame: Frame) -> None:
    at = frame.run()
    assert at.title[0].value == "What would you like to know?"
    assert [link.value for link in at.sidebar.page_link] == [
        "Chat",
        "Sessions",
        "Prompts",
        "Analytics",
        "Models",
        "Import and export",
        "Settings",
    ]


@pytest.mark.parametrize("page", ["sessions.py", "prompts.py", "analytics.py", "models.py"])
def test_every_page_stands_in_the_frame(frame: Frame, page: str) -> None:
    at = frame.run()
    at.switch_page(str(PAGES / page)).run()
    assert not at.exception
    assert at.sidebar.page_link
    assert len(components(at, SWITCHER)) == 1


def test_with_sign_in_a_stranger_sees_one_button_and_nothing_else(frame: Frame) -> None:
    at = frame.new()
    at.user = {"is_logged_in": False}
    at.run()
    assert not at.exception
    assert [button.label for button in at.button] == ["Sign in"]
    assert not at.chat_input
    assert not at.sidebar.page_link
    assert not components(at, SWITCHER)


def test_with_sign_in_each_person_has_their_own_chats(frame: Frame) -> None:
    ada, bob = ({"is_logged_in": True, "iss": "https://sign.in", "sub": name, "name": name} for name in ("ada", "bob"))
    at = frame.new()
    at.user = ada
    at.run()
    at.chat_input[0].set_value("A secret of mine").run()
    address = at.query_params["c"]
    other = frame.new()
    other.user = bob
    other.query_params["c"] = address
    other.run()
    assert other.title[0].value == "This chat is not here"
    assert "secret" not in everything(other)


def test_once_sign_in_was_seen_a_secrets_file_that_breaks_does_not_open_the_door(frame: Frame, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = threading.Event()
    seen.set()
    monkeypatch.setattr(sign_in, "_seen", seen)
    at = frame.new()
    at.run()
    assert not at.exception
    assert [button.label for button in at.button] == ["Sign in"]


def test_a_sign_in_that_names_nobody_is_told_calmly(frame: Frame) -> None:
    at = frame.new()
    at.user = {"is_logged_in": True, "name": "Nobody"}
    at.run()
    assert not at.exception
    assert "does not say who you are" in at.warning[0].value


def test_somebody_signed_in_can_sign_out(frame: Frame) -> None:
    at = frame.new()
    at.user = {"is_logged_in": True, "iss": "https://sign.in", "sub": "ada", "name": "Ada"}
    at.run()
    at.sidebar.button(key="app.sign_out").click().run()
    assert [button.label for button in at.button] == ["Sign in"]


def test_the_local_owner_has_no_sign_out(frame: Frame) -> None:
    at = frame.run()
    assert "app.sign_out" not in [button.key for button in at.sidebar.button]


def everything(at: AppTest) -> str:
    """All text on the page."""
    return " ".join(str(element.value) for element in [*at.markdown, *at.title, *at.caption])
