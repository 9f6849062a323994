"""The calendar has a cell for each day, in the column of its week; the bars of lengths keep their order."""

import pandas as pd

from chatcore.reports import habits
from chatcore.reports.series import WEEKDAYS
from tests.chatcore.reports.test_habits import calendar
from ui.analytics.habit_charts import calendar_chart, lengths_chart


def test_a_day_stands_in_the_column_of_its_week_and_the_row_of_its_weekday() -> None:
    frame = calendar([0, 3, 9, 1, 2, 0])
    spec = calendar_chart(frame, habits.tops_of(frame["messages"])).to_dict()
    (rows,) = spec["datasets"].values()
    assert [row["week"] for row in rows] == ["2026-03-02"] * 5 + ["2026-03-09"]
    assert [row["weekday"] for row in rows] == ["Wed", "Thu", "Fri", "Sat", "Sun", "Mon"]
    assert spec["encoding"]["y"]["scale"]["domain"] == list(WEEKDAYS)
    assert [row["fullness"] for row in rows] == [0.08, 0.77, 1.0, 0.31, 0.54, 0.08]
    assert rows[2]["when"] == "Friday 6 March 2026"


def test_months_are_named_over_a_year_and_mondays_over_a_month() -> None:
    year, month = (calendar_chart(calendar([1] * days), (1,)).to_dict()["encoding"]["x"] for days in (365, 30))
    assert len(year["scale"]["domain"]) == 53
    assert len(year["axis"]["values"]) in (12, 13)
    assert month["axis"]["values"] == ["2026-03-02", "2026-03-23"]
    week = calendar_chart(calendar([1] * 7), (1,)).to_dict()["encoding"]["x"]
    assert week["axis"]["values"] == ["2026-03-02"], "two names over two weeks would lie on each other"


def test_lengths_are_drawn_from_short_to_long() -> None:
    lengths = pd.DataFrame(
        {"messages_from": [1, 2, 3, 5], "messages_to": [1, 2, 4, 8], "chats": [0, 4, 2, 1], "share": [0, 4 / 7, 2 / 7, 1 / 7]}
    )
    spec = lengths_chart(lengths).to_dict()
    assert spec["encoding"]["x"]["scale"]["domain"] == ["1", "2", "3 to 4", "5 to 8", "9 to 16"], "a bar alone would fill the card"
    (rows,) = spec["datasets"].values()
    assert sum(row["chats"] for row in rows) == 7
