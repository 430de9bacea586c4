"""The legacy modules of the SIP server, name for name, on top of ``onehttp``.

It may import the layer below (``onehttp``). Nothing imports it except the scripts of users.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

__all__ = ["call_function", "call_id", "ksr", "modparam"]


def modparam(module: str, name: str, value: object) -> None:
    """Set a parameter of a module of the default server, like a ``modparam`` line of its
    configuration.

    Raises:
        onehttp.ConfigurationError: the real server would refuse to start.
    """
    from onehttp_compat.server import default_server

    default_server().modparam(module, name, value)


def call_function(name: str, *arguments: Any) -> int:
    """Call a module function by its name, as ``msg.call_function`` of the older ``app_python``
    does.

    Pseudo-variables in the arguments are replaced. The result variable is given as text.

    Raises:
        NoSuchFunctionError: there is no legacy function of that name with that many arguments.
    """
    from onehttp_compat.server import default_server

    return default_server().call(name, arguments)


def call_id() -> str | None:
    """``$ci``, the Call-ID of the message that the calling thread works on. Spans use it
    (``onehttp.observe.otel``). None if the thread works on no message."""
    from onehttp_compat.server import default_server

    value = default_server().pv.get("$ci")
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return None if value is None else str(value)


def __getattr__(name: str) -> ModuleType:
    # Imported on first use, because most scripts use only one of the two interfaces.
    if name != "ksr":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module("onehttp_compat.ksr")
