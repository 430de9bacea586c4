"""Tokens that expire: fetched once for all calls that wait, and used until they expire or are
refused."""

from __future__ import annotations

import inspect
import os
import re
import threading
import time
import weakref
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from contextvars import copy_context
from typing import Any, Final, TypeAlias

from onehttp.calls.closed_loops import Holders, holders_here, landed
from onehttp.stripped_tracebacks import leads_out
from onehttp_backends.errors import (
    CurlCode,
    ReentrantCallError,
    RequestError,
    RequestTypeError,
)
from onehttp_backends.forks import reentrant_lock
from onehttp_backends.rules.plain_text import plain_text
from onehttp_backends.secret_values import not_pickled

Fetched: TypeAlias = "str | tuple[str, float]"
"""A token, or a token and for how many seconds it is good."""
Fetch: TypeAlias = "Callable[[], Fetched | Awaitable[Fetched]]"
DEFAULT_EARLY_S: Final = 10.0
_LONGEST_S: Final = 10.0 * 366 * 86400
_is_token = re.compile(r"[\x21-\x7e]+").fullmatch


class TokenSource:
    """A source of bearer tokens that expire: ``api.get("/x", auth=source)``.

    ``fetch`` is called when there is no token, when the token is about to expire, and when a server
    has answered 401 to it; the request is then sent once more, with the new token. All threads and
    tasks that wait share one fetch. If it raises, all of them get the error, and the next call
    fetches again. Keep one object for as long as its tokens should be kept.

        def fetch():
            answer = onehttp.post("https://login.example/token", form=FORM).json()
            return answer["access_token"], answer["expires_in"]

        source = onehttp.TokenSource(fetch)

    Args:
        fetch: returns ``token`` or ``(token, lifetime_s)``. If it is a coroutine function, only
            awaited calls can use the source. Any other function runs in a thread of its own if a
            task needs the token, or if the call has a time limit; the call ends at its limit, and
            the fetch goes on.
        early_s: how many seconds before its end a token is replaced, at most a tenth of its
            lifetime.
    """

    def __init__(self, fetch: Fetch, *, early_s: float = DEFAULT_EARLY_S) -> None:
        if not callable(fetch):
            raise TypeError(f"fetch: expected a function, got {type(fetch).__name__}")
        self._fetch = fetch
        self._is_async = inspect.iscoroutinefunction(fetch)
        self._early_s = early_s
        self._token: str | None = None
        self._until: float | None = None
        self.header: Final = AwaitedToken(self)
        """Stands in the headers of a request until it is sent."""
        self._changing = reentrant_lock()  # guards the token and the flight
        self._flight: Future[str] | None = None
        self._leader: tuple[Future[str], int] | None = None
        """The thread that fetches while it waits, and its flight."""
        _all.add(self)

    def __repr__(self) -> str:
        return f"TokenSource({getattr(self._fetch, '__qualname__', type(self._fetch).__name__)})"

    def __reduce__(self) -> tuple[object, ...]:
        not_pickled(self)

    def get(self, refused: str | None = None, patience_s: float | None = None) -> str:
        """A token, fetched in this thread if need be; never the one that a server has ``refused``.

        Args:
            refused: the refused token; empty if there is none.
            patience_s: how long to wait while another call fetches; None for no limit.

        Raises:
            NoTokenInTimeError: the other call took longer.
            ReentrantCallError: this thread fetches already: ``fetch``, or a signal handler that has
                interrupted it, needs a token of the same source.
            TypeError: ``fetch`` is a coroutine function, or returns no token.
            Exception: whatever ``fetch`` raises.
        """
        if self._is_async:
            raise TypeError(
                "auth: the tokens of this TokenSource come from a coroutine function, which only "
                "awaited calls can use: aget(), arequest(), ..."
            )
        until = None if patience_s is None else time.monotonic() + patience_s
        while (token := self._kept(refused)) is None:
            own = _departed()
            try:
                flight = self._flight_for(refused, own, leads_here=until is None)
                if flight is None:
                    continue
                if flight is own and until is None:
                    self._lead(flight)
                elif flight is own:  # who calls may have to go on before it ends
                    self._lead_on_thread(flight)
            except BaseException as error:
                self._land(own, error)
                raise
            if flight is not own and self._leader == (flight, threading.get_ident()):
                raise ReentrantCallError(
                    "auth: the token is being fetched in this thread, by the function that needs "
                    "it now or by what its signal handler has interrupted; it would wait for itself"
                )
            wait([flight], _left_s(until))
            if not flight.done():
                raise NoTokenInTimeError
            try:
                return flight.result()
            except _TakenBackError as taken:  # whoever asked was interrupted: somebody else does
                if flight is own:
                    raise taken.by from None
        return token

    async def aget(self, refused: str | None = None, patience_s: float | None = None) -> str:
        """`get`, awaitable."""
        until = None if patience_s is None else time.monotonic() + patience_s
        while (token := self._kept(refused)) is None:
            own = _departed()
            try:
                flight = self._flight_for(refused, own)
                if flight is None:
                    continue
                if flight is own and self._is_async:
                    await self._alead_within(flight, _left_s(until))
                elif flight is own:
                    self._lead_on_thread(flight)
            except BaseException:
                self._land(own, BaseException("given up"))  # others who wait fetch again
                raise
            if not await landed(flight, _left_s(until)):
                raise NoTokenInTimeError
            try:
                return flight.result()
            except _TakenBackError as taken:
                if flight is own:
                    raise taken.by from None
        return token

    def _kept(self, refused: str | None) -> str | None:
        """The token there is, if it is good."""
        with self._changing:
            is_over = self._until is not None and time.monotonic() >= self._until
            return None if is_over or self._token == refused else self._token

    def _flight_for(
        self, refused: str | None, own: Future[str], leads_here: bool = False
    ) -> Future[str] | None:
        """The flight that brings a token: ``own``, which is to be flown then, unless there is one;
        None if the token is there."""
        with self._changing:
            if self._kept(refused) is not None:
                return None
            if self._flight is None:
                # First who, since a signal handler looks for that where it finds the flight.
                self._leader = (own, threading.get_ident()) if leads_here else None
                self._flight = own
            return self._flight

    @leads_out
    def _lead(self, flight: Future[str]) -> None:
        """Fetch, in a thread; what that raises is the flight's end, and raised."""
        try:
            fetched = self._fetch()
            if inspect.isawaitable(fetched):
                if inspect.iscoroutine(fetched):
                    fetched.close()
                raise TypeError("auth: fetch gave something to await; make it a coroutine function")
            self._keep(fetched)
            self._land(flight)
        except BaseException as error:  # also one that has interrupted the landing
            self._land(flight, error)
            raise

    def _lead_on_thread(self, flight: Future[str]) -> None:
        """The same on a thread of its own, which goes on where nobody waits any more: its token is
        for the next who asks."""
        context = copy_context()

        def lead() -> None:
            with suppress(BaseException):  # whoever waits for the flight has it
                context.run(self._lead, flight)

        thread = threading.Thread(target=lead, name="onehttp-token", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            self._land(flight, error)

    async def _alead_within(self, flight: Future[str], patience_s: float | None) -> None:
        """Fetch in a task that ends with its call; other waiters then fetch again."""
        import asyncio

        holders = holders_here()
        holders[flight] = lambda: self._land(flight, asyncio.CancelledError())
        leading = asyncio.ensure_future(self._alead(flight, holders))
        leading.add_done_callback(lambda _: holders.pop(flight, _nothing)())  # it never began
        try:
            done, _ = await asyncio.wait([leading], timeout=patience_s)
        except BaseException:
            with suppress(RuntimeError):  # our own loop is closed
                leading.cancel()
            raise
        if done:
            leading.result()
            return
        leading.cancel()
        raise NoTokenInTimeError

    @leads_out
    async def _alead(self, flight: Future[str], holders: Holders) -> None:
        try:
            fetched: Any = self._fetch()
            self._keep(await fetched)
        except BaseException as error:
            if holders.pop(flight, None) is not None:
                self._land(flight, error)
            raise
        if holders.pop(flight, None) is not None:
            self._land(flight)

    def _keep(self, fetched: object) -> None:
        token, lifetime_s = (
            fetched if isinstance(fetched, tuple) and len(fetched) == 2 else (fetched, None)
        )
        if not isinstance(token, str) or not isinstance(lifetime_s, (int, float, type(None))):
            raise TypeError("auth: fetch gave neither a token nor (token, lifetime_s)")
        bearer(token)
        until = None
        if lifetime_s is not None:
            lifetime_s = max(0.0, min(lifetime_s, _LONGEST_S))  # 0 for what is no number
            until = time.monotonic() + lifetime_s - min(self._early_s, lifetime_s / 10)
        with self._changing:
            self._token, self._until = token, until

    def _land(self, flight: Future[str], error: BaseException | None = None) -> None:
        with self._changing:
            if self._flight is flight:
                self._flight = None
            token = self._token
        if flight.done():  # it was interrupted after that
            return
        if error is None:
            assert token is not None
            flight.set_result(token)
        else:  # a cancelled task, or Ctrl-C, is the end of nobody else's
            flight.set_exception(error if isinstance(error, Exception) else _TakenBackError(error))

    def _forget_flight(self) -> None:
        """In a forked child, forget the fetch of the parent, whose thread does not exist here."""
        self._flight = None


def _nothing() -> None: ...


def _departed() -> Future[str]:
    flight: Future[str] = Future()
    flight.set_running_or_notify_cancel()  # whoever waits and gives up does not end it
    return flight


def _left_s(until: float | None) -> float | None:
    return None if until is None else max(0.0, until - time.monotonic())


class AwaitedToken(str):
    """Stands for an ``Authorization`` whose token is still to be fetched.

    No engine accepts it as it is, so a request that bypasses the layer which fills it in fails
    instead of being sent without credentials.
    """

    __slots__ = ("source",)

    source: TokenSource

    def __new__(cls, source: TokenSource) -> AwaitedToken:
        made = super().__new__(cls, "\n")
        made.source = source
        return made


def bearer(token: str) -> str:
    """The value of ``Authorization`` for a token.

    Raises:
        RequestError: the token cannot be sent.
    """
    if not isinstance(token, str):
        raise RequestTypeError(
            CurlCode.BAD_FUNCTION_ARGUMENT,
            f"auth: expected the token as str, got {type(token).__name__}",
        )
    if not _is_token(token):
        raise RequestError(
            CurlCode.BAD_FUNCTION_ARGUMENT, "auth: a token is visible ASCII without blanks"
        )
    return f"Bearer {plain_text(token)}"


class NoTokenInTimeError(Exception):
    """Another call fetches the token, and takes longer than this one has time."""


class _TakenBackError(Exception):
    """The call that fetched the token was cancelled or interrupted."""

    def __init__(self, by: BaseException) -> None:
        super().__init__(by)
        self.by = by


_all: weakref.WeakSet[TokenSource] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for source in list(_all):
        source._forget_flight()


os.register_at_fork(after_in_child=_after_fork_in_child)
