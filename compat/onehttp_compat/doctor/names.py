"""Checks how host names are resolved, and how long a dead name server can delay that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pycurl

from onehttp_compat.doctor.finding import Finding

_USED: Final = 3
"""The C library uses only this many name servers."""
_TIMEOUT_S, _ATTEMPTS = 5, 2
"""The defaults of the C library, if resolv.conf does not set them."""
CONNECT_S: Final = 1.0
"""Seconds that a call has for connecting by default, including the lookup of the name."""


def name_findings(root: Path = Path("/")) -> Iterator[Finding]:
    """Examine ``/etc/resolv.conf``."""
    path = root / "etc/resolv.conf"
    try:
        lines = [line.split() for line in path.read_text("utf-8", "replace").splitlines()]
    except OSError as error:
        yield Finding("warning", "dns", f"/etc/resolv.conf: {error.strerror}",
                      "names are resolved only by /etc/hosts and by this machine")  # fmt: skip
        return
    servers = [words[1] for words in lines if words[:1] == ["nameserver"] and len(words) > 1]
    options = [word for words in lines if words[:1] == ["options"] for word in words[1:]]
    if not servers:
        yield Finding("warning", "dns", "/etc/resolv.conf names no name server",
                      "lookups go to 127.0.0.1; does a name server run there?")  # fmt: skip
    else:
        yield Finding("information", "dns", f"name servers: {', '.join(servers)}")
    if len(servers) > _USED:
        yield Finding("warning", "dns", f"only the first {_USED} of {len(servers)} are used",
        "remove the others")  # fmt: skip
    timeout_s = _number(options, "timeout", _TIMEOUT_S)
    if timeout_s >= CONNECT_S and servers and not servers[0].startswith("127."):
        whole_s = timeout_s * _number(options, "attempts", _ATTEMPTS) * min(len(servers), _USED)
        yield Finding(
            "warning", "dns", f"lookups wait {timeout_s} s for a dead name server, "
            f"{whole_s} s if all are dead: a call has {CONNECT_S:g} s to connect and fails before",
            "run a cache on this machine (unbound, systemd-resolved), or set options timeout:1 "
            "attempts:1",
        )  # fmt: skip
    if not pycurl.version_info()[4] & getattr(pycurl, "VERSION_ASYNCHDNS", 0):
        yield Finding("error", "dns", "a lookup of this libcurl blocks all calls",
                      "pip install --force-reinstall pycurl")  # fmt: skip


def _number(options: list[str], name: str, default: int) -> int:
    given = [one.partition(":")[2] for one in options if one.startswith(f"{name}:")]
    return int(given[-1]) if given and given[-1].isdecimal() else default
