"""Errors of this layer; those of transfers come from the engines, and are named here too."""

from __future__ import annotations

from collections.abc import Sequence

from onehttp_backends.errors import (
    CancelledError,
    ConnectError,
    CurlCode,
    DisconnectedError,
    OnehttpError,
    Phase,
    ProtocolError,
    RedirectError,
    RequestError,
    RequestTypeError,
    ResolveError,
    Sent,
    TimeoutError,
    TLSError,
    TooLargeError,
    TooManyRedirectsError,
    TransferError,
)

__all__ = [
    "AlreadyInitialisedError",
    "CancelledError",
    "CircuitOpenError",
    "ConfigurationError",
    "ConnectError",
    "CurlCode",
    "DisconnectedError",
    "LegacyCallWarning",
    "LimitReachedError",
    "NotInitialisedError",
    "OnehttpError",
    "Phase",
    "ProtocolError",
    "RedirectError",
    "RequestError",
    "RequestTypeError",
    "ResolveError",
    "Sent",
    "TLSError",
    "TimeoutError",
    "TooLargeError",
    "TooManyRedirectsError",
    "TransferError",
    "UnknownConnectionError",
    "UnknownRouteError",
]


class ConfigurationError(OnehttpError, ValueError):
    """A configuration that cannot be used.

    Attributes:
        message: what is wrong, and the way out; never a secret.
        file, line, column, key: where, as far as it is known (lines and columns from 1).
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
        key: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.column = column
        self.key = key

    def __str__(self) -> str:
        return placed(self.message, self.file, self.line, self.column, self.key)

    @property
    def errors(self) -> tuple[ConfigurationError, ...]:
        """Everything that is wrong; this error alone unless there is more."""
        return (self,)


class ConfigurationFaultsError(ConfigurationError):
    """Several things are wrong: ``errors`` holds them all, the text has a line for each."""

    def __init__(self, errors: Sequence[ConfigurationError]) -> None:
        first = errors[0]
        super().__init__(
            first.message, file=first.file, line=first.line, column=first.column, key=first.key
        )
        self._errors = tuple(errors)

    @property
    def errors(self) -> tuple[ConfigurationError, ...]:
        return self._errors

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self._errors)


def placed(
    message: str,
    file: str | None,
    line: int | None,
    column: int | None = None,
    key: str | None = None,
) -> str:
    """``file:line:column: key: message``, as far as it is known."""
    place = ":".join(str(part) for part in (file, line, column) if part)
    return ": ".join(part for part in (place, key, message) if part)


class CircuitOpenError(ConnectError):
    """Not sent: the connection's circuit breaker is open (code 7, as where nothing answers)."""


class LimitReachedError(TimeoutError):
    """Not sent: the connection's limits gave the call no turn in time (code 28)."""


class NotInitialisedError(OnehttpError, RuntimeError):
    """Used before `init`, or after `shutdown`."""


class AlreadyInitialisedError(OnehttpError, RuntimeError):
    """A second `init` with other settings; the message names where the first was."""


class UnknownConnectionError(OnehttpError, LookupError):
    """No connection of that name; the message suggests the nearest one."""


class UnknownRouteError(OnehttpError, LookupError):
    """No route of that name; the message suggests the nearest one."""


class LegacyCallWarning(DeprecationWarning):
    """A legacy function was called; the text names the call that replaces it."""
