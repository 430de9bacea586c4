"""What a connections file may say: strict models, from which also the JSON Schema is made.

pydantic is used here and nowhere else: at the boundary where text becomes values.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from onehttp.connections.policy_schema import PolicyModel
from onehttp.connections.strict import Model, Seconds
from onehttp_backends.contract import DEFAULT_MAX_BODY_BYTES


def _headers(value: Any) -> Any:
    """Both spellings of headers, a mapping or a list of ``Name: value``, as pairs."""
    if isinstance(value, dict):
        return [(name, "" if text is None else str(text)) for name, text in value.items()]
    if isinstance(value, list):
        return [_header_line(line) for line in value]
    return value


def _header_line(line: Any) -> Any:
    if not isinstance(line, str):
        return line
    name, colon, text = line.partition(":")
    if not colon:
        raise ValueError(f'expected "Name: value", got a line without ":" ({name[:20]!r})')
    return name.strip(), text.strip()


Headers = Annotated[tuple[tuple[str, str], ...], BeforeValidator(_headers)]


class AuthModel(Model):
    """Credentials for the server."""

    type: Literal["basic", "digest", "bearer", "negotiate", "ntlm", "any"] = "basic"
    username: str = ""
    password: str = Field(default="", repr=False)
    token: str = Field(default="", repr=False, description="of type bearer")


class TlsModel(Model):
    """What is trusted, and what is shown to the server. Paths are of PEM files."""

    ca_file: str | None = None
    ca_path: str | None = None
    cert: str | None = Field(default=None, description="client certificate")
    key: str | None = Field(default=None, description="private key of the client certificate")
    key_password: str | None = Field(default=None, repr=False)
    verify_peer: bool = True
    verify_host: bool = True
    ciphers: str | None = None
    min_version: Literal["1.0", "1.1", "1.2", "1.3"] = "1.2"
    max_version: Literal["1.0", "1.1", "1.2", "1.3"] | None = None
    pinned_public_key: str | None = None


class TimeoutModel(Model):
    """Time limits in seconds."""

    total: Seconds = 4.0
    connect: Seconds = 1.0
    attempt: Seconds | None = Field(
        default=None, description="for one attempt; total is for all of them together"
    )


class LowSpeedModel(Model):
    """Abort below this speed for this long."""

    bytes_per_second: int = Field(gt=0)
    seconds: int = Field(gt=0)


class RedirectsModel(Model):
    """Redirects are followed up to ``max``; 0: not at all."""

    max: int = Field(default=10, ge=0, le=50)


class ProxyModel(Model):
    """A proxy."""

    url: str
    username: str = ""
    password: str = Field(default="", repr=False)


class KeepaliveModel(Model):
    """TCP keep-alive probes, in seconds."""

    idle: int = Field(default=60, gt=0)
    interval: int = Field(default=60, gt=0)


class ConnectionModel(PolicyModel):
    """One connection, or the ``defaults`` of all."""

    url: str | None = Field(default=None, description="http(s)://host[:port][/prefix]")
    headers: Headers = ()
    params: dict[str, str | int | float | bool] = Field(default_factory=dict)
    content_type: str | None = None
    user_agent: str | None = None
    auth: AuthModel | None = None
    tls: TlsModel = TlsModel()
    timeout: TimeoutModel = TimeoutModel()
    low_speed: LowSpeedModel | None = None
    max_body: int = Field(default=DEFAULT_MAX_BODY_BYTES, ge=0, description="bytes; 0 is no limit")
    body_policy: Literal["fail", "truncate"] = "fail"
    redirects: RedirectsModel = RedirectsModel(max=0)
    proxy: ProxyModel | Literal["env", "none"] = "none"
    http_version: Literal["auto", "1.1", "2", "2-prior-knowledge", "3"] = "auto"
    interface: str | None = None
    ip: Literal["any", "4", "6"] = "any"
    keepalive: KeepaliveModel | None = None
    reuse: bool = True
    decompress: bool = False
    unsafe_resend: bool = False

    @field_validator("timeout", mode="before")
    @classmethod
    def _timeout(cls, value: Any) -> Any:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return {"total": value} if is_number else value

    @field_validator("redirects", mode="before")
    @classmethod
    def _redirects(cls, value: Any) -> Any:
        if isinstance(value, bool):
            return {"max": 10 if value else 0}
        return {"max": value} if isinstance(value, int) else value

    @field_validator("http_version", "ip", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return str(value) if is_number else value  # http_version: 2, unquoted


class FileModel(Model):
    """A whole connections file."""

    version: Literal[1]
    defaults: ConnectionModel = ConnectionModel()
    connections: dict[str, ConnectionModel] = Field(default_factory=dict)
