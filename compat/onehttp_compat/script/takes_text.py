"""Which method of an ``app_python`` script takes messages, and whether it wants the text that
``python_exec`` can pass to it.

The real server's Python has a copy of this file: the standard library alone is imported.
"""

from __future__ import annotations

import inspect
from typing import Any


def takes_text(method: Any) -> bool:
    """Whether it takes two arguments, and cannot do with one."""
    try:
        signature = inspect.signature(method)
        signature.bind("msg", "text")
    except (TypeError, ValueError):
        return False
    try:
        signature.bind("msg")
    except TypeError:
        return True
    return False


_USUAL = ("handler", "route", "request_route")
"""What it is called in examples, and hence in scripts."""


class MethodUnclearError(LookupError):
    """Several methods may be meant, or there is none."""


def message_method(user: Any) -> str:
    """The one that takes messages where nobody says it: the only one, or the one of the usual name.

    Raises:
        MethodUnclearError: it is not clear; says what there is.
    """
    names = [
        name
        for name in dir(user)
        if not name.startswith("_") and name not in ("child_init", "mod_init")
        and _takes_message(getattr(user, name, None))
    ]  # fmt: skip
    usual = [name for name in _USUAL if name in names]
    if len(names) != 1 and not usual:
        why = f"Say --call NAME or --call NAME:TEXT: {', '.join(names)}" if names else "None does."
        raise MethodUnclearError(f"which method handles a message? {why}")
    return (usual or names)[0]


def _takes_message(method: Any) -> bool:
    if not callable(method) or inspect.isclass(method):
        return False
    try:
        signature = inspect.signature(method)
    except (TypeError, ValueError):
        return True  # of C: nothing tells
    for given in (("msg",), ("msg", "text")):
        try:
            signature.bind(*given)
        except TypeError:
            continue
        return True
    return False
