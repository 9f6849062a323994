"""The tab Cost, without a browser: with hosted models, with local ones only, and with nothing."""

import random
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from chatcore.core import close_shared
from tests.chatcore.analytics_rows import Maker
from tests.factories import make_title_usage
from tests.pages.frame import Frame, noon_clock

PAGE = Path(__file__).resolve().parents[2] / "pages" / "analytics.py"
pytestmark = pytest.mark.usefixtures("at_noon")
NOW = noon_clock()


def opened(frame: Frame, **params: str) -> AppTest:
    """The tab with these query parameters."""
    at = frame.new()
    at.run()
    at.switch_page(str(PAGE))
    for name, value in {"tab": "Cost", **params}.items():
        at.query_params[name.rstrip("_")] = value
    at.run()
    assert not at.exception
    return at


def write(frame: Frame, *models: tuple[str, str, float | None]) -> None:
    """An answer of each (provider, model, cost)."""
    made = Maker(frame.core.db, frame.viewer, random.Random(4))
    for place, (provider, model, cost) in enumerate(models):
        at = NOW - timedelta(minutes=10 * place + 5)
        made.turn(at, answers=1)
        made.answers[-1] |= {
            "provider": provider, "model_name": model, "state": "complete", "finished_at": at + timedelta(seconds=31), "error_type": None,
            "duration_s": 30.0, "input_tokens": 800, "output_tokens": 200, "usage_source": "reported", "cost": cost,
            "cost_currency": None if cost is None else "USD", "cost_source": None if cost is None else "a list",
        }  # fmt: skip
    made.save()


def table(at: AppTest, name: str) -> pd.DataFrame:
    """The table of a card, not that of its numbers."""
    (frame,) = [found.value for found in at.dataframe if f"analytics.{name}." in found.proto.id]
    return frame


def texts(at: AppTest) -> str:
    return "\n".join(str(element.value) for kind in (at.markdown, at.caption) for element in kind)


@pytest.fixture
def told(frame: Frame, monkeypatch: pytest.MonkeyPatch) -> Frame:
    """The app with a reference model and the watts of this machine."""
    monkeypatch.setenv("CHATCORE_REFERENCE_MODEL", "openai/gpt-5-mini")
    monkeypatch.setenv("CHATCORE_WATTS", "120")
    close_shared()
    return frame


def test_hosted_and_local_models_have_their_cards(told: Frame) -> None:
    write(told, ("openai", "gpt-x", 0.5), ("ollama", "big:cloud", None), ("ollama", "small:3b", None))
    at = opened(told)
    assert [metric.label for metric in at.metric] == ["Cost", "Without a price", "Equivalent", "Energy, an estimate"]
    assert [metric.value for metric in at.metric] == ["$0.5000", "1", "$0.0006", "1.0 Wh"]
    assert len(at.get("vega_lite_chart")) == 1
    assert "The change is against" in texts(at)
    costs = table(at, "costs").set_index("model_name")
    assert costs["kind"].to_dict() == {"gpt-x": "Hosted", "big:cloud": "Hosted", "small:3b": "On this machine"}
    assert costs["cost_usd"].to_dict()["gpt-x"] == 0.5
    assert costs["cost_usd"].isna().to_dict() == {"gpt-x": False, "big:cloud": True, "small:3b": True}
    assert table(at, "equivalents")["model_name"].to_list() == table(at, "energy")["model_name"].to_list() == ["small:3b"]
    assert len(table(at, "token_kinds")) == 3
    # Two files of each of the five cards, and the report.
    assert len(at.get("download_button")) == 1, "the files of a card come when its numbers are looked at"
    assert "CHATCORE_" not in texts(at)


def test_who_has_local_models_only_sees_what_is_free_and_how_to_see_more(frame: Frame) -> None:
    write(frame, ("ollama", "small:3b", None), ("guide", "guide", None))
    at = opened(frame)
    assert [(metric.label, metric.value) for metric in at.metric] == [("Local answers", "1")]
    assert not at.get("vega_lite_chart")
    assert "Models that nobody bills" in texts(at)
    assert "`CHATCORE_REFERENCE_MODEL=openai/gpt-5-mini`" in texts(at)
    assert "`CHATCORE_WATTS=120`" in texts(at)
    assert "bar" not in [word for caption in at.caption for word in str(caption.value).split()]


def test_who_has_hosted_models_only_is_told_nothing_of_local_ones(frame: Frame) -> None:
    write(frame, ("openai", "gpt-x", None))
    at = opened(frame)
    assert [(metric.label, metric.value) for metric in at.metric] == [("Cost", "–"), ("Without a price", "1")]
    assert "No answer of this period has a price that is known here." in texts(at)
    assert "The change is against" not in texts(at), "nothing is compared"
    assert "CHATCORE_" not in texts(at)
    assert "Titles of chats" not in texts(at)


def test_titles_stand_beside_the_answers(frame: Frame) -> None:
    write(frame, ("openai", "gpt-x", 0.5))
    make_title_usage(frame.core.db, frame.viewer, model_name="gpt-y", at=NOW - timedelta(minutes=1), cost=0.25)
    at = opened(frame)
    assert at.metric[0].value == "$0.5000"
    assert "gpt-y" not in table(at, "costs")["model_name"].to_list()
    (titles,) = [found.value for found in at.dataframe if "titles" in found.value]
    (title,) = titles.to_dict("records")
    assert (title["model_name"], title["titles"], title["input_tokens"], title["output_tokens"]) == ("gpt-y", 1, 300, 8)
    assert title["cost_usd"] == 0.25


def test_a_period_without_answers_says_so(frame: Frame) -> None:
    write(frame, ("openai", "gpt-x", 0.5))
    at = opened(frame, from_="2020-01-01", to="2020-01-05")
    assert "Nothing matches this filter" in texts(at)
    assert not at.metric
