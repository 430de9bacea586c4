"""Decides which lines of a server's configuration concern the HTTP modules."""

from __future__ import annotations

import re
from collections.abc import Collection
from difflib import get_close_matches
from typing import Final

from onehttp_compat.parameters import PARAMETERS
from onehttp_compat.server_config import Modparam

CONNECTING: Final = ("http_client", "curl")
"""The modules that have named connections."""
MODULES: Final = (*CONNECTING, "utils", "http_async_client", "xcap_client", "auth_identity")
NEVER_LOADED: Final = "async_http"
"""The name of http_async_client in a README. No module could be loaded by that name."""
_NOT_HTTP: Final = {"utils": ("forward_active", "pres_db_url", "xcap_table")}
"""Parameters of these modules that have nothing to do with HTTP."""

_NEAR: Final = 0.8
_is_name_or_expression = re.compile(r"[\w.*+?|()\[\]^$\\-]+").fullmatch


def modules_meant(line: Modparam, loaded: Collection[str]) -> list[str]:
    """Return the HTTP modules that a ``modparam`` sets. Modules without such a parameter are left
    out.

    Args:
        loaded: the modules that the configuration loads. An expression matches only these.
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


def misspelt(line: Modparam, loaded: Collection[str]) -> str:
    """Return the error in a ``modparam`` that concerns HTTP but matches no module. Empty if it does
    not concern HTTP."""
    known = [module for module in MODULES if line.name in PARAMETERS[module]]
    if any(line.is_about(module) for module in (*MODULES, *loaded)):
        return ""
    if known and not _is_name_or_expression(line.modules):
        return f"no module has the name {line.modules!r}"
    near = get_close_matches(line.modules, known, 1, _NEAR)
    return f"no module {line.modules} is loaded (did you mean {near[0]}?)" if near else ""


def unheard(line: Modparam, loaded: Collection[str]) -> str:
    """Return why a ``modparam`` that matches no HTTP module has no effect. Empty if another module
    has that parameter."""
    if any(line.is_about(module) and line.name in names for module, names in _NOT_HTTP.items()):
        return ""
    fault = misspelt(line, loaded)
    if fault or loaded:
        return fault
    return (
        f"{line.modules} has no parameter {line.name}, or is none of the HTTP modules "
        f"({', '.join(MODULES)}): a file of their own has their lines alone"
    )
