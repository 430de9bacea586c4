"""What a forked child does with what it has of its parent's: locks are freed, some objects kept."""

from __future__ import annotations

import os
import sys
import threading
import weakref
from typing import Any

_locks: weakref.WeakSet[threading.RLock] = weakref.WeakSet()


def reentrant_lock() -> threading.RLock:
    """Return a lock for state that signal handlers, finalizers and forked children use, too.

    It is reentrant: a handler runs in the thread that it has interrupted, which may hold the lock.
    In a forked child no lock is held by a thread that does not exist there. It is freed rather than
    replaced by a new one, since a handler may have forked while its thread waited for the lock:
    when it returns, in the child, that thread waits for the same lock still.
    """
    lock = threading.RLock()
    _locks.add(lock)
    return lock


def make_immortal(*objects: object) -> None:
    """Keep objects from ever being finalised, at interpreter exit too: to leak is the lesser evil.

    For what a forked child has of its parent's. Closing a multi says goodbye on connections that
    are the parent's (TLS, HTTP/2), or closes numbers that are another's by then; closing an event
    loop takes its parent's descriptors out of the epoll set that both share.
    """
    import ctypes

    for each in objects:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(each))


def _free(lock: Any) -> None:
    """Free a lock, unless nobody holds it or the thread that has forked."""
    if lock.acquire(blocking=False):
        lock.release()
    elif sys.version_info >= (3, 14):
        lock._at_fork_reinit()  # which, before, makes a new lock inside: too late for who waits
    else:
        try:
            lock._release_save()  # as a Condition does, but for another thread
        except RuntimeError:  # that has got it, but not the interpreter yet, so has not said so
            import ctypes

            inside = ctypes.c_void_p.from_address(id(lock) + object.__basicsize__)
            ctypes.pythonapi.PyThread_release_lock(inside)


def _after_fork_in_child() -> None:
    for lock in list(_locks):
        _free(lock)


os.register_at_fork(after_in_child=_after_fork_in_child)
