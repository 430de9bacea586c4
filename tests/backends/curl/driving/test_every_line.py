"""An exception at each line of what drives, in each use of it: whoever it hits is told, nobody is
left waiting, and every answer belongs to its question."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from typing import Final

import pytest

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

pytestmark = [
    pytest.mark.slow,
    # A loop that an exception has met while asyncio was ending it: nobody ends it any more.
    pytest.mark.filterwarnings("ignore:coroutine '.*shutdown_.*' was never awaited:RuntimeWarning"),
]
CRASHED: Final = (CurlCode.FAILED_INIT, CurlCode.OUT_OF_MEMORY)


USES: Final[tuple[Use, ...]] = (
    ask,
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


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)  # a thousand engines that have failed
    yield
    put_away()
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("error", [Interrupt, MemoryError])
@pytest.mark.parametrize("neighbour", NEIGHBOURS)
def test_an_exception_at_each_line(
    scene: Scene, neighbour: str, error: type[BaseException]
) -> None:
    """Each line once for each way that leads to it, by the calls in between, beside a neighbour:
    the uses of an engine share most of them."""
    ways: set[Way] = set()
    for use, before in NEIGHBOURS[neighbour]:
        # Threads of an engine may tell of a scene's call in the next: those end with it.
        are_kept = before is not nobody and use not in (be_called_back, lend_time, close)
        for injector in scene.at_each_line(
            lambda lines: Injector(lines, DRIVING, error), are_kept, ways
        ):
            inject(scene, use, before, injector)
        put_away()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("error", [Interrupt, MemoryError])
@pytest.mark.parametrize("before", [kept, one_in_a_loop])
def test_an_exception_at_each_line_of_the_engines_threads(
    scene: Scene, before: Before, error: type[BaseException]
) -> None:
    for injector in scene.at_each_line(
        lambda lines: Injector(lines, DRIVING, error, in_others=True), are_engines_kept=False
    ):
        inject(scene, be_called_back, before, injector)


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
    for url, outcome in scene.outcomes.items():
        if isinstance(outcome, Response):
            assert scene.is_answered(url), (where, url, outcome.text)
        elif isinstance(outcome, CancelledError):
            is_of_it = raised is not None and (held is None or url != held.url)
            assert scene.is_closed or is_of_it, (where, url, outcome)
        else:
            assert scene.is_closed or not is_interrupt, (where, url, outcome)
            assert outcome.code in CRASHED, (where, url, outcome)
