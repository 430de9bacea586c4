"""`Checker`: whether a backend can use given options, asked before they are in force."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

from onehttp_backends.contract import TransferOptions


class OptionFault(NamedTuple):
    """Why a backend cannot use some options."""

    option: tuple[str, ...]
    """The field at fault, e.g. ``("tls", "ciphers")``."""
    message: str


@runtime_checkable
class Checker(Protocol):
    """A backend that can check options in advance."""

    def check(self, options: TransferOptions) -> OptionFault | None:
        """The first option that cannot work on this backend, whatever the server; None: all can."""
