"""Idle handles, kept by options and origin until their next use."""

from __future__ import annotations

from onehttp_backends.contract import TransferOptions
from onehttp_backends.curl.handle import DeadPorts, Handle
from onehttp_backends.curl.idle_limit import SocketOpened
from onehttp_backends.curl.libcurl import Easy
from onehttp_backends.curl.shelf import Shelf
from onehttp_backends.request_rules import check_options

MAX_SHELVES = 1024


class HandlePool:
    """Idle handles by (options, origin). Any thread may take and give back."""

    def __init__(self, opened: SocketOpened, dead_ports: DeadPorts, paused: list[Easy]) -> None:
        self._opened = opened
        self._paused = paused
        self._dead_ports = dead_ports
        # Keyed by the identity of the options: equal options of two connections stay apart.
        self._shelves: dict[tuple[int, str], Shelf[Handle]] = {}
        self.made: set[Handle] = set()
        """Every handle that is not closed, wherever it is."""

    def take(self, options: TransferOptions, origin: str) -> Handle:
        """An idle handle for these, or a new one.

        Raises:
            RequestError: the options hold something that cannot be set.
        """
        shelf = self._shelves.get((id(options), origin))
        if shelf is None:
            check_options(options)
            if len(self._shelves) >= MAX_SHELVES:
                self._forget_oldest_shelf()
            shelf = self._shelves.setdefault((id(options), origin), Shelf(options, origin))
        try:
            return shelf.idle.pop()
        except IndexError:
            handle = Handle(shelf, self._opened, self._dead_ports, self._paused)
            self.made.add(handle)
            return handle

    def give_back(self, handle: Handle) -> None:
        """Keep a handle that is in no multi for its next use."""
        shelf = handle.shelf
        if shelf.is_forgotten or len(shelf.idle) >= shelf.keeps:
            self._discard(handle)
        else:
            handle.clear()
            shelf.idle.append(handle)

    def forget(self, options: TransferOptions) -> None:
        """Close the idle handles of these options, whatever their origin."""
        wanted = id(options)
        for key in [key for key in list(self._shelves) if key[0] == wanted]:
            self._forget_shelf(key)

    def close(self) -> None:
        """Close every idle handle."""
        while self._shelves:
            self._forget_oldest_shelf()

    def _discard(self, handle: Handle) -> None:
        self.made.discard(handle)
        handle.easy.close()

    def _forget_oldest_shelf(self) -> None:
        self._forget_shelf(next(iter(self._shelves)))

    def _forget_shelf(self, key: tuple[int, str]) -> None:
        shelf = self._shelves.pop(key)
        shelf.is_forgotten = True
        while shelf.idle:
            try:
                handle = shelf.idle.pop()
            except IndexError:  # another thread has taken the last one
                break
            self._discard(handle)
