"""Which process runs an answer, and whether it still lives.

An owner is written "host:pid:mark". The mark holds the namespace of the process ids, the start time of the process and
a random token: in a container the same id comes back at every start, and two containers may share a host name.
"""

import os
import secrets
import socket
import sys
from pathlib import Path

UNKNOWN = "0"


def new_owner() -> str:
    """A name for a Runner of this process that no other one has had."""
    return f"{socket.gethostname()}:{os.getpid()}:{namespace()}.{start_mark(os.getpid()) or UNKNOWN}.{secrets.token_hex(4)}"


def is_gone(owner: str) -> bool:
    """Whether the process that an owner names is known to have ended.

    False for a process that lives, and for one that cannot be seen from here (another host, another container, a system
    that does not tell): of those only the heartbeat tells.
    """
    try:
        host, pid_text, mark = owner.rsplit(":", 2)
        pid = int(pid_text)
        their_namespace, start, _ = mark.split(".")
    except ValueError:
        return False
    if host != socket.gethostname() or their_namespace != namespace() or pid <= 0:
        return False
    if start != UNKNOWN:
        return start_mark(pid) != start
    return not may_live(pid)


def namespace() -> str:
    """What tells the process ids of one container from those of another."""
    try:
        return "".join(character for character in str(Path("/proc/self/ns/pid").readlink()) if character.isdigit()) or UNKNOWN
    except OSError:
        return UNKNOWN


def start_mark(pid: int) -> str | None:
    """When a process started, in clock ticks since the machine did; None if it has ended or the system does not tell.

    Source: proc(5), /proc/PID/stat, field 3 (state) and field 22 (starttime); field 2 may hold spaces and brackets.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, UnicodeDecodeError):
        return None
    # A zombie (killed, not yet collected by its parent) writes no more.
    return None if len(fields) < 20 or fields[0] in ("Z", "X", "x") else fields[19]


def may_live(pid: int) -> bool:
    """Whether a process of this id may live, where only signals can tell."""
    if sys.platform == "win32":
        # There, signal 0 would end the process.
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
