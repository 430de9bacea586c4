"""Several exchanges made by one thread, with a limit on how many are in flight at once."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final, TypeVar

from onehttp.calls.named_call import NamedCall
from onehttp.calls.revision import ReadyConnection
from onehttp.errors import RequestError
from onehttp_backends.contract import Backend, Outcome, Request, Transfer
from onehttp_backends.errors import CurlCode, EngineClosedError, Sent, TransferError, transfer_error
from onehttp_backends.hints.keywords import explained
from onehttp_backends.optional.batching import NONE_BRIEF, Batching, OnEnd

K = TypeVar("K")
LOOK_AGAIN_S: Final = 0.5
"""How often a wait looks whether this is a forked child, to which nobody reports an end."""


@explained
def perform_together(
    backend: Backend,
    requests: Iterable[tuple[K, Request]],
    width: int,
    on_done: OnEnd[K],
    brief: frozenset[int] = NONE_BRIEF,
) -> None:
    """See `Batching.perform_all`, which not every backend has."""
    if isinstance(backend, Batching):
        backend.perform_all(requests, width, on_done, brief)
    else:
        start_together(
            ((key, partial(backend.submit, request)) for key, request in requests), width, on_done
        )


def start_together(
    starts: Iterable[tuple[K, Callable[[Callable[[Outcome], None]], Transfer]]],
    width: int,
    on_done: OnEnd[K],
) -> None:
    """Like `perform_together`, for transfers that report their end by a callback on any thread."""
    ended: deque[tuple[int, K, Outcome]] = deque()
    # Not a SimpleQueue: before Python 3.13 its `get` waits for ever where a signal handler ran for
    # longer than it had left.
    bell = threading.Lock()
    bell.acquire()
    flying: dict[int, tuple[K, Transfer]] = {}
    pid = os.getpid()

    def report(number: int, key: K, outcome: Outcome) -> None:
        ended.append((number, key, outcome))
        with contextlib.suppress(RuntimeError):  # rung already
            bell.release()

    def leave_to_parent() -> None:
        nonlocal pid
        if pid != os.getpid():  # a handler, or the caller's code in between, has forked
            pid = os.getpid()
            while flying:
                _, (key, _) = flying.popitem()
                on_done(key, _gone("the engine was left to the parent", Sent.MAYBE))

    def tell_of_one() -> None:
        leave_to_parent()
        if flying and not ended:
            bell.acquire(timeout=LOOK_AGAIN_S)
        try:
            number, key, outcome = ended.popleft()
        except IndexError:
            return
        if flying.pop(number, None) is not None:
            on_done(key, outcome)

    try:
        for number, (key, start) in enumerate(starts):
            leave_to_parent()
            try:
                flying[number] = key, start(partial(report, number, key))
            except TransferError as error:
                on_done(key, error)
            except EngineClosedError as error:
                on_done(key, _gone(str(error), Sent.NO))
                while flying:
                    tell_of_one()
                raise
            while len(flying) >= width:
                tell_of_one()
        while flying:
            tell_of_one()
    finally:
        for _, transfer in list(flying.values()):
            transfer.cancel()


def _gone(why: str, sent: Sent) -> TransferError:
    return transfer_error(CurlCode.ABORTED_BY_CALLBACK, why, sent=sent)


def built(
    calls: Iterable[tuple[K, NamedCall]],
    ready: ReadyConnection,
    on_done: OnEnd[K],
) -> Iterator[tuple[K, Request]]:
    """Build the requests of calls. Calls whose request cannot be sent are reported as done."""
    for key, call in calls:
        try:
            request = call.on(ready)
        except RequestError as error:
            on_done(key, error)
        else:
            yield key, request


def starts_of(
    calls: Iterable[tuple[K, NamedCall]],
    ready: ReadyConnection,
    on_done: OnEnd[K],
    start: Callable[[NamedCall, Request, Callable[[Outcome], None]], Transfer],
) -> Iterator[tuple[K, Callable[[Callable[[Outcome], None]], Transfer]]]:
    """Pair each call with the function that starts it, for `start_together`; see `built`."""
    keyed = (((key, call), call) for key, call in calls)
    for (key, call), request in built(keyed, ready, lambda one, end: on_done(one[0], end)):
        yield key, partial(start, call, request)
