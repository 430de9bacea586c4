"""Converts the model of a connection, with its defaults, to the options of the engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onehttp.version import USER_AGENT
from onehttp_backends.contract import (
    Auth,
    AuthScheme,
    HttpVersion,
    Keepalive,
    LowSpeed,
    Proxy,
    Tls,
    TlsVersion,
    TransferOptions,
)

if TYPE_CHECKING:
    from onehttp.connections.file.schema.connections import AuthModel
    from onehttp.connections.file.schema.transport import ProxyModel, TlsModel, TransportModel

_AUTH_SCHEMES = {
    "basic": AuthScheme.BASIC,
    "digest": AuthScheme.DIGEST,
    "bearer": AuthScheme.BEARER,
    "negotiate": AuthScheme.NEGOTIATE,
    "ntlm": AuthScheme.NTLM,
    "any": AuthScheme.BASIC | AuthScheme.DIGEST,
}


def transfer_options(
    name: str,
    model: TransportModel,
    tls: Tls,
    auth: AuthModel | None = None,
    unix_socket: str | None = None,
) -> TransferOptions:
    """The options of the connection ``name``, or of calls without one, where that is empty.

    ``tls`` names the files as they were found.
    """
    low_speed, keepalive = model.low_speed, model.keepalive
    return TransferOptions(
        name=name,
        total_timeout_s=model.timeout.total,
        connect_timeout_s=min(model.timeout.connect, model.timeout.total),
        idle_timeout_s=model.timeout.idle or 0.0,
        low_speed=LowSpeed(bytes_per_s=low_speed.bytes_per_second, time_s=low_speed.seconds)
        if low_speed
        else None,
        max_body_bytes=model.max_body,
        body_policy=model.body_policy,
        tls=tls,
        proxy=_proxy(model.proxy),
        auth=_auth(auth) if auth else None,
        http_version=HttpVersion(model.http_version),
        unix_socket=unix_socket,
        interface=model.interface,
        ip_version=model.ip,
        peers=model.peers,
        private_redirects=model.redirects.private,
        keepalive=Keepalive(idle_s=keepalive.idle, interval_s=keepalive.interval)
        if keepalive
        else None,
        reuse=model.reuse,
        decompress=model.decompress,
        user_agent=USER_AGENT if model.user_agent is None else model.user_agent,
        unsafe_resend=model.unsafe_resend,
    )


def tls_options(model: TlsModel) -> Tls:
    """The TLS part."""
    return Tls(
        verify_peer=model.verify_peer,
        verify_host=model.verify_host,
        ca_file=model.ca_file,
        ca_path=model.ca_path,
        cert_file=model.cert,
        key_file=model.key,
        key_password=model.key_password,
        crl_file=model.crl_file,
        verify_status=model.verify_status,
        ciphers=model.ciphers,
        curves=model.curves,
        min_version=TlsVersion(model.min_version),
        max_version=TlsVersion(model.max_version) if model.max_version else None,
        pinned_public_key=model.pinned_public_key,
    )


def _auth(model: AuthModel) -> Auth:
    return Auth(
        schemes=_AUTH_SCHEMES[model.type],
        username=model.username,
        secret=model.token or model.password,
        asks_first=model.asks_first,
    )


def _proxy(model: ProxyModel | str) -> Proxy | None:
    if model == "none":
        return None
    if isinstance(model, str):
        return Proxy(from_environment=True)
    return Proxy(
        url=model.url, username=model.username, secret=model.password, ca_file=model.ca_file
    )
