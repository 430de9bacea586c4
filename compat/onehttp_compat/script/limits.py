"""Protects a run from its script: from endless work on a message, and from ending the process.

The time limit is an exception that the script does not expect, raised in its thread. In the main
thread a signal raises it, which also interrupts a sleep and a regular expression. In other threads
the interpreter raises it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

from onehttp import OnehttpError
from onehttp_compat.script.message_in_progress import Scene
from onehttp_compat.script.script_errors import place

AGAIN_S: Final = 0.1
"""Seconds after which the exception is raised again in a script that catches all exceptions."""
PATIENCE: Final = 20
"""Number of attempts after which a script is abandoned, because its thread cannot be
interrupted."""


class TimeLimitExceeded(BaseException):
    """The script has worked on a message for too long. Its base class makes an accidental catch
    unlikely."""

    def __str__(self) -> str:
        return "ended at the limit of a message (--timeout)"


class ProcessExitError(OnehttpError, RuntimeError):
    """The script tried to end the process of the server."""


@dataclass(slots=True, eq=False)
class _LimitWatch:
    thread: int
    due: float
    scene: Scene
    fired: int = 0
    is_over: bool = False


class Watchdog:
    """Interrupts work on a message that takes too long.

    Args:
        limit_s: the limit in seconds; None: nothing is watched.
        script: the script, to report the line where it was interrupted.
    """

    def __init__(self, limit_s: float | None, script: Path) -> None:
        self.limit_s = limit_s
        self._script = script
        self._watches: list[_LimitWatch] = []
        self._changed = threading.Condition()
        """Guards the watches."""
        self._is_closed = False
        self._thread: threading.Thread | None = None
        self._main = threading.main_thread().ident
        self._before: Any = None

    def __enter__(self) -> Watchdog:
        if self.limit_s is not None:
            if threading.current_thread() is threading.main_thread():
                self._before = signal.signal(signal.SIGALRM, self._on_alarm)
            self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        if self._before is not None:
            # The clock first, because restoring the earlier handler could make a late signal end
            # the process.
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._before)

    @contextlib.contextmanager
    def watching(self, scene: Scene) -> Iterator[None]:
        """Interrupt the body of this ``with`` when its time is over. The error is kept with the
        message."""
        if self.limit_s is None:
            yield
            return
        watch = _LimitWatch(threading.get_ident(), time.monotonic() + self.limit_s, scene)
        ending: BaseException | None = None
        with self._changed:
            self._watches.append(watch)
        if watch.thread == self._main and self._is_handling():
            # The kernel's timer, because a C function may hold the GIL and block all other threads.
            signal.setitimer(signal.ITIMER_REAL, self.limit_s, AGAIN_S)
        try:
            yield
        except TimeLimitExceeded as limit:
            ending = limit
        finally:
            self._end(watch)
        if watch.fired:
            at = self._place(ending)
            scene.progress.fail(
                f"ended after {self.limit_s:g} s{at}, the limit of a message (--timeout)"
            )

    def _place(self, ending: BaseException | None) -> str:
        while ending is not None:  # the exception may have hit the cleanup of the script
            if where := place(ending, self._script):
                return f" at {where}"
            ending = ending.__context__
        return ""

    def _end(self, watch: _LimitWatch) -> None:
        while watch in self._watches:
            with contextlib.suppress(TimeLimitExceeded), self._changed:
                watch.is_over = True
                if watch.fired:
                    _meet_what_is_on_its_way()
                self._watches.remove(watch)
        if watch.thread == self._main and self._before is not None:
            around = next((one for one in self._watches if one.thread == self._main), None)
            left_s = max(AGAIN_S, around.due - time.monotonic()) if around else 0.0
            signal.setitimer(signal.ITIMER_REAL, left_s, AGAIN_S)

    def _watch(self) -> None:
        while True:
            with self._changed:
                if self._is_closed:
                    return
                now = time.monotonic()
                is_alarmed = self._is_handling()
                for watch in [one for one in self._watches if one.due <= now]:
                    if watch.thread != self._main or not is_alarmed:
                        self._fire(watch)
                        watch.due = now + AGAIN_S
                # All watches have the same limit, so none that starts meanwhile can be due earlier.
                waiting = (one.due - now for one in self._watches if one.due > now)
                self._changed.wait(min(waiting, default=self.limit_s))

    def _fire(self, watch: _LimitWatch) -> None:
        watch.fired += 1
        _raise_in(watch.thread)
        if watch.fired == PATIENCE:
            watch.scene.progress.abandon(
                f"does not end after {self.limit_s} s, the limit of a message (--timeout)"
            )

    def _is_handling(self) -> bool:
        """Whether our handler gets the signal. A script may have set its own."""
        return self._before is not None and signal.getsignal(signal.SIGALRM) == self._on_alarm

    def _on_alarm(self, _number: int, frame: FrameType | None) -> None:
        own = [one for one in self._watches if one.thread == self._main]
        watch = own[-1] if own else None
        if watch is None or watch.is_over or watch.due > time.monotonic():
            return
        watch.fired += 1
        if watch.fired > 1:
            # It catches all exceptions: each further line raises the exception again.
            sys.settrace(_raise_in_line)
            while frame is not None:
                frame.f_trace = _raise_in_line
                frame = frame.f_back
        raise TimeLimitExceeded


def _raise_in(thread: int) -> None:
    """Raise the exception in that thread at one of its next instructions. Repeated requests before
    that count once."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread), ctypes.py_object(TimeLimitExceeded)
    )


def _meet_what_is_on_its_way() -> None:
    """Receive a pending exception here, so that it does not hit code after the script.

    It cannot be withdrawn instead (with NULL): CPython would then check for it as long as the
    process lives, and with a trace function CPython 3.11 would do nothing else. A received
    exception is forgotten.
    """
    with contextlib.suppress(TimeLimitExceeded):
        _raise_in(threading.get_ident())
        while True:  # the next jump raises it
            pass


def _raise_in_line(frame: FrameType, event: str, _: object) -> Any:
    if frame.f_globals.get("__name__", "").startswith("onehttp_compat"):
        sys.settrace(None)
        return None
    if event == "line":
        raise TimeLimitExceeded
    return _raise_in_line


def end_forked_child(process: int) -> None:
    """End a child process that a script has forked and that returns from the script. Only the
    parent, ``process``, continues the run."""
    if os.getpid() != process:
        sys.stderr.flush()
        os._exit(0)


@contextlib.contextmanager
def staying_alive() -> Iterator[None]:
    """While this is active, ``os._exit`` and ``os.abort`` in a script fail its message instead of
    ending the process."""
    process, exit_now, abort = os.getpid(), os._exit, os.abort

    def refuse_exit(status: int) -> NoReturn:
        if os.getpid() != process:  # in a child that the script has forked
            exit_now(status)
        raise ProcessExitError(f"os._exit({status}): the server would be gone")

    def refuse_abort() -> NoReturn:
        if os.getpid() != process:
            abort()
        raise ProcessExitError("os.abort(): the server would be gone")

    os._exit, os.abort = refuse_exit, refuse_abort
    try:
        yield
    finally:
        os._exit, os.abort = exit_now, abort


class Interruption:
    """The signal that has ended a run. It is Ctrl-C unless another one arrives."""

    def __init__(self) -> None:
        self._number: int = signal.SIGINT
        self._process = os.getpid()

    @property
    def status(self) -> int:
        """The exit status of a command that the signal has ended, as shells define it."""
        return 128 + self._number

    def arrive(self, number: int, _: FrameType | None) -> None:
        """End the run as Ctrl-C does. A child that a script has forked ends as it would
        otherwise."""
        if os.getpid() != self._process:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        self._number = number
        raise KeyboardInterrupt


@contextlib.contextmanager
def interruptible() -> Iterator[Interruption]:
    """While this is active, SIGTERM and SIGHUP end the run as Ctrl-C does."""
    interruption = Interruption()
    before = {}
    if threading.current_thread() is threading.main_thread():
        # a process that ignores them continues to do so
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, interruption.arrive)
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
