"""The keywords of a route: which requests it is for, and what it answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypedDict

from onehttp.testing.matching import HeaderSource
from onehttp.urls import ParamSource
from onehttp_backends.errors import TransferError
from onehttp_backends.hints.keywords import unexpected

if TYPE_CHECKING:
    from onehttp.testing.calls import SeenRequest
    from onehttp_backends.double.answers import Answer


RouteHandler: TypeAlias = "Callable[[SeenRequest], Answer | Awaitable[Answer]]"
"""Gives the answer to a request."""


class RouteArguments(TypedDict, total=False):
    """The keywords of `Double.add` and its like."""

    params: ParamSource
    """Query parameters that the request has, whatever others."""
    headers: HeaderSource
    """Headers that it has, whatever others."""
    body: bytes | str | None
    """Its whole body."""
    match_json: object
    """What its body is as JSON."""
    status: int
    """Of the answer; 200 unless given."""
    json: object
    """The body of the answer: at most one of ``json``, ``text`` and ``content``."""
    text: str
    content: bytes
    answer_headers: HeaderSource
    error: int | TransferError | type[TransferError]
    """Raised instead: an error, its class, or libcurl's code."""
    delay_s: float
    """Seconds until the answer is there; what a call has no time for is a timeout."""
    cut_after: int
    """The connection breaks after so many bytes of the body: an error (18), or a stream's end."""
    drip: tuple[int, float]
    """(bytes, seconds): the body comes in pieces of so many, after a pause before each."""
    times: int
    """How many requests it answers: no more, and a test with fewer fails."""
    answers: Sequence[Answer | RouteHandler]
    """One after the other, each once; a number below 100 is libcurl's code."""
    handler: RouteHandler
    """A function of the request, or a coroutine function, that gives the answer."""


_MATCHING: Final = ("params", "headers", "body", "match_json")
_OF_THE_ROUTE: Final = ("delay_s", "times")
_HINTS: Final = {
    "method": "the first argument of add()",
    "status_code": "the status of the answer is status=",
    "return_value": "give the answer by status=, json=, text= or content=",
    "side_effect": "error= for one, answers=[...] for several, handler= for a function",
    "form": "body= compares the whole body; route.assert_called_with(form=...) a form",
    "data": "body= compares the whole body",
    "params__contains": "params= are those that it has, whatever others",
    "match_params": "params= are those that it has, whatever others",
    "headers__contains": "headers= are those that it has, whatever others",
    "match_headers": "headers= are those that it has, whatever others",
    "content__contains": "body= compares the whole body, handler= may look at a part",
    "match_content": "body= compares the whole body",
    "json__eq": "match_json= compares what the body is as JSON",
    "data__eq": "body= compares the whole body; route.assert_called_with(form=...) a form",
    "path__regex": "{name} in the URL is one segment, {name...} all that follows",
    "url__regex": "{name} in the URL is one segment, {name...} all that follows",
    "is_optional": "the marker onehttp_double(assert_all_called=False) is for the whole test",
    "is_reusable": "a route answers again and again, unless times= or answers= say how often",
}


def check_keywords(given: Mapping[str, Any]) -> None:
    """Raises TypeError for a keyword that there is not; says which is meant."""
    for name in given:
        if name not in RouteArguments.__annotations__:
            raise unexpected(name, tuple(RouteArguments.__annotations__), _HINTS)


def matching(given: Mapping[str, Any]) -> dict[str, Any]:
    """Those that say which requests."""
    return {name: value for name, value in given.items() if name in _MATCHING}


def answering(given: Mapping[str, Any]) -> dict[str, Any]:
    """Those that say what is answered."""
    others = (*_MATCHING, *_OF_THE_ROUTE)
    return {name: value for name, value in given.items() if name not in others}
