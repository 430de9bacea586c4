"""Objects that must never be finalised: leaking them is the lesser evil."""

from __future__ import annotations

import ctypes


def make_immortal(*objects: object) -> None:
    """Keep objects from ever being finalised, at interpreter exit too.

    Closing a multi joins its resolver threads: behind a hanging lookup that takes seconds, and in
    a forked child, which does not have these threads, for ever. Closing an event loop in a forked
    child takes its parent's descriptors out of the epoll set that both share.
    """
    for each in objects:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(each))
