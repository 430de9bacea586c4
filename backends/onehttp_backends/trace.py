"""Each step of a call, one line each: logger ``onehttp.trace`` at DEBUG.

Whoever makes a call asks `is_on` first, so that nothing is made for a reader who is not there.
A line shows the call's number, the time since it began, its connection, and never a path, a
query, a header or a body: each of them may hold a secret.
"""

from __future__ import annotations

import itertools
import logging
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Final

from onehttp_backends.contract import Outcome, Request, Response
from onehttp_backends.errors import TransferError

LOGGER: Final = logging.getLogger("onehttp.trace")
is_on: Final = partial(LOGGER.isEnabledFor, logging.DEBUG)
"""Whether anybody reads the steps."""
_numbers: Final = itertools.count(1)


class TracedCall:
    """One call: its attempts, hops and pauses are steps of it."""

    __slots__ = ("_began", "_name", "_number")

    def __init__(self, name: str) -> None:
        self._number = next(_numbers)
        self._began = time.perf_counter()
        self._name = name

    def step(self, text: str, *values: object) -> None:
        """Tell of one step; ``text`` is a format of the logging module."""
        since_ms = (time.perf_counter() - self._began) * 1000
        name = f" {self._name}" if self._name else ""
        LOGGER.debug(f"call %d +%.2f ms{name.replace('%', '%%')}: {text}",
                     self._number, since_ms, *values)  # fmt: skip

    def begun(self, request: Request) -> TracedCall:
        """A transfer begins."""
        self.step("%s %s: begins", request.method, _origin(request.url))
        return self

    def ended(self, outcome: Outcome) -> None:
        """A transfer has ended: how far it got, and what came of it."""
        if not isinstance(outcome, Response):
            phase = f" in phase {outcome.phase.value}" if outcome.phase else ""
            self.step("failed with %d (%s)%s; sent: %s",
                      outcome.code, type(outcome).__name__, phase, outcome.sent.value)  # fmt: skip
            return
        timings = outcome.timings
        if outcome.is_reused:
            self.step("connection reused")
        else:
            connect_us = timings.appconnect_us or timings.connect_us
            self.step("looked up in %.2f ms, connected to %s in %.2f ms", timings.lookup_us / 1000,
                      outcome.peer.host or "the double", connect_us / 1000)  # fmt: skip
        self.step("sent; answered %d over HTTP/%s, %d bytes, %.2f ms in all",
                  outcome.status, outcome.http_version, len(outcome.body),
                  timings.total_us / 1000)  # fmt: skip

    def then(self, on_done: Callable[[Outcome], None]) -> Callable[[Outcome], None]:
        """``on_done``, told after the trace."""

        def done(outcome: Outcome) -> None:
            self.ended(outcome)
            on_done(outcome)

        return done


_current: Final[ContextVar[TracedCall | None]] = ContextVar("onehttp_traced_call", default=None)


def performed(perform: Callable[[Request], Response], request: Request) -> Response:
    """``perform(request)`` with its steps."""
    call = begin(request)
    try:
        response = perform(request)
    except TransferError as error:
        call.ended(error)
        raise
    call.ended(response)
    return response


async def aperformed(
    perform: Callable[[Request], Awaitable[Response]], request: Request
) -> Response:
    """The same, awaited."""
    call = begin(request)
    try:
        response = await perform(request)
    except TransferError as error:
        call.ended(error)
        raise
    call.ended(response)
    return response


def begin(request: Request) -> TracedCall:
    """A transfer begins: a step of the call made in this context, or a call by itself."""
    return (_current.get() or TracedCall(request.options.name)).begun(request)


def step(text: str, *values: object) -> None:
    """A step of the call made in this context, if there is one and somebody reads."""
    call = _current.get()
    if call is not None:
        call.step(text, *values)


def current() -> TracedCall | None:
    """The call made in this context; None: nobody reads, or there is none."""
    return _current.get()


@contextmanager
def within(call: TracedCall | None) -> Iterator[None]:
    """What happens inside is part of ``call``, unless it is part of another already."""
    if call is None or _current.get() is not None:
        yield
        return
    token = _current.set(call)
    try:
        yield
    finally:
        _current.reset(token)


def _origin(url: str) -> str:
    found = re.match(r"([^:/?#]*://)(?:[^/?#]*@)?([^/?#]*)", url)
    return found[1] + found[2] if found else "URL"
