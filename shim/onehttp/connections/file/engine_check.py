"""Asks the engine whether it can serve the options of a configuration, before they are in force."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from onehttp_backends.contract import (
    AuthScheme,
    Backend,
    HttpVersion,
    Proxy,
    Tls,
    TransferOptions,
)
from onehttp_backends.optional.checking import Checker, OptionFault

_Key: TypeAlias = "tuple[Tls, Proxy | None, HttpVersion, AuthScheme | None]"
_KEYS: Final = {
    "cert_file": "cert",
    "key_file": "key",
}
"""Fields of `Tls` that the connections file calls by another name."""


class EngineCheck:
    """Has a backend check options. What it has accepted is not checked again."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._accepted: set[_Key] = set()

    def __call__(self, wanted: Sequence[TransferOptions]) -> list[OptionFault | None]:
        """Return the fault of each of ``wanted``, or None."""
        checker = self._backend
        if not isinstance(checker, Checker):
            return [None] * len(wanted)
        found: dict[_Key, OptionFault | None] = {}
        for options in wanted:
            key = _key_of(options)
            if key not in found:
                found[key] = None if key in self._accepted else checker.check(options)
        self._accepted = {key for key, fault in found.items() if fault is None}
        return [found[_key_of(options)] for options in wanted]


def file_key(option: tuple[str, ...]) -> tuple[str, ...]:
    """The key of a connections file for a field of `TransferOptions`."""
    return tuple(_KEYS.get(name, name) for name in option)


def _key_of(options: TransferOptions) -> _Key:
    schemes = None if options.auth is None else options.auth.schemes
    return options.tls, options.proxy, options.http_version, schemes
