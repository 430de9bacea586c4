"""The state of this process: `init`, `reload`, `shutdown`, and forks."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from onehttp.calls.carrier import Carrier
from onehttp.calls.trace_printing import print_if_asked
from onehttp.connections.background import BackgroundReload
from onehttp.connections.model import ConnectionSpec
from onehttp.connections.reload import Reload, Reloads
from onehttp.connections.source import ConnectionSource, Source
from onehttp.errors import (
    AlreadyInitialisedError,
    ConfigurationError,
    NotInitialisedError,
    ReentrantCallError,
)
from onehttp.queries.counts import ShutdownReport
from onehttp.queries.routes import Routes
from onehttp.runtime import Runtime
from onehttp.settings import Rehearsal, Settings
from onehttp_backends.contract import Backend
from onehttp_backends.forks import reentrant_lock
from onehttp_backends.optional.renewing import Renewing

if TYPE_CHECKING:
    from onehttp.control.socket import ControlSocket

logger = logging.getLogger("onehttp")
_reload_log = logging.getLogger("onehttp.reload")


class Process:
    """The process: it has one `Runtime`, or none."""

    def __init__(self) -> None:
        self.runtime: Runtime | None = None
        self.routes = Routes()
        self._changing = reentrant_lock()
        """Guards all of this: two first calls make one engine. Reentrant: a signal handler may shut
        it down."""
        self._is_starting = False
        self._reloading = reentrant_lock()
        """Guards the connections of the runtime. Reentrant: a signal handler may reload."""
        self._latest: tuple[Source, int] = None, 0
        """What was asked for last, and its number."""
        self.background = BackgroundReload(self.reload)
        os.register_at_fork(after_in_child=self.background.forget)
        self._declared: Mapping[str, ConnectionSpec] = {}
        self._settings = Settings()
        self._place = ""
        self._was_shut_down = False
        self.reloads = Reloads()
        self._control: ControlSocket | None = None
        self._rehearsal: Rehearsal | None = None
        self._carrier: Carrier | None = None
        self._is_provisional = False
        """The runtime is a test's, or a server's, until the code in it calls `init` itself."""
        self.at_shutdown: list[Callable[[Runtime, bool], object]] = []
        """Called with each runtime that is to end, to read its figures, and once it has ended."""

    def init(self, settings: Settings, place: str) -> None:
        """See `onehttp.init`."""
        with self._changing:
            before = self.runtime
            if before is not None and not self._is_provisional:
                self._check_is_same(settings)
                if isinstance(before.engine, Renewing):
                    before.engine.renew()
                return
            if self._is_starting:
                raise ReentrantCallError(
                    "a signal handler needs onehttp while the thread it interrupted is in "
                    "onehttp.init(); call init() before handlers are set"
                )
            self._is_starting = True
            try:
                runtime = self._start(settings, place)
            finally:
                self._is_starting = False
        if before is not None:
            before.close(0.0)
        print_if_asked()
        self._answer_operators(settings)
        logger.info("initialised at %s: engine %s, connections: %d", place,
                    runtime.backend.name, len(runtime.revision.connections))  # fmt: skip

    def _start(self, settings: Settings, place: str) -> Runtime:
        rehearsal, make_engine = self._rehearsal, self._maker(settings)
        configured = ConnectionSource(settings.source, settings.secrets)
        engine = make_engine()
        configured.ask(engine)
        specs = configured.read()
        runtime = Runtime(
            engine,
            specs,
            self.routes,
            settings.queries,
            rehearsal.clock if rehearsal else None,
            source=configured,
            declared=self._declared,
            hooks=settings.hooks,
        )
        runtime.carrier = self._carrier
        runtime.queries.is_told = rehearsal.is_told if rehearsal else None
        self.runtime = runtime
        self._settings, self._place = settings, place
        self._is_provisional = False
        self.reloads.last_success = time.time()
        return runtime

    def _answer_operators(self, settings: Settings) -> None:
        """Open the control socket, if the settings ask for one."""
        directory = settings.control or os.environ.get("ONEHTTP_CONTROL")
        if not directory or self._control is not None:
            return
        from onehttp.control.commands import operate

        try:
            self._control = operate(self, directory)
        except ConfigurationError:
            self.shutdown(0.0)
            raise

    def rehearse(self, rehearsal: Rehearsal) -> Callable[[], None]:
        """Have `init` use the engine and clock of ``rehearsal``.

        Calls may be made before `init`, too. The present runtime is shut down.

        Returns:
            A function that shuts the rehearsal down and restores everything, with a fresh runtime.
        """
        was_initialised = self.runtime is not None and not self._is_provisional
        settings, place = self._settings, self._place
        declared, routes, earlier = self._declared, self.routes, self._rehearsal

        def begin(rehearsal: Rehearsal | None, routes: Routes) -> None:
            self.shutdown(0.0)
            self._rehearsal, self.routes, self._declared = rehearsal, routes, declared

        def end() -> None:
            begin(earlier, routes)
            if was_initialised:
                self.init(settings, place)

        begin(rehearsal, routes.copy())
        self.init(Settings(), "a test")
        self._is_provisional = True
        return end

    def provide(self) -> None:
        """Make calls possible before `init`, which may still be called with any settings."""
        if self.runtime is None:
            self.init(Settings(), "its surroundings")
            self._is_provisional = True

    def _maker(self, settings: Settings) -> Callable[[], Backend]:
        """The function that makes the engine of these settings; see `Settings.engine`."""
        rehearsal = self._rehearsal
        return rehearsal.engine(settings) if rehearsal else settings.engine()

    def _check_is_same(self, settings: Settings) -> None:
        if settings != self._settings:
            self._maker(settings)  # what is no keyword at all is no difference either
            what = ", ".join(settings.differences(self._settings))
            raise AlreadyInitialisedError(
                f"onehttp is initialised already, at {self._place}; different here: {what}; "
                "call onehttp.shutdown() first, or init() only once"
            )

    def reload(self, source: Source = None) -> Reload:
        """See `onehttp.reload`."""
        runtime = self.runtime
        if runtime is None:
            raise self.missing()
        with self._reloading:
            try:
                diff = self._load_latest(runtime, source)
            except BaseException:
                self.reloads.refused += 1
                raise
            self.reloads.done += 1
            self.reloads.last_success = time.time()
        for warning in diff.warnings:
            _reload_log.warning("%s", warning)
        _reload_log.info("reloaded: %s", diff)
        return diff

    def _load_latest(self, runtime: Runtime, source: Source) -> Reload:
        """Reload; once more, if a signal handler has reloaded meanwhile: what it read is newer."""
        self._latest = source, self._latest[1] + 1
        while True:
            latest = self._latest
            diff = runtime.reload(latest[0])
            if self._latest is latest:
                return diff

    def declare(self, specs: Iterable[ConnectionSpec]) -> None:
        """See `onehttp.declare`."""
        with self._changing:
            self._declared = {spec.name: spec for spec in specs}
            runtime = self.runtime
            if runtime is not None:
                with self._reloading:
                    runtime.declare(self._declared)

    def carry_queries(self, carrier: Carrier | None) -> None:
        """See `onehttp.lowlevel.carry_queries`. It stays in force after the runtime."""
        with self._changing:
            self._carrier = carrier
            if self.runtime is not None:
                self.runtime.carrier = carrier

    def files(self) -> frozenset[str]:
        """Every file that the connections in force were read from."""
        runtime = self.runtime
        return runtime.revision.connections.files if runtime else frozenset()

    def shutdown(self, grace_s: float) -> ShutdownReport:
        """See `onehttp.shutdown`."""
        with self._changing:
            runtime, self.runtime = self.runtime, None
            self._is_provisional = False
            self._declared = {}
            control, self._control = self._control, None
            self._was_shut_down = self._was_shut_down or runtime is not None
        if control is not None:
            control.close()
        if runtime is None:
            return ShutdownReport()
        self._tell_of_end(runtime, has_ended=False)  # a closed engine has no figures any more
        report = runtime.close(grace_s)
        self._tell_of_end(runtime, has_ended=True)
        logger.info("shut down: %s", report)
        return report

    def _tell_of_end(self, runtime: Runtime, has_ended: bool) -> None:
        for tell in tuple(self.at_shutdown):
            tell(runtime, has_ended)

    def missing(self) -> NotInitialisedError:
        """The error of a call that is made without a runtime."""
        when = "was shut down" if self._was_shut_down else "is not initialised"
        return NotInitialisedError(f"onehttp {when}; call onehttp.init() first")


process = Process()
"""The one of this process."""


def caller(depth: int) -> str:
    """``file:line`` of a calling frame."""
    frame = sys._getframe(depth)
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
