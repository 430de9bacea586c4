"""Whom requests are for and what they came to, as attributes of OpenTelemetry.

A process calls few servers often. So what is the same of their calls is made once, and the dicts
given out here are everybody's: whoever wants one with more in it makes another.

Source: OpenTelemetry semantic conventions 1.44, HTTP spans and HTTP metrics (stable parts).
"""

from __future__ import annotations

import re
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from onehttp.control.tally import failure_name
from onehttp_backends.contract import Outcome, Request, Response
from onehttp_backends.response import FIRST_ERROR
from onehttp_backends.secret_values import LONGEST_SEGMENT, shown_url

KNOWN_METHODS: Final = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"}
)
MANY: Final = 1024
"""The number of targets that are cached."""
_PORTS: Final = {"http": 80, "https": 443}
_AFTER_SCHEME: Final = len("https://")
_OTHER: Final = "_OTHER"
_REDACTED: Final = "REDACTED"
K = TypeVar("K")
V = TypeVar("V")
_outcomes: Final[dict[object, dict[str, Any]]] = {}
# Where there is nothing to leave out. A URL that does not match may have nothing either.
_plain = re.compile(
    rf"https?://[a-z0-9.:\[\]-]+(?:/[\w.~%+,;=:-]{{0,{LONGEST_SEGMENT}}}){{0,8}}", re.ASCII
).fullmatch


def known_method(method: str) -> str:
    """``method``, or what stands for those that no specification knows."""
    return method if method in KNOWN_METHODS else _OTHER


def in_names(method: str) -> str:
    """A known method as names of spans have it."""
    return "HTTP" if method == _OTHER else method


class Target:
    """Requests of one method to one server on one connection."""

    __slots__ = ("_ended", "attributes", "method", "original")

    def __init__(self, request: Request, name: str) -> None:
        self.method = known_method(request.method)
        self.original = None if self.method == request.method else request.method
        """A method that no specification knows: for spans alone, since there may be many."""
        self.attributes: dict[str, Any] = {"http.request.method": self.method}
        try:
            parts = urlsplit(request.url)
            host, port = parts.hostname, parts.port
        except ValueError:  # no engine will take it
            pass
        else:
            self.attributes["server.address"] = host or ""
            self.attributes["server.port"] = port or _PORTS.get(parts.scheme.lower(), 0)
        self.attributes["onehttp.connection"] = name
        self._ended: dict[object, dict[str, Any]] = {}

    def ended(self, outcome: Outcome | None) -> dict[str, Any]:
        """Return its attributes together with those of the outcome."""
        kind = _kind(outcome)
        found = self._ended.get(kind)
        if found is None:
            found = {**self.attributes, **outcome_attributes(outcome)}
            _remember(self._ended, kind, found)
        return found


class Targets:
    """The targets of a process."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], Target] = {}

    def of(self, request: Request, name: str) -> Target:
        """Return the target of a request on the connection of this name."""
        url = request.url
        end = url.find("/", _AFTER_SCHEME)
        key = (request.method, url[:end] if end > 0 else url, name)
        found = self._known.get(key)
        if found is None:
            found = Target(request, name)
            _remember(self._known, key, found)
        return found


def outcome_attributes(outcome: Outcome | None) -> dict[str, Any]:
    """Return the attributes for the outcome of a call or an attempt."""
    kind = _kind(outcome)
    found = _outcomes.get(kind)
    if found is None:
        if not isinstance(outcome, Response):
            return {"error.type": kind}
        found = {"http.response.status_code": outcome.status}
        if outcome.http_version:
            found["network.protocol.version"] = outcome.http_version
        if outcome.status >= FIRST_ERROR:
            found["error.type"] = str(outcome.status)
        _remember(_outcomes, kind, found)
    return found


def _kind(outcome: Outcome | None) -> object:
    """Equal for outcomes that have the same attributes."""
    if isinstance(outcome, Response):
        return outcome.status, outcome.http_version
    return failure_name(outcome)


def _remember(known: dict[K, V], key: K, value: V) -> None:
    if len(known) >= MANY:
        known.clear()  # what is asked for often is soon there again
    known[key] = value


def redacted_url(url: str) -> str:
    """A URL without credentials and fragment, and with the names alone of its query; segments that
    are long enough to be a token are cut short."""
    if _plain(url):
        return url
    query = url.partition("#")[0].partition("?")[2]
    shown = shown_url(url)
    if not query:
        return shown
    named = [part.partition("=") for part in query.split("&")]
    return f"{shown}?" + "&".join(
        f"{name[:40]}={_REDACTED}" if equals else _REDACTED for name, equals, _ in named
    )
