"""The base class of backends that wrap an engine: it delegates everything but exchanges."""

from __future__ import annotations

from onehttp_backends.contract import Backend, Stats, TransferOptions


class Delegating:
    """The methods of a backend that are passed on."""

    __slots__ = ("_backend",)

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    @property
    def name(self) -> str:
        return self._backend.name

    @property
    def capabilities(self) -> frozenset[str]:
        return self._backend.capabilities

    def stats(self) -> Stats:
        """See `Backend`."""
        return self._backend.stats()

    def forget(self, options: TransferOptions) -> None:
        """See `Backend`."""
        self._backend.forget(options)

    def close(self, grace_s: float = 0.0) -> None:
        """See `Backend`."""
        self._backend.close(grace_s)
