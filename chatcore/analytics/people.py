"""Who uses what: for the owner of an installation, over everybody. Names and numbers, never a word of what was written."""

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlmodel import Session

from chatcore.analytics.answers import count, model_columns
from chatcore.analytics.chosen import by_model, chosen_rows, compact, local_steps
from chatcore.analytics.filters import Filters, Step, zone
from chatcore.analytics.frames import Values, alphabetical, framed, in_order, texts, utc_times
from chatcore.analytics.numbers import newest, sizes, sums_of
from chatcore.db import Database
from chatcore.parts import Viewer
from chatcore.rollup.cells import together
from chatcore.rollup.gather import USERS, check_owner
from chatcore.rollup.measures import amount
from chatcore.rollup.pages import Rows
from chatcore.rollup.sums import keep_zone


def has_company(db: Database, viewer: Viewer) -> bool:
    """Whether the viewer owns an installation that other people use too."""
    with db.read() as tx:
        return viewer.is_owner and len(tx.execute(sa.select(USERS.c.id).limit(2)).all()) > 1


def keep_sums(db: Database, viewer: Viewer, time_zone: str) -> None:
    """From now on everybody's numbers of the days of this zone are summed up in the background, so that years are counted quickly.

    Only how fast they are depends on it, never what they say. Raises Denied for anybody but the owner of the installation.
    """
    check_owner(viewer)
    keep_zone(db, zone(time_zone).key)


def people(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """Who wrote and asked how much?

    One row per person with anything in the period, most messages first: `user_id`, `name`, `messages`, `answers`, `failed`,
    `input_tokens`, `output_tokens`, `answers_with_usage` and `last_active_at` (UTC). With filters for the viewer alone it is
    their row. Raises Denied if the filters are for everybody and the viewer is not the owner.
    """
    with db.read() as tx:
        rows = chosen_rows(tx, viewer, filters, kinds=("writers", "asked"))
        names = names_of(tx, rows)
    number, writers, asked = len(rows.users), together(rows.writers, "user"), together(rows.asked, "user")
    messages = sums_of(writers, "messages", writers["user"], number)
    sums = count(asked, asked["user"], number, ("answers", "failed", "input_tokens", "output_tokens", "answers_with_usage"))
    active = np.maximum(*(newest(made["user"], amount(made, "last_at"), number) for made in (writers, asked)))
    columns: dict[str, Values] = {"user_id": texts(rows.users), "name": texts(names), "messages": messages, **sums}
    columns["last_active_at"] = utc_times(active)
    order = in_order(-messages, alphabetical(rows.users))
    return framed(columns, order[(messages > 0)[order] | (sums["answers"] > 0)[order]])


def people_models(db: Database, viewer: Viewer, filters: Filters) -> pd.DataFrame:
    """Who asked which model how much?

    One row per person and model that they asked, by name and then most answers first: `user_id`, `name`, `provider`,
    `model_name`, `answers`, `input_tokens`, `output_tokens`, `answers_with_usage`. Raises Denied as `people` does.
    """
    with db.read() as tx:
        rows = chosen_rows(tx, viewer, filters, kinds=("asked",))
        names = names_of(tx, rows)
    pairs, models = by_model(rows.asked, rows.models)
    keys, groups = compact(rows.asked["user"] * max(len(pairs), 1) + models)
    users, own = np.divmod(keys, max(len(pairs), 1))
    asked = {"user_id": texts(rows.users).take(users), "name": texts(names).take(users), **model_columns(pairs, own)}
    sums = count(rows.asked, groups, len(keys), ("answers", "input_tokens", "output_tokens", "answers_with_usage"))
    return framed({**asked, **sums}, in_order(alphabetical(list(zip(names, rows.users, strict=True)))[users], -sums["answers"], own))


def active_people(db: Database, viewer: Viewer, filters: Filters, *, step: Step = "day") -> pd.DataFrame:
    """How many people wrote or were answered?

    One row per day, week (from Monday) or month of the viewer's zone in which anybody did: `start` (its first day, naive
    midnight), `people`, `messages`. Raises Denied as `people` does.
    """
    with db.read() as tx:
        rows = chosen_rows(tx, viewer, filters, kinds=("writers",))
    writers = together(rows.writers, "user")
    starts, steps = local_steps(writers, filters, step)
    pairs, _ = compact(steps * max(len(rows.users), 1) + writers["user"])
    return framed(
        {
            "start": starts,
            "people": sizes(pairs // max(len(rows.users), 1), len(starts)),
            "messages": sums_of(writers, "messages", steps, len(starts)),
        }
    )


def names_of(tx: Session, rows: Rows) -> list[str]:
    """The names of the people in the rows, in their order."""
    found = dict(tx.execute(sa.select(USERS.c.id, USERS.c.name).where(USERS.c.id.in_(rows.users))).all())
    return [found.get(user_id, user_id) for user_id in rows.users]
