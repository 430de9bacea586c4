"""Behaviours by the path of a request: how they are registered, and found."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from golden.server.exchange import Exchange

Handler = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Behaviour:
    path: str
    summary: str
    matcher: re.Pattern[str]
    handler: Handler
    before_body: bool


BEHAVIOURS: list[Behaviour] = []


def behaviour(path: str, summary: str, before_body: bool = False) -> Callable[[Handler], Handler]:
    """Register a handler. ``{name}`` matches one segment, ``{name*}`` the rest of the path.

    With ``before_body`` the handler runs as soon as the head is in and reads the body itself.
    """
    expression = re.sub(r"\{(\w+)\*\}", r"(?P<\1>.*)", path)
    expression = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]*)", expression)

    def register(handler: Handler) -> Handler:
        BEHAVIOURS.append(
            Behaviour(path, summary, re.compile(expression + r"\Z"), handler, before_body)
        )
        return handler

    return register


def _with_query(x: Exchange, next: str) -> str:
    return next + ("?" + x.request.query if x.request.query else "")


def dispatch(x: Exchange, path: str) -> None:
    found = find_behaviour(path)
    if found is None:
        x.reply(404, b"no such behaviour\n")
        return
    known, arguments = found
    try:
        known.handler(x, **arguments)
    except (KeyError, ValueError):
        x.reply(400, b"no such variant\n")


def find_behaviour(path: str) -> tuple[Behaviour, dict[str, str]] | None:
    for known in BEHAVIOURS:
        matched = known.matcher.match(path)
        if matched:
            return known, matched.groupdict()
    return None
