"""Frames as files for people."""

from io import BytesIO

import pandas as pd


def csv_of(frame: pd.DataFrame) -> bytes:
    """The frame as CSV (UTF-8): local days as 2026-03-14, times in UTC. A text that a spreadsheet would run gets a quote in front."""
    shown = frame.copy()
    for name in ("provider", "model_name", "title"):
        if name in shown:
            shown[name] = shown[name].where(~shown[name].str.match(r"[=+\-@\t\r]", na=False), "'" + shown[name])
    # A time without a zone is the midnight of a local day.
    has_days = len(shown.select_dtypes("datetime").columns) > 0
    return shown.to_csv(index=False, date_format="%Y-%m-%d" if has_days else "%Y-%m-%dT%H:%M:%SZ").encode()


def parquet_of(frame: pd.DataFrame) -> bytes:
    """The frame as Parquet: every column with its type, nothing changed."""
    file = BytesIO()
    frame.to_parquet(file, index=False)
    return file.getvalue()


def rows_of(frame: pd.DataFrame) -> list[dict[str, object]]:
    """The frame for JSON, a row each: numbers as they are, None where unknown, local days as 2026-03-14, times in ISO 8601 (UTC)."""
    return [{str(name): json_value(value) for name, value in row.items()} for row in frame.to_dict("records")]


def json_value(value: object) -> object:
    """A cell as JSON knows it."""
    if pd.isna(value):  # type: ignore[call-overload]  # a cell of a frame is an object to the checker
        return None
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat() if value.tzinfo is None else value.isoformat()
    return value
