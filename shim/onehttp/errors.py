"""Every error that a call may raise; docs/errors.md says when, and what to do.

    OnehttpError
        TransferError               a call gave no response; `code` is libcurl's
            RequestError            not fit to be sent (is a ValueError)
                RequestTypeError    an argument of the wrong type (is a TypeError)
                RedirectError       a redirect has a target that is not allowed
            ResolveError            the name has no address
            ConnectError            no connection (is a ConnectionError)
                CircuitOpenError    not sent: the circuit breaker is open
                PeerRefusedError    connecting to this address is not allowed
                ProxyError          the proxy made no connection to the server
            TLSError                handshake, certificate or key refused
                ClientCertificateError  the server refused our certificate, or requires one
            TimeoutError            a time limit was reached (is a builtin TimeoutError)
                LimitReachedError   not sent: the connection's limits allowed no attempt in time
            ProtocolError           the server does not speak HTTP as it should
            DisconnectedError       the connection ended before the response was complete
            TooLargeError           the response is larger than allowed
            UploadError             a body that is read while it is sent cannot be read (again)
            SaveError               the body of a response could not be written to its file
            TooManyRedirectsError   more redirects than allowed
            CancelledError          the call was cancelled, or the engine was closed
        HTTPStatusError             raised by raise_for_status() for a status of 400 or above
        ConfigurationError          connections that cannot be used (is a ValueError)
        NotInitialisedError         used before init(), or after shutdown() (is a RuntimeError)
        AlreadyInitialisedError     a second init() with other settings (is a RuntimeError)
        BackendUnavailableError     no such backend, or a package is missing (is a LookupError)
        EngineClosedError           used after its engine was closed (is a RuntimeError)
        StreamError                 a body was not read yet, or was already read (is a RuntimeError)
        ReentrantCallError          a call that would wait for its own thread (is a RuntimeError)
        UnknownConnectionError      no connection of that name (is a LookupError)
        UnknownRouteError           no route of that name (is a LookupError)
        QueueFullError              too many queries are open, or stored (is a RuntimeError)
        QueueStoreError             a durable queue cannot be reached, or is broken (is an OSError)
        TransactionError            a transaction cannot be suspended (is a RuntimeError)
        onehttp.identity.IdentityError
            SigningError            these values cannot be signed (is a ValueError)
            MissingIdentityError    428: no Identity header
            StaleIdentityError      403: too old, or in the future
            IdentityInfoError       436: the certificate cannot be fetched
            CredentialError         437: the certificate is not trusted
                RevokedError        437: it was revoked
            InvalidIdentityError    438: malformed, forged, or of another call (is a ValueError)
        onehttp.xcap.XcapError
            SelectorError           the selector is invalid (is a ValueError)
            XmlError                the document is not allowed, or malformed (is a ValueError)
                WrongNamespaceError well-formed, but of another namespace
            StatusError             the server answered with an error status
                NotFoundError       404 or 410 (is a LookupError)
                PreconditionFailedError  412: the document has changed
                ConflictError       409: the change would make the document invalid
            StoreError              the database cannot be used
                RowRefusedError     the database does not take this row

The errors of transfers are defined by the engines and exported here as well. A wrong keyword raises
a TypeError. `UnexpectedRequestError` of the tests is a BaseException, because the code under test
must not handle it.
"""

from __future__ import annotations

from collections.abc import Sequence

from onehttp_backends.errors import (
    BackendUnavailableError,
    CancelledError,
    ClientCertificateError,
    ConnectError,
    CurlCode,
    DisconnectedError,
    EngineClosedError,
    OnehttpError,
    PeerRefusedError,
    Phase,
    ProtocolError,
    ProxyError,
    RedirectError,
    ReentrantCallError,
    RequestError,
    RequestTypeError,
    ResolveError,
    SaveError,
    Sent,
    TimeoutError,
    TLSError,
    TooLargeError,
    TooManyRedirectsError,
    TransferError,
    UnexpectedRequestError,
    UploadError,
)
from onehttp_backends.response import HTTPStatusError

__all__ = [
    "AlreadyInitialisedError",
    "BackendUnavailableError",
    "CancelledError",
    "CircuitOpenError",
    "ClientCertificateError",
    "ConfigurationError",
    "ConnectError",
    "CurlCode",
    "DisconnectedError",
    "EngineClosedError",
    "HTTPStatusError",
    "LegacyCallWarning",
    "LimitReachedError",
    "NotInitialisedError",
    "OnehttpError",
    "PeerRefusedError",
    "Phase",
    "ProtocolError",
    "ProxyError",
    "QueueFullError",
    "RedirectError",
    "ReentrantCallError",
    "RequestError",
    "RequestTypeError",
    "ResolveError",
    "SaveError",
    "Sent",
    "StreamError",
    "TLSError",
    "TimeoutError",
    "TooLargeError",
    "TooManyRedirectsError",
    "TransactionError",
    "TransferError",
    "UnexpectedRequestError",
    "UnknownConnectionError",
    "UnknownRouteError",
    "UploadError",
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
        errors: Sequence[ConfigurationError] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.column = column
        self.key = key
        self._errors = tuple(errors)

    @classmethod
    def of(cls, errors: Sequence[ConfigurationError]) -> ConfigurationError:
        """One error for all that is wrong: a line for each, everything else as the first has it."""
        first = errors[0]
        if len(errors) == 1:
            return first
        return cls(
            first.message,
            file=first.file,
            line=first.line,
            column=first.column,
            key=first.key,
            errors=errors,
        )

    @property
    def errors(self) -> tuple[ConfigurationError, ...]:
        """Everything that is wrong; this error alone unless there is more."""
        return self._errors or (self,)

    def __str__(self) -> str:
        if self._errors:
            return "\n".join(str(error) for error in self._errors)
        return placed(self.message, self.file, self.line, self.column, self.key)


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

    usual = (CurlCode.COULDNT_CONNECT, Sent.NO, Phase.QUEUE)


class LimitReachedError(TimeoutError):
    """Not sent: the connection's limits gave the call no turn in time (code 28)."""

    usual = (CurlCode.OPERATION_TIMEDOUT, Sent.NO, Phase.QUEUE)


class NotInitialisedError(OnehttpError, RuntimeError):
    """Used before `init`, or after `shutdown`."""


class AlreadyInitialisedError(OnehttpError, RuntimeError):
    """A second `init` with other settings; says where the first was, and what differs."""


class UnknownConnectionError(OnehttpError, LookupError):
    """No connection of that name; the message suggests the nearest one."""


class StreamError(OnehttpError, RuntimeError):
    """A body read piece by piece is asked for what it does not have: it was not read yet, is being
    read, was read before, or its call is over."""


class UnknownRouteError(OnehttpError, LookupError):
    """No route of that name; the message suggests the nearest one."""


class QueueFullError(OnehttpError, RuntimeError):
    """As many queries are open as may be; nothing was sent."""


class QueueStoreError(OnehttpError, OSError):
    """A durable queue cannot be reached, or takes nothing: what was to be stored is not."""


class TransactionError(OnehttpError, RuntimeError):
    """A transaction cannot be suspended: it has its final reply, or has ended."""


class LegacyCallWarning(DeprecationWarning):
    """A legacy function was called; the text names the call that replaces it."""
