"""What was used: messages, tokens, speed, outcomes and cost, asked of the database one statement a question.

Every function takes `(db, viewer, filters)`, counts only what is the viewer's and returns a frame with units in its
column names. docs/analytics.md says how each number is counted.
"""

from chatcore.analytics.against import Against, Pair, pair_of, read_against
from chatcore.analytics.answers import known_models, models, tokens_per_day
from chatcore.analytics.behind import AnswerBehind, MessageBehind, answers_behind, messages_behind
from chatcore.analytics.chats import Places, folder_paths, known_places
from chatcore.analytics.compare import compare_periods
from chatcore.analytics.context import context, context_fill
from chatcore.analytics.costs import CostReport, Rates, cost_over_time, cost_report, costs, energy, equivalents, token_kinds
from chatcore.analytics.definitions import DEFINITIONS
from chatcore.analytics.details_behind import CallBehind, CallsMeant, FillsMeant, calls_behind, fills_behind
from chatcore.analytics.filters import Filters, previous_period, whole_days
from chatcore.analytics.habits import Habits, activity_over_time, calendar, habits, streaks
from chatcore.analytics.lengths import chat_depth, chat_lengths, top_chats
from chatcore.analytics.messages import busy_hours, messages_per_day
from chatcore.analytics.people import active_people, has_company, keep_sums, people, people_models
from chatcore.analytics.quality import QualityReport, feedback, outcomes, outcomes_over_time, quality_report
from chatcore.analytics.samples import Verdict
from chatcore.analytics.speed import SpeedReport, speed, speed_over_time, speed_report
from chatcore.analytics.tiles import Activity, Report, activity, report, tiles
from chatcore.analytics.titles import titles
from chatcore.analytics.tools import (
    ToolReport,
    tool_errors,
    tool_models,
    tool_report,
    tool_rounds,
    tool_servers,
    tool_tiles,
    tools,
    tools_over_time,
)
from chatcore.analytics.votes import Games, win_rates, win_rates_by_pair

__all__ = [
    "DEFINITIONS",
    "Activity",
    "Against",
    "AnswerBehind",
    "CallBehind",
    "CallsMeant",
    "CostReport",
    "FillsMeant",
    "Filters",
    "Games",
    "Habits",
    "MessageBehind",
    "Pair",
    "Places",
    "QualityReport",
    "Rates",
    "Report",
    "SpeedReport",
    "ToolReport",
    "Verdict",
    "active_people",
    "activity",
    "activity_over_time",
    "answers_behind",
    "busy_hours",
    "calendar",
    "calls_behind",
    "chat_depth",
    "chat_lengths",
    "compare_periods",
    "context",
    "context_fill",
    "cost_over_time",
    "cost_report",
    "costs",
    "energy",
    "equivalents",
    "feedback",
    "fills_behind",
    "folder_paths",
    "habits",
    "has_company",
    "keep_sums",
    "known_models",
    "known_places",
    "messages_behind",
    "messages_per_day",
    "models",
    "outcomes",
    "outcomes_over_time",
    "pair_of",
    "people",
    "people_models",
    "previous_period",
    "quality_report",
    "read_against",
    "report",
    "speed",
    "speed_over_time",
    "speed_report",
    "streaks",
    "tiles",
    "titles",
    "token_kinds",
    "tokens_per_day",
    "tool_errors",
    "tool_models",
    "tool_report",
    "tool_rounds",
    "tool_servers",
    "tool_tiles",
    "tools",
    "tools_over_time",
    "top_chats",
    "whole_days",
    "win_rates",
    "win_rates_by_pair",
]
