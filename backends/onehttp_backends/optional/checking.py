"""What options a backend can serve, known before it serves any: an optional part of a backend."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

from onehttp_backends.contract import TransferOptions


class OptionFault(NamedTuple):
    """Why options cannot be served."""

    option: tuple[str, ...]
    """The field that is at fault, e.g. ``("tls", "ciphers")``."""
    message: str


@runtime_checkable
class Checker(Protocol):
    """A backend that looks at options before it is asked to use them."""

    def check(self, options: TransferOptions) -> OptionFault | None:
        """What of these options cannot work here, whatever the server; None: all can."""
