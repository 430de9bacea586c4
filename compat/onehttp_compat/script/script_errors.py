"""Describes the error of a script: its place, its text, and advice."""

from __future__ import annotations

import re
import traceback
from pathlib import Path
from typing import Final

from onehttp_compat.script.source import not_installed

PYTHON_2: Final = " (Python 2? `2to3` or `futurize` make such a script one for Python 3)"
_old_syntax: Final = re.compile(
    r"""^\s*(?:print\s+["'\w%(]|exec\s+["'\w]|except\s+[\w.()\s,]+,\s*\w+\s*:|raise\s+[\w.]+\s*,)"""
    r"""|\b0\d+\b|<>|`[^`]+`|\bur["']|\d[lL]\b"""
)
_OLD_MODULES: Final = frozenset((
    "BaseHTTPServer", "ConfigParser", "Cookie", "Queue", "SocketServer", "StringIO", "cPickle",
    "cStringIO", "commands", "cookielib", "exceptions", "httplib", "md5", "sets", "sha", "thread",
    "urllib2", "urlparse", "xmlrpclib",
))  # fmt: skip
_OLD_NAMES: Final = frozenset((
    "basestring", "cmp", "execfile", "file", "long", "raw_input", "reduce", "reload", "unichr",
    "unicode", "xrange",
))  # fmt: skip
_old_attribute: Final = re.compile(
    r"no attribute '(?:has_key|iter(?:items|keys|values))'"
    r"|module '(?:urllib|string)' has no attribute '\w+'"
)


def place(error: BaseException, script: Path) -> str:
    """Return the place of an error, as ``script.py:12``: the last line of the script, or of a file
    next to it, in the traceback. Empty if there is none."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}:{error.lineno}"
    folder = script.resolve().parent
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).resolve().parent == folder]
    return f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else ""


def told_text(error: BaseException) -> str:
    """Return ``KeyError: 'x'``. Making the text of an error may itself raise an error."""
    try:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
    except Exception as inner:  # noqa: BLE001 - a class of the script
        text = f"(its text raises {type(inner).__name__})"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def way_out(error: BaseException, script: Path) -> str:
    """Return advice in parentheses, or an empty text if there is none."""
    if isinstance(error, SyntaxError):
        return PYTHON_2 if _is_old_syntax(error) else ""
    if isinstance(error, ModuleNotFoundError) and error.name:
        if error.name.partition(".")[0] in _OLD_MODULES:
            return PYTHON_2
        name = error.name.partition(".")[0]
        others = [one for one in not_installed(script) if one not in (name, *_OLD_MODULES)]
        if not others:
            return f" (install it where onehttp is, or put a {name}.py beside the script)"
        return (
            f" (nor {', '.join(others)}; install them where onehttp is, or put a {name}.py and its "
            "like beside the script)"
        )
    if isinstance(error, NameError):
        return PYTHON_2 if error.name in _OLD_NAMES else ""
    is_old = isinstance(error, AttributeError) and _old_attribute.search(str(error))
    return PYTHON_2 if is_old else ""


def _is_old_syntax(error: SyntaxError) -> bool:
    said = error.msg or ""
    if "call to 'print'" in said or "call to 'exec'" in said or "multiple exception types" in said:
        return True
    return bool(_old_syntax.search((error.text or "").rstrip()))
