"""How much each scenario does."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """Numbers of things and repetitions. `lengths` are the chats, in messages, that one message is appended to,
    `kept` the messages of the database that is backed up and copied."""

    chats: int = 50_000
    lengths: tuple[int, ...] = (10, 1_000, 10_000)
    appends: int = 400
    lists: int = 60
    writers: int = 16
    writing_s: float = 5.0
    starts: int = 5
    opens: int = 9
    open_length: int = 5_000
    stream_tokens: int = 2_000
    stream_rate: int = 200
    streams: int = 3
    kills: int = 5
    kill_after_s: float = 4.0
    stops: int = 10
    clicks: int = 7
    corpus: int = 100_000
    kept: int = 20_000
    transferred: int = 20_000
    large_file: int = 60_000


FULL = Sizes()
# About a minute and a half: to see that everything still works and nothing has become ten times slower.
QUICK = Sizes(
    chats=5_000,
    lengths=(10, 1_000),
    appends=100,
    lists=20,
    writing_s=1.5,
    starts=2,
    opens=3,
    streams=1,
    kills=2,
    stops=3,
    clicks=3,
    corpus=10_000,
    kept=2_000,
    transferred=3_000,
    large_file=5_000,
)
# For the test that the scenarios run at all.
TINY = Sizes(
    chats=60, lengths=(2, 20), appends=4, lists=3, writers=4, writing_s=0.2, open_length=120, kept=60, transferred=60, large_file=60
)
