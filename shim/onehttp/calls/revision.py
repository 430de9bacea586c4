"""Connections that are ready for calls. All of one revision are in one object, swapped in one
step."""

from __future__ import annotations

from onehttp.calls.policy_state import PoliciesInForce, policies_of
from onehttp.connections.model import ConnectionSet, ConnectionSpec
from onehttp.cookies.jar import CookieJar
from onehttp.errors import CurlCode, RequestError, UnknownConnectionError
from onehttp.policies.alt_svc import Alternatives
from onehttp.urls import with_params
from onehttp_backends.hints.nearest import nearest
from onehttp_backends.rules.url_paths import climbs_out


class ReadyConnection:
    """A connection of one revision: its definition, and the state that calls on it share.

    A reload makes a new one if anything has changed, even if only its position in the file, and
    gives it the ``previous`` one, whose state it may take over.
    """

    __slots__ = (
        "_base",
        "_is_fenced",
        "alternatives",
        "begins_at_once",
        "is_plain",
        "jar",
        "policies",
        "spec",
    )

    def __init__(self, spec: ConnectionSpec, previous: ReadyConnection | None = None) -> None:
        self.spec = spec
        self._base = spec.url.rstrip("/")
        self._is_fenced = self._base.count("/") > 2 and not spec.leave_base
        """Whether its URL has a path that the path of a call must not leave."""
        self.policies: PoliciesInForce | None = policies_of(
            spec, previous.policies if previous else None
        )
        self.jar: CookieJar | None = None
        """The cookies of its servers; a reload hands them on while the URL is the same."""
        if spec.cookies:
            kept = previous.jar if previous and previous.spec.url == spec.url else None
            self.jar = CookieJar() if kept is None else kept
        self.alternatives: Alternatives | None = None
        if spec.alt_svc:
            self.alternatives = (previous and previous.alternatives) or Alternatives()
        self.is_plain = not (
            spec.max_redirects or self.policies or self.jar is not None or self.alternatives
        )
        """A call is one exchange, whatever comes of it."""
        self.begins_at_once = not (
            spec.max_redirects or spec.shared or spec.attempt_timeout_s is not None
        )
        """Whether its first exchange is the unchanged request."""

    def url(self, path: str) -> str:
        """The whole URL for ``path``.

        Raises:
            RequestError: ``path`` is a whole URL itself, or leaves the path of the connection.
        """
        spec = self.spec
        if self._is_fenced and (".." in path or "%2" in path) and climbs_out(path):
            raise RequestError(
                CurlCode.URL_MALFORMAT,
                f"connection {spec.name!r}: the path leaves the connection's own by dot segments; "
                "escape what comes from others, or set leave_base: true",
            )
        if not path:
            url = spec.url
        elif path[0] == "/" or path[0] == "?":
            url = self._base + path
        elif "://" in path.partition("/")[0] + path[:8]:
            raise RequestError(
                CurlCode.URL_MALFORMAT,
                f"connection {spec.name!r}: the path is a whole URL; "
                "give what follows the connection's own, or use onehttp.request",
            )
        else:
            url = f"{self._base}/{path}"
        return with_params(url, spec.params) if spec.params else url


class Revision(dict[str, ReadyConnection]):
    """All connections of one revision, by name.

    It never changes; a reload makes another. A call that needs several connections takes them all
    from one `Revision`.

    Raises:
        UnknownConnectionError: on ``revision[name]``; the message suggests the nearest name.
    """

    __slots__ = ("alternatives", "connections", "jars", "surrounds")

    def __init__(self, connections: ConnectionSet, previous: Revision | None = None) -> None:
        known: dict[str, ReadyConnection] = {} if previous is None else previous
        for name, spec in connections.items():
            ready = known.get(name)
            self[name] = ready if ready and ready.spec is spec else ReadyConnection(spec, ready)
        self.connections = connections
        self.jars = {name: ready.jar for name, ready in self.items() if ready.jar is not None}
        """The cookies that are kept, by connection."""
        self.alternatives = {
            name: ready.alternatives for name, ready in self.items() if ready.alternatives
        }
        """The alternative services of servers, by connections that use them."""
        self.surrounds = bool(self.jars or self.alternatives)
        """There may be something around an exchange."""

    def __missing__(self, name: str) -> ReadyConnection:
        raise self.missing(name)

    def missing(self, name: str) -> UnknownConnectionError:
        """The error for a name that no connection has."""
        near = nearest(str(name), self)
        known = ", ".join(self) or "none are configured"
        hint = f" (did you mean {near!r}?)" if near else f"; known: {known}"
        return UnknownConnectionError(f"no connection named {name!r}{hint}")
