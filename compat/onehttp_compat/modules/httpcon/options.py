"""The libcurl options that the modules set for queries and for named connections."""

from __future__ import annotations

import dataclasses
import re

from onehttp import Auth, AuthScheme, HttpVersion, Proxy, Tls, TransferOptions
from onehttp_compat.modules.httpcon.definition import LegacyConnection
from onehttp_compat.parameters import ModuleDefaults, TransferSettings
from onehttp_compat.wire.transfer import MAX_BODY_BYTES, MAX_REDIRECTS, tls_version


def query_options(
    values: ModuleDefaults, is_faithful: bool, reuse: bool = False
) -> TransferOptions:
    """The transfer options of ``http_client_query`` and similar functions, from the parameters.

    Raises:
        RefusedOptionError: libcurl does not have this TLS version.
    """
    is_curl = values.module == "curl"
    proxy = None if is_curl else legacy_proxy(values, is_faithful)
    has_pair = bool(values.client_cert and values.client_key) and not is_curl
    return TransferOptions(
        as_libcurl=True,
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
    """The transfer options of ``http_connect``, from the connection.

    Raises:
        RefusedOptionError: libcurl does not have this TLS version.
    """
    is_curl = values.module == "curl"
    proxy = None
    if connection.httpproxyport > 0 and not is_curl:
        proxy = legacy_proxy(connection, is_faithful)
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
        as_libcurl=True,
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
    """The same options for a call that names its method, which a redirect does not change (B28)."""
    return dataclasses.replace(options, redirects_keep_method=True)


def prior_knowledge(options: TransferOptions) -> TransferOptions:
    """The same options for HTTP/2 without negotiation (prior knowledge)."""
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


_names_port = re.compile(r".:[0-9]+\Z").search


def legacy_proxy(settings: TransferSettings, is_faithful: bool = False) -> Proxy | None:
    """The proxy of queries with these settings, or of a connection whose ``httpproxyport`` is
    not 0."""
    host, port = settings.httpproxy, settings.httpproxyport
    if not host:
        return None
    scheme, separator, rest = host.rpartition("://")
    # libcurl takes no notice of a path, and takes the port that stands in the text before any other
    place = re.split("[/?#]", rest, maxsplit=1)[0]
    url = f"{scheme if separator else 'http'}://{place}"
    if _names_port(place):
        return Proxy(url=url)
    if port > 0:
        return Proxy(url=f"{url}:{port}")
    return Proxy(url=url) if is_faithful else None
