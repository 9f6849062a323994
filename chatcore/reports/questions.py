"""The questions of `chatcore.analytics` by their names, for who asks them one by one.

A question that is new there is added to the tuple; a test is red until it is.
"""

import inspect
import typing
from collections.abc import Callable
from datetime import datetime

import pandas as pd

from chatcore import analytics
from chatcore.analytics import Filters, Rates
from chatcore.analytics.filters import FineStep, previous_period
from chatcore.db import Database
from chatcore.errors import Invalid
from chatcore.parts import Period, Viewer

ALL = (
    analytics.tiles,
    analytics.messages_per_day,
    analytics.tokens_per_day,
    analytics.models,
    analytics.busy_hours,
    analytics.speed,
    analytics.speed_over_time,
    analytics.outcomes,
    analytics.outcomes_over_time,
    analytics.feedback,
    analytics.win_rates,
    analytics.win_rates_by_pair,
    analytics.compare_periods,
    analytics.calendar,
    analytics.streaks,
    analytics.activity_over_time,
    analytics.top_chats,
    analytics.chat_lengths,
    analytics.chat_depth,
    analytics.people,
    analytics.people_models,
    analytics.active_people,
    analytics.costs,
    analytics.cost_over_time,
    analytics.token_kinds,
    analytics.equivalents,
    analytics.energy,
    analytics.tools,
    analytics.tool_tiles,
    analytics.tools_over_time,
    analytics.tool_servers,
    analytics.tool_models,
    analytics.tool_errors,
    analytics.tool_rounds,
    analytics.context,
    analytics.context_fill,
    analytics.titles,
)
QUESTIONS: dict[str, Callable[..., pd.DataFrame]] = {question.__name__: question for question in ALL}


NO_RATES = Rates()


def ask(
    db: Database,
    viewer: Viewer,
    name: str,
    filters: Filters,
    *,
    now: datetime,
    step: FineStep | None = None,
    other: Period | None = None,
    rates: Rates = NO_RATES,
) -> pd.DataFrame:
    """What a question answers. `now` goes to those that compare, `step` to those that can be asked by day, week or month, `other` to
    those that compare with any period (without it that is the one before), and `rates` to those about local models.

    Raises Invalid for a name that is no question, and for a step or another period that the question does not have.
    """
    question = QUESTIONS[known_name(name)]
    takes = inspect.signature(question).parameters
    if step and "step" not in takes:
        stepped = [other for other, asked in QUESTIONS.items() if "step" in inspect.signature(asked).parameters]
        raise Invalid(f"{name} has no step to choose.", f"Leave it out, or ask {' or '.join(stepped)}.")
    if step and step not in (steps := typing.get_args(typing.get_type_hints(question)["step"])):
        raise Invalid(f"{name} cannot be asked by {step}.", f"Ask it by {' or '.join(steps)}.")
    if other and "other" not in takes:
        raise Invalid(f"{name} compares with no other period.", "Leave it out, or ask compare_periods.")
    before = other or previous_period(filters.period, filters.time_zone, now=now)
    given = {"now": now, "step": step or "day", "other": before, "reference": rates.reference, "watts": rates.watts}
    return question(db, viewer, filters, **{part: value for part, value in given.items() if part in takes})


def known_name(name: str) -> str:
    """The name as it is called here; a hyphen is as good as an underscore. Raises Invalid for one that is no question."""
    found = name.replace("-", "_")
    if found not in QUESTIONS:
        raise Invalid(f"There is no question {name!r}.", f"Ask one of {', '.join(QUESTIONS)}.")
    return found


def meaning(name: str) -> str:
    """What a question asks, in a sentence: the first line of what its function says of itself."""
    return (inspect.getdoc(QUESTIONS[known_name(name)]) or "").partition("\n")[0]
