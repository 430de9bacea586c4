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
        self._opened: _Opened | None = None

    def run(self, work: Callable[[Any], Awaitable[T]], patience_s: float = ANSWER_S) -> T:
        """Run ``work(jetstream)`` on the loop, and return its result within ``patience_s`` seconds.

        Raises:
            QueueStoreError: it failed, or its result is not known.
        """
        from nats.errors import Error

        with self._starting:  # otherwise `close` could stop the loop before it has this
            opened = self._started()
            running = asyncio.run_coroutine_threadsafe(self._on_loop(opened, work), opened.loop)
        try:
            return running.result(patience_s)
        except concurrent.futures.CancelledError:
            raise QueueStoreError(f"{self.shown}: closed meanwhile") from None
        except (concurrent.futures.TimeoutError, asyncio.TimeoutError):
            running.cancel()
            raise QueueStoreError(f"{self.shown}: no answer within {patience_s:g} s") from None
        except QueueStoreError:  # it is an OSError, too
            raise
        except (Error, OSError) as error:
            what = f"{type(error).__name__}: {error}"
            raise QueueStoreError(f"{self.shown}: {what}") from None
        except BaseException:
            running.cancel()
            raise

    async def _on_loop(self, opened: _Opened, work: Callable[[Any], Awaitable[T]]) -> T:
        client = opened.client
        if client is None or client.is_closed:
            async with opened.connecting:  # otherwise several first calls would each connect
                client = opened.client
                if self._opened is not opened:
                    raise QueueStoreError(f"{self.shown}: closed meanwhile")
                if client is None or client.is_closed:
                    client = opened.client = await self._connected()
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
        """The client of nats-py, on the loop.

        Raises:
            QueueStoreError: it was closed.
        """
        opened = self._opened
        if opened is None or opened.client is None:
            raise QueueStoreError(f"{self.shown}: closed meanwhile")
        return opened.client

    @property
    def server_id(self) -> str:
        """Identifies the server and its start; empty if there is no connection."""
        opened = self._opened
        return server_of(opened.client if opened is not None else None)

    async def _disconnected(self) -> None:
        opened = self._opened
        if opened is not None and opened.client is not None:
            forget_unsent(opened.client)

    async def _told(self, error: Exception) -> None:
        logger.debug("%s: %s", self.shown, error)

    def _started(self) -> _Opened:
        if self._opened is None:
            loop = asyncio.new_event_loop()
            thread = threading.Thread(target=loop.run_forever, name="onehttp-nats", daemon=True)
            thread.start()
            if self._opened is not None:  # a signal handler has started one meanwhile
                loop.call_soon_threadsafe(loop.stop)
                return self._opened
            self._opened = _Opened(loop, thread)
        return self._opened

    def close(self) -> None:
        """Close the connection. The next use connects again; what is under way fails."""
        with self._starting:
            opened, self._opened = self._opened, None
        if opened is None:
            return
        loop, thread = opened.loop, opened.thread
        try:
            asyncio.run_coroutine_threadsafe(_end_all(opened), loop).result(2 * ANSWER_S)
        except (concurrent.futures.TimeoutError, asyncio.TimeoutError) as error:
            logger.debug("%s: not closed: %s", self.shown, error)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(ANSWER_S)
        if not thread.is_alive():
            loop.close()


class _Opened:
    """A loop on a thread, and the client that runs on it."""

    __slots__ = ("client", "connecting", "loop", "thread")

    def __init__(self, loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
        self.loop = loop
        self.thread = thread
        self.client: Any = None
        self.connecting = asyncio.Lock()


async def _end_all(opened: _Opened) -> None:
    """Close the client, and end every task of the loop. nats-py leaves some behind if it is just
    connecting again, and others begin while these end."""
    await _closed(opened.client)
    ends_at = opened.loop.time() + ANSWER_S / 2
    while left := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in left:
            task.cancel()
        # Again: Python before 3.12 loses a cancellation that comes with what is waited for.
        await asyncio.wait(left, timeout=RECONNECT_S)
        if opened.loop.time() >= ends_at:
            break
    await _closed(opened.client)  # it may have connected meanwhile
    await asyncio.sleep(0)  # for the transports that these have closed


async def _closed(client: Any) -> None:
    if client is not None and not client.is_closed:
        try:
            await asyncio.wait_for(client.close(), ANSWER_S)
        except (OSError, asyncio.TimeoutError) as error:
            logger.debug("not closed: %s", error)


_all: weakref.WeakSet[NatsConnection] = weakref.WeakSet()
_of_parents: Final[list[object]] = []
"""Kept for ever, because collecting one in a child would close a socket of the parent."""


def _after_fork_in_child() -> None:
    for connection in list(_all):
        _of_parents.append(connection._opened)
        connection.forget()


os.register_at_fork(after_in_child=_after_fork_in_child)
