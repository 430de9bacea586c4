"""The key ``shared`` of a connections file: limits that processes share."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from onehttp.connections.file.schema.strict import Model, Seconds
from onehttp.connections.file.schema.transport import FilePath, SecretBytes, Text
from onehttp.policies.shared.policy import MISSING, SharedPolicy, is_installed

TCP: Final = ("redis", "rediss")
EXPECTED: Final = (
    "expected redis://host:port/0, rediss:// for TLS, or unix:///path/of/its/socket?db=0"
)
_is_database = re.compile(r"(?:db=\d+)?").fullmatch


def _fit_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        if parts.scheme == "unix":
            is_fit = bool(
                not parts.netloc and parts.path.startswith("/") and _is_database(parts.query)
            )
        else:
            is_fit = bool(
                parts.scheme in TCP and parts.hostname and parts.port != 0 and not parts.query
            )
    except ValueError:
        is_fit = False
    if "@" in url:
        raise ValueError("credentials before '@' are refused; give username and password instead")
    if not is_fit or parts.fragment:
        raise ValueError(EXPECTED)
    if parts.scheme in TCP and parts.path.strip("/") and not parts.path[1:].isdecimal():
        raise ValueError("expected the number of a database after the port")
    if not is_installed():
        raise ValueError(MISSING)
    return url


class SharedModel(Model):
    """Count limits and circuits of all connections for all processes that name the same server
    (Redis 5, Valkey, or later), in the whole process: of the outermost file only. Needs
    the extra ``fleet``."""

    url: Annotated[Text, AfterValidator(_fit_url)] = Field(
        description="`redis://host:port/0`, `rediss://` for TLS, `unix:///path?db=0` for a socket"
    )
    username: Text = ""
    password: SecretBytes = ""
    ca_file: FilePath | None = Field(
        default=None, description="trusted authorities (`rediss://`), else the system's"
    )
    cert: FilePath | None = Field(default=None, description="client certificate; needs `key`")
    key: FilePath | None = Field(default=None, description="private key of `cert`")
    budget_ms: float = Field(
        default=2.0,
        gt=0,
        le=60_000,
        allow_inf_nan=False,
        description="milliseconds; no call waits for an answer of the server longer",
    )
    on_failure: Literal["local", "refuse"] = Field(
        default="local",
        description="while it is away or slow: each process counts alone, or calls are refused",
    )
    lease: Seconds = Field(
        default=10.0, description="after which the places of a killed process are free again"
    )
    namespace: Text = Field(
        default="onehttp", min_length=1, description="before the keys; who has another counts apart"
    )

    @model_validator(mode="after")
    def _tls_is_whole(self) -> SharedModel:
        if (self.cert is None) is not (self.key is None):
            raise ValueError("cert and key: both are needed, or neither")
        return self

    def policy(self) -> SharedPolicy:
        """The value that calls go by."""
        return SharedPolicy(
            url=self.url,
            username=self.username,
            password=self.password,
            ca_file=self.ca_file or "",
            cert=self.cert or "",
            key=self.key or "",
            budget_s=self.budget_ms / 1000,
            on_failure=self.on_failure,
            lease_s=self.lease,
            namespace=self.namespace,
        )
