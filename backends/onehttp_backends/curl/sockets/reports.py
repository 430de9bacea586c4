"""What libcurl reports of the sockets of a multi: those it opens, and what it waits for on each."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Generator
from typing import Any, TypeAlias

from onehttp_backends.curl.signal_safe import is_native, surviving

SocketCallback: TypeAlias = Callable[[int, int, object, object], object]


class SocketReports:
    """Receives libcurl's callbacks about sockets, as `signal_safe` has it.

    Args:
        change: is called with what libcurl waits for (``POLL_...``), and the socket.
        opened: is called with a socket that libcurl has just made.
    """

    def __init__(self, change: Callable[[int, int], None], opened: Callable[[int], None]) -> None:
        self._change = change
        self._opened = opened
        self.raised: list[BaseException] = []
        """Exceptions from callbacks; the caller of libcurl raises them once that has returned."""
        self.is_incomplete = False
        """A report has been missed, or was not dealt with to its end."""
        self.is_over = False
        self._fd = 0
        """A socket whose purpose is still to come."""
        self._changes = surviving(self._take_changes, self._note)
        self._openings = surviving(self._take_openings, self._note)
        self.on_change: SocketCallback = self._changed
        if not is_native(self._changed):
            self.on_change = functools.partial(max, key=self._changes.send)
        """For ``M_SOCKETFUNCTION``: what has changed, the socket, the multi, and None."""
        self.on_open: Callable[[int, int], int] = functools.partial(min, key=self._openings.send)
        """For ``SOCKOPTFUNCTION``: the socket, and its purpose, which is 0 (a connection) and, as
        the lesser of the two keys, what libcurl gets back: the socket may be used."""

    def close(self) -> None:
        """Stop receiving, so that nothing is left to run when it is collected."""
        self.is_over = True
        for generator in (self._changes, self._openings):
            # A forked child does not have the thread that was just in there, and never ends that.
            with contextlib.suppress(ValueError):
                generator.close()

    def _changed(self, what: int, fd: int, _multi: object, _data: object) -> int:
        """For ``M_SOCKETFUNCTION``, where this is compiled: in a tenth of the time."""
        try:
            if not self.is_over:
                self._change(what, fd)
        except BaseException as error:  # noqa: BLE001 - raised by who has called libcurl
            self._note(error)
        return 0

    def _take_changes(self, was_interrupted: bool) -> Generator[int, Any, None]:
        """In step, one argument comes after the other. After an exception that came instead of one,
        each is known by its type, until a call has come to its end."""
        is_in_step = not was_interrupted
        while True:
            while is_in_step:
                what: int = yield 0
                fd: int = yield 0
                yield 0
                self._change(what, fd)
                yield 0
            numbers: list[int] = []
            while (argument := (yield 0)) is not None:
                if type(argument) is int:
                    numbers.append(argument)
                else:  # the multi: if nothing was missed, both numbers have come
                    if len(numbers) == 2:
                        self._change(*numbers)
                    numbers.clear()
            is_in_step = True

    def _take_openings(self, was_interrupted: bool) -> Generator[int, int, None]:
        key = 0
        if was_interrupted:
            key = int(not self._fd)  # of what came last: the purpose where there is a socket
            self._fd = 0
        argument = yield key
        while True:
            if argument:
                self._fd = argument
                yield 1
                self._opened(self._fd)
                key = int(self.is_over)  # a signal handler has forked: not to be used
                self._fd = 0  # no handler is run from here on until the key is given
            else:
                key, self.is_incomplete = 0, True
            argument = yield key

    def _note(self, error: BaseException) -> None:
        self.is_incomplete = True
        self.raised.append(error)
