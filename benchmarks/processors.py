"""One processor for client and server: what makes CPU of a call a figure that comes out again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_processor() -> Iterator[None]:
    """The caller, and every thread and process that begins inside, run on one of the processors.

    A call sleeps until its server has answered. On two processors that is a wake-up from one to
    the other, for which the kernel charges the client what it likes, in a virtual machine above
    all: the same code took 40 us and 80.
    """
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
