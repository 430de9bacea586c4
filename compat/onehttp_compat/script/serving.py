"""Sets up a script, its environment and the server that runs it, and removes them again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from onehttp.lowlevel import DEFAULT_FINAL_TIMER_S, TransactionLayer, carry_queries
from onehttp_compat.script.instance import MessageMethod, ScriptFile
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
    """Return a server that runs the script at ``path``. While it exists, ``import KSR`` gives its
    ``KSR``.

    Args:
        method: the method of an ``app_python`` script that takes messages.
        argument: the text argument of that method; None: it has none.
        ranks: the ranks of further processes for which ``child_init`` is called.
        loaded: the modules of the server's configuration; None: all that exist.
        prepare: is called with the world of the run before the script starts.
        message_timeout_s: seconds that a script may work on a message; None: no limit.
        final_timer_s: ``fr_timer``: seconds until a suspended transaction answers 408.
        clock: the clock of that timer, in seconds.

    Raises:
        ScriptError: the script does not start.
    """
    world = World(legacy, TransactionLayer(final_timer_s, clock), path)
    install(world)
    prepare(world)
    ksr = ksr_module(world, loaded)
    call = None if method is None else MessageMethod(method, argument)
    with provided_modules(ksr, path), Watchdog(message_timeout_s, path) as watchdog:
        script = ScriptFile(path, world, ksr, call)
        try:
            yield SipServer(script, world, ranks, watchdog)
        finally:
            carry_queries(None)
