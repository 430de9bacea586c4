"""The time limits of one request: its own where it has some, else those of its options.

The defaults (4 s in all, 1 s to connect) are those of `onehttp_backends.contract.TransferOptions`.
"""

from __future__ import annotations

from onehttp_backends.contract import Request


def total_s(request: Request) -> float:
    """Seconds that the whole transfer may take; 0 = no limit."""
    own_s = request.total_timeout_s
    return request.options.total_timeout_s if own_s is None else own_s


def connect_s(request: Request) -> float:
    """Seconds that connecting may take, TLS included; 0 = only the total counts."""
    own_s = request.connect_timeout_s
    return request.options.connect_timeout_s if own_s is None else own_s
