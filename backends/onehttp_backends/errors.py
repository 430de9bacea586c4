"""The one exception hierarchy, rooted here because every layer raises from it.

Whatever engine runs a transfer, a failure carries libcurl's number (``code``):
the legacy functions return that number, so it is part of the contract.
"""

from __future__ import annotations

import builtins
import copy
import enum
from typing import ClassVar, TypeAlias

from onehttp_backends.curl_codes import CurlCode as CurlCode
from onehttp_backends.curl_codes import code_name as code_name


class Sent(enum.Enum):
    """How far a failed request got: what a caller must know before repeating it."""

    NO = "no"
    """Not one byte of it reached the wire; repeating it is always safe."""
    MAYBE = "maybe"
    """The server may have acted on it; repeating an unsafe request may act twice."""
    YES = "yes"
    """The server answered, at least in part."""


_FURTHER = (Sent.NO, Sent.MAYBE, Sent.YES)


class Phase(enum.Enum):
    """Where a transfer was when it ended."""

    QUEUE = "queue"
    LOOKUP = "lookup"
    CONNECT = "connect"
    PROXY = "proxy"
    """Connecting to a proxy, or waiting for it to open the way; with SOCKS, TLS behind it too."""
    TLS = "tls"
    SEND = "send"
    FIRST_BYTE = "first_byte"
    BODY = "body"


class OnehttpError(Exception):
    """Base of every error this library raises on purpose. All of them can be pickled and copied."""

    def __reduce__(self) -> tuple[object, ...]:
        # Not by calling the class with ``args``, as exceptions usually are: its parameters are
        # its own affair. ``__notes__`` are among the attributes.
        return _rebuilt, (type(self), self.args), self.__dict__


Usual: TypeAlias = "tuple[int, Sent, Phase | None]"


class TransferError(OnehttpError):
    """A transfer gave no response.

    What is not given is as usual for its kind: ``TimeoutError("too late")`` is a whole error, for
    tests. Engines give everything, by `transfer_error`.

    Attributes:
        code: libcurl's CURLcode, on every backend (1 to 100).
        message: one line for people; names method, origin and path, never what may be a secret:
            credentials, query, headers, bodies, long segments of a path.
        sent: whether the server can have seen the request.
        phase: where the transfer was, or None where it never started.

    Raises:
        ValueError: the code belongs to another class.
        TypeError: the code is no number, or the message no text.
    """

    usual: ClassVar[Usual] = (CurlCode.FAILED_INIT, Sent.MAYBE, None)
    """Code, ``sent`` and phase where they are not given."""
    has_any_code: ClassVar[bool] = True

    def __init__(
        self,
        code: int | str,
        message: str | None = None,
        *,
        sent: Sent | None = None,
        phase: Phase | None = None,
    ) -> None:
        usual_code, usual_sent, usual_phase = self.usual
        if message is None and isinstance(code, str):
            message = code
            code = usual_code
        if not isinstance(code, int) or not isinstance(message, str):
            raise TypeError(f"{type(self).__name__}: expected a code and a message, or a message")
        code = int(code)  # a CurlCode would be spelled out in every repr
        _check_code(type(self), code)
        # OSError, which some of the classes are too, would take the code for an errno.
        BaseException.__init__(self, code, message)
        self.code = code
        self.message = message
        self.sent = sent or usual_sent
        self.phase = phase or usual_phase

    @property
    def reason(self) -> str:
        """The message without what it is about: for a list that names the request itself."""
        return self.message.partition(": ")[2] or self.message

    def __str__(self) -> str:
        return f"{self.message} (code {self.code} {code_name(self.code)}, sent: {self.sent.value})"


class RequestError(TransferError, ValueError):
    """A request is not fit to be sent, and was not: nothing of it has reached the wire."""

    usual = (CurlCode.URL_MALFORMAT, Sent.NO, None)


class RequestTypeError(RequestError, TypeError):
    """An argument of the request has the wrong type: nothing has reached the wire."""

    usual = (CurlCode.BAD_FUNCTION_ARGUMENT, Sent.NO, None)


class RedirectError(RequestError):
    """A redirect leads where no request may go: to what is no URL, to another scheme, from https
    to http, from a public address to a private one. ``sent`` is YES: a server has answered."""

    usual = (CurlCode.URL_MALFORMAT, Sent.YES, None)


class TimeoutError(TransferError, builtins.TimeoutError):
    """A deadline passed; ``phase`` says waiting for what."""

    usual = (CurlCode.OPERATION_TIMEDOUT, Sent.MAYBE, Phase.FIRST_BYTE)
    has_any_code = False


class ResolveError(TransferError):
    """The host name (or the proxy's) has no address."""

    usual = (CurlCode.COULDNT_RESOLVE_HOST, Sent.NO, Phase.LOOKUP)
    has_any_code = False


class ConnectError(TransferError, ConnectionError):
    """No connection to the server could be made."""

    usual = (CurlCode.COULDNT_CONNECT, Sent.NO, Phase.CONNECT)
    has_any_code = False


class PeerRefusedError(ConnectError):
    """No connection was made: the address is not one that may be connected to."""


class ProxyError(ConnectError):
    """The proxy made no connection to the server: it refused, broke off, or spoke no HTTP."""

    usual = (CurlCode.COULDNT_CONNECT, Sent.NO, Phase.PROXY)
    has_any_code = True


class TLSError(TransferError):
    """The TLS handshake, a certificate or a key was refused."""

    usual = (CurlCode.PEER_FAILED_VERIFICATION, Sent.NO, Phase.TLS)
    has_any_code = False


class ClientCertificateError(TLSError):
    """The server refused the client certificate, or that there is none: under TLS 1.3 after the
    handshake, with whatever code the connection ended."""

    usual = (CurlCode.SSL_CLIENTCERT, Sent.NO, Phase.TLS)
    has_any_code = True


class ProtocolError(TransferError):
    """The peer does not speak HTTP as it should."""

    usual = (CurlCode.WEIRD_SERVER_REPLY, Sent.YES, Phase.BODY)


class DisconnectedError(TransferError):
    """The connection ended before the response was complete."""

    usual = (CurlCode.GOT_NOTHING, Sent.MAYBE, Phase.FIRST_BYTE)
    has_any_code = False


class TooLargeError(TransferError):
    """A response passed the limit set for it."""

    usual = (CurlCode.FILESIZE_EXCEEDED, Sent.YES, Phase.BODY)
    has_any_code = False


class UploadError(TransferError):
    """A body that is read while it is sent cannot be read to its end, or not once more."""

    usual = (CurlCode.READ_ERROR, Sent.MAYBE, Phase.SEND)


class SaveError(TransferError):
    """A body that came could not be kept: the disk is full, or the place cannot be written."""

    usual = (CurlCode.WRITE_ERROR, Sent.YES, Phase.BODY)


class TooManyRedirectsError(TransferError):
    """More redirects than allowed."""

    usual = (CurlCode.TOO_MANY_REDIRECTS, Sent.YES, None)
    has_any_code = False


class CancelledError(TransferError):
    """The transfer was cancelled by its owner, or the engine was closed under it."""

    usual = (CurlCode.ABORTED_BY_CALLBACK, Sent.MAYBE, None)
    has_any_code = False


class BackendUnavailableError(OnehttpError, LookupError):
    """No backend of that name, or it lacks a package it needs."""


class EngineClosedError(OnehttpError, RuntimeError):
    """The engine was closed: by `shutdown`, or because its process forked or ends."""


class ReentrantCallError(OnehttpError, RuntimeError):
    """A blocking call from within the driver: it would wait for itself for ever."""


class UnexpectedRequestError(BaseException):
    """A request that no answer of the double is for; names the nearest one.

    No `OnehttpError`, and no `Exception`: the code under test must not take it for a failed call.
    """


_BY_CODE: dict[int, type[TransferError]] = {
    1: RequestError,
    3: RequestError,
    43: RequestError,
    5: ResolveError,
    6: ResolveError,
    7: ConnectError,
    45: ConnectError,
    97: ConnectError,
    96: ConnectError,
    8: ProtocolError,
    16: ProtocolError,
    61: ProtocolError,
    92: ProtocolError,
    95: ProtocolError,
    18: DisconnectedError,
    52: DisconnectedError,
    55: DisconnectedError,
    56: DisconnectedError,
    65: DisconnectedError,
    26: UploadError,
    28: TimeoutError,
    35: TLSError,
    53: TLSError,
    58: TLSError,
    59: TLSError,
    60: TLSError,
    77: TLSError,
    82: TLSError,
    83: TLSError,
    90: TLSError,
    91: TLSError,
    98: TLSError,
    42: CancelledError,
    47: TooManyRedirectsError,
    63: TooLargeError,
    100: TooLargeError,
}


_OF_A_CONNECTION = (ConnectError, DisconnectedError, ProtocolError)


def transfer_error(
    code: int, message: str, *, sent: Sent = Sent.NO, phase: Phase | None = None
) -> TransferError:
    """The error of the hierarchy that fits libcurl's ``code``."""
    return _made(_kind(code, phase), code, message, sent, phase)


def answer_error(
    code: int, message: str, *, sent: Sent = Sent.YES, phase: Phase | None = None
) -> TransferError:
    """The error of an answer that is none. It says something of the server, never of the request,
    though libcurl has one code for both (1: a URL of another scheme, or no HTTP)."""
    kind = _kind(code, phase)
    if issubclass(kind, RequestError):
        kind = ProtocolError
    return _made(kind, code, message, sent, phase)


def at_least(error: TransferError, sent: Sent) -> TransferError:
    """``error``, or one like it, whose ``sent`` is ``sent`` or worse: what is true of all attempts
    and hops of a call together."""
    if _FURTHER.index(error.sent) >= _FURTHER.index(sent):
        return error
    # Another one: an error may be the canned answer of many calls.
    found = copy.copy(error)
    found.sent = sent
    found.__cause__ = error.__cause__
    return found


def idle_text(limit_s: float) -> str:
    """What the error of a transfer says whose idle limit is over."""
    return f"nothing moved for {limit_s:g} s"


def codes_of(kind: type[TransferError]) -> list[int]:
    """libcurl's codes that become errors of this class, or of one below it."""
    return [code for code, found in _BY_CODE.items() if issubclass(found, kind)]


def _kind(code: int, phase: Phase | None) -> type[TransferError]:
    kind = _BY_CODE.get(code, TransferError)
    is_proxys = phase is Phase.PROXY and issubclass(kind, _OF_A_CONNECTION)
    return ProxyError if is_proxys else kind


def _made(
    kind: type[TransferError], code: int, message: str, sent: Sent, phase: Phase | None
) -> TransferError:
    error = kind(code, message, sent=sent)
    error.phase = phase  # None is meant
    return error


def _check_code(kind: type[TransferError], code: int) -> None:
    if not kind.has_any_code and (found := _BY_CODE.get(code)) and not issubclass(kind, found):
        raise ValueError(
            f"{kind.__name__}: code {code} ({code_name(code)}) is that of a {found.__name__}"
        )


def _rebuilt(kind: type[OnehttpError], args: tuple[object, ...]) -> OnehttpError:
    error = kind.__new__(kind, *args)
    error.args = args
    return error
