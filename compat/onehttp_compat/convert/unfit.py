"""Finds values that a connections file does not accept, removes and reports them."""

from __future__ import annotations

from typing import Any, Final

from onehttp.lowlevel import check_connections
from onehttp_compat.convert.connections import ConvertedConnections
from onehttp_compat.convert.declared import Declarations, Key
from onehttp_compat.convert.keys import KEY_OF, Keys
from onehttp_compat.parameters import PARAMETERS

_FILES: Final = frozenset(("ca_file", "ca_path", "cert", "key"))
"""Keys that name files. The files are on another machine."""
_MOST_ROUNDS: Final = 30


class Unfit:
    """Checks the sections of a document before it is written."""

    def __init__(
        self,
        declared: Declarations,
        connections: ConvertedConnections,
        sections: dict[str, tuple[str, Keys]],
    ) -> None:
        self._declared = declared
        self._connections = connections
        self._sections = sections
        """The settings of calls without a connection: name -> module, and keys."""

    def take_out(self) -> None:
        """Remove all values that are refused, and report why."""
        for _ in range(_MOST_ROUNDS):
            names = list(self._connections.keys)
            faults = check_connections(self._document(names))
            for fault in faults:
                self._take_out((fault.key or "").split("."), fault.message, names)
            if not faults:
                return

    def _document(self, names: list[str]) -> dict[str, Any]:
        """The sections under names without dots, because paths of keys are separated by dots."""
        plain = {name: f"c{number}" for number, name in enumerate(names)}
        document: dict[str, Any] = {"version": 1, "connections": {}}
        for name, keys in self._connections.keys.items():
            checked = _without_files(keys)
            if "failover" in checked:
                checked["failover"] = plain[checked["failover"]]
            document["connections"][plain[name]] = checked
        for section, (_, keys) in self._sections.items():
            document[section] = _without_files(keys)
        return document

    def _take_out(self, path: list[str], message: str, names: list[str]) -> None:
        if path[0] in self._sections and len(path) > 1:
            module, keys = self._sections[path[0]]
            self._declared.tell_of(self._key(module, "", path[1]), "lost", message)
            _remove(keys, path[1:])
            return
        name = names[int(path[1][1:])]
        keys = self._connections.keys[name]
        for (module, legacy_name), new_name in list(self._connections.names.items()):
            if new_name != name:
                continue
            key = self._key(module, legacy_name, path[2] if len(path) > 2 else "")
            self._declared.tell_of(key, "lost", message)
            if not _is_dispensable(path[2:]):
                del self._connections.names[module, legacy_name]
        if _is_dispensable(path[2:]):
            _remove(keys, path[2:])
        else:
            self._connections.remove(name)

    def _key(self, module: str, name: str, key: str) -> Key:
        """The declaration that a key of the document was made from."""
        for setting in (setting for setting, known in KEY_OF.items() if known == key):
            if (module, name, setting) in self._declared.places:
                return module, name, setting
            for parameter, known in PARAMETERS[module].items():
                place = (module, "", parameter)
                if known.setting == setting and place in self._declared.places:
                    return place
        return module, name, ""


def _is_dispensable(path: list[str]) -> bool:
    """Whether a connection can exist without that key."""
    return bool(path) and path[0] not in ("url", "failover")


def _remove(keys: Keys, path: list[str]) -> None:
    """Remove a key, or the whole section if that is useless without the key."""
    if len(path) > 1 and path[0] in ("tls", "timeout") and isinstance(keys.get(path[0]), dict):
        keys[path[0]] = {key: value for key, value in keys[path[0]].items() if key != path[1]}
    else:
        keys.pop(path[0], None)


def _without_files(keys: Keys) -> Keys:
    tls = keys.get("tls")
    if not tls:
        return dict(keys)
    return {**keys, "tls": {key: value for key, value in tls.items() if key not in _FILES}}
