"""Writes entries of a connections file for options that calls cannot have: credentials, TLS,
HTTP/2."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import libcst as cst
import yaml

from onehttp import ConfigurationError
from onehttp_compat.migration.rewrite.not_safe import NotSafeError
from onehttp_compat.migration.trees.libcst_tree import Values, constant_text
from onehttp_compat.migration.trees.libcst_visitor import dotted
from onehttp_compat.replacements.call_site import Given
from onehttp_compat.replacements.texts import Code, Piece, code_for, code_of

_server: Final = re.compile(
    r"(?:(?P<scheme>https?://)(?:(?P<user>[^/?#@:]*)(?::[^/?#@]*)?@)?)?(?P<host>\$\{env:\w+\}|[^/?#$]+)(?P<rest>.*)",
    re.DOTALL,
)
_connects: Final = re.compile(r"""(?:curl|http)_connect\w*["']?\s*[(,]\s*["']([^"'\\\n]+)["']""")
"""Calls over a connection that the server's configuration defines, with the argument for its
name."""
_UNCLEAR: Final = (
    "what it needs is said in connections.yaml, by the server, and which that is cannot be seen"
)
_HEAD: Final = "version: 1\nconnections:\n"


class OnConnection(NamedTuple):
    """A call over a named connection."""

    connection: str
    """Code for the connection."""
    path: str
    """Code for the rest of the URL."""


class ConnectionEntries:
    """The entries that the rewritten files need, each once.

    Args:
        known: the entries that exist already.
        named: the names of connections in scripts, from the server's configuration.
    """

    def __init__(
        self,
        known: Mapping[str, dict[str, Any]] = MappingProxyType({}),
        named: Collection[str] = (),
    ) -> None:
        self.entries: dict[str, dict[str, Any]] = dict(known)
        self._taken = set(named) - set(known)

    def on(
        self, url: Given, bases: Mapping[str, str], options: Mapping[str, object] | None = None
    ) -> OnConnection:
        """Return the connection for a URL and options. Credentials in the URL become options, too.

        Args:
            bases: names of the script that have a URL as their value.

        Raises:
            NotSafeError: the script does not show the server.
        """
        pieces: list[Piece] = list(url.pieces) or [str(url.literal or "")]
        first = pieces.pop(0)
        if isinstance(first, Code):
            first = bases.get(first.text, "")
        match = _server.fullmatch(str(first))
        if match is None or (pieces and not match["rest"] and not _begins_a_path(pieces[0])):
            raise NotSafeError(_UNCLEAR)
        scheme, user, host, rest = match.group("scheme", "user", "host", "rest")
        entry: dict[str, Any] = {"url": (scheme or "") + host, **(options or {})}
        name = re.sub(r"\W+", "_", host.removeprefix("${env:")).strip("_").lower()
        name = name if name[:1].isalpha() else f"at_{name}"
        if user is not None:
            entry["auth"] = {"type": "basic", "username": user, "password": secret(name)}
        path = code_for(tuple([rest, *pieces] if rest else pieces)) if rest or pieces else '""'
        return OnConnection(f"onehttp.connection({code_of(self._named(name, entry))})", path)

    def _named(self, name: str, entry: dict[str, Any]) -> str:
        """Return the name of the entry: that of the server, with a number if another entry has that
        name."""
        number, wanted = 1, name
        while wanted in self._taken or self.entries.setdefault(wanted, entry) != entry:
            number += 1
            wanted = f"{name}_{number}"
        return wanted


def names_called(text: str) -> list[str]:
    """Return the names of connections in the calls of a script."""
    return _connects.findall(text)


def secret(name: str) -> str:
    """Return a reference to a password, because passwords are not written into the file."""
    return "${env:" + f"{name.upper()}_PASSWORD" + "}"


def bases_of(values: Values) -> dict[str, str]:
    """Return the names of a module that are assigned once, with a URL or a variable of the
    environment."""
    found: dict[str, list[str]] = {}
    for target, value in values.items():
        if isinstance(target, cst.Name):
            found.setdefault(target.value, []).append(_url(value))
    return {name: urls[0] for name, urls in found.items() if len(urls) == 1 and urls[0]}


def _url(value: cst.BaseExpression) -> str:
    text = constant_text(value)
    if text.startswith(("http://", "https://")):
        return text
    match value:
        case cst.Subscript(
            value=of, slice=[cst.SubscriptElement(slice=cst.Index(value=cst.SimpleString() as key))]
        ) if dotted(of) in ("os.environ", "environ"):
            return "${env:" + constant_text(key) + "}"
        case cst.Call(func=function, args=[cst.Arg(value=cst.SimpleString() as key)]) if dotted(
            function
        ) in ("os.environ.get", "os.getenv", "environ.get", "getenv"):
            return "${env:" + constant_text(key) + "}"
    return ""


def _begins_a_path(piece: object) -> bool:
    return isinstance(piece, str) and piece.startswith(("/", "?"))


def with_entries(text: str, entries: Mapping[str, Mapping[str, Any]], path: Path) -> str:
    """Add entries to the text of a connections file, which is empty for a new one.

    Raises:
        ConfigurationError: it has other entries with these names, or nothing can be appended to it.
    """
    before: Any = yaml.safe_load(text) or {}
    known = before.get("connections") or {}
    new = {name: entry for name, entry in entries.items() if known.get(name) != entry}
    taken = sorted(set(new) & set(known))
    if taken:
        raise ConfigurationError(f"{path}: has another {taken[0]}; rename that one")
    if not new:
        return text
    lines = "".join(f"  {name}: {json.dumps(entry)}\n" for name, entry in new.items())
    made = (text.rstrip("\n") + "\n" if text else _HEAD) + lines
    try:
        read = yaml.safe_load(made)
    except yaml.YAMLError:
        read = None
    if read != {**before, "version": 1, "connections": {**known, **new}}:
        raise ConfigurationError(f"{path}: add these to its connections by hand:\n{lines}")
    return made
