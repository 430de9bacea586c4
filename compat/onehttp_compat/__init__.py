"""The legacy modules of the SIP server, name for name, on top of ``onehttp``.

May import the layer below (``onehttp``); nothing imports it but users' scripts.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

__all__ = ["call_function", "call_id", "ksr", "modparam"]


def modparam(module: str, name: str, value: object) -> None:
    """One ``modparam(module, name, value)`` line, for the default server.

    Raises:
        onehttp.ConfigurationError: where the real server would refuse to start.
    """
    from onehttp_compat.server import default_server

    default_server().modparam(module, name, value)


def call_function(name: str, *arguments: Any) -> int:
    """A module function by name, as ``msg.call_function`` of the older ``app_python`` does.

    Pseudo-variables in the arguments are replaced; the result variable is named as text.

    Raises:
        NoSuchFunctionError: no legacy function of that name with that many arguments.
    """
    from onehttp_compat.server import default_server

    return default_server().call(name, arguments)


def call_id() -> str | None:
    """``$ci``, the Call-ID of the message that the calling thread works on, for spans
    (``onehttp.observe.otel``); None: it works on none.
    """
    from onehttp_compat.server import default_server

    value = default_server().pv.get("$ci")
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return None if value is None else str(value)


def __getattr__(name: str) -> ModuleType:
    # Imported when it is asked for: most scripts use only one of the two interfaces.
    if name != "ksr":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module("onehttp_compat.ksr")
