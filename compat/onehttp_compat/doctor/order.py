"""Checks which module initialises libcurl and the TLS libraries first, because its settings apply
to all.

``tls.so`` gives OpenSSL its own memory functions, which OpenSSL accepts only before its first use.
So modules that use libcurl have to be loaded after it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Final

from onehttp_compat.doctor.finding import Finding
from onehttp_compat.server_config import LoadModule, ServerConfig

_STARTING: Final = (
    "tls", "http_client", "http_async_client", "curl", "utils", "xcap_client", "auth_identity",
    "app_python3", "app_python3s", "app_python",
)  # fmt: skip
"""Modules of the server that initialise libcurl or a TLS library, or that start a Python which
does."""
_CURL: Final = frozenset(_STARTING) - {"tls"}
_PYTHON: Final = {
    "_ssl": "Python's ssl", "pycurl": "pycurl", "psycopg_binary": "psycopg", "grpc": "grpc",
    "cryptography.hazmat.bindings._rust": "cryptography",
}  # fmt: skip


def order_findings(config: ServerConfig) -> Iterator[Finding]:
    """Check the order in which a server initialises them, which is that of its ``loadmodule``
    lines."""
    lines = [one for one in config.declarations
             if isinstance(one, LoadModule) and one.name in _STARTING]  # fmt: skip
    if not lines:
        return
    names = [one.name for one in lines]
    shown = ", ".join(f"{one.name} ({one.place})" for one in lines)
    yield Finding("information", "order", f"the server initialises them in this order: {shown}")
    early = (
        [name for name in names[: names.index("tls")] if name in _CURL] if "tls" in names else []
    )
    if early:
        yield Finding(
            "error", "order", f"{', '.join(early)} before tls: they initialise OpenSSL before "
            "tls.so can set its memory functions",
            'put loadmodule "tls.so" before all other modules',
        )  # fmt: skip


def python_order(modules: Iterable[str] = sys.modules) -> Iterator[Finding]:
    """Report the order in which this Python has loaded the libraries."""
    names = [_PYTHON[name] for name in modules if name in _PYTHON]
    if names:
        yield Finding("information", "order", f"this process initialised them in this order: "
                      f"{', '.join(names)}")  # fmt: skip
