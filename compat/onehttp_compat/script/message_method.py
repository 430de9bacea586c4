"""Finds the method of an ``app_python`` script that takes messages, and whether it accepts the text
that ``python_exec`` can pass.

The Python of the real server gets a copy of this file, so it imports only the standard library.
"""

from __future__ import annotations

import inspect
from typing import Any


def takes_text(method: Any) -> bool:
    """Whether it accepts two arguments, and not one alone."""
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
"""The name of the method in examples, and therefore in most scripts."""


class MethodUnclearError(LookupError):
    """Several methods are possible, or there is none."""


def message_method(user: Any) -> str:
    """Return the method that takes messages if it is not configured: the only one, or the one with
    the usual name.

    Raises:
        MethodUnclearError: the method is unclear; the message lists the candidates.
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
        return True  # a C function has no signature
    for given in (("msg",), ("msg", "text")):
        try:
            signature.bind(*given)
        except TypeError:
            continue
        return True
    return False
