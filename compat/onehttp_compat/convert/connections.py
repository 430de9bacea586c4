"""Collects the named connections of all modules in one file: their names, and their failover."""

from __future__ import annotations

from onehttp import RequestError
from onehttp.lowlevel import check_url
from onehttp_compat.convert.declared import Declarations
from onehttp_compat.convert.keys import Keys, escaped, keys_of


class ConvertedConnections:
    """The connections of the document, and their earlier names."""

    def __init__(self, declared: Declarations) -> None:
        self._declared = declared
        self.keys: dict[str, Keys] = {}
        """By name in the document."""
        self.names: dict[tuple[str, str], str] = {}
        """Module and legacy name -> name in the document."""
        for module, name, setting in list(declared.places):
            if not setting:
                self._add(module, name)
        self._resolve_failovers()

    def _add(self, module: str, name: str) -> None:
        declared, key = self._declared, (module, name, "")
        connection = declared.configurations[module].connections.get(name)
        if connection is None:
            # its file was refused, or the module lost it by a bug of its own; both were reported
            return
        if not name.strip():
            declared.tell_of(key, "lost", "a connection needs a name")
            return
        keys: Keys = escaped(
            keys_of(
                connection,
                declared.configurations[module].values,
                lambda setting, became, text: declared.tell_of(
                    (module, name, setting), became, text
                ),
            )
        )
        try:
            check_url(keys["url"])
        except RequestError as error:
            declared.tell_of(key, "lost", error.message)
            return
        new_name = _as_text(name)
        if new_name != name:
            text = f'now "{new_name}": its bytes are no UTF-8, so they are read as Latin-1'
            declared.tell_of(key, "changed", text)
        if self.keys.get(new_name, keys) != keys:
            new_name = f"{new_name}-{module}"
            text = f'now "{new_name}": the other module has another one of that name'
            declared.tell_of(key, "changed", text)
        self.names[module, name] = new_name
        self.keys[new_name] = keys
        if key not in declared.told:
            declared.tell_of(key, "converted", f'connection "{new_name}"')

    def remove(self, name: str) -> None:
        """Remove a connection, and every failover that leads to it."""
        del self.keys[name]
        for (module, legacy_name), new_name in self.names.items():
            keys = self.keys[new_name]
            if keys.get("failover") == name:
                del keys["failover"]
                text = f'"{name}" is lost, so nobody stands in'
                self._declared.tell_of((module, legacy_name, "failover"), "lost", text)

    def _resolve_failovers(self) -> None:
        """Resolve failovers. The modules take one step only, and a connections file follows chains,
        so a connection that others fail over to is copied without its own failover."""
        declared = self._declared
        for (module, name), new_name in list(self.names.items()):
            keys = self.keys[new_name]
            target = keys.pop("failover", None)
            if target is None:
                continue
            key = (module, name, "failover")
            successor = self.names.get((module, target))
            if successor is None:
                text = f'no connection "{target}": the call returned -1'
                declared.tell_of(key, "lost", text)
                continue
            if declared.configurations[module].connections[target].failover:
                alone = f"{successor}-alone"
                text = f'to "{alone}", which goes no further, as the module took one step only'
                declared.tell_of(key, "changed", text)
                self.keys.setdefault(alone, _without_failover(self.keys[successor]))
                successor = alone
            keys["failover"] = successor
            text = 'a POST that may have arrived goes nowhere else, unless "unsafe_resend: true"'
            declared.tell_of(key, "changed", text)


def _without_failover(keys: Keys) -> Keys:
    return {key: value for key, value in keys.items() if key != "failover"}


def _as_text(name: str) -> str:
    """Return a name as people write it. The bytes of a file in Latin-1 arrive as surrogate
    escapes."""
    raw = name.encode("utf-8", "surrogateescape")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
