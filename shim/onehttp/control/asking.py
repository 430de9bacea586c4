"""Asks running processes by their control sockets."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from onehttp.control.left_state import left_state, state_file
from onehttp.control.living import is_alive

MOST_AT_ONCE: Final = 32
VARIABLE: Final = "ONEHTTP_CONTROL"
IDLE_S: Final = 0.3
"""So long is a process asked that leaves its state in a file, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one process said."""

    pid: int
    answer: Any = None
    error: str = ""
    """Why there is no answer."""
    age_s: float = 0.0
    """How old it is: it was left behind by a process that is idle and cannot be asked."""


def sockets(directory: str | os.PathLike[str]) -> list[Path]:
    """Those of a directory, by process number; what the dead have left there is removed.

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
) -> list[Answer]:
    """What each says, all asked at once."""
    if not paths:
        return []
    with ThreadPoolExecutor(min(MOST_AT_ONCE, len(paths))) as threads:
        return list(threads.map(lambda path: ask(path, command, patience_s, **arguments), paths))


def ask(path: Path, command: str, patience_s: float, **arguments: object) -> Answer:
    """What the process behind a socket says, within ``patience_s`` seconds."""
    pid = int(path.stem) if path.stem.isdigit() else 0
    if command == "stats" and os.path.exists(state_file(path.parent, pid)):
        patience_s = min(patience_s, IDLE_S)
    line = json.dumps({"command": command, **arguments}).encode() + b"\n"
    try:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(patience_s)
            asking.connect(os.fspath(path))
            asking.sendall(line)
            asking.shutdown(socket.SHUT_WR)
            with asking.makefile("rb") as answering:
                told = json.loads(answering.readline())
    except TimeoutError:
        left = left_state(path.parent, pid) if command == "stats" else None
        if left is not None:
            return Answer(pid=pid, answer=left[0], age_s=left[1])
        return Answer(pid=pid, error=f"no answer within {patience_s:g} s: it does it when it can")
    except OSError as error:
        return Answer(pid=pid, error=error.strerror or str(error))
    except ValueError:
        return Answer(pid=pid, error="it has ended, or is no process of onehttp")
    return Answer(pid=told.get("pid", pid), answer=told.get("answer"), error=told.get("error", ""))
