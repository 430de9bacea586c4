"""Asking the engine, before it is put to work, whether it can serve what a configuration says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from onehttp_backends.contract import Backend, HttpVersion, Proxy, Tls, TransferOptions
from onehttp_backends.optional.checking import Checker, OptionFault

Asked: TypeAlias = "tuple[Tls, Proxy | None, HttpVersion]"
_KEYS: Final = {
    "cert_file": "cert",
    "key_file": "key",
}
"""Of `Tls`, where a connections file calls it otherwise."""


class EngineCheck:
    """Asks a backend, each time of what is new only."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._accepted: set[Asked] = set()

    def __call__(self, wanted: Sequence[TransferOptions]) -> list[OptionFault | None]:
        """What is wrong with each; None: nothing."""
        checker = self._backend
        if not isinstance(checker, Checker):
            return [None] * len(wanted)
        found: dict[Asked, OptionFault | None] = {}
        for options in wanted:
            asked = _what_counts(options)
            if asked not in found:
                found[asked] = None if asked in self._accepted else checker.check(options)
        self._accepted = {asked for asked, fault in found.items() if fault is None}
        return [found[_what_counts(options)] for options in wanted]


def file_key(option: tuple[str, ...]) -> tuple[str, ...]:
    """The key of a connections file for a field of `TransferOptions`."""
    return tuple(_KEYS.get(name, name) for name in option)


def _what_counts(options: TransferOptions) -> Asked:
    return options.tls, options.proxy, options.http_version
