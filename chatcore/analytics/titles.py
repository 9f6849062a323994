"""What models used to name chats: a ledger of its own, beside the answers, and in none of their numbers."""

import pandas as pd
import sqlalchemy as sa
from sqlmodel import Session

from chatcore.analytics.answers import MODEL
from chatcore.analytics.chats import chats_meant
from chatcore.analytics.filters import Filters
from chatcore.analytics.frames import framed_rows
from chatcore.analytics.statements import between, narrow
from chatcore.db import Database
from chatcore.parts import Viewer
from chatcore.rollup.gather import check_owner
from chatcore.rows import TITLE_USAGE


def titles(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """What did each model use to name chats?

    One row per provider and model that was asked for a title, most titles first: `provider`, `model_name`, `titles` (every
    question for one, also where none came of it, as far as its tokens are known), `titles_estimated` (of these, how many were
    estimated instead of reported), `input_tokens`, `output_tokens`, `titles_with_cost` and `cost_usd` (None if no title has a
    cost). Raises Denied for everybody's if the viewer is not the owner.
    """
    with db.read() as tx:
        return titles_in(tx, viewer, filters)


def titles_in(tx: Session, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """The frame of `titles`."""
    kept = TITLE_USAGE.c
    conditions = [*between(kept.started_at, filters.period), *narrow(TITLE_USAGE, filters)]
    if filters.everybody:
        check_owner(viewer)
    else:
        conditions.append(kept.user_id == viewer.user_id)
    # Nobody brings titles from elsewhere with what they used.
    if filters.imported:
        conditions.append(sa.false())
    in_dollars = sa.case((kept.cost_currency == "USD", kept.cost))
    columns = (
        sa.func.count().label("titles"),
        sa.func.count(sa.case((kept.usage_source == "estimated", 1))).label("titles_estimated"),
        sa.func.sum(kept.input_tokens).label("input_tokens"),
        sa.func.sum(kept.output_tokens).label("output_tokens"),
        sa.func.count(in_dollars).label("titles_with_cost"),
        sa.func.sum(in_dollars).label("cost_usd"),
    )
    chats = chats_meant(tx, viewer, filters)
    if chats is not None:
        conditions.append(kept.session_id.in_(chats))
    statement = sa.select(kept.provider, kept.model_name, *columns).where(*conditions).group_by(kept.provider, kept.model_name)
    rows = tx.execute(statement).all()
    ordered = sorted(rows, key=lambda row: (-row.titles, row.provider, row.model_name))
    counts = ("titles", "titles_estimated", "input_tokens", "output_tokens", "titles_with_cost")
    return framed_rows(ordered, dict.fromkeys(MODEL, "str") | dict.fromkeys(counts, "int64") | {"cost_usd": "float64"})
