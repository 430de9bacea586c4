"""A route of the double: the requests it matches, its answers, and the calls it has answered."""

from __future__ import annotations

import json as json_module
from typing import TYPE_CHECKING, Any

from onehttp.hints.testing import OF_ROUTE
from onehttp.testing.calls import Call, Calls
from onehttp.testing.differing import differing, indented
from onehttp.testing.matching import ANY, Matcher, shown_body
from onehttp.urls import ParamSource, query_pairs
from onehttp_backends.hints.elsewhere import tell
from onehttp_backends.hints.keywords import explained

if TYPE_CHECKING:
    from onehttp.testing.route_arguments import RouteHandler


class Route:
    """A route of the double, as returned by `Double.get` and so on.

    Attributes:
        calls: the calls it has answered, in order; each has ``request`` and ``response``.
    """

    def __init__(self, matcher: Matcher, handlers: list[RouteHandler], times: int | None) -> None:
        self.matcher = matcher
        self.calls = Calls()
        self._handlers = handlers
        self._is_unwanted = False
        is_sequence = len(handlers) > 1 or times is not None
        self._most = (times or len(handlers)) if is_sequence else None

    @property
    def called(self) -> bool:
        """Whether it has answered a call."""
        return bool(self.calls)

    @property
    def call_count(self) -> int:
        """The number of calls it has answered."""
        return len(self.calls)

    @property
    def is_used_up(self) -> bool:
        """Whether it has given all of its answers."""
        return self._most is not None and len(self.calls) >= self._most

    @property
    def unused(self) -> str:
        """Describe the unused answers for a report; empty if there are none."""
        if self._most is None:
            return "" if self.calls or self._is_unwanted else "never called"
        left = 0 if self._is_unwanted and not self.calls else self._most - len(self.calls)
        return f"{len(self.calls)} of {self._most} answers used" if left > 0 else ""

    def take(self, call: Call) -> RouteHandler:
        """Record ``call``, and return what answers it. The double's lock is held."""
        handler = self._handlers[min(len(self.calls), len(self._handlers) - 1)]
        self.calls.append(call)
        return handler

    def __repr__(self) -> str:
        return f"<Route {self.matcher!r}: {calls_of(len(self.calls))}>"

    def assert_called(self) -> None:
        """Raise AssertionError if there was no call."""
        if not self.calls:
            raise AssertionError(f"{self.matcher!r}: never called")

    def assert_not_called(self) -> None:
        """Raise AssertionError, with the calls, if there was one.

        A route that was asserted like this does not fail the test for being unused.
        """
        if self.calls:
            raise AssertionError(f"{self.matcher!r}: {self._count()}\n{self._shown()}")
        self._is_unwanted = True

    def assert_called_once(self) -> None:
        """Raise AssertionError, with the calls, unless there was exactly one."""
        if len(self.calls) != 1:
            raise AssertionError(
                f"{self.matcher!r}: expected one call, {self._count()}\n{self._shown()}".rstrip()
            )

    def assert_called_once_with(self, **expected: Any) -> None:
        """`assert_called_once` and `assert_called_with` together; takes the latter's keywords."""
        self.assert_called_once()
        self.assert_called_with(**expected)

    @explained
    def assert_called_with(
        self,
        *,
        params: ParamSource = ANY,
        headers: dict[str, str] | None = None,
        body: bytes | str | None = ANY,
        json: object = ANY,
        form: ParamSource = ANY,
    ) -> None:
        """Compare the last call with what is given.

        Args:
            params: all its query parameters.
            headers: headers that it must have; it may have others as well.
            body: its whole body.
            json: its body as JSON.
            form: all fields of its form (``application/x-www-form-urlencoded``).

        Raises:
            AssertionError: there was no call, or the last one differs; shows the differences.
        """
        self.assert_called()
        call = self.calls[-1]
        found = list(_differences(call, params, headers or {}, body, json, form))
        if found:
            text = "\n".join(map(indented, found))
            raise AssertionError(f"{self.matcher!r}: the last call was another\n{text}")

    def _count(self) -> str:
        return f"there were {len(self.calls)}" if self.calls else "there was none"

    def _shown(self) -> str:
        return indented("\n".join(f"{c.request.method} {c.request.url}" for c in self.calls))


def _differences(
    call: Call, params: Any, headers: dict[str, str], body: Any, json: object, form: Any
) -> Any:
    matcher = Matcher(call.request.method, call.request.url.partition("?")[0], headers=headers)
    yield from matcher.differences(call.request.sent)
    if params is not ANY and sorted(_plain(params)) != sorted(_plain(call.params)):
        yield differing("params", dict(_plain(params)), call.params)
    if form is not ANY:
        from urllib.parse import parse_qsl

        sent = parse_qsl(call.text, keep_blank_values=True)
        if sorted(_plain(form)) != sorted(sent):
            yield differing("form", dict(_plain(form)), dict(sent))
    if body is not ANY:
        wanted = body.encode() if isinstance(body, str) else body
        if (wanted or b"") != (call.request.body or b""):
            yield differing("body", shown_body(wanted), shown_body(call.request.body))
    if json is not ANY:
        try:
            sent_json = call.json()
        except json_module.JSONDecodeError:
            sent_json = shown_body(call.request.body)
        if sent_json != json:
            yield differing("JSON", json, sent_json)


def _plain(source: Any) -> list[tuple[str, str]]:
    return [
        (str(name), value.decode() if isinstance(value, bytes) else value)
        for name, value in query_pairs(source or (), "params")
    ]


def calls_of(count: int) -> str:
    """A number of calls, as text for a report."""
    return f"{count} call" if count == 1 else f"{count} calls"


tell(Route, OF_ROUTE)
