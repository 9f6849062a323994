"""What every part of the suite stands on: a filled database, two people in it, and how often a question is asked."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle, islice

from benchmarks.corpus_people import ISSUER, RARE_USER, TOP_USER
from benchmarks.figures import Figure, of_samples
from benchmarks.filling import NOW
from benchmarks.portions import Filling
from chatcore.accounts import local_owner, signed_in
from chatcore.db import Database
from chatcore.parts import Period, Viewer

# The budgets hold for a million messages; at more of them nothing may be more than 3 times slower.
BUDGET_MESSAGES = 1_000_000
SLOWER_BEYOND = 3.0
FEWEST_SAMPLES = 5
# The first whole month of the corpus.
MONTH = Period(datetime(2024, 4, 1, tzinfo=UTC), datetime(2024, 5, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Effort:
    """How often a question is asked, after how many seconds no more, and by which clock: the time that passes, or the time
    the processor works for this thread, which on SQLite is all of it. `imported` messages are written at most, chats of
    about 60 messages deleted, and messages appended."""

    samples: int = 30
    clock: Callable[[], float] = time.perf_counter
    longest_s: float = 3.0
    imported: int = 20_000
    deleted: int = 30
    appended: int = 400


@dataclass(frozen=True, slots=True)
class Ground:
    """The filled database, the person with the most messages, the one with the fewest, and the moment after all of them."""

    db: Database
    filling: Filling
    effort: Effort
    now: datetime = NOW

    @property
    def people(self) -> dict[str, Viewer]:
        """The two people whose questions are measured, by what they are called in the results."""
        return {"top user": local_owner(self.db, now=self.now), "rare user": person(self.db, RARE_USER)}

    def budget(self, milliseconds: float) -> float:
        """The budget at this number of messages."""
        return milliseconds * (SLOWER_BEYOND if self.filling.messages > BUDGET_MESSAGES else 1)

    def timed(self, questions: Sequence[Callable[[], object]]) -> list[float]:
        """How long these questions take, by turns, in milliseconds, after each was asked once to warm the caches."""
        samples: list[float] = []
        end = time.perf_counter() + self.effort.longest_s
        for ask in questions[: self.effort.samples]:
            ask()
        for ask in islice(cycle(questions), self.effort.samples):
            if time.perf_counter() > end and len(samples) >= FEWEST_SAMPLES:
                break
            samples.append(self.once(ask))
        return samples

    def once(self, ask: Callable[[], object]) -> float:
        """How long a question takes, in milliseconds."""
        started = self.effort.clock()
        ask()
        return (self.effort.clock() - started) * 1000


def person(db: Database, user_id: str) -> Viewer:
    """The viewer for one of the people of the corpus."""
    if user_id == TOP_USER:
        return local_owner(db, now=NOW)
    claims = {"iss": ISSUER, "sub": user_id, "name": user_id.replace("person-", "Person "), "email": f"{user_id}@example.org"}
    return signed_in(db, claims, now=NOW)


def half_and_most(name: str, samples: Sequence[float], *, budget: float | None = None, note: str = "") -> list[Figure]:
    """p50 and p95 of the samples, of which p95 is held to the budget."""
    kept = [round(sample, 3) for sample in samples]
    return [
        Figure(f"{name}, p50", of_samples(name, kept, "ms").value, "ms", note=note),
        of_samples(f"{name}, p95", kept, "ms", percent=95, budget=budget, note=note),
    ]
