"""Which lines of a server's configuration are about the HTTP modules."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from onehttp_compat.parameters import PARAMETERS
from onehttp_compat.server_config import Modparam

CONNECTING: Final = ("http_client", "curl")
"""Modules that have named connections."""
MODULES: Final = (*CONNECTING, "utils", "http_async_client", "xcap_client", "auth_identity")
NEVER_LOADED: Final = "async_http"
"""What a README calls http_async_client; no module could be loaded by that name."""
_NOT_HTTP: Final = {"utils": ("forward_active", "pres_db_url", "xcap_table")}
"""Parameters of these modules that have nothing to do with HTTP."""


def modules_meant(line: Modparam, loaded: Collection[str]) -> list[str]:
    """The HTTP modules that a ``modparam`` is about, those that it is not about left out.

    Args:
        loaded: the modules that the configuration loads. An expression reaches no others.
    """
    if line.modules in MODULES:
        meant = [line.modules]
    else:
        of_ours = set(loaded) & set(MODULES)
        meant = [
            module
            for module in MODULES
            if line.is_about(module)
            and (module in of_ours or (not of_ours and line.name in PARAMETERS[module]))
        ]
    return [module for module in meant if line.name not in _NOT_HTTP.get(module, ())]
