"""libcurl's numbers for what went wrong: part of the contract, on every engine."""

from __future__ import annotations

import enum


class CurlCode(enum.IntEnum):
    """libcurl's CURLcode, by the names of its documentation (https://curl.se/libcurl/c/libcurl-errors.html)."""

    OK = 0
    UNSUPPORTED_PROTOCOL = 1
    FAILED_INIT = 2
    URL_MALFORMAT = 3
    NOT_BUILT_IN = 4
    COULDNT_RESOLVE_PROXY = 5
    COULDNT_RESOLVE_HOST = 6
    COULDNT_CONNECT = 7
    WEIRD_SERVER_REPLY = 8
    HTTP2 = 16
    PARTIAL_FILE = 18
    WRITE_ERROR = 23
    READ_ERROR = 26
    OUT_OF_MEMORY = 27
    OPERATION_TIMEDOUT = 28
    SSL_CONNECT_ERROR = 35
    ABORTED_BY_CALLBACK = 42
    BAD_FUNCTION_ARGUMENT = 43
    INTERFACE_FAILED = 45
    TOO_MANY_REDIRECTS = 47
    GOT_NOTHING = 52
    SSL_ENGINE_NOTFOUND = 53
    SEND_ERROR = 55
    RECV_ERROR = 56
    SSL_CERTPROBLEM = 58
    SSL_CIPHER = 59
    PEER_FAILED_VERIFICATION = 60
    BAD_CONTENT_ENCODING = 61
    FILESIZE_EXCEEDED = 63
    SEND_FAIL_REWIND = 65
    LOGIN_DENIED = 67
    SSL_CACERT_BADFILE = 77
    SSL_CRL_BADFILE = 82
    SSL_ISSUER_ERROR = 83
    SSL_PINNEDPUBKEYNOTMATCH = 90
    SSL_INVALIDCERTSTATUS = 91
    HTTP2_STREAM = 92
    HTTP3 = 95
    QUIC_CONNECT_ERROR = 96
    PROXY = 97
    SSL_CLIENTCERT = 98
    TOO_LARGE = 100

    __str__ = int.__repr__  # of Python 3.11 and later


def code_name(code: int) -> str:
    """libcurl's name of a code, e.g. 7 -> ``COULDNT_CONNECT``."""
    try:
        return CurlCode(code).name
    except ValueError:
        return "UNKNOWN"
