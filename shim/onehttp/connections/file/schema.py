"""What a connections file may say: strict models, from which also the JSON Schema is made.

pydantic is used here and nowhere else: at the boundary where text becomes values.
"""

from __future__ import annotations

import base64
import os
import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from onehttp.connections.file.explain import models_in
from onehttp.connections.file.policy_schema import PolicyModel
from onehttp.connections.file.strict import SECRET, Model, Seconds, Short, Unquoted
from onehttp_backends.contract import DEFAULT_MAX_BODY_BYTES
from onehttp_backends.errors import RequestError
from onehttp_backends.framing import CODING, LENGTH
from onehttp_backends.headers import HeaderPairs
from onehttp_backends.naming import NameLimits
from onehttp_backends.request_rules import check_headers, check_text, check_url

NAME_PATTERN = r"\S+"
_SECONDS = {"type": "number", "exclusiveMinimum": 0}
_PLAIN = {"type": ["string", "number", "boolean"]}
_PLAINS = {"type": "array", "items": _PLAIN}


def _headers(value: Any) -> Any:
    """Both spellings of headers, a mapping or a list of ``Name: value``, as pairs."""
    if isinstance(value, dict):
        return tuple((name, _number_as_text(text)) for name, text in value.items())
    if isinstance(value, tuple):
        return tuple(_header_line(line) for line in value)
    return value


def _number_as_text(value: Any) -> Any:
    return str(value) if type(value) in (int, float) else value


def _header_line(line: Any) -> Any:
    if not isinstance(line, str):
        return line
    name, colon, text = line.partition(":")
    if not colon:
        raise ValueError('expected "Name: value", got a line without ":"')
    return name.strip(), text.strip()


def _fit_headers(headers: HeaderPairs) -> HeaderPairs:
    for name, _ in headers:
        if isinstance(name, str) and name.lower() in (LENGTH, CODING):
            raise ValueError(f"{name} belongs to the body of a call; leave it out")
    _refusing(check_headers, headers)
    if any(name.lower() == "proxy-authorization" for name, _ in headers):
        raise ValueError("Proxy-Authorization would reach the server too; use proxy: instead")
    return headers


def _fit_url(url: str) -> str:
    _refusing(check_url, url)
    if "#" in url:
        raise ValueError("URL: a fragment ('#') has no meaning here")
    return url


def _fit_proxy(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if separator and scheme.lower() not in _PROXY_SCHEMES:
        raise ValueError(f"scheme {scheme!r} is not one of {', '.join(_PROXY_SCHEMES)}")
    if "@" in (rest or url):
        raise ValueError("credentials before '@' are refused; give username and password instead")
    return _fit_text(url)


def _fit_text(text: str) -> str:
    _refusing(lambda value: check_text("text", value), text)
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


def _refusing(check: Any, value: Any) -> None:
    """Run a check of the engines; its message says what is wrong, without the value."""
    try:
        check(value)
    except RequestError as error:
        raise ValueError(error.message) from None


_PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
Text = Annotated[str, AfterValidator(_fit_text)]
FilePath = Annotated[Text, AfterValidator(_absolute)]
"""Relative to the file that names it: ``folder`` of the validation's context."""
SecretText = Annotated[Text, SECRET]
Headers = Annotated[
    tuple[tuple[str, str], ...],
    BeforeValidator(_headers),
    AfterValidator(_fit_headers),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "object", "additionalProperties": _PLAIN},
                {"type": "array", "items": {"type": "string", "pattern": ":"}},
            ]
        }
    ),
]
TlsBound = Annotated[Literal["1.0", "1.1", "1.2", "1.3"], Unquoted()]


def _params(value: Any) -> Any:
    """``{name: value}`` as pairs; a list of values gives a pair for each."""
    if not isinstance(value, dict):
        return value
    return tuple(
        (name, _number_as_text(item))
        for name, items in value.items()
        for item in (items if isinstance(items, tuple) else (items,))
    )


Params = Annotated[
    tuple[tuple[str, str], ...],
    BeforeValidator(_params),
    WithJsonSchema({"type": "object", "additionalProperties": {"anyOf": [_PLAIN, _PLAINS]}}),
]


class AuthModel(Model):
    """Credentials for the server. Given on a connection, they replace those of ``defaults``."""

    type: Literal["basic", "digest", "bearer", "negotiate", "ntlm", "any"] = Field(
        default="basic", description="`any`: basic or digest, whichever the server asks for"
    )
    username: Text = ""
    password: SecretText = ""
    token: SecretText = Field(default="", description="of type `bearer`")

    @model_validator(mode="after")
    def _fits_its_type(self) -> AuthModel:
        if self.type == "bearer" and (not self.token or self.password or self.username):
            raise ValueError("type bearer takes a token, and no username or password")
        if self.type != "bearer" and self.token:
            raise ValueError("a token belongs to type: bearer")
        return self


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
    ciphers: Text | None = Field(default=None, description="as the TLS library of libcurl takes it")
    min_version: TlsBound = "1.2"
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

    bytes_per_second: int = Field(gt=0)
    seconds: int = Field(gt=0)


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
    username: Text = ""
    password: SecretText = ""


class KeepaliveModel(Model):
    """TCP keep-alive probes, in seconds."""

    idle: int = Field(default=60, gt=0, description="without traffic, before the first probe")
    interval: int = Field(default=60, gt=0, description="between probes")


class DefaultsModel(PolicyModel):
    """What holds for every connection of the file that does not say otherwise."""

    headers: Headers = Field(
        default=(), description="a mapping, or a list of `Name: value` (order kept, names repeat)"
    )
    params: Params = Field(default=(), description="query parameters added to every call")
    content_type: Text | None = Field(
        default=None, description="of bodies given as bytes or text, where the call names none"
    )
    user_agent: Text | None = Field(
        default=None, description="else `onehttp/VERSION`; empty: none is sent"
    )
    auth: AuthModel | None = None
    tls: TlsModel = TlsModel()
    timeout: Annotated[TimeoutModel, Short("total", (int, float), _SECONDS)] = TimeoutModel()
    low_speed: LowSpeedModel | None = None
    max_body: int = Field(
        default=DEFAULT_MAX_BODY_BYTES, ge=0, description="bytes, decoded; 0 is no limit"
    )
    body_policy: Literal["fail", "truncate"] = Field(
        default="fail", description="past `max_body`: fail with code 63, or keep what fits"
    )
    redirects: Annotated[
        RedirectsModel, Short("max", (int, bool), {"type": ["integer", "boolean"]})
    ] = RedirectsModel(max=0)
    proxy: ProxyModel | Literal["env", "none"] = Field(
        default="none", description="`env`: what http_proxy and its kin name"
    )
    http_version: Annotated[Literal["auto", "1.1", "2", "2-prior-knowledge", "3"], Unquoted()] = (
        Field(default="auto", description="`auto`: HTTP/2 where TLS negotiates it, else HTTP/1.1")
    )
    interface: Text | None = Field(default=None, description="name or address to send from")
    ip: Annotated[Literal["any", "4", "6"], Unquoted()] = Field(
        default="any", description="version of IP"
    )
    peers: Literal["any", "public"] = Field(
        default="any", description="`public`: connect to globally reachable addresses only"
    )
    keepalive: KeepaliveModel | None = None
    reuse: bool = Field(default=True, description="keep the connection for later calls")
    decompress: bool = Field(default=False, description="ask for compressed bodies, unpack them")
    unsafe_resend: bool = Field(
        default=False,
        description="repeat a POST, too, when a kept connection ends before an answer",
    )


class ConnectionModel(DefaultsModel):
    """One connection."""

    url: Annotated[str, AfterValidator(_fit_url)] | None = Field(
        default=None, description="`http(s)://host[:port][/prefix]`; must be given"
    )


class NamesModel(Model):
    """How names become addresses, in the whole process: of the outermost file only."""

    cache_s: float = Field(
        default=NameLimits().cache_s,
        ge=1,
        le=86_400,
        allow_inf_nan=False,
        description="seconds that an address is used before its name is asked for again",
    )
    stale_s: float = Field(
        default=NameLimits().stale_s,
        ge=0,
        le=604_800,
        allow_inf_nan=False,
        description="seconds more, while no name server answers",
    )
    in_flight: int = Field(
        default=NameLimits().in_flight,
        ge=1,
        le=4096,
        description="names looked up at once, each in a thread of its own",
    )

    def limits(self) -> NameLimits:
        """The value that engines go by."""
        return NameLimits(cache_s=self.cache_s, stale_s=self.stale_s, in_flight=self.in_flight)


class HeadModel(Model):
    """A connections file, its connections not looked at."""

    version: Literal[1]
    include: str | tuple[str, ...] = Field(
        default=(),
        description="further files of this shape, or folders of them (`*.yaml`, `*.yml`); "
        "relative to this file",
    )
    names: NamesModel = NamesModel()
    defaults: DefaultsModel = DefaultsModel()
    connections: dict[str, Any] = Field(default_factory=dict)


class FileModel(HeadModel):
    """A connections file."""

    connections: dict[Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")], ConnectionModel] = Field(
        default_factory=dict, description="by name"
    )


SECRET_FIELDS = frozenset(
    (section, key)
    for section, field in DefaultsModel.model_fields.items()
    for model in models_in(field.annotation)
    for key, inner in model.model_fields.items()
    if not inner.repr
)
"""(section, key) of what is never shown."""
