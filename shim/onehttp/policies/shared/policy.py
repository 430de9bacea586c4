"""Where limits and circuits are counted together, and what holds while they cannot be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from onehttp_backends.hints.extras import brought_by
from onehttp_backends.secret_values import HoldsSecrets

MISSING: Final = f"shared limits need a client of Redis: {brought_by('fleet')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedPolicy(HoldsSecrets):
    """One server, and how it is asked. Processes whose URL and namespace are the same count
    together."""

    url: str
    """``redis://`` or ``rediss://host[:port][/database]``, or ``unix:///path[?db=database]``,
    without credentials."""
    ca_file: str = ""
    """Whose certificates are trusted by ``rediss://``; empty: the system's."""
    cert: str = ""
    """Shown to the server, with ``key``; empty: none."""
    key: str = ""
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    budget_s: float = 0.002
    """The longest that a call waits for an answer."""
    on_failure: Literal["local", "refuse"] = "local"
    """What becomes of a call that gets none: this process counts alone, or it is refused."""
    lease_s: float = 10.0
    """After so long the places of a process that has ended without giving them back are free."""
    namespace: str = "onehttp"
    """Before the names of all keys."""

    def of_tls(self) -> dict[str, Any]:
        """What the client is told besides the URL."""
        if not self.url.startswith("rediss:"):
            return {}
        # redis-py before 6 did not look whether the certificate is of that host.
        told: dict[str, Any] = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
        if self.ca_file:
            told["ssl_ca_certs"] = self.ca_file
        if self.cert:
            told |= {"ssl_certfile": self.cert, "ssl_keyfile": self.key}
        return told


def is_installed() -> bool:
    """Whether there is a client."""
    from importlib.util import find_spec

    return find_spec("redis") is not None
