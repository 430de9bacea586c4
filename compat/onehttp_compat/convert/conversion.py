"""The conversion: all connections of all modules in one document, and a report of what became
of each declaration."""

from __future__ import annotations

import re
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from onehttp import RequestError
from onehttp.lowlevel import check_url
from onehttp_compat.convert.declarations import Declarations
from onehttp_compat.convert.keys import keys_of
from onehttp_compat.convert.writing import KeyPath, yaml_with_comments
from onehttp_compat.parameters import find_parameter

Became: TypeAlias = Literal["converted", "changed", "lost"]
Keys: TypeAlias = "dict[str, Any]"

KEY_OF: Final = {
    "connection_timeout": "timeout",
    "timeout_mode": "timeout",
    "timeout": "timeout",
    "useragent": "user_agent",
    "username": "auth",
    "password": "auth",
    "authmethod": "auth",
    "maxdatasize": "max_body",
    "httpredirect": "redirects",
    "httpproxy": "proxy",
    "httpproxyport": "proxy",
    "keep_connections": "reuse",
    "keepconnections": "reuse",
    "netinterface": "interface",
    "failover": "failover",
    "url": "url",
    "cacert": "tls",
    "client_cert": "tls",
    "client_key": "tls",
    "cipher_suites": "tls",
    "tlsversion": "tls",
    "verify_peer": "tls",
    "verify_host": "tls",
}
"""Legacy setting -> the key that says it now."""
_OF_ONE: Final = frozenset({"url", "auth", "failover"})
"""Keys that are never made defaults."""


class Finding(NamedTuple):
    """What became of one declaration."""

    place: str
    what: str
    became: Became
    text: str


class Converted(NamedTuple):
    """The text of a connections file, and the report."""

    text: str
    findings: list[Finding]


def convert(found: Declarations, source: str, secrets: Literal["plain", "env"]) -> Converted:
    """All that ``found`` declares; with ``env``, passwords become references ``${env:...}``."""
    return _Conversion(found, secrets).converted(source)


class _Conversion:
    def __init__(self, found: Declarations, secrets: Literal["plain", "env"]) -> None:
        self._found = found
        self._secrets = secrets
        self._findings: list[Finding] = []
        self._connections: dict[str, Keys] = {}
        self._names: dict[tuple[str, str], str] = {}
        """Module and legacy name -> name in the document."""
        self._comments: dict[KeyPath, list[str]] = {}

    def converted(self, source: str) -> Converted:
        for module, name, setting in self._found.places:
            if not setting:
                self._add(module, name)
        self._resolve_failovers()
        self._hide_secrets()
        defaults = self._take_defaults()
        self._place_comments(defaults)
        self._report_parameters()
        if self._found.fault is not None:
            text = f"the file has a fault that the module overlooks: {self._found.fault}"
            self._tell("", "", "", "changed", text)
        document: Keys = {"version": 1, **({"defaults": defaults} if defaults else {})}
        document["connections"] = self._connections
        header = [f"Converted by onehttp from {source}.", *self._found.header]
        return Converted(yaml_with_comments(document, self._comments, header), self._findings)

    def _add(self, module: str, name: str) -> None:
        if not name:
            self._tell(module, name, "", "lost", "a connection needs a name")
            return
        configuration = self._found.configurations[module]
        count = len(self._findings)
        keys: Keys = _escaped(
            keys_of(
                configuration.connections[name],
                configuration.values,
                lambda setting, became, text: self._tell(module, name, setting, became, text),
            )
        )
        try:
            check_url(keys["url"])
        except RequestError as error:
            self._tell(module, name, "", "lost", error.message)
            return
        new_name = name
        if self._connections.get(name, keys) != keys:
            new_name = f"{name}-{module}"
            text = f'now "{new_name}": the other module has another one of that name'
            self._tell(module, name, "", "changed", text)
        self._names[module, name] = new_name
        self._connections[new_name] = keys
        if len(self._findings) == count:
            self._tell(module, name, "", "converted", new_name)

    def _resolve_failovers(self) -> None:
        """The modules take one step, a chain goes on: who stands in stands alone."""
        for (module, name), new_name in list(self._names.items()):
            keys = self._connections[new_name]
            target = keys.pop("failover", None)
            if target is None:
                continue
            successor = self._names.get((module, target))
            if successor is None:
                text = f'no connection "{target}": the call returned -1'
                self._tell(module, name, "failover", "lost", text)
                continue
            if self._found.configurations[module].connections[target].failover:
                alone = f"{successor}-alone"
                text = f'to "{alone}", which goes no further, as the module took one step only'
                self._tell(module, name, "failover", "changed", text)
                self._connections.setdefault(alone, _without(self._connections[successor]))
                successor = alone
            keys["failover"] = successor
            text = 'a POST that may have arrived goes nowhere else, unless "unsafe_resend: true"'
            self._tell(module, name, "failover", "changed", text)

    def _hide_secrets(self) -> None:
        if self._secrets == "plain":
            return
        for name, keys in self._connections.items():
            if keys.get("auth", {}).get("password"):
                variable = re.sub(r"\W", "_", name.removesuffix("-alone")).upper() + "_PASSWORD"
                keys["auth"] = {**keys["auth"], "password": f"${{env:{variable}}}"}

    def _take_defaults(self) -> Keys:
        """What all connections say alike is said once."""
        if len(self._connections) < 2:
            return {}
        first, *others = self._connections.values()
        missing = object()
        alike = {
            key: value
            for key, value in first.items()
            if key not in _OF_ONE and all(keys.get(key, missing) == value for keys in others)
        }
        for keys in self._connections.values():
            for key in alike:
                del keys[key]
        return alike

    def _place_comments(self, defaults: Keys) -> None:
        for (module, name, setting), lines in self._found.comments.items():
            if not lines:
                continue
            new_name = self._names.get((module, name))
            is_parameter = not name and setting
            key = _key_of_parameter(module, setting) if is_parameter else KEY_OF.get(setting)
            if not is_parameter and new_name is None:
                self._found.header += [f"{name}: {line}" for line in lines]
            elif new_name is not None:
                keys = self._connections[new_name]
                own = (key,) if key in keys else ()
                self._comments.setdefault(("connections", new_name, *own), []).extend(lines)
            elif key in defaults:
                self._comments.setdefault(("defaults", key), []).extend(lines)
            else:
                self._found.header += [f"{setting}: {line}" for line in lines]

    def _report_parameters(self) -> None:
        for module, name, setting in self._found.places:
            if name or setting in ("", "config_file"):
                continue
            key = _key_of_parameter(module, setting)
            if key is None:
                text = "of calls without a connection; onehttp has nothing like it"
                self._tell(module, "", setting, "lost", text)
            else:
                self._tell(module, "", setting, "converted", f"{key} of each connection")

    def _tell(self, module: str, name: str, setting: str, became: Became, text: str) -> None:
        places = self._found.places
        place = places.get((module, name, setting)) or places.get((module, name, "")) or ""
        what = " ".join(part for part in (module, name, setting) if part)
        self._findings.append(Finding(place, what, became, text))


def _key_of_parameter(module: str, name: str) -> str | None:
    return KEY_OF.get(find_parameter(module, name).setting)


def _without(keys: Keys) -> Keys:
    return {key: value for key, value in keys.items() if key != "failover"}


def _escaped(value: Any) -> Any:
    """With what would be a reference to a secret as plain text."""
    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    return value.replace("${", "$${") if isinstance(value, str) else value
