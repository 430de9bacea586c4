"""Alternative services of a server: ``Alt-Svc`` (RFC 7838), for HTTP/3 only."""

from __future__ import annotations

import re
from typing import Final

DEFAULT_MAX_AGE_S: Final = 86_400.0
LONGEST_S: Final = 30 * 86_400.0
BROKEN_S: Final = 300.0
"""How long QUIC is not used for a server that has not answered over it."""
MOST_KEPT: Final = 256
_entry = re.compile(
    r'[\s,]*([!#$%&\'*+\-.^_`|~0-9A-Za-z]+)="([^"]*)"((?:\s*;\s*[^\s=;,]+=(?:"[^"]*"|[^\s;,]*))*)'
).match
_max_age = re.compile(r';\s*ma="?([0-9]{1,9})', re.IGNORECASE).search


class Alternatives:
    """The origins that offer HTTP/3 at their own host and port, and until when.

    Any thread may use it, since each step is one atomic operation of a dict.
    """

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._broken_until: dict[str, float] = {}

    def has_http3(self, origin: str, now: float) -> bool:
        """Whether to send requests to ``origin`` over QUIC."""
        return self._until.get(origin, 0.0) > now >= self._broken_until.get(origin, 0.0)

    def note(self, origin: str, header: str, now: float) -> None:
        """Keep what the ``Alt-Svc`` header of a response from ``origin`` (https) offers."""
        self._until.pop(origin, None)
        age_s = http3_age_s(header, origin)
        if age_s:
            if len(self._until) >= MOST_KEPT:
                self._until.clear()
            self._until[origin] = now + min(age_s, LONGEST_S)

    def failed(self, origin: str, now: float) -> None:
        """Note that QUIC has failed there."""
        if len(self._broken_until) >= MOST_KEPT:
            self._broken_until.clear()
        self._broken_until[origin] = now + BROKEN_S


def http3_age_s(header: str, origin: str) -> float:
    """Return the seconds for which ``origin`` offers HTTP/3 at its own host and port; 0 if it does
    not."""
    own_host, colon, own_port = origin.partition("://")[2].rpartition(":")
    if not colon or own_port.endswith("]"):
        own_host, own_port = origin.partition("://")[2], "443"
    position = 0
    while found := _entry(header, position):
        position = found.end()
        protocol, place, parameters = found.groups()
        host, _, port = place.rpartition(":")
        if protocol == "h3" and port == own_port and host in ("", own_host):
            age = _max_age(parameters)
            return float(age[1]) if age else DEFAULT_MAX_AGE_S
    return 0.0
