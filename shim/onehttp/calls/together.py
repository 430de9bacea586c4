"""Several exchanges made by one thread, with a limit on how many are in flight at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

from onehttp.calls.named_call import NamedCall
from onehttp.calls.revision import ReadyConnection
from onehttp.errors import RequestError
from onehttp_backends.contract import Backend, Outcome, Request, Transfer
from onehttp_backends.errors import TransferError
from onehttp_backends.hints.keywords import explained
from onehttp_backends.optional.batching import NONE_BRIEF, Batching, OnEnd

K = TypeVar("K")


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
    """The same for transfers that report their end by a callback, on any thread."""
    ended: SimpleQueue[tuple[int, K, Outcome]] = SimpleQueue()
    flying: dict[int, Transfer] = {}

    def tell_of_one() -> None:
        number, key, outcome = ended.get()
        del flying[number]
        on_done(key, outcome)

    try:
        for number, (key, start) in enumerate(starts):
            try:
                flying[number] = start(partial(_put, ended, number, key))
            except TransferError as error:
                on_done(key, error)
            while len(flying) >= width:
                tell_of_one()
        while flying:
            tell_of_one()
    finally:
        for transfer in list(flying.values()):
            transfer.cancel()


def _put(ended: SimpleQueue[tuple[int, K, Outcome]], number: int, key: K, outcome: Outcome) -> None:
    ended.put((number, key, outcome))


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
