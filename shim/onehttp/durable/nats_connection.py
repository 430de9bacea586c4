"""A connection to NATS that threads can use: its event loop runs on a separate thread."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import threading
import weakref
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from onehttp.durable.nats_start import forget_unsent, server_of
from onehttp.errors import ConfigurationError, QueueStoreError
from onehttp_backends.forks import reentrant_lock
from onehttp_backends.hints.extras import brought_by
from onehttp_backends.secret_values import shown_url

logger = logging.getLogger("onehttp")
T = TypeVar("T")
ANSWER_S: Final = 5.0
"""A request fails if the server has not answered within this time."""
RECONNECT_S: Final = 0.2


class NatsConnection:
    """Runs operations on JetStream for any thread, and reconnects when necessary.

    Args:
        url: ``nats://[user:password@]host[:port]``.

    Raises:
        ConfigurationError: nats-py is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            import nats  # noqa: F401 - the thread uses it
        except ImportError:
            raise ConfigurationError(
                f"queues on NATS need nats-py: {brought_by('queue')}"
            ) from None
        self.url = url
        self.shown = shown_url(url)
        self.forget()
        _all.add(self)

    def forget(self) -> None:
        """Start anew: in a forked child, thread, loop and connection belong to the parent."""
        self._starting = reentrant_lock()  # guards the rest; signal handlers make calls, too
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._client: Any = None
        self._connecting = asyncio.Lock()

    def run(self, work: Callable[[Any], Awaitable[T]], patience_s: float = ANSWER_S) -> T:
        """Run ``work(jetstream)`` on the loop, and return its result within ``patience_s`` seconds.

        Raises:
            QueueStoreError: it failed, or its result is not known.
        """
        from nats.errors import Error

        with self._starting:  # otherwise `close` could stop the loop before it has this
            running = asyncio.run_coroutine_threadsafe(self._on_loop(work), self._started())
        try:
            return running.result(patience_s)
        except concurrent.futures.CancelledError:
            raise QueueStoreError(f"{self.shown}: closed meanwhile") from None
        except (concurrent.futures.TimeoutError, asyncio.TimeoutError):
            running.cancel()
            raise QueueStoreError(f"{self.shown}: no answer within {patience_s:g} s") from None
        except (Error, OSError) as error:
            what = f"{type(error).__name__}: {error}"
            raise QueueStoreError(f"{self.shown}: {what}") from None
        except BaseException:
            running.cancel()
            raise

    async def _on_loop(self, work: Callable[[Any], Awaitable[T]]) -> T:
        client = self._client
        if client is None or client.is_closed:
            async with self._connecting:  # otherwise several first calls would each connect
                client = self._client
                if client is None or client.is_closed:
                    client = self._client = await self._connected()
        return await work(client.jetstream(timeout=ANSWER_S))

    async def _connected(self) -> Any:
        from nats.aio.client import Client

        client = Client()
        try:
            await self._connect(client)
        except BaseException:
            await client.close()
            raise
        return client

    async def _connect(self, client: Any) -> None:
        await client.connect(
            self.url,
            connect_timeout=ANSWER_S / 2,
            allow_reconnect=True,
            max_reconnect_attempts=-1,
            reconnect_time_wait=RECONNECT_S,
            error_cb=self._told,
            disconnected_cb=self._disconnected,
            pending_size=0,  # while there is no connection, nothing is kept to be sent later
        )

    @property
    def client(self) -> Any:
        """The client of nats-py, on the loop."""
        return self._client

    @property
    def server_id(self) -> str:
        """Identifies the server and its start; empty if there is no connection."""
        return server_of(self._client)

    async def _disconnected(self) -> None:
        if self._client is not None:
            forget_unsent(self._client)

    async def _told(self, error: Exception) -> None:
        logger.debug("%s: %s", self.shown, error)

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            loop = asyncio.new_event_loop()
            thread = threading.Thread(target=loop.run_forever, name="onehttp-nats", daemon=True)
            thread.start()
            if self._loop is not None:  # a signal handler has started one meanwhile
                loop.call_soon_threadsafe(loop.stop)
                return self._loop
            self._loop, self._thread = loop, thread
        return self._loop

    def close(self) -> None:
        """Close the connection. The next use connects again; what is under way fails."""
        with self._starting:
            loop, thread, client = self._loop, self._thread, self._client
            self._loop = self._thread = self._client = None
            self._connecting = asyncio.Lock()  # of the next loop
        if loop is None or thread is None:
            return
        try:
            asyncio.run_coroutine_threadsafe(_end_all(client), loop).result(2 * ANSWER_S)
        except (concurrent.futures.TimeoutError, asyncio.TimeoutError) as error:
            logger.debug("%s: not closed: %s", self.shown, error)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(ANSWER_S)
        if not thread.is_alive():
            loop.close()


async def _end_all(client: Any) -> None:
    """Close the client, and end every task of the loop. nats-py leaves some behind if it is just
    connecting again."""
    if client is not None:
        try:
            await asyncio.wait_for(client.close(), ANSWER_S)
        except (OSError, asyncio.TimeoutError) as error:
            logger.debug("not closed: %s", error)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=ANSWER_S / 2)
    await asyncio.sleep(0)  # for the transports that these have closed


_all: weakref.WeakSet[NatsConnection] = weakref.WeakSet()
_of_parents: Final[list[object]] = []
"""Kept for ever, because collecting one in a child would close a socket of the parent."""


def _after_fork_in_child() -> None:
    for connection in list(_all):
        _of_parents.append((connection._loop, connection._client))
        connection.forget()


os.register_at_fork(after_in_child=_after_fork_in_child)
