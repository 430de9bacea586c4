"""One processor for client and server: what makes CPU of a call a figure that comes out again."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def one_processor() -> Iterator[None]:
    """The caller, and every thread and process that begins inside, run on one of the processors.

    A call sleeps until its server has answered. On two processors that is a wake-up from one to
    the other, for which the kernel charges the client what it likes, in a virtual machine above
    all (5 to 40 us): the same code took 40 us and 80, and ratios differed by a third from one run
    to the next, by 2 % without it.
    """
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def before_all_else() -> Iterator[None]:
    """The calling thread, and what begins inside, give their processor to others by waiting
    alone, where there is the right to ask for it.

    Of client and server that are both like that, neither cuts in while the other works. Otherwise
    the server does with each of many requests, as it likes, or the client with each answer, and
    the same 10,000 requests took 160 changes of process, or 5,300, which are paid for by both.
    """
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
