"""An exception at each line of what drives, in a process of its own: a thousand engines that failed
leave threads, descriptors and memory for as long as it lives."""

from __future__ import annotations

import gc
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from onehttp_backends.contract import Response
from onehttp_backends.errors import CancelledError, CurlCode
from servers.patience import PATIENCE_S
from stand_ins.driving.scene import (
    DRIVING,
    Before,
    Held,
    Scene,
    Use,
    ask,
    ask_for_three,
    ask_once,
    await_in_vain,
    await_pieces,
    await_two,
    be_called_back,
    close,
    kept,
    leave_unread,
    lend_time,
    nobody,
    one_in_a_loop,
    one_who_drives,
    read_in_pieces,
    send_a_file,
    send_in_pieces,
    several_kept,
    upload,
)
from stand_ins.injection import Injector, Interrupt, Way
from stand_ins.processes import nothing_untold

CRASHED: Final = (CurlCode.FAILED_INIT, CurlCode.OUT_OF_MEMORY)


USES: Final[tuple[Use, ...]] = (
    ask,
    ask_once,
    upload,
    await_two,
    await_in_vain,
    be_called_back,
    ask_for_three,
    read_in_pieces,
    await_pieces,
    leave_unread,
    send_in_pieces,
    send_a_file,
    lend_time,
    close,
)
NEIGHBOURS: Final[dict[str, tuple[tuple[Use, Before], ...]]] = {
    "nobody": (
        (ask, nobody),
        *((use, kept) for use in USES),
        (ask_for_three, several_kept),
    ),
    "one who drives": tuple((use, one_who_drives) for use in USES),
    "one in a loop": tuple((use, one_in_a_loop) for use in USES),
}
ERRORS: Final[dict[str, type[BaseException]]] = {
    each.__name__: each for each in (Interrupt, MemoryError)
}
BEFORE: Final[dict[str, Before]] = {each.__name__: each for each in (kept, one_in_a_loop)}


def at_each_line(neighbour: str, error: str) -> None:
    """Raise at each line once for each call that leads to it: the uses of an engine share most.

    Args:
        neighbour: a key of `NEIGHBOURS`.
        error: a key of `ERRORS`.
    """
    ways: set[Way] = set()
    with nothing_untold(), _quiet(), Scene() as scene:
        for use, before in NEIGHBOURS[neighbour]:
            # Threads of an engine may tell of a scene's call in the next: those end with it.
            are_kept = before is not nobody and use not in (be_called_back, lend_time, close)
            for injector in scene.at_each_line(
                lambda lines: Injector(lines, DRIVING, ERRORS[error]), are_kept, ways
            ):
                inject(scene, use, before, injector)
            put_away()


def at_each_line_of_the_engines_threads(before: str, error: str) -> None:
    """Raise at each line that an engine's threads run.

    Args:
        before: a key of `BEFORE`.
        error: a key of `ERRORS`.
    """
    with nothing_untold(threads_may_end=True), _quiet(), Scene() as scene:
        for injector in scene.at_each_line(
            lambda lines: Injector(lines, DRIVING, ERRORS[error], in_others=True),
            are_engines_kept=False,
        ):
            inject(scene, be_called_back, BEFORE[before], injector)


@contextmanager
def _quiet() -> Iterator[None]:
    # A loop that an exception has met while asyncio was ending it: nobody ends it any more.
    warnings.filterwarnings("ignore", "coroutine '.*shutdown_.*' was never awaited", RuntimeWarning)
    logging.disable(logging.CRITICAL)  # a thousand engines that have failed
    yield


def put_away() -> None:
    """What is left of a thousand failed engines lives for ever, for libcurl may still use it: not
    to be looked at by every collection of garbage after this."""
    gc.collect()  # tasks tell what nobody has asked them
    gc.freeze()


def inject(scene: Scene, use: Use, before: Before, injector: Injector) -> None:
    held = before(scene)
    raised: BaseException | None = None
    try:
        with injector.in_force():
            use(scene)
    except injector.error as caught:
        raised = caught
    check(scene, use, injector, held, raised)


def check(
    scene: Scene, use: Use, injector: Injector, held: Held | None, raised: BaseException | None
) -> None:
    where = f"{use.__name__}, {injector.place or 'nowhere'}"
    is_interrupt = injector.error is Interrupt
    if not scene.is_closed:
        request = scene.request("next")
        scene.ask(request)
        assert scene.is_answered(request.url), (where, scene.outcomes.get(request.url))
    if held is not None:
        held.may_go.set()
        held.thread.join(PATIENCE_S)
        assert not held.thread.is_alive(), where
        assert held.url in scene.outcomes, where
    if not scene.is_closed:  # else whoever is to be woken next would be one who is not there
        assert not scene.backend._start().waiting, where
        assert not scene.backend._start().engine.watch.unseen, where
    for url, outcome in scene.outcomes.items():
        if isinstance(outcome, Response):
            assert scene.is_answered(url), (where, url, outcome.text)
        elif isinstance(outcome, CancelledError):
            is_of_it = raised is not None and (held is None or url != held.url)
            assert scene.is_closed or is_of_it, (where, url, outcome)
        else:
            assert scene.is_closed or not is_interrupt, (where, url, outcome)
            assert outcome.code in CRASHED, (where, url, outcome)
