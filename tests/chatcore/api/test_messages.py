"""The routes for what is done with a message."""

from chatcore.parts import State
from tests.answers import until
from tests.chatcore.api.conftest import CHATS, Api
from tests.factories import make_chat, make_exchange

MESSAGE = "/api/v1/messages"


def test_a_prompt_is_edited_switched_back_and_the_window_says_what_stands_beside(api: Api) -> None:
    ada = api.viewer("Ada")
    chat = make_chat(api.core.db, ada, provider="guide", model_name="guide")
    asked, answer = make_exchange(api.core.db, ada, chat.id, prompt="one", answer="first")
    with api.client("Ada") as client:
        made = client.post(f"{MESSAGE}/{asked.id}/edit", json={"text": "/stream 10 1000", "request_key": "key-1"})
        assert made.status_code == 201
        sent = made.json()
        until(lambda: client.get(f"{MESSAGE}/{sent['answer_id']}").json()["message"]["state"] == "complete")
        again = client.post(f"{MESSAGE}/{asked.id}/edit", json={"text": "/stream 10 1000", "request_key": "key-1"})
        assert (again.status_code, again.json()["error"]["kind"]) == (409, "conflict")
        shown = client.get(f"{CHATS}/{chat.id}/messages").json()["messages"]
        assert [message["id"] for message in shown] == [sent["user_message_id"], sent["answer_id"]]
        assert shown[0]["siblings"] == [asked.id, sent["user_message_id"]]
        assert shown[1]["siblings"] == [sent["answer_id"]]
        assert client.post(f"{MESSAGE}/{asked.id}/show").json() == {"current_message_id": answer.id}
        assert [message["text"] for message in client.get(f"{CHATS}/{chat.id}/messages").json()["messages"]] == ["one", "first"]
        assert client.post(f"{MESSAGE}/{asked.id}/edit", json={}).status_code == 400
        assert client.post(f"{MESSAGE}/{answer.id}/edit", json={"text": "x"}).status_code == 400


def test_an_answer_goes_on_is_rated_and_forked_and_a_message_deleted(api: Api) -> None:
    ada = api.viewer("Ada")
    chat = make_chat(api.core.db, ada)
    asked, answer = make_exchange(
        api.core.db, ada, chat.id, prompt="/stream 10 1000", answer="## ", state=State.STOPPED, provider="guide", model_name="guide"
    )
    with api.client("Ada") as client:
        sent = client.post(f"{MESSAGE}/{answer.id}/continue").json()
        until(lambda: client.get(f"{MESSAGE}/{sent['answer_id']}").json()["message"]["state"] == "complete")
        whole = client.get(f"{MESSAGE}/{sent['answer_id']}").json()["message"]
        assert (whole["text"][:3], len(whole["text"]), whole["siblings"]) == ("## ", 40, [answer.id, sent["answer_id"]])
        assert client.post(f"{MESSAGE}/{sent['answer_id']}/continue").status_code == 400
        assert client.post(f"{MESSAGE}/{answer.id}/continue", json={"provider": "guide"}).status_code == 400

        given = client.put(f"{MESSAGE}/{answer.id}/feedback", json={"rating": -1, "note": "Too short"})
        assert given.json() == {"feedback": {"rating": -1, "note": "Too short"}}
        assert client.get(f"{MESSAGE}/{answer.id}").json()["message"]["feedback"] == {"rating": -1, "note": "Too short"}
        for body in ({}, {"rating": 2}, {"rating": "1"}, {"rating": True}):
            assert client.put(f"{MESSAGE}/{answer.id}/feedback", json=body).status_code == 400
        assert client.delete(f"{MESSAGE}/{answer.id}/feedback").status_code == 204
        assert client.get(f"{MESSAGE}/{answer.id}").json()["message"]["feedback"] is None

        made = client.post(f"{MESSAGE}/{answer.id}/fork")
        assert (made.status_code, made.json()["chat"]["title"], made.json()["chat"]["message_count"]) == (
            201,
            "Tides and the moon (fork)",
            2,
        )

        assert client.delete(f"{MESSAGE}/{asked.id}").json() == {"deleted": 3}
        assert client.get(f"{CHATS}/{chat.id}").json()["chat"]["message_count"] == 0
        assert client.delete(f"{MESSAGE}/{asked.id}").status_code == 404
