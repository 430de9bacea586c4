"""A script, the world it finds, and the server that runs it, put together and taken apart again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from onehttp.lowlevel import DEFAULT_FINAL_TIMER_S, TransactionLayer, carry_queries
from onehttp_compat.script.instance import Call, Script
from onehttp_compat.script.kemi.tree import ksr_module
from onehttp_compat.script.limits import Watchdog
from onehttp_compat.script.provided_modules import provided_modules
from onehttp_compat.script.pv.store import install
from onehttp_compat.script.sip_server import SipServer
from onehttp_compat.script.world import World
from onehttp_compat.server import LegacyServer


@contextmanager
def serving(
    path: Path,
    legacy: LegacyServer,
    method: str | None = None,
    *,
    argument: str | None = None,
    ranks: Iterable[int] = (),
    loaded: frozenset[str] | None = None,
    prepare: Callable[[World], object] = lambda _world: None,
    message_timeout_s: float | None = None,
    final_timer_s: float = DEFAULT_FINAL_TIMER_S,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[SipServer]:
    """A server that runs the script at ``path``; ``import KSR`` finds its ``KSR`` meanwhile.

    Args:
        method: which method of an ``app_python`` script takes messages.
        argument: the text it is called with; None: none.
        ranks: further processes that ``child_init`` is run for.
        loaded: the modules of the server's configuration; None: all there are.
        prepare: given the world of the run before the script starts.
        message_timeout_s: how long a script may work on a message; None: without end.
        final_timer_s: ``fr_timer``: how long a suspended transaction waits until it answers 408.
        clock: seconds, for that timer.

    Raises:
        ScriptError: the script does not start.
    """
    world = World(legacy, TransactionLayer(final_timer_s, clock), path)
    install(world)
    prepare(world)
    ksr = ksr_module(world, loaded)
    call = None if method is None else Call(method, argument)
    with provided_modules(ksr, path), Watchdog(message_timeout_s, path) as watchdog:
        script = Script(path, world, ksr, call)
        try:
            yield SipServer(script, world, ranks, watchdog)
        finally:
            carry_queries(None)
