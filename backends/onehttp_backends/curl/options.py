"""`TransferOptions` in libcurl's terms: everything that is set once, when a handle is made."""

from __future__ import annotations

import math
from typing import Any

import pycurl

from onehttp_backends.codings.decoder import accepted
from onehttp_backends.contract import (
    MOST_CHALLENGES,
    Auth,
    AuthScheme,
    HttpVersion,
    Proxy,
    Tls,
    TransferOptions,
)
from onehttp_backends.curl.names.cache import LIBCURL_CACHE_S
from onehttp_backends.curl.names.environment import proxy_variables
from onehttp_backends.curl.tls.settings import Setopt, apply_proxy_tls, apply_tls
from onehttp_backends.errors import CurlCode, RequestError
from onehttp_backends.rules.request_rules import LARGEST_NUMBER

RECEIVE_BUFFER_BYTES = 128 * 1024
"""One read and one callback per this much; libcurl's default of 16 KiB costs eight."""

_SUPPRESS_CONNECT_HEADERS = 265
"""CURLOPT_SUPPRESS_CONNECT_HEADERS (curl 7.54), for which pycurl has no name."""
_HTTP_VERSIONS = {
    HttpVersion.AUTO: pycurl.CURL_HTTP_VERSION_2TLS,
    HttpVersion.HTTP_1_1: pycurl.CURL_HTTP_VERSION_1_1,
    HttpVersion.HTTP_2: pycurl.CURL_HTTP_VERSION_2TLS,
    HttpVersion.HTTP_2_PRIOR_KNOWLEDGE: pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE,
    HttpVersion.HTTP_3: pycurl.CURL_HTTP_VERSION_3,
    HttpVersion.HTTP_3_ONLY: getattr(pycurl, "CURL_HTTP_VERSION_3ONLY", 31),
}
_IP_VERSIONS = {
    "any": pycurl.IPRESOLVE_WHATEVER,
    "4": pycurl.IPRESOLVE_V4,
    "6": pycurl.IPRESOLVE_V6,
}


def apply_options(set_option: Setopt, options: TransferOptions) -> None:
    """Set a fresh handle to ``options``.

    Raises:
        RequestError: libcurl refuses one of them, e.g. a version it was not built with.
    """

    def setopt(option: int, value: Any) -> None:
        # pycurl takes text of ASCII alone; any other goes as the bytes it stands for.
        is_ascii = not isinstance(value, str) or value.isascii()
        set_option(option, value if is_ascii else value.encode("utf-8", "surrogateescape"))

    try:
        _apply_always(setopt, options)
        _apply_limits(setopt, options)
        apply_tls(setopt, options.tls, as_libcurl=options.as_libcurl)
        _apply_proxy(setopt, options.proxy, options.tls)
        if options.auth:
            _apply_auth(setopt, options.auth, options.as_libcurl)
    except pycurl.error as error:
        code = error.args[0] if error.args else CurlCode.BAD_FUNCTION_ARGUMENT
        raise RequestError(
            int(code), f"an option is refused by libcurl: {error.args[-1] or 'no reason given'}"
        ) from None


def _apply_always(setopt: Setopt, options: TransferOptions) -> None:
    setopt(pycurl.NOSIGNAL, 1)
    setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
    setopt(pycurl.REDIR_PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
    setopt(pycurl.BUFFERSIZE, RECEIVE_BUFFER_BYTES)
    setopt(pycurl.HTTP_VERSION, _HTTP_VERSIONS[options.http_version])
    # pycurl names itself on every new handle; an empty text sends no header.
    agent = options.user_agent or ""
    setopt(pycurl.USERAGENT, agent if options.as_libcurl else agent.strip(" \t"))
    if options.unix_socket:
        setopt(pycurl.UNIX_SOCKET_PATH, options.unix_socket)
    if options.interface:
        setopt(pycurl.INTERFACE, options.interface)
    if options.ip_version != "any":
        setopt(pycurl.IPRESOLVE, _IP_VERSIONS[options.ip_version])
    if options.keepalive:
        setopt(pycurl.TCP_KEEPALIVE, 1)
        setopt(pycurl.TCP_KEEPIDLE, options.keepalive.idle_s)
        setopt(pycurl.TCP_KEEPINTVL, options.keepalive.interval_s)
    if not options.reuse:
        setopt(pycurl.FRESH_CONNECT, 1)
        setopt(pycurl.FORBID_REUSE, 1)
    if options.decompress:
        setopt(pycurl.ACCEPT_ENCODING, accepted())
        setopt(pycurl.HTTP_CONTENT_DECODING, 0)
    if options.auth and not options.as_libcurl:
        setopt(pycurl.MAXREDIRS, MOST_CHALLENGES)  # libcurl counts them as such
    if options.max_redirects:
        setopt(pycurl.FOLLOWLOCATION, 1)
        setopt(pycurl.MAXREDIRS, options.max_redirects)


def _apply_limits(setopt: Setopt, options: TransferOptions) -> None:
    if options.total_timeout_s:
        setopt(pycurl.TIMEOUT_MS, milliseconds(options.total_timeout_s))
    if options.connect_timeout_s:
        setopt(pycurl.CONNECTTIMEOUT_MS, milliseconds(options.connect_timeout_s))
    if options.low_speed:
        setopt(pycurl.LOW_SPEED_LIMIT, options.low_speed.bytes_per_s)
        setopt(pycurl.LOW_SPEED_TIME, options.low_speed.time_s)
    setopt(pycurl.DNS_CACHE_TIMEOUT, _cache_s(options))
    if announced_bytes(options):
        setopt(pycurl.MAXFILESIZE_LARGE, announced_bytes(options))


def milliseconds(seconds: float) -> int:
    """Seconds as libcurl's milliseconds. 0 means no limit there, so less than one becomes one."""
    return max(1, round(seconds * 1000)) if seconds else 0


def announced_bytes(options: TransferOptions) -> int:
    """The largest Content-Length that libcurl shall accept; 0 = any.

    It is 0 for the legacy modules only: without a limit libcurl ignores a length that exceeds its
    number range, and takes whatever arrives for the whole body.
    """
    is_counted = options.body_policy == "fail" and not options.decompress
    if is_counted and options.max_body_bytes:
        return options.max_body_bytes
    return 0 if options.as_libcurl else LARGEST_NUMBER


def _cache_s(options: TransferOptions) -> int:
    """How long libcurl may keep addresses in its own cache; `Names` keeps them for longer.

    A transfer that makes several requests needs them for all of these, since it cannot stop in
    between.
    """
    if options.max_redirects or options.auth:
        return math.ceil(options.total_timeout_s or 3600)
    return LIBCURL_CACHE_S


def _apply_proxy(setopt: Setopt, proxy: Proxy | None, tls: Tls) -> None:
    if proxy is None or (proxy.from_environment and not proxy_variables()):
        # libcurl would obey http_proxy, ALL_PROXY and NO_PROXY, and look for them each time.
        setopt(pycurl.PROXY, "")
        setopt(pycurl.NOPROXY, "")
        return
    # What a proxy says to CONNECT is no answer of the server's: it would be taken for one.
    setopt(_SUPPRESS_CONNECT_HEADERS, 1)
    apply_proxy_tls(setopt, proxy, tls)
    if proxy.from_environment:
        return
    setopt(pycurl.PROXY, proxy.url or "")
    setopt(pycurl.NOPROXY, "")
    if proxy.username or proxy.secret:
        setopt(pycurl.PROXYUSERNAME, proxy.username)
        setopt(pycurl.PROXYPASSWORD, proxy.secret)


def _apply_auth(setopt: Setopt, auth: Auth, as_libcurl: bool) -> None:
    schemes = auth.schemes.value
    if auth.schemes == AuthScheme.DIGEST and not (auth.asks_first or as_libcurl):
        # With a choice of schemes libcurl sends the whole request first; without a token this one
        # is never taken.
        schemes |= AuthScheme.BEARER.value
    setopt(pycurl.HTTPAUTH, schemes)
    if auth.schemes & AuthScheme.BEARER:
        setopt(pycurl.XOAUTH2_BEARER, auth.secret)
        return
    setopt(pycurl.USERNAME, auth.username)
    setopt(pycurl.PASSWORD, auth.secret)
