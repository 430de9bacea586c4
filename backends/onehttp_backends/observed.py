"""Reports calls and attempts to observers as they happen.

A *call* is one call of the API; an *attempt* is one exchange of it on an engine, so that retries,
redirects and failovers are attempts of one call. Code that makes calls asks `is_on` first: without
observers, no object is made for any. The log ``onehttp.trace`` (`onehttp_backends.trace`) is
written from here, too.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any, Final

from onehttp_backends import trace
from onehttp_backends.contexts import bound
from onehttp_backends.contract import Outcome, Request, Response, Transfer
from onehttp_backends.errors import TransferError
from onehttp_backends.hints.keywords import explained

logger = logging.getLogger("onehttp")
_FAILED: Final = "an observer failed: %r"  # whatever it raises: the call goes on


class Observer:
    """Base class of observers. Override the methods you need; only those are called.

    They are called on whatever thread the call runs on, must be quick, and must never wait. An
    exception that they raise is logged and does not affect the call.
    """

    def call_begins(self, call: Call) -> None:
        """A call begins."""

    def attempt_begins(self, attempt: Attempt) -> None:
        """An attempt begins. Set `Attempt.request` to send further headers."""

    def attempt_ends(self, attempt: Attempt, outcome: Outcome | None) -> None:
        """An attempt has ended. None: by a cancelled task or an interrupt, without an outcome."""

    def call_ends(self, call: Call, outcome: Outcome | None) -> None:
        """A call has ended; called exactly once for each. None: as in `attempt_ends`."""


class Call:
    """One call. Observers may keep data in its `notes`, each under its own key."""

    __slots__ = ("_label", "_told", "attempts", "began", "name", "notes", "number", "reason",
                 "request", "resends")  # fmt: skip

    def __init__(self, request: Request, label: str = "") -> None:
        self.request = request
        """Its first request."""
        self.name: str = request.options.name
        """The name of its connection; empty without one."""
        self._label = label
        self.attempts = 0
        self.reason = ""
        """Why the next attempt is made: ``retry``, ``failover`` or ``redirect``."""
        self.resends: tuple[str, ...] = ()
        """Why each attempt after the first was made."""
        self.notes: dict[object, Any] | None = None
        self.number = trace.next_number()
        self.began = time.perf_counter()
        self._told = _told
        for tell in _told.call_begins:  # all are still there: none of them needs another look
            try:
                tell(self)
            except Exception:
                logger.exception(_FAILED, tell)

    @property
    def label(self) -> str:
        """Its name in the log."""
        return self._label or self.name

    def ended(self, outcome: Outcome | None) -> None:
        """It is over."""
        if self._told is not _told:
            self.tell("call_ends", self, outcome)
        else:
            for tell in _told.call_ends:
                try:
                    tell(self, outcome)
                except Exception:
                    logger.exception(_FAILED, tell)
        if self.request.upload is not None:
            # The context of a kept connection may keep this object alive after the call; it must
            # not keep a file open.
            self.request = self.request._replace(upload=None)

    def tell(self, method: str, *what: object) -> None:
        """Call ``method`` of the observers that were there at its beginning and still are."""
        told = self._told
        for tell in getattr(told, method):
            if told is not _told and tell not in getattr(_told, method):
                continue
            try:
                tell(*what)
            except Exception:
                logger.exception(_FAILED, tell)


class Attempt:
    """One exchange of a call."""

    __slots__ = ("began", "call", "is_alone", "is_traced", "number", "request")

    def __init__(self, call: Call, request: Request, is_alone: bool) -> None:
        self.call = call
        self.request = request
        """The request that goes to the engine."""
        self.is_alone = is_alone
        """The call has this attempt only, and ends with it."""
        call.attempts += 1
        self.number = call.attempts
        """From 1 on."""
        if self.number > 1:
            call.resends += (call.reason,)
        self.began = time.perf_counter()
        if call._told.attempt_begins:
            call.tell("attempt_begins", self)
        self.is_traced = trace.is_on()
        if self.is_traced:
            trace.begun(call, request)

    def ended(self, outcome: Outcome | None) -> None:
        """It is over."""
        if self.is_traced and outcome is not None:
            trace.ended(self.call, outcome)
        if self.call._told.attempt_ends:
            self.call.tell("attempt_ends", self, outcome)
        if self.is_alone:
            self.call.ended(outcome)


class _Told:
    """The methods to call. Replaced as a whole, so that reading it needs no lock."""

    __slots__ = ("attempt_begins", "attempt_ends", "call_begins", "call_ends", "observers")

    def __init__(self, observers: tuple[Observer, ...]) -> None:
        self.observers = observers
        self.call_begins = self._having("call_begins")
        self.attempt_begins = self._having("attempt_begins")
        self.attempt_ends = self._having("attempt_ends")
        self.call_ends = self._having("call_ends")

    def _having(self, name: str) -> tuple[Callable[..., None], ...]:
        nothing = getattr(Observer, name)
        having = [each for each in self.observers if getattr(type(each), name) is not nothing]
        return tuple(getattr(each, name) for each in having)


_told = _Told(())
_current: Final[ContextVar[Call | None]] = ContextVar("onehttp_call", default=None)
current: Final[Callable[[], Call | None]] = _current.get
"""The call made in this context; None if there is none or nobody observes. Not a Python function,
since every call asks."""


@explained
def observe(observer: Observer) -> None:
    """Report calls that begin from now on to ``observer``. Adding it twice changes nothing."""
    global _told
    if observer not in _told.observers:
        _told = _Told((*_told.observers, observer))


@explained
def leave(observer: Observer) -> None:
    """Report nothing more to ``observer``."""
    global _told
    _told = _Told(tuple(each for each in _told.observers if each is not observer))


def is_on() -> bool:
    """Whether there is an observer, or the trace is read."""
    return True if _told.observers else trace.is_on()


def begin(request: Request) -> Attempt:
    """Begin an attempt of the call in this context, or else of a call that has no other."""
    call = _current.get()
    if call is None:
        return Attempt(Call(request), request, is_alone=True)
    return Attempt(call, request, is_alone=False)


class _Within:
    """A block that is a call or an attempt. At its end the observers get the outcome: the one noted
    here, a `TransferError` that leaves the block, or None."""

    __slots__ = ("_part", "outcome")

    def __init__(self, part: Call | Attempt) -> None:
        self._part = part
        self.outcome: Response | None = None

    def __enter__(self) -> _Within:
        return self

    def __exit__(self, _: object, error: BaseException | None, trace: object) -> None:
        # Never kept: the error's traceback refers to the frame that this object is in.
        self._part.ended(error if isinstance(error, TransferError) else self.outcome)


def performed(perform: Callable[[Request], Response], request: Request) -> Response:
    """``perform(request)`` as an attempt."""
    before, attempt = current(), begin(request)
    try:  # as `contexts.bound`, for less: this is no coroutine
        _current.set(attempt.call)
        with _Within(attempt) as under_way:
            under_way.outcome = response = perform(attempt.request)
        return response
    finally:
        _current.set(before)


async def aperformed(
    perform: Callable[[Request], Awaitable[Response]], request: Request
) -> Response:
    """The same, awaited."""
    attempt = begin(request)
    with resumed(attempt.call), _Within(attempt) as under_way:
        under_way.outcome = response = await perform(attempt.request)
    return response


def submitted(
    submit: Callable[[Request, Callable[[Outcome], None]], Transfer],
    request: Request,
    on_done: Callable[[Outcome], None],
) -> Transfer:
    """The same by callback; observers get the outcome before ``on_done`` does."""
    attempt = begin(request)

    def done(outcome: Outcome) -> None:
        attempt.ended(outcome)
        on_done(outcome)

    try:
        return submit(attempt.request, done)
    except BaseException as error:  # not begun: ``done`` is not called
        attempt.ended(error if isinstance(error, TransferError) else None)
        raise


def called(call: Call, perform: Callable[[], Response]) -> Response:
    """``perform()``, whose attempts are those of ``call``."""
    before = current()
    try:  # as in `performed`
        _current.set(call)
        with _Within(call) as under_way:
            under_way.outcome = response = perform()
        return response
    finally:
        _current.set(before)


async def acalled(call: Call, perform: Callable[[], Awaitable[Response]]) -> Response:
    """The same, awaited."""
    with resumed(call), _Within(call) as under_way:
        under_way.outcome = response = await perform()
    return response


def started(
    request: Request,
    start: Callable[[Callable[[Outcome], None]], Transfer],
    on_done: Callable[[Outcome], None],
) -> Transfer:
    """The same by callback: ``start(on_done)`` as a call of its own, unless nobody observes or it
    is part of another call."""
    if not is_on() or _current.get() is not None:
        return start(on_done)
    call = Call(request)

    def done(outcome: Outcome) -> None:
        call.ended(outcome)
        on_done(outcome)

    try:
        with within(call):
            return start(done)
    except BaseException as error:  # not begun: ``done`` is not called
        call.ended(error if isinstance(error, TransferError) else None)
        raise


def step(text: str, *values: object, reason: str = "") -> None:
    """Report a step of the call in this context, if there is one and somebody observes.

    Args:
        text: a format string of the logging module.
        reason: why another attempt follows, if one does.
    """
    call = _current.get()
    if call is not None:
        if reason:
            call.reason = reason
        if trace.is_on():
            trace.step(call, text, *values)


@contextmanager
def within(call: Call | None) -> Iterator[None]:
    """The block is part of ``call``, unless it is part of another call already."""
    if call is None or _current.get() is not None:
        yield
        return
    with resumed(call):
        yield


def resumed(call: Call | None) -> AbstractContextManager[None]:
    """The block is part of ``call``, or of no call (None), whatever this thread was doing
    before."""
    return bound(_current, call)


def apart() -> AbstractContextManager[None]:
    """The block is not part of the call in this context, which has ended."""
    return resumed(None)
