"""Reloads in the background, after a signal or a change of a file; results go to the log."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeAlias

from onehttp.connections.reload import Reload
from onehttp.errors import OnehttpError
from onehttp_backends.forks import reentrant_lock

_log = logging.getLogger("onehttp.reload")

Told: TypeAlias = "Callable[[Reload | OnehttpError], object] | None"
"""Is called after each reload, with what it came to."""


class BackgroundReload:
    """Runs ``reload`` in a separate thread. Requests during a reload lead to one more reload."""

    def __init__(self, reload: Callable[[], Reload], told: Told = None) -> None:
        self._reload = reload
        self._told = told
        self._is_wanted = False
        self._running = reentrant_lock()  # guards the order of reloads

    def request(self) -> None:
        """Reload soon. It takes no lock, so a signal handler may call it."""
        if not self._is_wanted:
            self._is_wanted = True
            threading.Thread(target=self._run, name="onehttp-reload", daemon=True).start()

    def forget(self) -> None:
        """In a forked child: the thread that was to do it does not exist here."""
        self._is_wanted = False

    def _run(self) -> None:
        with self._running:
            self._is_wanted = False
            self.run()

    def run(self) -> None:
        """Reload now."""
        outcome: Reload | OnehttpError
        try:
            outcome = self._reload()
        except OnehttpError as error:
            _log.error("reload refused, nothing has changed:\n%s", error)
            outcome = error
        if self._told is not None:
            self._told(outcome)
