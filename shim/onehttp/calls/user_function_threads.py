"""Threads on which calls with callbacks run functions of the user: hooks, and sources of tokens.

Such a function may wait for as long as it likes, even for another call that runs such a function.
So each runs on a thread without other work: an idle one, or a new one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final, TypeAlias

Work: TypeAlias = "Callable[[], object]"
IDLE_S: Final = 5.0
"""How long an idle thread waits for more work."""


class UserFunctionThreads:
    """The threads of a process."""

    __slots__ = ("_idle", "_process")

    def __init__(self) -> None:
        self._idle: list[SimpleQueue[Work]] = []
        """The inbox of each thread that waits. Whoever takes one out puts work into it; all steps
        on the list are single ones. The last that came goes first, so that there are soon no more
        threads than are needed."""
        self._process = os.getpid()

    def run(self, work: Work) -> None:
        """Run ``work`` in one of the threads, soon. Never waits for other work.

        Raises:
            RuntimeError: the system has no thread left.
        """
        try:
            inbox = self._idle.pop()
        except IndexError:
            inbox = SimpleQueue()
            threading.Thread(
                target=self._work, args=(inbox,), name="onehttp-asking", daemon=True
            ).start()
        inbox.put(work)

    def _work(self, inbox: SimpleQueue[Work]) -> None:
        work: Work | None = inbox.get()
        while work is not None:
            work()
            work = None  # a thread that waits keeps no call
            if os.getpid() == self._process:  # else it has forked, and ends in the child
                work = self._more(inbox)

    def _more(self, inbox: SimpleQueue[Work]) -> Work | None:
        self._idle.append(inbox)
        try:
            return inbox.get(timeout=IDLE_S)
        except Empty:
            try:
                self._idle.remove(inbox)
            except ValueError:
                return inbox.get()  # somebody has just taken it
            return None


_threads = UserFunctionThreads()


def run_asking(work: Work) -> None:
    """See `UserFunctionThreads.run`."""
    _threads.run(work)


def _forget() -> None:
    global _threads
    _threads = UserFunctionThreads()


os.register_at_fork(after_in_child=_forget)
