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
    """The phase in which a transfer has ended."""

    QUEUE = "queue"
    LOOKUP = "lookup"
    CONNECT = "connect"
    PROXY = "proxy"
    """Connecting to a proxy, or waiting for its tunnel; with SOCKS, also TLS through the tunnel."""
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

    Arguments left out are those most usual for the class, so that a test can raise
    ``TimeoutError("too late")``. Engines give all of them, by `transfer_error`.

    Attributes:
        code: libcurl's CURLcode, on every backend (1 to 100).
        message: one line for people. It names method, origin and path, and never what may be a
            secret: credentials, query, headers, bodies, long segments of a path.
        sent: whether the server can have seen the request.
        phase: how far the transfer had come; None if it never started.

    Raises:
        ValueError: the code belongs to another class.
        TypeError: the code is no number, or the message no text.
    """

    usual: ClassVar[Usual] = (CurlCode.FAILED_INIT, Sent.MAYBE, None)
    """Code, ``sent`` and phase of errors that are made without them."""
    has_any_code: ClassVar[bool] = True
    """Whether the class takes codes that belong to other classes as well."""

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
        """The message without the request in front, for lists that name the request themselves."""
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
    """A redirect leads where no request may go: to a malformed URL, to another scheme, from https
    to http, or from a public address to a private one. ``sent`` is YES: a server has answered."""

    usual = (CurlCode.URL_MALFORMAT, Sent.YES, None)


class TimeoutError(TransferError, builtins.TimeoutError):
    """A time limit passed; ``phase`` says what the transfer was waiting for."""

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
    """No connection was made: the options do not allow this address (``peers: public``)."""


class ProxyError(ConnectError):
    """The proxy made no connection to the server: it refused, hung up, or does not speak HTTP."""

    usual = (CurlCode.COULDNT_CONNECT, Sent.NO, Phase.PROXY)
    has_any_code = True


class TLSError(TransferError):
    """The TLS handshake, a certificate or a key was refused."""

    usual = (CurlCode.PEER_FAILED_VERIFICATION, Sent.NO, Phase.TLS)
    has_any_code = False


class ClientCertificateError(TLSError):
    """The server refused the client certificate, or demanded one. Under TLS 1.3 it does so after
    the handshake, so that any code of a broken connection may come with it."""

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
    """A response is larger than its limit."""

    usual = (CurlCode.FILESIZE_EXCEEDED, Sent.YES, Phase.BODY)
    has_any_code = False


class UploadError(TransferError):
    """A body that is read while it is sent could not be read to its end, or not a second time."""

    usual = (CurlCode.READ_ERROR, Sent.MAYBE, Phase.SEND)


class SaveError(TransferError):
    """A body was received but not stored: the disk is full, or the path cannot be written."""

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
    """A call that would wait for its own thread for ever.

    It is made in a callback of the engine, or in a signal handler that has interrupted the thread
    in the midst of what the call needs: driving the engine, `init`, the change of a query, a
    durable queue, the fetching of a token. Another thread can make it. It is also raised where a
    stream is read in the other way (blocking, awaited) than it was opened in.
    """


class UnexpectedRequestError(BaseException):
    """The test double has no answer for a request; the message names the nearest one.

    It is a `BaseException`, so that the code under test does not handle it as a failed call.
    """


_C: TypeAlias = CurlCode
_CODES: dict[type[TransferError], tuple[CurlCode, ...]] = {
    RequestError: (_C.UNSUPPORTED_PROTOCOL, _C.URL_MALFORMAT, _C.BAD_FUNCTION_ARGUMENT),
    ResolveError: (_C.COULDNT_RESOLVE_PROXY, _C.COULDNT_RESOLVE_HOST),
    ConnectError: (_C.COULDNT_CONNECT, _C.INTERFACE_FAILED, _C.QUIC_CONNECT_ERROR, _C.PROXY),
    ProtocolError: (
        _C.WEIRD_SERVER_REPLY, _C.HTTP2, _C.BAD_CONTENT_ENCODING, _C.HTTP2_STREAM, _C.HTTP3,
    ),
    DisconnectedError: (
        _C.PARTIAL_FILE, _C.GOT_NOTHING, _C.SEND_ERROR, _C.RECV_ERROR, _C.SEND_FAIL_REWIND,
    ),
    UploadError: (_C.READ_ERROR,),
    TimeoutError: (_C.OPERATION_TIMEDOUT,),
    TLSError: (
        _C.SSL_CONNECT_ERROR, _C.SSL_ENGINE_NOTFOUND, _C.SSL_CERTPROBLEM, _C.SSL_CIPHER,
        _C.PEER_FAILED_VERIFICATION, _C.SSL_CACERT_BADFILE, _C.SSL_CRL_BADFILE,
        _C.SSL_ISSUER_ERROR, _C.SSL_PINNEDPUBKEYNOTMATCH, _C.SSL_INVALIDCERTSTATUS,
        _C.SSL_CLIENTCERT,
    ),
    CancelledError: (_C.ABORTED_BY_CALLBACK,),
    TooManyRedirectsError: (_C.TOO_MANY_REDIRECTS,),
    TooLargeError: (_C.FILESIZE_EXCEEDED, _C.TOO_LARGE),
}  # fmt: skip
_BY_CODE: dict[int, type[TransferError]] = {
    int(code): kind for kind, codes in _CODES.items() for code in codes
}


_OF_A_CONNECTION = (ConnectError, DisconnectedError, ProtocolError)


def transfer_error(
    code: int, message: str, *, sent: Sent = Sent.NO, phase: Phase | None = None
) -> TransferError:
    """The error class for libcurl's ``code``, made with these arguments."""
    return _made(_kind(code, phase), code, message, sent, phase)


def answer_error(
    code: int, message: str, *, sent: Sent = Sent.YES, phase: Phase | None = None
) -> TransferError:
    """`transfer_error` for an unusable answer: never a `RequestError`, as the server is at fault.

    libcurl has one code for both (1: a URL of another scheme, or an answer that is not HTTP).
    """
    kind = _kind(code, phase)
    if issubclass(kind, RequestError):
        kind = ProtocolError
    return _made(kind, code, message, sent, phase)


def at_least(error: TransferError, sent: Sent) -> TransferError:
    """``error`` with its ``sent`` raised to at least ``sent``, as is true of a call of several
    attempts or hops; a copy, if that changes anything."""
    if _FURTHER.index(error.sent) >= _FURTHER.index(sent):
        return error
    # A copy, since one error may be the canned answer of many calls.
    found = copy.copy(error)
    found.sent = sent
    found.__cause__ = error.__cause__
    return found


def idle_text(limit_s: float) -> str:
    """The message of an error by the idle limit."""
    return f"nothing moved for {limit_s:g} s"


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
