"""One exchange on the engine, and the translation of libcurl's numbers."""

from __future__ import annotations

import dataclasses
import functools
from typing import Final

import onehttp
from onehttp import (
    Auth,
    CurlCode,
    NotInitialisedError,
    Request,
    Response,
    TlsVersion,
    TransferError,
    TransferOptions,
)

MAX_BODY_BYTES: Final = 16 * 1024 * 1024
"""Stands for the reply that exhausts the memory of the real modules, who say 23 then (B38)."""
MAX_REDIRECTS: Final = 30
"""libcurl's own limit since 8.3."""

# libcurl's numbers; it takes them as the lowest version allowed. 2 and 3 were SSL.
_TLS_VERSIONS: Final = {
    0: TlsVersion.TLS_1_2,
    1: TlsVersion.TLS_1_0,
    4: TlsVersion.TLS_1_0,
    5: TlsVersion.TLS_1_1,
    6: TlsVersion.TLS_1_2,
    7: TlsVersion.TLS_1_3,
}


class RefusedOptionError(Exception):
    """libcurl refuses an option; the result of the call is ``code`` (B36)."""

    code = int(CurlCode.BAD_FUNCTION_ARGUMENT)


def transfer(request: Request) -> Response | TransferError:
    """One exchange on the process's engine, which is initialised if nobody has done so."""
    try:
        return onehttp.perform(request)
    except TransferError as error:
        return error
    except NotInitialisedError:
        onehttp.init()
        return transfer(request)


def code_of(error: TransferError) -> int:
    """libcurl's code, as the legacy modules would have got it."""
    if error.code == CurlCode.FILESIZE_EXCEEDED:
        return int(CurlCode.WRITE_ERROR)
    return error.code


@functools.lru_cache(maxsize=1024)
def with_auth(options: TransferOptions, auth: Auth) -> TransferOptions:
    """``options`` with other credentials; the same object for the same pair."""
    return dataclasses.replace(options, auth=auth)


def tls_version(number: int) -> TlsVersion:
    """libcurl's number of a TLS version.

    Raises:
        RefusedOptionError: none, or one that only SSL had.
    """
    if number not in _TLS_VERSIONS:
        raise RefusedOptionError
    return _TLS_VERSIONS[number]
