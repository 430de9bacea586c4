"""The client of control sockets: asks running processes."""

from __future__ import annotations

import fcntl
import json
import os
import select
import socket
import struct
import termios
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from onehttp.control.process_exists import is_alive
from onehttp.control.state_file import left_state, state_file

MOST_AT_ONCE: Final = 32
VARIABLE: Final = "ONEHTTP_CONTROL"
IDLE_S: Final = 0.3
"""A process that leaves its state in a file, and has not read a question after this, is idle."""
STILL_S: Final = 5.0
"""The same for any other process. One that leaves its state may also become idle in the middle: it
has no longer than this for its answer, beside what it was asked to wait."""
_WHERE_NOTED: Final = {"stats": None, "connections": "connections"}
"""Commands that a state file can answer, and by which part of it; None: by all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessAnswer:
    """The answer of one process."""

    pid: int
    answer: Any = None
    error: str = ""
    """Why there is no answer."""
    age_s: float = 0.0
    """Above 0: the answer comes from the state file of an idle process, and is this old."""
    is_idle: bool = False
    """Its threads stand still, as those of Kamailio's processes do between two calls."""


def sockets(directory: str | os.PathLike[str]) -> list[Path]:
    """The control sockets of a directory by process number. Files of dead processes are removed.

    Raises:
        OSError: the directory cannot be read.
    """
    found = [path for path in Path(directory).iterdir() if path.suffix == ".sock"]
    living = []
    for path in sorted(found, key=lambda path: (len(path.stem), path.stem)):
        if path.stem.isdigit() and not is_alive(int(path.stem)):
            path.unlink(missing_ok=True)
            state_file(path.parent, int(path.stem)).unlink(missing_ok=True)
        else:
            living.append(path)
    return living


def ask_all(
    paths: Sequence[Path], command: str, patience_s: float, **arguments: object
) -> list[ProcessAnswer]:
    """The answer of each process; all are asked at once."""
    if not paths:
        return []
    with ThreadPoolExecutor(min(MOST_AT_ONCE, len(paths))) as threads:
        return list(threads.map(lambda path: ask(path, command, patience_s, **arguments), paths))


def ask(path: Path, command: str, patience_s: float, **arguments: object) -> ProcessAnswer:
    """The answer of the process behind a socket, within ``patience_s`` seconds."""
    pid = int(path.stem) if path.stem.isdigit() else 0
    may_be_idle = os.path.exists(state_file(path.parent, pid))
    if may_be_idle:
        told_to_wait_s = arguments.get("timeout_s", 0.0)
        assert isinstance(told_to_wait_s, int | float)
        longest_s = IDLE_S if command in _WHERE_NOTED else STILL_S + told_to_wait_s
        patience_s = min(patience_s, longest_s)
    line = json.dumps({"command": command, **arguments}).encode() + b"\n"
    try:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(patience_s)
            asking.connect(os.fspath(path))
            asking.sendall(line)
            asking.shutdown(socket.SHUT_WR)
            if _is_unread(asking, min(patience_s, IDLE_S if may_be_idle else STILL_S)):
                return _answer_for_idle(path.parent, pid, command)
            with asking.makefile("rb") as answering:
                told = json.loads(answering.readline())
    except BlockingIOError:  # so many have asked that no more can
        return _answer_for_idle(path.parent, pid, command)
    except TimeoutError:
        if may_be_idle and command in _WHERE_NOTED:
            return _answer_for_idle(path.parent, pid, command)
        return ProcessAnswer(
            pid=pid, error=f"no answer within {patience_s:g} s: it does it when it can"
        )
    except OSError as error:
        return ProcessAnswer(pid=pid, error=error.strerror or str(error))
    except ValueError:
        return ProcessAnswer(pid=pid, error="it has ended, or is no process of onehttp")
    return ProcessAnswer(
        pid=told.get("pid", pid), answer=told.get("answer"), error=told.get("error", "")
    )


def _is_unread(asking: socket.socket, wait_s: float) -> bool:
    """Whether the process at the other end does not even read: its threads are not running."""
    poller = select.poll()
    poller.register(asking, select.POLLIN)
    if poller.poll(wait_s * 1000):
        return False
    unread = fcntl.ioctl(asking, termios.TIOCOUTQ, struct.pack("i", 0))
    return bool(struct.unpack("i", unread)[0])


def _answer_for_idle(directory: Path, pid: int, command: str) -> ProcessAnswer:
    """The answer for a process whose threads are not running."""
    if not os.path.exists(state_file(directory, pid)):
        return ProcessAnswer(
            pid=pid, error="it stands still: it has not read this, and does it when it can"
        )
    left = left_state(directory, pid)
    if left is None:
        return ProcessAnswer(pid=pid, error="idle: it does it when it can", is_idle=True)
    state, age_s = left
    if command in _WHERE_NOTED:
        part = _WHERE_NOTED[command]
        return ProcessAnswer(pid=pid, answer=state if part is None else state[part], age_s=age_s,
                      is_idle=True)  # fmt: skip
    has_worked = state["counts"] or state.get("legacy_calls")
    since = f"for {age_s:.0f} s" if has_worked else "since it began, and may be called never"
    return ProcessAnswer(pid=pid, error=f"idle {since}: it does it when it can", is_idle=True)
