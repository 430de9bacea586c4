"""Reloads when a file changes: the connections file, included files, certificates or secrets."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection
from typing import Final, TypeAlias

from onehttp.connections.background import BackgroundReload
from onehttp.errors import ConfigurationError
from onehttp_backends.hints.extras import brought_by

LOOK_ANYWAY_MS: Final = 5000
"""Files are looked at this often also where the kernel tells of no change (network mounts)."""

State: TypeAlias = "dict[str, tuple[int, ...] | None]"


class Watch:
    """Watches files until `stop`, or until the process ends."""

    def __init__(self, reload: BackgroundReload, files: Callable[[], Collection[str]]) -> None:
        try:
            import watchfiles  # noqa: F401 - the thread uses it
        except ImportError:
            raise ConfigurationError(
                f"watching files needs watchfiles: {brought_by('watch')}"
            ) from None
        self._reload = reload
        self._files = files
        self._stopping = threading.Event()
        self._known = _state(files())
        self._thread = threading.Thread(target=self._run, name="onehttp-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching, and wait until the thread has ended."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        import watchfiles

        while not self._stopping.is_set():
            folders = _folders(self._known)
            # Folders, since editors put a new file in the place of the old.
            for _ in watchfiles.watch(
                *folders,
                watch_filter=None,
                stop_event=self._stopping,
                rust_timeout=LOOK_ANYWAY_MS,
                yield_on_timeout=True,
                raise_interrupt=False,
                recursive=False,
            ):
                if self._look() and _folders(self._known) != folders:
                    break

    def _look(self) -> bool:
        """Reload if a file has changed."""
        found = _state(self._known)
        if found == self._known:
            return False
        self._reload.run()
        # What was read may be newer than what was seen, never older: look again next time.
        self._known = {**_state(self._files()), **found}
        return True


def _state(paths: Collection[str]) -> State:
    return {path: _stamp(path) for path in paths}


def _stamp(path: str) -> tuple[int, ...] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _folders(known: State) -> list[str]:
    named = {path if os.path.isdir(path) else os.path.dirname(path) for path in known}
    return sorted(folder for folder in named if os.path.isdir(folder))
