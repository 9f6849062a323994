"""Two models compared over REST: both answers, hidden names, one vote."""

import json

from chatcore.parts import ErrorCode, Failed
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
            ({"text": "hi", **GUIDE, "rival_provider": "guide", "rival_model": "guide"}, "with itself"),
            ({"text": "hi", **GUIDE, "rival_provider": "nobody", "rival_model": "m"}, "'nobody'"),
        ):
            refused = ada.post(path, json=body)
            assert (refused.status_code, said in refused.text) == (400, True), body
        assert ada.get(path).json() == {"comparisons": []}


def test_what_a_blind_answer_says_of_its_model_waits_for_the_vote(api: Api) -> None:
    api.provider.play = (Failed(ErrorCode.MODEL_NOT_FOUND, "parrot is not here.", "Install parrot."),)
    with api.client("Ada") as ada:
        chat_id = ada.post(CHATS, json={"title": "Tides"}).json()["chat"]["id"]
        sent = ada.post(f"{CHATS}/{chat_id}/comparisons", json={"text": "Why?", **GUIDE, **RIVAL}).json()["comparison"]
        answers = [sent[side]["answer_id"] for side in ("left", "right")]

        def told() -> list[dict[str, object]]:
            return [ada.get(f"/api/v1/messages/{answer}").json()["message"] for answer in answers]

        until(lambda: {str(message["state"]) for message in told()} == {"complete", "failed"})
        events = "".join(ada.get(f"/api/v1/messages/{answer}/events").text for answer in answers)
        stopped = [ada.post(f"/api/v1/messages/{answer}/stop", json={}).text for answer in answers]
        listed = ada.get(f"{CHATS}/{chat_id}/messages").json()["messages"]
        hidden = json.dumps([told(), listed, events, stopped])
        assert "parrot" not in hidden
        assert "'guide'" not in hidden.replace('"', "'")
        assert {(message["provider"], message["model"], message["names_hidden"]) for message in told()} == {(None, None, True)}

        ada.post(f"/api/v1/comparisons/{sent['id']}/vote", json={"vote": "skipped"})

        assert {message["model"] for message in told()} == {"guide", "parrot"}
        assert "parrot" in json.dumps([message["generation"] for message in told()])
        assert "parrot" in "".join(ada.get(f"/api/v1/messages/{answer}/events").text for answer in answers)
