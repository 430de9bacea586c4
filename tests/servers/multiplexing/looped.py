"""A server in an event loop of its own, in a thread."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from servers.patience import PATIENCE_S

if TYPE_CHECKING:
    from typing_extensions import Self


class LoopedServer(ABC):
    """Listens from entering on until the end."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        """0: a free one, until it listens."""
        self._is_ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._is_ready.wait(PATIENCE_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)

    @abstractmethod
    async def _listen(self) -> tuple[int, Callable[[], None]]:
        """Begin: the port, and what closes it."""

    def _run(self) -> None:
        self.port, close = self._loop.run_until_complete(self._listen())
        self._is_ready.set()
        self._loop.run_forever()
        close()
        self._loop.run_until_complete(_end_of_tasks())
        self._loop.close()


async def _end_of_tasks() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)  # transports close themselves in a turn of the loop
