"""An open response that holds the permits of its attempt until its body has ended."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from onehttp.calls.closed_loops import Holders
from onehttp_backends.contract import Response
from onehttp_backends.optional.streaming import OpenResponse


class Holding:
    """Gives the permits back.

    That happens at the end of the body, at the error that ends it, at `close` (which the garbage
    collector may call), or when the loop in which it was opened is found closed.

    Args:
        holders: the registered holders of that loop; None if it was opened in a thread.
    """

    __slots__ = ("_holders", "_leaving", "_opened", "_process")

    def __init__(self, opened: OpenResponse, holders: Holders | None) -> None:
        self._opened = opened
        self._leaving: list[Callable[[], object]] = []
        self._holders = holders
        self._process = os.getpid()
        if holders is not None:
            holders[self] = self.leave

    @property
    def response(self) -> Response:
        return self._opened.response

    @property
    def is_coded(self) -> bool:
        return self._opened.is_coded

    def hold(self, leave: Callable[[], object]) -> None:
        """Hold one more permit; ``leave`` gives it back."""
        self._leaving.append(leave)

    def leave(self) -> None:
        """Give the permits back. Any thread may call this, and once more where a signal handler has
        raised in it: who has given a permit back already gives nothing."""
        if self._holders is not None:
            self._holders.pop(self, None)
        for leave in list(self._leaving):
            if self._process == os.getpid():  # else they are the parent's
                leave()
            with suppress(ValueError):  # another thread was faster
                self._leaving.remove(leave)

    def take(self) -> list[bytes]:
        """See `OpenResponse`."""
        with self._ends_with_an_error():
            return self._went_on(self._opened.take())

    async def atake(self) -> list[bytes]:
        """See `OpenResponse`."""
        with self._ends_with_an_error():
            return self._went_on(await self._opened.atake())

    def close(self) -> None:
        """See `OpenResponse`."""
        try:
            self._opened.close()
        finally:
            try:
                self.leave()
            finally:
                self.leave()

    @contextmanager
    def _ends_with_an_error(self) -> Iterator[None]:
        try:
            yield
        except Exception:  # of the body, which is over; after an interrupt it can be read on
            self.leave()
            raise

    def _went_on(self, came: list[bytes]) -> list[bytes]:
        if not came:
            self.leave()
        return came
