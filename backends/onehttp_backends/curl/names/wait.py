"""What one transfer waits for, and what its handle must provide for that."""

from __future__ import annotations

import math
import re
from typing import Final, Protocol

import pycurl

from onehttp_backends.contract import Request, TransferOptions
from onehttp_backends.curl.libcurl import Easy
from onehttp_backends.curl.names.hops import Hops
from onehttp_backends.curl.names.lookup import Addresses, Name, NoAddress
from onehttp_backends.curl.names.places import Place, place_of, places
from onehttp_backends.errors import CurlCode
from onehttp_backends.time_limits import connect_s, total_s

_place_in: Final = re.compile(r"(?:resolving|connect to) (.+?)(?: port |:)(\d+)(?: |$)").search


class Waiting(Protocol):
    """The part of a handle that name lookups use."""

    easy: Easy
    options: TransferOptions
    places: list[Place]
    scope: int
    wait: Wait | None
    hops: Hops | None

    def name(self, place: Place) -> Name:
        """The name to look up before it can connect to ``place``."""

    @property
    def is_stopped(self) -> bool:
        """Whether its transfer was ended on purpose, by a rule that is not about names."""

    def begin_again(self, limits_s: tuple[float, float], elapsed_s: float, scope: int) -> None:
        """Its transfer is about to begin again: ``elapsed_s`` are over of the limits in all and
        to connect, and what is link-local belongs to the interface ``scope``."""


class Wait:
    """What one transfer waits for, or has waited for."""

    __slots__ = (
        "_name",
        "answer",
        "asked",
        "deadline",
        "failure",
        "is_parked",
        "is_paused",
        "limits_s",
        "look",
        "place",
        "rounds",
        "since",
        "tried",
    )

    def __init__(self, handle: Waiting, request: Request, now: float) -> None:
        self.limits_s = (total_s(request), connect_s(request))
        self.since = now - handle.easy.getinfo(pycurl.TOTAL_TIME_T) / 1e6
        # Looking a name up counts against both limits; 0 is none.
        self.deadline = self.since + min(limit_s or math.inf for limit_s in self.limits_s)
        self._name = handle.name
        self.rounds = 0
        """How often the transfer has stopped for a name."""
        self.asked: set[Name] = set()
        """The names that must be resolved before it goes on."""
        self.is_paused = False
        """In the middle of a redirect, for what it leads to."""
        self.is_parked = False
        """Taken out of the multi for a name."""
        self.look = 0
        """The number of the next look at it, unless something comes before that."""
        self.place = Place("", 0)
        """The place that it was about to connect to."""
        self.tried: Addresses | None = None
        """Have refused; others are hoped for."""
        self.failure = (0, "")
        """The error of the transfer if there are no other addresses."""
        self.answer: NoAddress | None = None
        """The error that it ends with."""

    @property
    def name(self) -> Name:
        return self._name(self.place)

    def stop_at(self, request: Request, options: TransferOptions, code: int, text: str) -> None:
        """Note at which place the transfer has stopped or failed."""
        self.rounds += 1
        # The text is libcurl's alone to know which of the names on the way it was.
        if found := _place_in(text):
            self.place = Place(found[1].lower(), int(found[2]))
        elif code == CurlCode.COULDNT_RESOLVE_PROXY:
            self.place = next(iter(places(request.url, options.proxy)), self.place)
        else:
            self.place = place_of(request.url) or self.place
