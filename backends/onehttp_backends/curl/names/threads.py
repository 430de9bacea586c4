"""Threads for lookups. Each lasts as long as its lookup, which may hang."""

from __future__ import annotations

import _thread
import os
from collections.abc import Callable
from typing import Any, Final

STACK_BYTES: Final = 1024 * 1024
_MORE_BYTES: Final = 64 * 1024


class LookupThreads:
    """Starts the threads, on stacks that no thread of a parent process has used.

    glibc keeps the resolver's state, including its socket to the name server, with the stack of a
    thread. After a fork the stacks of the parent's threads are free in the child, and new threads
    get them, with the lookups that were in progress in the parent. Parent and child would then read
    each other's answers from one socket, and wait for those that the other has taken. glibc reuses
    a free stack if it is large enough (and at most four times as large), so in each generation of
    processes our threads ask for a slightly larger one.
    """

    def __init__(self) -> None:
        self._stack_bytes = STACK_BYTES

    def start(self, work: Callable[..., object], *arguments: Any) -> None:
        """Run ``work(*arguments)`` in a thread that nobody waits for, not even at exit.

        Raises:
            RuntimeError: the system has no thread left.
        """
        # Not threading.Thread: its start waits for the thread, and may be interrupted there.
        usual = _thread.stack_size(self._stack_bytes)
        try:
            _thread.start_new_thread(work, arguments)
        finally:
            _thread.stack_size(usual)

    def outgrow_parent(self) -> None:
        """In a forked child: ask for larger stacks from now on."""
        self._stack_bytes += _MORE_BYTES


THREADS: Final = LookupThreads()
os.register_at_fork(after_in_child=THREADS.outgrow_parent)
