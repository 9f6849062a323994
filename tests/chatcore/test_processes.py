"""Telling dead processes from living ones, and from those that cannot be seen from here."""

import os
import socket
import subprocess
import sys

import pytest

from chatcore.processes import UNKNOWN, is_gone, may_live, namespace, new_owner, start_mark

HOST = socket.gethostname()


def owner_of(pid: int, *, host: str = HOST, space: str | None = None, start: str | None = None) -> str:
    return f"{host}:{pid}:{namespace() if space is None else space}.{start or start_mark(pid) or UNKNOWN}.abcd"


def test_this_process_lives_and_two_owners_differ() -> None:
    assert new_owner() != new_owner()
    assert not is_gone(new_owner())


def test_a_killed_process_is_gone_even_before_its_parent_has_looked() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = owner_of(child.pid)
    assert not is_gone(owner)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(owner)
    child.communicate()
    assert is_gone(owner)


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="this system does not tell when a process started")
def test_a_process_that_got_an_old_id_again_is_another_one() -> None:
    assert is_gone(owner_of(os.getpid(), start="123"))


@pytest.mark.parametrize(
    "owner",
    [owner_of(4_000_000, host="elsewhere"), owner_of(4_000_000, space="4026530000"), "test:1:running", "", "a:b:c.d.e", f"{HOST}:-1:x.y.z"],
    ids=["another host", "another container", "another program", "empty", "no number", "negative"],
)
def test_what_cannot_be_seen_from_here_is_not_called_gone(owner: str) -> None:
    assert not is_gone(owner)


def test_without_a_start_time_a_signal_tells() -> None:
    assert may_live(os.getpid())
    assert not is_gone(owner_of(os.getpid(), start=UNKNOWN))
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert not may_live(child.pid)
