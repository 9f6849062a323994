"""Two models compared over REST: both answers, hidden names, one vote."""

from tests.answers import until
from tests.chatcore.api.conftest import CHATS, Api

GUIDE = {"provider": "guide", "model": "guide"}
RIVAL = {"rival_provider": "scripted", "rival_model": "parrot"}


def test_two_models_are_asked_and_named_after_the_vote(api: Api) -> None:
    with api.client("Ada") as ada:
        chat_id = ada.post(CHATS, json={"title": "Tides"}).json()["chat"]["id"]
        path = f"{CHATS}/{chat_id}/comparisons"
        sent = ada.post(path, json={"text": "Where is my data?", **GUIDE, **RIVAL})
        assert sent.status_code == 201
        compared = sent.json()["comparison"]
        assert (compared["blind"], compared["vote"], compared["left"]["model"], compared["right"]["provider"]) == (True, None, None, None)
        vote = f"/api/v1/comparisons/{compared['id']}/vote"
        assert ada.post(vote, json={"vote": "left"}).status_code == 409
        api.provider.write("In a file.")
        api.provider.finish()
        answers = [compared[side]["answer_id"] for side in ("left", "right")]
        until(lambda: {ada.get(f"/api/v1/messages/{answer}").json()["message"]["state"] for answer in answers} == {"complete"})
        assert ada.get(path).json() == {"comparisons": [compared]}
        for body in ({"vote": "best"}, {}, {"vote": "left", "note": "x"}):
            assert ada.post(vote, json=body).status_code == 400
        voted = ada.post(vote, json={"vote": "right"}).json()["comparison"]
        assert {voted[side]["model"] for side in ("left", "right")} == {"guide", "parrot"}
        assert ada.get(f"/api/v1/comparisons/{compared['id']}").json()["comparison"] == voted
        assert ada.post(vote, json={"vote": "left"}).status_code == 409
        assert ada.get(f"{CHATS}/{chat_id}/messages").json()["messages"][-1]["id"] == answers[1]


def test_what_cannot_be_compared_is_told_by_field(api: Api) -> None:
    with api.client("Ada") as ada:
        chat_id = ada.post(CHATS, json={"title": "Tides"}).json()["chat"]["id"]
        path = f"{CHATS}/{chat_id}/comparisons"
        for body, said in (
            ({**GUIDE, **RIVAL}, "'text' is missing"),
            ({"text": "hi", **GUIDE}, "'rival_provider' is missing"),
            ({"text": "hi", **GUIDE, "rival_provider": "guide"}, "'rival_model' is missing"),
            ({"text": "hi", **GUIDE, **RIVAL, "tools": True}, "'tools'"),
            ({"text": "hi", **GUIDE, "rival_provider": "guide", "rival_model": "guide"}, "with itself"),
            ({"text": "hi", **GUIDE, "rival_provider": "nobody", "rival_model": "m"}, "'nobody'"),
        ):
            refused = ada.post(path, json=body)
            assert (refused.status_code, said in refused.text) == (400, True), body
        assert ada.get(path).json() == {"comparisons": []}
