"""Options put to libcurl itself: a handshake that nobody answers.

libcurl hands ciphers, curves, certificates and keys to its TLS library when it connects, and
that alone knows what it can use. Here it connects to a socket of our own: once it has said hello
all of them were taken.
"""

from __future__ import annotations

import select
import socket
from dataclasses import replace
from typing import Final

import pycurl

from onehttp_backends.contract import Tls, TransferOptions
from onehttp_backends.curl.libcurl import LIBCURL, Easy
from onehttp_backends.curl.options import apply_options
from onehttp_backends.curl.sockets.lent import LentSocket
from onehttp_backends.errors import CurlCode, RequestError
from onehttp_backends.optional.checking import OptionFault

_TIMEOUT_MS: Final = 10_000
_PAUSE_MS: Final = 1
_OF_CODES: Final = {
    CurlCode.NOT_BUILT_IN: "ciphers",
    CurlCode.SSL_CONNECT_ERROR: "min_version",
    CurlCode.BAD_FUNCTION_ARGUMENT: "key_file",
    CurlCode.SSL_CERTPROBLEM: "cert_file",
    CurlCode.SSL_CIPHER: "ciphers",
    CurlCode.SSL_CACERT_BADFILE: "ca_file",
    CurlCode.SSL_CRL_BADFILE: "crl_file",
}


def check(options: TransferOptions) -> OptionFault | None:
    """See `onehttp_backends.optional.checking.Checker`."""
    LIBCURL.initialise()
    easy = LIBCURL.easy()
    try:
        # A socket of a pair is of no interface, has no path, and leads to no proxy. How long a call
        # may take says nothing of how long this does.
        apply_options(
            easy.setopt,
            replace(
                options,
                interface=None,
                proxy=None,
                unix_socket=None,
                connect_timeout_s=0.0,
                low_speed=None,
            ),
        )
        refused = None if options.tls == Tls() else _say_hello(easy)
    except RequestError as error:
        return OptionFault((), error.message)
    finally:
        easy.close()
    if refused is None:
        return None
    code, text = refused
    name = "curves" if "curves" in text else _OF_CODES.get(CurlCode(code), "")
    return OptionFault(("tls", name) if name else ("tls",), f"libcurl refuses it: {text}")


def _say_hello(easy: Easy) -> tuple[int, str] | None:
    """libcurl's code and text for why it would not shake hands; None: it would."""
    ours, its = socket.socketpair()
    lent = [LentSocket(socket.SocketType(its.family, its.type, its.proto, its.detach()))]
    easy.setopt(pycurl.URL, "https://127.0.0.1/")
    easy.setopt(pycurl.TIMEOUT_MS, _TIMEOUT_MS)
    easy.setopt(pycurl.OPENSOCKETFUNCTION, lambda _purpose, _address: lent.pop())
    easy.setopt(pycurl.SOCKOPTFUNCTION, lambda _fd, _purpose: pycurl.SOCKOPT_ALREADY_CONNECTED)
    easy.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS)
    multi = LIBCURL.multi()
    multi.add_handle(easy)
    hello = select.poll()
    hello.register(ours, select.POLLIN)
    try:
        with ours:
            while multi.perform()[1]:
                if hello.poll(_PAUSE_MS):
                    return None
            failed = multi.info_read()[2]
            # Out of time, nothing is known, and so nothing refused.
            is_refused = bool(failed) and failed[0][1] != CurlCode.OPERATION_TIMEDOUT
            return (failed[0][1], failed[0][2]) if is_refused else None
    finally:
        multi.remove_handle(easy)
        multi.close()
