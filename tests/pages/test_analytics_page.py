"""The analytics page, without a browser: what it shows for nothing, for something, for a filter and for a wrong URL."""

import random
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from chatcore.history import all_messages, list_chats
from chatcore.organise.folders import delete_folder, make_folder, move_chats
from chatcore.organise.tags import delete_tag, list_tags, tag_chats
from chatcore.parts import Viewer, Vote
from tests.chatcore.analytics_rows import TABLES, Maker
from tests.factories import make_chat, make_pair, make_viewer
from tests.pages.frame import Frame, noon_clock

PAGE = Path(__file__).resolve().parents[2] / "pages" / "analytics.py"
pytestmark = pytest.mark.usefixtures("at_noon")
NOW = noon_clock()


def opened(frame: Frame, time_zone: str | None = None, **params: str | Sequence[str]) -> AppTest:
    """The analytics page with these query parameters, in a browser of this zone."""
    at = frame.new()
    at.run()
    at.switch_page(str(PAGE))
    if time_zone:
        at.context["timezone"] = time_zone
    for name, value in params.items():
        at.query_params[name.rstrip("_")] = value if isinstance(value, str) else list(value)
    at.run()
    assert not at.exception
    return at


def write(frame: Frame, *, turns: int = 30, days_ago: int = 0, viewer: Viewer | None = None) -> None:
    """So many prompts, each with an answer, an hour apart."""
    maker = Maker(frame.core.db, viewer or frame.viewer, random.Random(4))
    for n in range(turns):
        maker.turn(NOW - timedelta(days=days_ago, minutes=10 * n), answers=1)
    maker.save()


def params(at: AppTest, name: str) -> list[str]:
    """What stands in the URL under a name."""
    value = at.query_params.get(name, [])
    return [value] if isinstance(value, str) else list(value)


def tiles(at: AppTest) -> dict[str, tuple[str, str]]:
    return {metric.label: (metric.value, metric.delta) for metric in at.metric}


def models_of(at: AppTest) -> pd.DataFrame:
    """The table of models; each card has its numbers in a table of their own besides."""
    (frame,) = [table.value for table in at.dataframe if "analytics.models." in table.proto.id]
    return frame


def texts(at: AppTest) -> str:
    return "\n".join(str(element.value) for kind in (at.markdown, at.caption, at.info) for element in kind)


def test_the_title_is_there_before_pandas_and_the_charts_are_loaded() -> None:
    at_the_top = [line for line in PAGE.read_text().splitlines() if line.startswith(("import ", "from "))]
    assert at_the_top == ["import streamlit as st"]


def test_before_the_first_chat_the_page_says_what_will_be_here_and_starts_a_chat(frame: Frame) -> None:
    at = opened(frame)
    assert "Nothing to count yet" in texts(at)
    assert not at.get("vega_lite_chart")
    at.button(key="analytics.start").click().run()
    assert not at.exception
    assert "Nothing to count yet" not in texts(at)


def test_the_page_shows_tiles_charts_table_and_files(frame: Frame) -> None:
    write(frame)
    at = opened(frame)
    assert list(tiles(at)) == [
        "Messages", "Chats", "Active days", "Tokens in", "Tokens out", "Time to first chunk", "Tokens per second", "Failed answers",
    ]  # fmt: skip
    assert tiles(at)["Messages"] == ("60", "New")
    assert len(at.get("vega_lite_chart")) == 3
    assert sum(models_of(at)["answers"]) == 30
    # What is behind "Numbers" is not sent before somebody looks.
    assert (len(at.get("download_button")), len(at.dataframe)) == (1, 1)
    numbers_of(at, "busy_hours")
    # Two files of the card, and the report.
    assert len(at.get("download_button")) == 3
    assert "30 finished answers" in texts(at) or "answers being written" in texts(at)


def test_the_speed_tab_is_in_the_url_and_asks_only_its_own_questions(frame: Frame) -> None:
    write(frame)
    at = opened(frame, tab="Speed")
    assert "Speed of each model" in texts(at)
    assert "How answers ended" not in texts(at), "they are on the tab Quality"
    assert not at.metric, "the tiles belong to the other tab"
    (speed,) = [table.value for table in at.dataframe if "analytics.speed." in table.proto.id]
    assert set(speed["model_name"]) <= {"guide", "llama3.2:3b", "qwen3:8b"}
    assert len(at.get("vega_lite_chart")) == 2


def test_the_activity_tab_shows_days_runs_and_chats(frame: Frame) -> None:
    write(frame)
    at = opened(frame, tab="Activity")
    shown = texts(at)
    for title in ("Calendar", "Days in a row", "A typical chat", "Messages over time", "Length of chats", "Top chats"):
        assert f"**{title}**" in shown
    assert [metric.label for metric in at.metric] == ["Current streak", "Longest streak", "Messages per chat", "Prompts per chat"]
    (top,) = [table.value for table in at.dataframe if "analytics.top_chats." in table.proto.id]
    assert sum(top["messages"]) == 60
    assert len(at.get("vega_lite_chart")) == 3


def test_messages_over_time_have_the_steps_that_suit_the_period(frame: Frame) -> None:
    write(frame)
    at = opened(frame, tab="Activity", range="7d")
    assert at.segmented_control(key="analytics.step").value == "day"
    at.segmented_control(key="analytics.step").set_value("hour").run()
    assert not at.exception
    assert params(at, "by") == ["hour"]
    numbers = numbers_of(at, "activity_over_time")
    assert (len(numbers), numbers["messages"].sum()) == (7 * 24, 60)
    at.selectbox(key="analytics.range").set_value("12m").run()
    assert not at.exception
    assert at.segmented_control(key="analytics.step").value == "week"
    at.selectbox(key="analytics.range").set_value("7d").run()
    assert at.segmented_control(key="analytics.step").value == "hour"
    at.segmented_control(key="analytics.step").set_value("day").run()
    assert params(at, "by") == []
    assert opened(frame, tab="Activity", range="7d", by="<b>").segmented_control(key="analytics.step").value == "day"


def test_more_than_a_year_has_a_choice_of_years(frame: Frame) -> None:
    write(frame, days_ago=500)
    write(frame, turns=1)
    at = opened(frame, tab="Activity", range="all")
    assert at.selectbox(key="analytics.year").options[0] == "Last 12 months"
    year = str((NOW - timedelta(days=500)).year)
    at.selectbox(key="analytics.year").set_value(year).run()
    assert not at.exception
    assert params(at, "year") == [year]
    assert opened(frame, tab="Activity", range="all", year=year).selectbox(key="analytics.year").value == year
    assert "Busiest:" in texts(at)
    assert "analytics.year" not in {box.key for box in opened(frame, tab="Activity", range="12m").selectbox}


def test_a_period_without_messages_says_so_on_the_activity_tab(frame: Frame) -> None:
    write(frame)
    at = opened(frame, tab="Activity", from_="2020-01-01", to="2020-01-05")
    assert "You have no messages in this period" in texts(at)
    assert not at.metric


def test_a_period_without_answers_says_so_on_the_speed_tab_too(frame: Frame) -> None:
    write(frame)
    at = opened(frame, tab="Speed", from_="2020-01-01", to="2020-01-05")
    assert "Nothing matches this filter" in texts(at)
    assert "You have no answers in this period" in texts(at)
    at.button(key="analytics.reset").click().run()
    assert not at.exception
    assert "Speed of each model" in texts(at)


def numbers_of(at: AppTest, name: str) -> pd.DataFrame:
    """What is behind "Numbers" of a card, once it is opened."""
    before = len(at.dataframe)
    at.session_state[f"analytics.numbers.{name}"] = True
    at.run()
    assert not at.exception
    assert len(at.dataframe) == before + 1
    (frame,) = [table.value for table in at.dataframe if not table.proto.id]
    return frame


def table_of(at: AppTest, name: str) -> pd.DataFrame:
    """The table of a card, beside its numbers."""
    (frame,) = [table.value for table in at.dataframe if f"analytics.{name}." in table.proto.id]
    return frame


def test_the_quality_tab_shows_how_answers_ended_and_what_was_thought_of_them(frame: Frame) -> None:
    write(frame)
    at = opened(frame, tab="Quality")
    assert sum(table_of(at, "outcomes")["answers"]) == 30
    assert len(at.get("vega_lite_chart")) == 1
    with frame.core.db.read() as tx:
        rated = tx.execute(sa.text("SELECT count(*) FROM feedback")).scalar_one()
    assert sum(table_of(at, "feedback")["rated_answers"]) == rated > 0


def test_the_quality_tab_shows_who_won_blind_comparisons(frame: Frame) -> None:
    made = make_chat(frame.core.db, frame.viewer, now=NOW)
    for vote in (Vote.LEFT, Vote.BOTH_GOOD):
        make_pair(frame.core.db, frame.viewer, made.id, vote=vote, now=NOW)
    at = opened(frame, tab="Quality")
    rates = table_of(at, "win_rates")
    assert dict(zip(rates["model_name"], rates["win_rate"], strict=True)) == {"llama3.2:3b": 75.0, "qwen3:8b": 25.0}
    assert table_of(at, "win_rates_by_pair")[["model_name", "rival_model_name", "games"]].to_numpy().tolist() == [
        ["llama3.2:3b", "qwen3:8b", 2]
    ]


def test_where_nobody_rated_nothing_is_said_of_ratings(frame: Frame) -> None:
    write(frame)
    with frame.core.db.write() as tx:
        tx.execute(sa.text("DELETE FROM feedback"))
    at = opened(frame, tab="Quality")
    assert "Nobody has voted in this period." in texts(at)
    assert "Feedback" not in texts(at)
    assert "How answers ended" in texts(at)


def test_the_compare_tab_says_what_changed_since_the_period_before(frame: Frame) -> None:
    write(frame, turns=40)
    write(frame, turns=40, days_ago=35)
    at = opened(frame, tab="Compare")
    table = table_of(at, "compare.previous")
    assert list(table["label"])[:2] == ["Tokens per second", "First chunk"]
    assert set(table["verdict"].str.partition(":")[0]) <= {"More than noise", "Could be noise", "Too little to say"}
    assert "would look like more than noise by chance" in texts(at)
    assert set(table_of(at, "models.compare.previous")["model_name"]) == {"guide", "llama3.2:3b", "qwen3:8b"}
    assert not at.metric
    assert params(at, "vs") == []


def test_what_is_compared_with_is_chosen_on_the_page_and_stands_in_the_url(frame: Frame) -> None:
    write(frame, turns=40)
    write(frame, turns=10, days_ago=4)
    at = opened(frame, tab="Compare", range="7d")
    at.selectbox(key="analytics.vs").set_value("day").run()
    assert not at.exception
    assert params(at, "vs") == [(NOW - timedelta(days=3)).date().isoformat()]
    at.date_input(key="analytics.vs_day").set_value((NOW - timedelta(days=1)).date()).run()
    assert params(at, "vs") == [(NOW - timedelta(days=1)).date().isoformat()]
    assert "On fewer than 7 days" in texts(at)
    at.selectbox(key="analytics.vs").set_value("days").run()
    assert not at.exception
    first, last = ((NOW - timedelta(days=days)).date() for days in (13, 7))
    assert params(at, "vs") == [f"{first.isoformat()}..{last.isoformat()}"]
    at.date_input(key="analytics.vs_days").set_value((first, first)).run()
    assert params(at, "vs") == [f"{first.isoformat()}..{first.isoformat()}"]
    at.selectbox(key="analytics.vs").set_value("previous").run()
    assert not at.exception
    assert params(at, "vs") == []


def test_a_wrong_comparison_in_the_url_is_told_and_ignored(frame: Frame) -> None:
    write(frame)
    write(frame, days_ago=35)
    at = opened(frame, tab="Compare", vs="<b>")
    assert [info.value for info in at.info] == ["The address names nothing to compare with; the period before is shown."]
    assert len(table_of(at, "compare.previous")) == 9


def test_a_comparison_of_nothing_says_what_to_do(frame: Frame) -> None:
    write(frame)
    at = opened(frame, tab="Compare", range="all")
    assert [info.value for info in at.info] == ["There is nothing before all time. Choose a day to compare before and after it."]
    at = opened(frame, tab="Compare", from_="2020-01-01", to="2020-01-31", vs="year")
    assert "There are no messages and no answers from 1 to 31 Jan 2019 and none from 1 to 31 Jan 2020." in texts(at)
    at = opened(frame, tab="Compare", vs="year")
    assert "Nothing to compare" in texts(at)
    assert not at.dataframe


def test_all_time_has_nothing_to_compare_with(frame: Frame) -> None:
    write(frame, days_ago=3)
    at = opened(frame, range="all")
    assert {delta for _, delta in tiles(at).values()} <= {"", None}


def test_a_model_in_the_url_narrows_everything_and_shows_in_the_filter(frame: Frame) -> None:
    write(frame)
    at = opened(frame, model="guide")
    assert at.multiselect(key="analytics.models").value == ["guide"]
    assert models_of(at)["model_name"].to_list() == ["guide"]
    narrowed = int(tiles(at)["Messages"][0])
    assert 0 < narrowed < 60


def test_a_filter_chosen_on_the_page_goes_into_the_url(frame: Frame) -> None:
    write(frame)
    at = opened(frame)
    at.multiselect(key="analytics.models").set_value(["guide", "qwen3:8b"]).run()
    at.selectbox(key="analytics.range").set_value("90d").run()
    assert not at.exception
    assert params(at, "model") == ["guide", "qwen3:8b"]
    assert params(at, "range") == ["90d"]
    at.multiselect(key="analytics.models").set_value([]).run()
    at.selectbox(key="analytics.range").set_value("30d").run()
    assert params(at, "model") == []
    assert params(at, "range") == []


def test_a_custom_range_starts_with_the_days_that_were_shown(frame: Frame) -> None:
    write(frame)
    at = opened(frame, range="7d")
    at.selectbox(key="analytics.range").set_value("custom").run()
    assert not at.exception
    assert params(at, "from") == [(NOW - timedelta(days=6)).date().isoformat()]
    assert params(at, "to") == [NOW.date().isoformat()]
    at.date_input(key="analytics.dates").set_value((NOW.date(), NOW.date())).run()
    assert params(at, "from") == [NOW.date().isoformat()]


def test_unknown_values_in_the_url_are_told_and_ignored(frame: Frame) -> None:
    write(frame)
    at = opened(frame, model=["nix", "guide"], provider="acme", range="9d")
    assert [info.value for info in at.info] == [
        "There is no range “9d”; the last 30 days are shown.",
        "You have not used a provider named “acme”, so it is left out of the filter.",
        "You have not used a model named “nix”, so it is left out of the filter.",
    ]
    assert models_of(at)["model_name"].to_list() == ["guide"]


def arrange(frame: Frame) -> dict[str, int]:
    """The newest chat has a tag and lies in a folder in a folder; the ids of the folders, and how many messages it has."""
    db, viewer = frame.core.db, frame.viewer
    chat = list_chats(db, viewer).items[0]
    tag_chats(db, viewer, [chat.id], add=["Tea"])
    work = make_folder(db, viewer, name="Work")
    plans = make_folder(db, viewer, name="Plans", parent_id=work.id)
    move_chats(db, viewer, [chat.id], folder_id=plans.id)
    return {"Work": work.id, "Plans": plans.id, "messages": len(all_messages(db, viewer, chat.id).items)}


def shown_filters(at: AppTest) -> list[str]:
    return [widget.label for kind in (at.multiselect, at.selectbox) for widget in kind]


def test_who_has_no_tag_no_folder_and_nothing_imported_is_not_asked_for_them(frame: Frame) -> None:
    write(frame)
    assert shown_filters(opened(frame)) == ["Models", "Providers", "Period", "Messages written by"]
    arrange(frame)
    assert shown_filters(opened(frame)) == ["Models", "Providers", "Tags", "Period", "Folder", "Messages written by"]
    message = all_messages(frame.core.db, frame.viewer, list_chats(frame.core.db, frame.viewer).items[0].id).items[0]
    with frame.core.db.write() as tx:
        ref = {"source": "s", "kind": "message", "external_id": "1", "user_id": frame.viewer.user_id, "message_id": message.id}
        tx.execute(TABLES["importref"].insert().values(**ref, imported_at=NOW))
    assert "Origin" in shown_filters(opened(frame))
    assert tiles(opened(frame, origin="imported"))["Messages"][0] == "1"
    assert tiles(opened(frame, origin="live"))["Messages"][0] == "59"


def test_a_tag_and_a_folder_in_the_url_narrow_everything_and_show_in_the_filter(frame: Frame) -> None:
    write(frame)
    made = arrange(frame)
    for params in ({"tag": "tea"}, {"folder": str(made["Work"])}, {"folder": str(made["Plans"]), "tag": "TEA"}):
        at = opened(frame, **params)
        assert tiles(at)["Messages"][0] == str(made["messages"])
        assert at.multiselect(key="analytics.tags").value == (["Tea"] if "tag" in params else [])
        assert at.selectbox(key="analytics.folder").value == int(params.get("folder", -1))
    assert tiles(opened(frame, folder="0"))["Messages"][0] == str(60 - made["messages"])


def test_a_role_narrows_the_messages_and_leaves_the_models(frame: Frame) -> None:
    write(frame)
    at = opened(frame, role="user")
    assert tiles(at)["Messages"][0] == "30"
    assert sum(models_of(at)["answers"]) == 30
    assert at.selectbox(key="analytics.role").value == "user"


def test_more_filters_go_into_the_url_are_counted_and_can_be_cleared(frame: Frame) -> None:
    write(frame)
    made = arrange(frame)
    at = opened(frame, model="guide")
    at.multiselect(key="analytics.tags").set_value(["Tea"]).run()
    at.selectbox(key="analytics.folder").set_value(made["Work"]).run()
    at.selectbox(key="analytics.role").set_value("assistant").run()
    assert not at.exception
    assert [params(at, name) for name in ("tag", "folder", "role", "origin")] == [["Tea"], [str(made["Work"])], ["assistant"], []]
    assert "More filters (3)" in [popover.proto.popover.label for popover in at.get("popover")]
    at.button(key="analytics.clear").click().run()
    assert not at.exception
    assert [params(at, name) for name in ("tag", "folder", "role", "model")] == [[], [], [], ["guide"]]
    assert at.selectbox(key="analytics.role").value == ""
    assert "More filters" in [popover.proto.popover.label for popover in at.get("popover")]


def test_a_tag_and_a_folder_that_go_while_they_are_chosen_are_told(frame: Frame) -> None:
    write(frame)
    made = arrange(frame)
    at = opened(frame, tag="Tea", folder=str(made["Plans"]))
    (tag,) = list_tags(frame.core.db, frame.viewer)
    delete_tag(frame.core.db, frame.viewer, tag.id)
    delete_folder(frame.core.db, frame.viewer, made["Plans"])
    at.run()
    assert not at.exception
    assert len(at.info) == 2
    assert at.selectbox(key="analytics.folder").value == -1
    assert tiles(at)["Messages"][0] == "60"


def test_what_another_has_is_told_as_unknown(frame: Frame) -> None:
    write(frame)
    bob = make_viewer(frame.core.db, "Bob")
    folder = make_folder(frame.core.db, bob, name="Work")
    tag_chats(frame.core.db, bob, [make_chat(frame.core.db, bob).id], add=["secret"])
    at = opened(frame, folder=str(folder.id), tag="secret", role="system")
    assert [info.value for info in at.info] == [
        "You have no tag named “secret”, so it is left out of the filter.",
        "The folder of this address is not among yours, so chats of every folder are counted.",
        "There is no role “system”, so it is left out of the filter.",
    ]
    assert tiles(at)["Messages"][0] == "60"


def test_another_choice_begins_without_the_mark_of_the_one_before(frame: Frame) -> None:
    write(frame)
    made = arrange(frame)
    keys = set()
    for params in ({}, {"tag": "tea"}, {"folder": str(made["Work"])}, {"role": "user"}, {"origin": "live"}):
        (table,) = [table for table in opened(frame, **params).dataframe if "analytics.models." in table.proto.id]
        keys.add(table.proto.id)
    assert len(keys) == 5


def test_a_filter_that_matches_nothing_says_so_and_can_be_reset(frame: Frame) -> None:
    write(frame)
    at = opened(frame, from_="2020-01-01", to="2020-01-31", model="guide")
    assert "Nothing matches this filter" in texts(at)
    assert not at.metric
    at.button(key="analytics.reset").click().run()
    assert not at.exception
    assert params(at, "range") == ["all"]
    assert tiles(at)["Messages"][0] == "60"
    assert at.multiselect(key="analytics.models").value == []


def test_what_happened_since_is_counted_at_once(frame: Frame) -> None:
    write(frame, turns=1, days_ago=1)
    at = opened(frame)
    assert tiles(at)["Messages"][0] == "2"
    write(frame, turns=1)
    at.run()
    assert tiles(at)["Messages"][0] == "4"


def test_another_persons_chats_are_not_counted(frame: Frame) -> None:
    write(frame, viewer=make_viewer(frame.core.db, "Bob"))
    assert "Nothing to count yet" in texts(opened(frame))


def test_the_browsers_time_zone_is_used_and_an_unknown_one_is_utc(frame: Frame) -> None:
    write(frame)
    assert "Times in Asia/Kolkata." in texts(opened(frame, "Asia/Kolkata"))
    assert "Times in UTC." in texts(opened(frame, "Mars/Base"))
