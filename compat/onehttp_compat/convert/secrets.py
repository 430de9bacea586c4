"""Replaces the passwords of a document by references to environment variables."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping

from onehttp_compat.convert.keys import Keys


def hide_secrets(connections: Mapping[str, Keys], others: Mapping[str, Keys]) -> None:
    """Replace every password by a variable that is named after its use.

    Args:
        connections: by name.
        others: further sections of the document.
    """
    variables = _Variables()
    for name, keys in (*connections.items(), *others.items()):
        plain = re.sub(r"\W", "_", name.removesuffix("-alone"), flags=re.ASCII).upper()
        variables.hide(keys, "auth", f"{plain}_PASSWORD")
        variables.hide(keys, "proxy", "PROXY_PASSWORD")


class _Variables:
    """The variables so far, each with its password. Equal passwords share one variable."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def hide(self, keys: Keys, section: str, name: str) -> None:
        inner = keys.get(section)
        if isinstance(inner, dict) and inner.get("password"):
            variable = self._variable(name, inner["password"])
            keys[section] = {**inner, "password": f"${{env:{variable}}}"}

    def _variable(self, name: str, password: str) -> str:
        """Return ``name``, or ``name_2`` if ``name`` has another password, and so on."""
        names = itertools.chain([name], (f"{name}_{number}" for number in itertools.count(2)))
        return next(one for one in names if self._known.setdefault(one, password) == password)
