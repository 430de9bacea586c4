"""A signal handler raises at any instruction of the policies: nothing is left taken.

Neither a permit nor a trial of the circuit: the next call gets its answer.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

import onehttp
from onehttp.policies.limits import Turn
from onehttp_backends.errors import TransferError
from servers.patience import PATIENCE_S, until
from shim.policies.test_limiter import limiter_of
from stand_ins.injection import InstructionInjector, Interrupt, needs_instructions
from stand_ins.told import World

ROOM: Final = Path(onehttp.__file__).parent
WHAT_IS_INTERRUPTED: Final = (
    f"{ROOM}/policies",
    f"{ROOM}/streams/held_response.py",
    *(f"{ROOM}/calls/{name}.py" for name in ("course", "drivers")),
    *(f"{ROOM}/calls/{name}.py" for name in ("closed_loops", "policy_state")),
)
Use = Callable[[World], object]


def call(world: World) -> None:
    world.call("api")


def stream(world: World) -> None:
    with onehttp.Connection(world.runtime, "api").stream("GET", "") as response:
        response.read()


def closed(world: World) -> None:
    """The circuit is closed, and the call is made again."""
    world.answers["api"] = [503, 200]


def half_open(world: World) -> None:
    """The circuit is half-open."""
    world.answers["api"] = [503, 200]
    with suppress(TransferError):
        world.call("api")
    world.clock.now_s += 10


def full(world: World) -> None:
    """There is no permit until another attempt gives one back."""
    limiter, turn = limiter_of(world), Turn()
    limiter.enter(turn)
    world.clock.meanwhile = lambda: limiter.leave(turn)


@needs_instructions
@pytest.mark.usefixtures("few_objects")
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize("use", [call, stream])
@pytest.mark.parametrize("before", [closed, half_open, full])
def test_a_handler_that_raises_leaves_nothing_taken(world: World, before: Use, use: Use) -> None:
    places: set[tuple[str, str, int]] = set()
    is_over = False
    while not is_over:
        world.runtime.close(0)
        world.clock.meanwhile = lambda: None
        world.connect(
            api={
                "limits": {"concurrent": 1},
                "retry": {"attempts": 2, "statuses": [503], "budget": {"share": 1}},
                "circuit_breaker": {"failures": 1 if before is half_open else 9, "open_for": 10},
            }
        )
        before(world)
        injector = InstructionInjector(places, WHAT_IS_INTERRUPTED)
        with suppress(Interrupt, TransferError), injector.in_force():
            use(world)
        is_over = not injector.place
        gc.collect()  # responses that nobody has
        world.answers["api"] = [200]
        world.clock.now_s += 10
        world.clock.meanwhile()
        until(lambda: not limiter_of(world).in_flight)
        try:
            assert world.call("api", timeout=PATIENCE_S).status == 200
        except TransferError as error:
            raise AssertionError(injector.place) from error
    assert len(places) > 10
