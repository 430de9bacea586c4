"""The answers of a route from its keywords, which are checked when they are given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from onehttp import errors
from onehttp.calls.arguments import header_pairs
from onehttp.testing.matching import ANY, HeaderSource
from onehttp.testing.route_arguments import RouteHandler
from onehttp_backends.contract import Request, Response
from onehttp_backends.errors import TransferError, transfer_error
from onehttp_backends.hints.nearest import nearest

if TYPE_CHECKING:
    from onehttp_backends.double.answers import Answer

MAX_CODE: Final = 101
_FIRST_STATUS: Final = 100
_ANY_REQUEST: Final = Request("GET", "http://a.example/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answering keywords of one route."""

    status: int | None = None
    json: object = ANY
    text: str | None = None
    content: bytes | None = None
    answer_headers: HeaderSource = None
    cut_after: int | None = None
    drip: tuple[int, float] | None = None
    error: int | TransferError | type[TransferError] | None = None
    answers: Sequence[Answer | RouteHandler] | None = None
    handler: RouteHandler | None = None

    def handlers(self, place: str) -> list[RouteHandler]:
        """Return the functions that answer, one after the other.

        Raises:
            TypeError, ValueError: the keywords are invalid; the message begins with ``place``.
        """
        kinds = {
            "error": self.error is not None,
            "answers": self.answers is not None,
            "handler": self.handler is not None,
            "status, json, text, content, answer_headers, cut_after, drip": self._is_whole(),
        }
        given = [kind for kind, is_given in kinds.items() if is_given]
        if len(given) > 1:
            raise TypeError(f"{place}: {' and '.join(given)} exclude each other")
        if self.error is not None:
            return [route_handler(_error(self.error, place), f"{place}: error")]
        if self.handler is not None:
            if not callable(self.handler):
                raise TypeError(f"{place}: handler: expected a function of the request")
            return [self.handler]
        if self.answers is not None:
            is_one = isinstance(self.answers, (str, bytes, Mapping, tuple))
            if is_one or not isinstance(self.answers, Iterable) or not self.answers:
                raise TypeError(f"{place}: answers: expected a list with at least one answer")
            return [
                route_handler(_answer(each, f"{place}: answers[{at}]"), f"{place}: answers[{at}]")
                for at, each in enumerate(self.answers)
            ]
        answer: Any = (self._status(), self._body(place), self._headers())
        if self.cut_after is not None or self.drip is not None:
            answer = _coming(answer, self.cut_after, self.drip, place)
        return [route_handler(answer, place)]

    def _is_whole(self) -> bool:
        texts = (self.status, self.text, self.content, self.answer_headers)
        others = (self.cut_after, self.drip)
        return self.json is not ANY or any(each is not None for each in (*texts, *others))

    def _status(self) -> int:
        return 200 if self.status is None else self.status

    def _body(self, place: str) -> Any:
        bodies = {"text": self.text, "content": self.content}
        given = [name for name, body in bodies.items() if body is not None]
        given += ["json"] if self.json is not ANY else []
        if len(given) > 1:
            raise TypeError(f"{place}: {' and '.join(given)} exclude each other")
        if self.json is not ANY:
            from json import dumps

            try:
                return dumps(self.json)
            except (TypeError, ValueError) as error:
                raise TypeError(f"{place}: json: {error}") from None
        return self.text if self.text is not None else self.content or b""

    def _headers(self) -> list[tuple[str, str]]:
        pairs = list(header_pairs(self.answer_headers))
        if any(str(name).lower() == "content-type" for name, _ in pairs):
            return pairs
        if self.json is not ANY:
            return [("Content-Type", "application/json"), *pairs]
        return [("Content-Type", "text/plain; charset=utf-8"), *pairs] if self.text else pairs


def route_handler(answer: object, place: str) -> RouteHandler:
    """Return a function that gives ``answer`` to every request. The answer is checked now.

    Raises:
        TypeError, ValueError: it is not an answer; the message begins with ``place``.
    """
    from onehttp_backends.double.answers import handler_of

    made: Any = handler_of(answer, place)
    is_function = callable(answer) and not isinstance(answer, type)
    return made if is_function else lambda request: made(request.sent)


def _nearest_class(error: object) -> str:
    """Return the name here for an error class of another library."""
    kind = error if isinstance(error, type) else type(error)
    is_of_python = kind.__module__ == "builtins" and not issubclass(kind, OSError)
    if is_of_python or not issubclass(kind, BaseException):
        return ""
    near = nearest(kind.__name__, (each for each in errors.__all__ if each.endswith("Error")))
    return f" (did you mean onehttp.{near}?)" if near else ""


def _coming(answer: Any, cut_after: object, drip: object, place: str) -> Response:
    from onehttp_backends.double.answers import response_of
    from onehttp_backends.double.coming.cut import coming

    return coming(response_of(answer, _ANY_REQUEST), cut_after, drip, place)


def _answer(each: Any, place: str) -> Any:
    """Return one of several answers; a number that is not a status is an error code of libcurl."""
    is_code = isinstance(each, int) and not isinstance(each, bool) and each < _FIRST_STATUS
    is_error = isinstance(each, (BaseException, type))
    return _error(each, place) if is_code or is_error else each


def _error(error: Any, place: str) -> Any:
    """Return an error from an error, its class, or an error code of libcurl."""
    is_class = isinstance(error, type) and issubclass(error, TransferError)
    if is_class or isinstance(error, TransferError):
        return error
    if not isinstance(error, int) or not 1 <= error <= MAX_CODE or isinstance(error, bool):
        raise TypeError(
            f"{place}: error: expected an error of a transfer, its class, or libcurl's code from "
            f"1 to {MAX_CODE}, got {error!r}{_nearest_class(error)}"
        )
    made = transfer_error(error, f"{place}: this error was set by the test")
    kind = type(made)
    return made if kind is TransferError else kind(error, made.message)
