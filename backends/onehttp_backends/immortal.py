"""Objects that must never be finalised: leaking them is the lesser evil."""

from __future__ import annotations

import ctypes


def make_immortal(*objects: object) -> None:
    """Keep objects from ever being finalised, at interpreter exit too.

    For what a forked child has of its parent's. Closing a multi says goodbye on connections that
    are the parent's (TLS, HTTP/2), or closes numbers that are another's by then; closing an event
    loop takes its parent's descriptors out of the epoll set that both share.
    """
    for each in objects:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(each))
