"""Puts addresses into a multi's own cache of names, which all its transfers use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pycurl

from onehttp_backends.curl.libcurl import LIBCURL, Easy, Multi, add_once, remove_once
from onehttp_backends.curl.names.lookup import Addresses
from onehttp_backends.curl.names.places import Place

MAX_GIVEN: Final = 4096


class Feeder:
    """An easy handle that does nothing but load its ``RESOLVE`` list.

    The list is read when a transfer begins, and its entries go to the multi. The scheme of the URL
    is not allowed, so the transfer ends there, without a socket or a lookup.
    """

    def __init__(self, multi: Multi, revision: object) -> None:
        self._multi = multi
        self._easy: Easy | None = None
        self._given: set[Place] = set()
        self.revision: object = revision
        """The revision of the given addresses; None while the handle may be in the multi."""

    @property
    def made(self) -> tuple[Easy, ...]:
        """The easy handle, once there is one."""
        return () if self._easy is None else (self._easy,)

    def give(self, place: Place, addresses: Addresses) -> None:
        """Let transfers of the multi to ``place`` use these addresses."""
        if len(self._given) >= MAX_GIVEN:
            self.begin_anew(self.revision)
        self._given.add(place)
        self._load([entry(place, addresses)])

    def take_back(self, place: Place) -> None:
        """Remove the addresses that were given for one place."""
        if place in self._given:
            self._load([f"-{place}"])
            self._given.discard(place)

    def begin_anew(self, revision: object) -> None:
        """Remove all addresses that were given: those given from now on belong to another
        revision."""
        self._leave()
        if self._given:
            self._load(f"-{place}" for place in self._given)
            self._given.clear()
        self.revision = revision

    def _load(self, lines: Iterable[str]) -> None:
        easy = self._easy
        if easy is None:
            easy = LIBCURL.easy()
            easy.setopt(pycurl.URL, "nothing://x")
            easy.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP)
            self._easy = easy
        self._leave()
        easy.setopt(pycurl.RESOLVE, list(lines))
        revision, self.revision = self.revision, None
        add_once(self._multi, easy)
        self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        self._leave()
        self.revision = revision

    def _leave(self) -> None:
        """Remove it from the multi, together with libcurl's report of its end."""
        if self._easy is not None:
            remove_once(self._multi, self._easy)


def entry(place: Place, addresses: Addresses) -> str:
    """A line for libcurl's ``RESOLVE``; the plus makes it expire like libcurl's own entries."""
    ips = ",".join(f"[{ip}]" if ":" in ip else ip for ip in addresses.ips)
    return f"+{place}:{ips}"
