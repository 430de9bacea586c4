"""Scripts in an interpreter of their own, and the children that they fork."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from servers.patience import PATIENCE_S, end_if_it_hangs

PREAMBLE = f"""
import sys
sys.path[:0] = [{str(Path(__file__).parents[1])!r}]
import stand_ins.limits
"""
"""What every script begins with: packages of tests are found, and default limits generous."""


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What a script comes to, in a fresh interpreter."""
    command = [sys.executable, "-X", "faulthandler", "-W", "ignore::DeprecationWarning", "-c"]
    return subprocess.run(
        [*command, PREAMBLE + textwrap.dedent(script), *arguments],
        capture_output=True,
        text=True,
        timeout=9 * PATIENCE_S,
        check=False,
    )


def output(script: str, *arguments: str) -> str:
    """What a script prints that succeeds."""
    done = run(script, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def nothing_untold(threads_may_end: bool = False) -> Iterator[None]:
    """For scripts: warnings, and what is raised where nobody catches it, are failures, as in a
    test; but for what ends threads, if told so."""
    untold: list[str] = []
    sys.unraisablehook = lambda told: untold.append(f"{told.err_msg}: {told.exc_value!r}")
    threading.excepthook = lambda told: untold.extend(
        [] if threads_may_end else [f"in a thread: {told.exc_value!r}"]
    )
    warnings.simplefilter("error")
    yield
    gc.collect()
    assert not untold, untold


def child(work: Callable[[], object], leave: Callable[[int], NoReturn] = sys.exit) -> int:
    """The exit status of a forked child that does ``work``; negative: it hung and was killed.

    By ``sys.exit`` it ends as processes do, with all that happens at exit; by ``os._exit`` at once.
    """
    pid = os.fork()
    if pid == 0:
        end_if_it_hangs()
        try:
            work()
        except BaseException as error:  # noqa: BLE001 (told, and the status says it)
            print("child:", repr(error), flush=True)
            traceback.print_exc()
            leave(1)
        leave(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
