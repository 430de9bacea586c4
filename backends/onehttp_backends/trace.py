"""Each step of a call, one line each: logger ``onehttp.trace`` at DEBUG.

A line shows the call's number, the time since it began, its connection, and never a path, a
query, a header or a body: each of them may hold a secret.
"""

from __future__ import annotations

import itertools
import logging
import re
import time
from functools import partial
from typing import Final, Protocol

from onehttp_backends.contract import Outcome, Request, Response

LOGGER: Final = logging.getLogger("onehttp.trace")
is_on: Final = partial(LOGGER.isEnabledFor, logging.DEBUG)
"""Whether anybody reads the steps."""
_numbers: Final = itertools.count(1)
next_number: Final = partial(next, _numbers)
"""The number that identifies a call in this process."""


class Traced(Protocol):
    """A call, as far as a line shows it."""

    @property
    def number(self) -> int: ...

    @property
    def began(self) -> float:
        """By `time.perf_counter`."""

    @property
    def label(self) -> str: ...


def step(call: Traced, text: str, *values: object) -> None:
    """Tell of one step; ``text`` is a format of the logging module."""
    since_ms = (time.perf_counter() - call.began) * 1000
    label = f" {call.label}" if call.label else ""
    LOGGER.debug(f"call %d +%.2f ms{label.replace('%', '%%')}: {text}",
                 call.number, since_ms, *values)  # fmt: skip


def begun(call: Traced, request: Request) -> None:
    """A transfer begins."""
    step(call, "%s %s: begins", request.method, _origin(request.url))


def ended(call: Traced, outcome: Outcome) -> None:
    """A transfer has ended: how far it got, and what came of it."""
    if not isinstance(outcome, Response):
        phase = f" in phase {outcome.phase.value}" if outcome.phase else ""
        step(call, "failed with %d (%s)%s; sent: %s",
             outcome.code, type(outcome).__name__, phase, outcome.sent.value)  # fmt: skip
        return
    timings = outcome.timings
    if outcome.is_reused:
        step(call, "connection reused")
    else:
        connect_us = timings.appconnect_us or timings.connect_us
        step(call, "looked up in %.2f ms, connected to %s in %.2f ms", timings.lookup_us / 1000,
             outcome.peer.host or "the double", connect_us / 1000)  # fmt: skip
    step(call, "sent; answered %d over HTTP/%s, %d bytes, %.2f ms in all",
         outcome.status, outcome.http_version, len(outcome.body),
         timings.total_us / 1000)  # fmt: skip


def _origin(url: str) -> str:
    found = re.match(r"([^:/?#]*://)(?:[^/?#]*@)?([^/?#]*)", url)
    return found[1] + found[2] if found else "URL"
