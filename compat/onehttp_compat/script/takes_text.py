"""Whether a method of ``app_python`` wants the text that ``python_exec`` can pass to it.

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
