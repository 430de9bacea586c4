"""One legacy call on the wire: what the modules set for libcurl, in the engine's terms."""

from __future__ import annotations

import dataclasses
import functools
import re
from typing import Final
from urllib.parse import quote, unquote

import onehttp
from onehttp import (
    Auth,
    AuthScheme,
    CurlCode,
    HttpVersion,
    NotInitialisedError,
    Proxy,
    Request,
    Response,
    Tls,
    TlsVersion,
    TransferError,
    TransferOptions,
)
from onehttp_compat.httpcon import LegacyConnection
from onehttp_compat.parameters import ModuleDefaults

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
_guessed_url = re.compile(
    r"(?:(https?):/{1,3})?([^/?#@]*@)?([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL
)
_has_scheme = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://").match


class RefusedOptionError(Exception):
    """libcurl refuses an option; the call's result is ``code`` (B36)."""

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


@functools.lru_cache(maxsize=4096)
def legacy_url(url: str) -> tuple[str, Auth | None]:
    """A URL as libcurl reads it, and the credentials in it.

    The scheme may be missing (then it is http), the slashes after it may be one to three, and
    credentials stand before an ``@``. What the engine refuses is left as it is, to be refused.
    """
    if _has_scheme(url) and url[:4].lower() != "http":
        return url, None
    match = _guessed_url.match(url)
    if match is None or not match[3]:
        return url, None
    scheme, credentials, host, tail = match.groups()
    auth = None
    if credentials and credentials != "@":
        user, _, password = credentials[:-1].partition(":")
        auth = Auth(schemes=AuthScheme.BASIC, username=unquote(user), secret=unquote(password))
    host = _plain_host(host.removesuffix(":") if scheme else host)  # an empty port is none
    return f"{(scheme or 'http').lower()}://{host}{_encodable(tail)}", auth


def _plain_host(host: str) -> str:
    """libcurl reads percent-escapes and international names."""
    host = unquote(host)
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


def _encodable(tail: str) -> str:
    """Bytes that are no UTF-8 cannot be part of a `str` URL; they go out percent-encoded."""
    if tail.isascii():
        return tail
    return "".join(
        quote(char.encode("utf-8", "surrogateescape")) if 0xDC80 <= ord(char) <= 0xDCFF else char
        for char in tail
    )


@functools.lru_cache(maxsize=1024)
def with_auth(options: TransferOptions, auth: Auth) -> TransferOptions:
    """``options`` with other credentials; the same object for the same pair."""
    return dataclasses.replace(options, auth=auth)


def query_options(
    values: ModuleDefaults, is_faithful: bool, reuse: bool = False
) -> TransferOptions:
    """How ``http_client_query`` and its like transfer: by the module's parameters.

    Raises:
        RefusedOptionError: a TLS version that libcurl does not have.
    """
    is_curl = values.module == "curl"
    proxy = None if is_curl else _proxy(values.httpproxy, values.httpproxyport, is_faithful)
    has_pair = bool(values.client_cert and values.client_key) and not is_curl
    return TransferOptions(
        total_timeout_s=values.seconds(values.connection_timeout or values.builtin_timeout),
        connect_timeout_s=0,
        max_body_bytes=MAX_BODY_BYTES,
        max_redirects=MAX_REDIRECTS if values.httpredirect else 0,
        tls=_tls(values, values.cacert, has_pair),
        proxy=proxy or Proxy(from_environment=True),
        interface=values.netinterface,
        reuse=reuse,
        unsafe_resend=reuse and is_faithful,
        user_agent=None if is_curl else values.useragent,
    )


def connection_options(
    connection: LegacyConnection, values: ModuleDefaults, is_faithful: bool, reuse: bool = False
) -> TransferOptions:
    """How ``http_connect`` transfers: by the connection.

    Raises:
        RefusedOptionError: a TLS version that libcurl does not have.
    """
    is_curl = values.module == "curl"
    proxy = None
    if connection.httpproxyport > 0 and not is_curl:
        proxy = _proxy(connection.httpproxy, connection.httpproxyport, is_faithful)
    has_pair = bool(connection.client_cert and connection.client_key)
    auth = None
    if connection.username is not None:
        schemes = AuthScheme(3 if is_curl else connection.authmethod & 31)
        auth = Auth(
            schemes=schemes,
            username=connection.username,
            secret=connection.password or "",
            each_time=True,
        )
    return TransferOptions(
        total_timeout_s=values.seconds(connection.timeout or 0),
        connect_timeout_s=0,
        max_body_bytes=MAX_BODY_BYTES,
        max_redirects=MAX_REDIRECTS if connection.httpredirect else 0,
        tls=_tls(connection, values.cacert, has_pair),
        proxy=proxy or Proxy(from_environment=True),
        auth=auth,
        interface=values.netinterface,
        reuse=reuse or bool(connection.keep_connections),
        unsafe_resend=is_faithful,
        user_agent=None if is_curl else connection.useragent,
    )


def keeping_method(options: TransferOptions) -> TransferOptions:
    """The same for a call that names its method, which stays after a redirect (B28)."""
    return dataclasses.replace(options, redirects_keep_method=True)


def prior_knowledge(options: TransferOptions) -> TransferOptions:
    """The same over HTTP/2 without asking."""
    return dataclasses.replace(options, http_version=HttpVersion.HTTP_2_PRIOR_KNOWLEDGE)


def _tls(settings: ModuleDefaults | LegacyConnection, cacert: str | None, has_pair: bool) -> Tls:
    return Tls(
        verify_peer=bool(settings.verify_peer),
        verify_host=bool(settings.verify_host),
        ca_file=cacert,
        cert_file=settings.client_cert if has_pair else None,
        key_file=settings.client_key if has_pair else None,
        ciphers=settings.cipher_suites or None,
        min_version=tls_version(settings.tlsversion),
    )


def tls_version(number: int) -> TlsVersion:
    """libcurl's number of a TLS version.

    Raises:
        RefusedOptionError: none, or one that only SSL had.
    """
    if number not in _TLS_VERSIONS:
        raise RefusedOptionError
    return _TLS_VERSIONS[number]


def _proxy(host: str | None, port: int, is_faithful: bool) -> Proxy | None:
    if not host or (port <= 0 and not is_faithful):
        return None
    url = host if "://" in host else f"http://{host}"
    return Proxy(url=f"{url}:{port}" if port > 0 else url)
