"""What a connections file may say of how anything is sent, with or without a connection: TLS, time
limits, redirects, proxies; and of queries, how many there may be."""

from __future__ import annotations

import base64
import os
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from onehttp.connections.file.schema.strict import SECRET, Model, Seconds, Short, Unquoted
from onehttp.queries.limits import QueryLimits
from onehttp.urls import ascii_authority
from onehttp_backends.contract import DEFAULT_MAX_BODY_BYTES
from onehttp_backends.errors import RequestError
from onehttp_backends.rules.request_rules import (
    check_bytes,
    check_proxy_scheme,
    check_text,
    check_url,
)

_SECONDS = {"type": "number", "exclusiveMinimum": 0}


def _fit_proxy(url: str) -> str:
    refusing(check_proxy_scheme, url)
    if "@" in url:
        raise ValueError("credentials before '@' are refused; give username and password instead")
    scheme, separator, rest = url.rpartition("://")
    authority, slash, path = rest.partition("/")
    place = refusing(ascii_authority, authority)
    refusing(check_url, f"http://{place}/{path}")
    return f"{scheme}{separator}{place}{slash}{path}"


def fit_text(text: str) -> str:
    refusing(lambda value: check_text("text", value), text)
    return text


def _fit_secret(text: str) -> str:
    if text.endswith(("\r", "\n")):
        raise ValueError("ends in a line end, which is hardly part of it; write it on one line")
    refusing(lambda value: check_bytes("text", value, in_base64=True), text)
    return text


def _absolute(path: str, info: ValidationInfo) -> str:
    return os.path.join((info.context or {}).get("folder", ""), os.path.expanduser(path))


def _fit_pin(text: str, info: ValidationInfo) -> str:
    """``sha256//`` and the base64 of a key's digest, several joined by ``;``, or a file."""
    if not text.startswith("sha256//"):
        return _absolute(text, info)
    for pin in text.split(";"):
        digest = re.fullmatch("sha256//([A-Za-z0-9+/]{43}=)", pin)
        if not digest or len(base64.b64decode(digest[1])) != 32:
            raise ValueError("expected sha256//BASE64 of 32 bytes, several joined by ';'")
    return text


def refusing(check: Any, value: Any) -> Any:
    """Run a check of the engines on a value. Its error has the reason, without secrets."""
    try:
        return check(value)
    except RequestError as error:
        raise ValueError(error.message) from None


Text = Annotated[str, AfterValidator(fit_text)]
FilePath = Annotated[Text, AfterValidator(_absolute)]
"""Relative to the file that names it: ``folder`` of the validation's context."""
SecretText = Annotated[Text, SECRET]
SecretBytes = Annotated[str, AfterValidator(_fit_secret), SECRET]
"""One that may hold any byte: see ``!!binary``."""
TlsBound = Annotated[Literal["1.0", "1.1", "1.2", "1.3"], Unquoted()]


class TlsModel(Model):
    """What is trusted, and what is shown to the server. Files are PEM; they are opened when the
    configuration is loaded, and a reload notices when their content has changed."""

    ca_file: FilePath | None = Field(
        default=None, description="trusted authorities, else libcurl's"
    )
    ca_path: FilePath | None = Field(default=None, description="a folder of them, names hashed")
    cert: FilePath | None = Field(default=None, description="client certificate; needs `key`")
    key: FilePath | None = Field(default=None, description="private key of `cert`")
    key_password: Annotated[Text | None, SECRET] = None
    verify_peer: bool = Field(default=True, description="the server's certificate is trusted")
    verify_host: bool = Field(default=True, description="the server's certificate names the host")
    crl_file: FilePath | None = Field(
        default=None,
        description="revoked certificates: a list of each authority between the server's "
        "certificate and `ca_file`, which must be given",
    )
    verify_status: bool = Field(
        default=False,
        description="the server shows with the handshake that its certificate is not revoked "
        "(OCSP stapling); one that shows nothing is refused",
    )
    ciphers: Text | None = Field(
        default=None, description="of TLS 1.2 and below, in OpenSSL's notation"
    )
    curves: Text | None = Field(
        default=None, description="for key exchange, in order, e.g. `X25519:P-256`"
    )
    min_version: TlsBound = Field(
        default="1.2", description="below 1.2 everything is allowed that OpenSSL forbids as weak"
    )
    max_version: TlsBound | None = None
    pinned_public_key: Annotated[Text, AfterValidator(_fit_pin)] | None = Field(
        default=None, description="`sha256//BASE64`, several joined by `;`, or a file"
    )


class TimeoutModel(Model):
    """Time limits in seconds. A plain number is the total."""

    total: Seconds = Field(default=4.0, description="for everything, queueing and lookup included")
    connect: Seconds = Field(default=1.0, description="until connected, TLS included")
    idle: Seconds | None = Field(
        default=None, title="seconds", description="without a byte in either direction"
    )
    attempt: Seconds | None = Field(
        default=None,
        title="seconds",
        description="for one attempt; total is for all of them together",
    )


class LowSpeedModel(Model):
    """Abort below this speed for this long."""

    bytes_per_second: int = Field(gt=0, le=10**12)
    seconds: int = Field(gt=0, le=86400)


def _redirect_count(value: Any) -> Any:
    return (10 if value else 0) if type(value) is bool else value


class RedirectsModel(Model):
    """How many redirects are followed. `true` is 10, a plain number the maximum."""

    max: Annotated[int, BeforeValidator(_redirect_count)] = Field(default=10, ge=0, le=50)
    private: bool = Field(
        default=False,
        description="a server with a public address may lead to loopback, private and link-local "
        "ones",
    )


class ProxyModel(Model):
    """A proxy. Given on a connection, it replaces that of ``defaults``."""

    url: Annotated[str, AfterValidator(_fit_proxy)] = Field(
        description="`http://`, `https://`, `socks4://`, `socks4a://`, `socks5://`, `socks5h://`"
    )
    username: Text = Field(default="", description="of `socks5://` 255 bytes at most")
    password: SecretText = ""
    ca_file: FilePath | None = Field(
        default=None,
        description="trusted authorities of an `https://` proxy, else those of `tls`",
    )


class KeepaliveModel(Model):
    """TCP keep-alive probes, in seconds."""

    idle: int = Field(
        default=60, gt=0, le=32767, description="without traffic, before the first probe"
    )
    interval: int = Field(default=60, gt=0, le=32767, description="between probes")


class TransportModel(Model):
    """How something is sent."""

    user_agent: Text | None = Field(
        default=None, description="else `onehttp/VERSION`; empty: none is sent"
    )
    tls: TlsModel = TlsModel()
    timeout: Annotated[TimeoutModel, Short("total", (int, float), _SECONDS)] = TimeoutModel()
    low_speed: LowSpeedModel | None = None
    max_body: int = Field(
        default=DEFAULT_MAX_BODY_BYTES,
        ge=0,
        le=10**15,
        description="bytes, decoded; 0 is no limit",
    )
    body_policy: Literal["fail", "truncate"] = Field(
        default="fail", description="past `max_body`: fail with code 63, or keep what fits"
    )
    redirects: Annotated[
        RedirectsModel, Short("max", (int, bool), {"type": ["integer", "boolean"]})
    ] = RedirectsModel(max=0)
    proxy: ProxyModel | Literal["env", "none"] = Field(
        default="none", repr=False, description="`env`: what http_proxy and its kin name"
    )
    http_version: Annotated[
        Literal["auto", "1.1", "2", "2-prior-knowledge", "3", "3-only"], Unquoted()
    ] = Field(default="auto", description="`auto`: HTTP/2 where TLS negotiates it, else HTTP/1.1")
    interface: Text | None = Field(default=None, description="name or address to send from")
    ip: Annotated[Literal["any", "4", "6"], Unquoted()] = Field(
        default="any", description="version of IP"
    )
    peers: Literal["any", "public"] = Field(
        default="any", description="`public`: connect to globally reachable addresses only"
    )
    keepalive: KeepaliveModel | None = None
    reuse: bool = Field(default=True, description="keep the connection for later calls")
    decompress: bool = Field(
        default=False,
        description="ask for compressed bodies (gzip, deflate; with the extra `codings` br, zstd), "
        "unpack them",
    )
    unsafe_resend: bool = Field(
        default=False,
        description="repeat a POST, too, when a kept connection ends before an answer",
    )


class RequestsModel(TransportModel):
    """Requests without a connection: how `onehttp.request` and `onehttp.arequest` send them.

    Laid over ``defaults``, of which headers, params, auth and policies are for connections alone.
    """


class QueriesModel(TransportModel):
    """Queries: how many there may be, and how those without a connection are sent, where that is
    not as ``requests`` says."""

    workers: int = Field(default=QueryLimits().workers, ge=1, description="threads for routes")
    queue_length: int = Field(
        default=QueryLimits().queue_length, ge=0,
        description="queries whose route has not begun; 0 is no limit",
    )  # fmt: skip
    when_full: Literal["refuse", "wait"] = Field(
        default=QueryLimits().when_full, description="what `submit` does then"
    )
    wait: float = Field(
        default=QueryLimits().wait_s, ge=0, le=86_400, title="seconds",
        description="how long it waits",
    )  # fmt: skip
    max_in_flight: int = Field(
        default=0, ge=0, description="transfers on the wire at once; 0 is no limit"
    )
    max_in_flight_per_origin: int = Field(default=0, ge=0, description="to one server; likewise")

    def limits(self) -> QueryLimits | None:
        """Return the limits for queries; None if the section has none."""
        given = {name: getattr(self, name) for name in _OF_LIMITS & self.model_fields_set}
        if "wait" in given:
            given["wait_s"] = given.pop("wait")
        return QueryLimits(**given) if given else None


_OF_LIMITS = frozenset(QueriesModel.__annotations__)
