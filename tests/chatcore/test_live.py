"""The text of a running answer in memory: read on from anywhere, woken from anywhere."""

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.live import LiveAnswer, Stopwatch, Strand
from chatcore.parts import Offset, State
from tests.answers import LIMIT_S


@given(pieces=st.lists(st.text(max_size=5)), start=st.integers(0, 80), joined_after=st.integers(0, 20))
def test_a_strand_reads_on_from_any_offset(pieces: list[str], start: int, joined_after: int) -> None:
    strand = Strand()
    for number, piece in enumerate(pieces):
        strand.add(piece)
        if number == joined_after:
            strand.whole()
    assert strand.since(start) == "".join(pieces)[start:]
    assert strand.whole() == "".join(pieces)
    assert strand.since(start) == "".join(pieces)[start:]
    assert len(strand) == len("".join(pieces))


def test_a_finished_answer_takes_no_more_text_and_no_second_end() -> None:
    live = LiveAnswer()
    live.add("tide")
    live.finish(State.STOPPED)
    live.add("more")
    live.finish(State.FAILED, "too late")
    update, _ = live.since(Offset())
    assert (update.text, update.state, update.error) == ("tide", State.STOPPED, None)


def test_trouble_is_shown_with_text_but_progress_only_before_it() -> None:
    live = LiveAnswer()
    live.note("Loading.")
    assert live.since(Offset())[0].progress == "Loading."
    live.add("tide")
    assert live.since(Offset())[0].progress is None
    live.trouble("Not saved.")
    assert live.since(Offset())[0].progress == "Not saved."
    live.finish(State.COMPLETE)
    assert live.since(Offset())[0].progress is None


@pytest.mark.parametrize("offset", [Offset(-1, -5), Offset(0, 0)])
def test_a_negative_offset_is_the_start(offset: Offset) -> None:
    live = LiveAnswer()
    live.add("tide", "moon")
    update, _ = live.since(offset)
    assert (update.text, update.reasoning) == ("tide", "moon")


def test_a_thread_waits_until_something_changes() -> None:
    live = LiveAnswer()
    _, version = live.since(Offset())
    assert not live.wait(version, timeout_s=0.0)
    threading.Timer(0.01, live.add, ("tide",)).start()
    assert live.wait(version, LIMIT_S)
    assert live.wait(version, LIMIT_S)


async def test_a_waiter_that_leaves_is_forgotten() -> None:
    live = LiveAnswer()
    _, version = live.since(Offset())
    waiter = asyncio.create_task(live.changed(version))
    await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)
    assert live._waiting == []


def test_a_waiter_whose_event_loop_is_closed_disturbs_nobody() -> None:
    live = LiveAnswer()
    _, version = live.since(Offset())
    loop = asyncio.new_event_loop()
    task = loop.create_task(live.changed(version))
    loop.run_until_complete(asyncio.sleep(0))
    tell = live._waiting[0]
    task.cancel()
    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    loop.close()
    live._waiting.append(tell)
    live.add("tide")
    assert live.since(Offset())[0].text == "tide"


def test_who_is_ahead_gets_nothing_twice() -> None:
    live = LiveAnswer()
    live.add("abc")
    update, _ = live.since(Offset(text=5))
    assert (update.text, update.next) == ("", Offset(text=5))
    live.add("defg")
    update, _ = live.since(update.next)
    assert (update.text, update.next) == ("fg", Offset(text=7))
    live.finish(State.COMPLETE)
    update, _ = live.since(Offset(text=9))
    assert (update.text, update.next) == ("", Offset(text=7))


def test_a_stopwatch_counts_only_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    watch = Stopwatch()
    watch.stop()
    assert watch.seconds is None
    watch.start()
    now[0] += 2
    watch.start()
    assert watch.seconds == 2
    watch.stop()
    now[0] += 50
    watch.stop()
    assert watch.seconds == 2
    watch.start()
    now[0] += 3
    assert watch.seconds == 5
