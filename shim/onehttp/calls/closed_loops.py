"""What tasks hold of policies (places, trials), and its return when their loop was closed.

A task that waits then is ended by nobody, and its coroutine lives until the garbage collector comes
by, or for ever if somebody keeps it. So what has to be done at its end is kept here as well, by its
loop; whoever comes first does it, once: the task, or those who look because they want what it holds
(who waits for it looks every `LOOK_AGAIN_S`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

LOOK_AGAIN_S: Final = 0.5

Holders: TypeAlias = "dict[object, Callable[[], object]]"
"""The tasks of one loop that hold something, by whatever stands for them, and how it is given back.
Each takes itself out; who takes it out gives back, and nobody else does."""

_by_loop: dict[AbstractEventLoop, Holders] = {}


def holders_here() -> Holders:
    """Those of the running loop."""
    from asyncio import get_running_loop

    loop = get_running_loop()
    holders = _by_loop.get(loop)
    if holders is None:
        give_back()
        holders = _by_loop.setdefault(loop, {})
    return holders


def are_any() -> bool:
    """Whether tasks hold something, so that it is worth looking."""
    return any(list(_by_loop.values()))


def give_back() -> bool:
    """Give back what tasks of closed loops hold; whether there was any. From any thread."""
    has_given = False
    for loop, holders in list(_by_loop.items()):
        if loop.is_closed():
            _by_loop.pop(loop, None)
            while holders:
                try:
                    _, end = holders.popitem()
                except KeyError:  # another thread was faster
                    break
                end()
                has_given = True
    return has_given


# In a forked child policies begin anew, and what was in flight is the parent's.
os.register_at_fork(after_in_child=_by_loop.clear)
