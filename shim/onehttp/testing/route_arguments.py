"""The keywords of a route: which requests it matches, and what it answers."""

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
"""A function, or coroutine function, that makes the answer to a request."""


class RouteArguments(TypedDict, total=False):
    """The keywords of `Double.add`, `Double.get` and so on. All are optional.

    The first four say which requests a route matches, the others what it answers.
    """

    params: ParamSource
    """Query parameters that the request must have; it may have others as well."""
    headers: HeaderSource
    """Headers that the request must have; it may have others as well."""
    body: bytes | str | None
    """The whole body that the request must have."""
    match_json: object
    """The value that the body of the request must have as JSON."""
    status: int
    """The status of the answer; 200 by default."""
    json: object
    """The body of the answer, as JSON. At most one of ``json``, ``text``, ``content`` is given."""
    text: str
    """The body of the answer, as text in UTF-8."""
    content: bytes
    """The body of the answer, as bytes."""
    answer_headers: HeaderSource
    """Headers of the answer."""
    error: int | TransferError | type[TransferError]
    """An error to raise instead of an answer: the error, its class, or libcurl's number of it."""
    delay_s: float
    """Seconds until the answer is there. A call whose time limit is shorter gets a timeout."""
    cut_after: int
    """Break the connection after this many bytes of the body. The call gets a `DisconnectedError`
    (18); a stream gets the bytes, and then the error."""
    drip: tuple[int, float]
    """``(bytes, seconds)``: send the body in pieces of this size, and pause before each."""
    times: int
    """How many requests it answers. It matches no more than that, and a test that makes fewer
    fails."""
    answers: Sequence[Answer | RouteHandler]
    """Several answers, each given once, in this order: a status, a body, a response, an error, a
    number of an error of libcurl (below 100), or a function as in ``handler``."""
    handler: RouteHandler
    """A function, or coroutine function, that is given the `SeenRequest` and returns the answer."""


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
    """Raise TypeError for an unknown keyword; the message suggests the right one."""
    for name in given:
        if name not in RouteArguments.__annotations__:
            raise unexpected(name, tuple(RouteArguments.__annotations__), _HINTS)


def matching(given: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords that say which requests a route matches."""
    return {name: value for name, value in given.items() if name in _MATCHING}


def answering(given: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords that say what a route answers."""
    others = (*_MATCHING, *_OF_THE_ROUTE)
    return {name: value for name, value in given.items() if name not in others}
