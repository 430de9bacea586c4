"""The fixture `onehttp_double`: routes that answer in process, and reports of other requests."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from onehttp.calls.auth.credentials import AUTHORIZATION, at_once
from onehttp.hints.testing import OF_DOUBLE
from onehttp.testing.calls import Call, Calls, SeenRequest
from onehttp.testing.differing import indented
from onehttp.testing.matching import Matcher
from onehttp.testing.policy_clock import PolicyClock
from onehttp.testing.replies import Reply
from onehttp.testing.route import Route, calls_of
from onehttp.testing.route_arguments import (
    RouteArguments,
    RouteHandler,
    answering,
    check_keywords,
    matching,
)
from onehttp_backends.contract import Request, Response
from onehttp_backends.errors import TransferError, UnexpectedRequestError
from onehttp_backends.hints.elsewhere import tell
from onehttp_backends.rules.request_rules import check_seconds

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from onehttp_backends.double.answers import Handler

MOST_SHOWN: Final = 5


class Double:
    """Answers the requests of a test from its routes, without a network.

    A request that no route matches raises `UnexpectedRequestError` in the code that makes it.

        def test_it(onehttp_double):
            route = onehttp_double.get("http://api.example/users/{id}", json={"name": "Ann"})
            assert fetch_name(7) == "Ann"
            assert route.calls.last.names == {"id": "7"}

    Attributes:
        routes: the routes in the order in which they were added. The first one that matches a
            request and is not used up answers it.
        calls: all calls, including those that no route has matched.
        unexpected: the errors of calls that no route has matched.
        failures: calls whose handler has raised something other than a `TransferError`.
        assertions: exceptions that routes of queries have raised, each with its place.
        clock: the clock that ``delay_s`` uses; None for real time.
        seen_as: a function that turns a request into the one that routes compare.
    """

    def __init__(self) -> None:
        self.routes: list[Route] = []
        self.calls = Calls()
        self.unexpected: list[UnexpectedRequestError] = []
        self.failures: list[tuple[Call, BaseException]] = []
        self.assertions: list[tuple[str, BaseException]] = []
        self.clock: PolicyClock | None = None
        self.seen_as: Callable[[Request], Request] = _as_it_is
        self._changing = threading.Lock()  # guards the attributes above

    def add(self, method: str, url: str, **route: Unpack[RouteArguments]) -> Route:
        """Add a route.

        Args:
            method: the HTTP method, in capitals.
            url: ``{name}`` in it matches one segment of the path, or a part of one; ``{name...}``
                matches any number of segments. Query parameters in it work like ``params``.
            **route: which requests it matches, and what it answers; see `RouteArguments`.

        Raises:
            TypeError, ValueError: a keyword is unknown or has no sensible value.
        """
        place = f"{method} {url}"
        check_keywords(route)
        matcher = Matcher(method, url, **matching(route))
        handlers = Reply(**answering(route)).handlers(place)
        times, delay_s = route.get("times"), route.get("delay_s", 0.0)
        is_sequence = "answers" in route
        if times is not None and (type(times) is not int or times < 1 or is_sequence):
            raise ValueError(
                f"{place}: times: expected a number from 1 on, and not beside answers="
            )
        check_seconds("delay_s", delay_s)
        if delay_s:
            handlers = [self._delayed(each, delay_s) for each in handlers]
        return self.add_route(Route(matcher, handlers, len(handlers) if is_sequence else times))

    def add_route(self, route: Route) -> Route:
        """Add a route that was made without `add`."""
        with self._changing:
            self.routes.append(route)
        return route

    def get(self, url: str, **route: Unpack[RouteArguments]) -> Route:
        """Add a route for GET; see `add`."""
        return self.add("GET", url, **route)

    def post(self, url: str, **route: Unpack[RouteArguments]) -> Route:
        """Add a route for POST; see `add`."""
        return self.add("POST", url, **route)

    def put(self, url: str, **route: Unpack[RouteArguments]) -> Route:
        """Add a route for PUT; see `add`."""
        return self.add("PUT", url, **route)

    def patch(self, url: str, **route: Unpack[RouteArguments]) -> Route:
        """Add a route for PATCH; see `add`."""
        return self.add("PATCH", url, **route)

    def delete(self, url: str, **route: Unpack[RouteArguments]) -> Route:
        """Add a route for DELETE; see `add`."""
        return self.add("DELETE", url, **route)

    def head(self, url: str, **route: Unpack[RouteArguments]) -> Route:
        """Add a route for HEAD; see `add`."""
        return self.add("HEAD", url, **route)

    def pick(self, request: Request) -> Handler:
        """See `onehttp_backends.double.answers.Table`."""
        request = as_it_goes_out(request)
        seen = self.seen_as(request)
        with self._changing:
            route = self._route_for(seen)
            if route is not None:
                call = Call(request, route.matcher.names(seen.url))
                self.calls.append(call)
                return self._recorded(route.take(call), call)
            self.calls.append(Call(request))
            error = UnexpectedRequestError(self._no_route_for(seen))
            self.unexpected.append(error)
        raise error

    def knows(self, request: Request) -> bool:
        """Whether a route matches ``request`` and is not used up."""
        seen = self.seen_as(as_it_goes_out(request))
        with self._changing:
            return self._route_for(seen) is not None

    def _route_for(self, seen: Request) -> Route | None:
        return next(
            (each for each in self.routes if not each.is_used_up and each.matcher.is_for(seen)),
            None,
        )

    def _recorded(self, handler: RouteHandler, call: Call) -> Handler:
        clock = self.clock
        began_s = time.monotonic() if clock is None else clock.now()

        def ask(_: Request) -> Any:
            try:
                answer: Any = handler(call.request)
                return finish(answer) if inspect.isawaitable(answer) else settled(answer)
            except BaseException as error:
                self._note(call, error)
                raise

        async def finish(answer: Awaitable[Any]) -> Response:
            try:
                return settled(await answer)
            except BaseException as error:
                self._note(call, error)
                raise

        def settled(answer: object) -> Response:
            from onehttp_backends.double.answers import response_of
            from onehttp_backends.double.coming.cut import ComingResponse

            call.response = response_of(answer, call.request.sent)
            if isinstance(call.response, ComingResponse) and call.response.pace is not None:
                call.response.pace.begin(clock, began_s)
            return call.response

        return ask

    def _note(self, call: Call, error: BaseException) -> None:
        from asyncio import CancelledError

        if isinstance(error, TransferError):
            call.error = error
        elif not isinstance(error, CancelledError):  # the call has timed out meanwhile
            self.failures.append((call, error))

    def hear(self, what: str, error: BaseException) -> None:
        """A route of a query has raised. That goes to the log, as it does in production; what was
        a test's own judgement (pytest's is no Exception) is one here, too."""
        is_judgement = isinstance(error, AssertionError) or not isinstance(error, Exception)
        if is_judgement and not isinstance(error, UnexpectedRequestError):
            self.assertions.append((what, error))

    def _delayed(self, handler: RouteHandler, delay_s: float) -> RouteHandler:
        async def wait(request: SeenRequest) -> Any:
            from asyncio import sleep

            await sleep(delay_s)
            answer: Any = handler(request)
            return await answer if inspect.isawaitable(answer) else answer

        def ask(request: SeenRequest) -> Any:
            clock = self.clock
            if clock is None:
                return wait(request)
            from onehttp_backends.double.handler_calls import late, patience_s

            limit_s = patience_s(request.sent)
            if limit_s is not None and delay_s > limit_s:
                clock.advance(limit_s)
                raise late(request.sent)
            clock.advance(delay_s)
            return handler(request)

        return ask

    def failed(self) -> list[str]:
        """The handlers that have raised what is no error of a transfer, and the assertions in
        routes of queries, for a report."""
        handlers = [(f"the handler of {call!r}", error) for call, error in self.failures]
        return [_traced(what, error) for what, error in (*handlers, *self.assertions)]

    def not_used(self) -> list[str]:
        """Return the unused answers for a report; empty if there are none."""
        if not any(route.unused for route in self.routes):
            return []
        lines = ["not all answers were used (- expected, + there):"]
        for route in self.routes:
            mark = "-" if route.unused else " "
            lines.append(f"{mark} {route.matcher!r}: {route.unused or calls_of(route.call_count)}")
        answered = {id(call) for route in self.routes for call in route.calls}
        others = [call.request.sent for call in self.calls if id(call) not in answered]
        return ["\n".join([*lines, *(f"+ {each.method} {each.url}" for each in others)])]

    def _no_route_for(self, request: Request) -> str:
        lines = [f"no answer for {request.method} {request.url}"]
        tried = [(list(route.matcher.differences(request)), route) for route in self.routes]
        tried.sort(key=lambda pair: (_is_of_another_url(pair[0]), len(pair[0])))
        for differences, route in tried[:MOST_SHOWN]:
            why = differences or ["used up: all of its answers are given"]
            lines.append(indented(f"{route.matcher!r}\n" + "\n".join(map(indented, why))))
        if not tried:
            lines.append("  there is no route yet: onehttp_double.get(url, ...)")
        return "\n".join(lines)


def _traced(what: str, error: BaseException) -> str:
    from traceback import format_exception

    trace = "".join(format_exception(type(error), error, error.__traceback__))
    return f"{what} failed:\n{indented(trace)}"


def _is_of_another_url(differences: list[str]) -> bool:
    return any(each.startswith("another URL") for each in differences)


def as_it_goes_out(request: Request) -> Request:
    """``request`` with what the engine puts in that says something: credentials of its connection,
    and the type that libcurl gives to a body without one."""
    more = []
    given = {name.lower() for name, _ in request.headers}
    credentials = at_once(request.options.auth)
    if credentials is not None and "authorization" not in given:
        more.append((AUTHORIZATION, credentials))
    if request.body is not None and request.upload is None and "content-type" not in given:
        more.append(("Content-Type", "application/x-www-form-urlencoded"))
    return request._replace(headers=(*request.headers, *more)) if more else request


def _as_it_is(request: Request) -> Request:
    return request


tell(Double, OF_DOUBLE)
