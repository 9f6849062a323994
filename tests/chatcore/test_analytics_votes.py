"""Win rates in blind comparisons against the same votes counted by hand, on both engines."""

from collections import Counter
from collections.abc import Hashable, Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatcore.analytics import Filters, Games, messages_behind, quality_report, whole_days, win_rates, win_rates_by_pair
from chatcore.analytics.intervals import wilson
from chatcore.analytics.votes import OF_LEFT, Model, Played, Result, pair_rates_of, rates_of
from chatcore.db import Database
from chatcore.errors import Denied
from chatcore.history import purge_chats
from chatcore.organise.tags import tag_chats
from chatcore.parts import Period, Vote
from tests.chatcore.analytics_rows import MODELS, person, write_beside_a_stranger
from tests.factories import NOW, make_chat, make_pair, make_viewer

EVER = Period(NOW - timedelta(days=365), NOW + timedelta(days=365))
FILTERS = Filters(EVER)
RESULTS_TRIED: tuple[Result | None, ...] = ("wins", "both_bad", None)


def by_hand(votes: list[Played], model: Model, rival: Model | None = None) -> Counter[str]:
    """What a model's votes were, those against one rival or all: looked at one by one, as a person would."""
    found: Counter[str] = Counter()
    for one in votes:
        for own, other, won in ((one.left, one.right, Vote.LEFT), (one.right, one.left, Vote.RIGHT)):
            if own != model or rival not in (None, other):
                continue
            if one.vote in (Vote.BOTH_GOOD, Vote.BOTH_BAD):
                found["ties" if one.vote is Vote.BOTH_GOOD else "both_bad"] += 1
            else:
                found["wins" if one.vote is won else "losses"] += 1
    return found


def check(told: Mapping[Hashable, Any], expected: Counter[str]) -> None:
    """That a row says what was counted by hand."""
    games = expected.total()
    whole = Counter({"games": games}) + expected
    assert all(told[name] == whole[name] for name in ("games", "wins", "losses", "ties", "both_bad"))
    rate = (expected["wins"] + expected["ties"] / 2 + expected["both_bad"] / 2) / games
    around = wilson(rate, games)
    assert (told["win_rate"], told["win_rate_low"], told["win_rate_high"]) == (rate, around.low, around.high)


VOTES = st.builds(
    lambda pair, vote: Played(pair[0], pair[1], vote),
    st.permutations(MODELS).map(lambda models: models[:2]),
    st.sampled_from([*OF_LEFT]),
)


@settings(max_examples=60, deadline=None)
@given(votes=st.lists(VOTES, max_size=40))
def test_any_votes_are_counted_as_by_hand(votes: list[Played]) -> None:
    rates, pairs = rates_of(votes, FILTERS), pair_rates_of(votes, FILTERS)
    assert sorted(rates["games"], reverse=True) == rates["games"].to_list()
    assert rates["games"].sum() == 2 * len(votes) == 2 * pairs["games"].sum()
    assert rates["wins"].sum() == rates["losses"].sum() == (pairs["wins"] + pairs["losses"]).sum()
    met = set()
    for told in rates.to_dict("records"):
        check(told, by_hand(votes, (told["provider"], told["model_name"])))
    for told in pairs.to_dict("records"):
        model, rival = (told["provider"], told["model_name"]), (told["rival_provider"], told["rival_model_name"])
        check(told, by_hand(votes, model, rival))
        assert told["wins"] >= told["losses"], "a pair stands under the one that did better"
        met.add(frozenset((model, rival)))
    assert len(met) == len(pairs)
    assert met == {frozenset((one.left, one.right)) for one in votes}


def test_votes_of_a_period_are_counted_and_lead_to_their_answers(db: Database) -> None:
    viewer = person(db, "ada", NOW)
    rows = write_beside_a_stranger(db, viewer, turns=120, now=NOW, stranger_turns=20).comparisons
    filters = Filters(whole_days(date(2026, 3, 1), date(2026, 4, 5), "Asia/Kathmandu"), time_zone="Asia/Kathmandu")
    inside = rows[(rows["created_at"] >= filters.period.start) & (rows["created_at"] < filters.period.end) & rows["is_blind"]]
    names = [f"{side}_{name}" for side in ("left", "right") for name in ("provider", "model_name")]
    played = [(tuple(map(str, row[:2])), tuple(map(str, row[2:4])), str(row[4])) for row in inside[[*names, "outcome"]].to_numpy().tolist()]
    counted = [Played(left, right, Vote(vote)) for left, right, vote in played if vote in tuple(OF_LEFT) and left != right]  # type: ignore[arg-type]  # pairs
    assert len(counted) > 5, "the history has too few votes to say anything"
    table, pairs = win_rates(db, viewer, filters), win_rates_by_pair(db, viewer, filters)
    assert set(zip(table["provider"], table["model_name"], strict=True)) == {side for one in counted for side in (one.left, one.right)}
    for told in table.to_dict("records"):
        model = (told["provider"], told["model_name"])
        check(told, by_hand(counted, model))
        for result in RESULTS_TRIED:
            behind = messages_behind(db, viewer, filters, games=Games(model, result=result), limit=1_000).items
            assert len(behind) == told[result or "games"]
            assert {message.model_name for message in behind} <= {model[1]}
    first = pairs.to_dict("records")[0]
    games = Games((first["provider"], first["model_name"]), (first["rival_provider"], first["rival_model_name"]))
    assert len(messages_behind(db, viewer, filters, games=games, limit=1_000).items) == 2 * first["games"]
    report = quality_report(db, viewer, filters)
    assert report.win_rates.equals(table)
    assert report.win_rates_by_pair.equals(pairs)
    # With a model chosen its row is the same, and the pairs are those in which it is.
    narrowed = Filters(filters.period, models=("guide",), time_zone=filters.time_zone)
    (guide,) = win_rates(db, viewer, narrowed).to_dict("records")
    assert guide == table[table["model_name"] == "guide"].iloc[0].to_dict()
    assert win_rates_by_pair(db, viewer, narrowed)["games"].sum() == guide["games"]


def test_only_blind_votes_count_and_they_outlive_their_chat(db: Database) -> None:
    ada = make_viewer(db)
    kept, gone = make_chat(db, ada), make_chat(db, ada)
    for vote, is_blind in ((Vote.LEFT, False), (Vote.SKIPPED, True), (None, True), (Vote.BOTH_GOOD, True)):
        make_pair(db, ada, kept.id, vote=vote, is_blind=is_blind)
    make_pair(db, ada, gone.id, vote=Vote.RIGHT)
    tag_chats(db, ada, [kept.id], add=["sea"])
    purge_chats(db, ada, [gone.id])
    (first, _) = win_rates(db, ada, FILTERS).to_dict("records")
    assert (first["model_name"], first["games"], first["wins"], first["losses"], first["ties"]) == ("llama3.2:3b", 2, 0, 1, 1)
    (pair,) = win_rates_by_pair(db, ada, FILTERS).to_dict("records")
    assert (pair["model_name"], pair["rival_model_name"], pair["win_rate"]) == ("qwen3:8b", "llama3.2:3b", 0.75)
    assert win_rates(db, ada, Filters(EVER, tags=("sea",)))["games"].to_list() == [1, 1], "a chat that is gone has no tag"
    assert win_rates(db, ada, Filters(EVER, imported=True)).empty
    assert dict(win_rates(db, ada, Filters(EVER, imported=True)).dtypes) == dict(win_rates(db, ada, FILTERS).dtypes)


def test_everybodys_votes_are_the_owners_to_see(db: Database) -> None:
    owner, bob = make_viewer(db, "Ada", is_owner=True), make_viewer(db, "Bob")
    for viewer in (owner, bob):
        make_pair(db, viewer, make_chat(db, viewer).id, vote=Vote.LEFT)
    assert win_rates(db, owner, Filters(EVER, everybody=True))["games"].to_list() == [2, 2]
    assert win_rates(db, owner, FILTERS)["games"].to_list() == [1, 1]
    with pytest.raises(Denied):
        win_rates(db, bob, Filters(EVER, everybody=True))
