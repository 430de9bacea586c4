"""The settings of shared limits: the server, and the behaviour while it is unreachable."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from onehttp_backends.hints.extras import brought_by
from onehttp_backends.secret_values import HoldsSecrets

MISSING: Final = f"shared limits need a client of Redis: {brought_by('fleet')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedPolicy(HoldsSecrets):
    """A server and its use. Processes with the same URL and namespace share their limits."""

    url: str
    """``redis://`` or ``rediss://host[:port][/database]``, or ``unix:///path[?db=database]``,
    without credentials."""
    ca_file: str = ""
    """The authorities that ``rediss://`` trusts; empty: those of the system."""
    cert: str = ""
    """The client certificate, with ``key``; empty: none."""
    key: str = ""
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    budget_s: float = 0.002
    """The longest that a call waits for an answer."""
    on_failure: Literal["local", "refuse"] = "local"
    """Without an answer, this process counts alone, or the call is refused."""
    lease_s: float = 10.0
    """The time after which permits of a process that has died become free."""
    namespace: str = "onehttp"
    """The prefix of all keys."""

    def of_tls(self) -> dict[str, Any]:
        """Return the TLS arguments of the client."""
        if not self.url.startswith("rediss:"):
            return {}
        # redis-py before 6 did not check the host name of the certificate by default.
        arguments: dict[str, Any] = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
        if self.ca_file:
            arguments["ssl_ca_certs"] = self.ca_file
        if self.cert:
            arguments |= {"ssl_certfile": self.cert, "ssl_keyfile": self.key}
        return arguments


def is_installed() -> bool:
    """Whether the client library is installed."""
    from importlib.util import find_spec

    return find_spec("redis") is not None
