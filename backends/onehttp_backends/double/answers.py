"""Answers without sockets: what a test may answer with, and the response that it becomes."""

from __future__ import annotations

import copy
import json
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, Protocol, TypeAlias, TypeGuard, cast

from onehttp_backends.contract import Request, Response
from onehttp_backends.double.coming.cut import ComingResponse, limited
from onehttp_backends.double.library import LIBRARIES, httpx
from onehttp_backends.double.wire import head_lines
from onehttp_backends.errors import RequestError, TransferError, UnexpectedRequestError
from onehttp_backends.headers import HeaderPairs
from onehttp_backends.hints.nearest import nearest
from onehttp_backends.rules.methods import check_method
from onehttp_backends.rules.request_rules import check_headers, check_url
from onehttp_backends.rules.url_paths import asked_url
from onehttp_backends.shown import shown

Body: TypeAlias = bytes | str | Mapping[str, Any] | list[Any]
AnswerHeaders: TypeAlias = Iterable[tuple[str, str]] | Mapping[str, str]
Answer: TypeAlias = (
    Response
    | httpx.Response
    | TransferError
    | type[TransferError]
    | bytes
    | str
    | int
    | Mapping[str, Any]
    | tuple[int, Body]
    | tuple[int, Body, AnswerHeaders]
)
"""What a test may answer with: a whole response, an error to raise or its class, a body, a status,
both, or both and headers. A body that is a mapping (or, beside a status, a list) is JSON."""
Handler: TypeAlias = Callable[[Request], Answer | Awaitable[Answer]]

MAX_UNEXPECTED: Final = 100
UNEXPECTED: Final[deque[UnexpectedRequestError]] = deque(maxlen=MAX_UNEXPECTED)
"""Of this process: the pytest plugin fails a test that has caught them, or never saw them."""
_WITHOUT_BODY: Final = frozenset({*range(100, 200), 204, 304})
_SHAPES: Final = (
    "a status, a body, (status, body), (status, body, headers), a Response, "
    "an error or its class, or a function"
)


class Table(Protocol):
    """Finds the answer to a request."""

    def pick(self, request: Request) -> Handler:
        """The handler for ``request``; called once for each, in the thread that makes the call.

        Raises:
            UnexpectedRequestError: there is none.
        """


class Always:
    """One handler for every request."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def pick(self, request: Request) -> Handler:
        return self._handler


class Canned:
    """Answers by ``"METHOD URL"``; of a list one after the other, the last one for ever.

    Raises:
        TypeError, ValueError: a key or an answer that cannot be meant; says which, and what can.
    """

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self._answers = {_key(key): _handlers(key, value) for key, value in answers.items()}
        self._taking = threading.Lock()  # guards _taken
        self._taken: dict[str, int] = {}

    def start_anew(self) -> None:
        """Answer from the first of each list on."""
        with self._taking:
            self._taken.clear()

    def pick(self, request: Request) -> Handler:
        key = f"{request.method} {request.url}"
        handlers = self._answers.get(key)
        if handlers is None:
            near = nearest(key, self._answers)
            hint = f"; the nearest is {near!r}" if near else ""
            error = UnexpectedRequestError(f"no answer for {key!r}{hint}")
            UNEXPECTED.append(error)
            raise error
        if len(handlers) == 1:
            return handlers[0]
        with self._taking:
            at = self._taken.get(key, 0)
            self._taken[key] = min(at + 1, len(handlers) - 1)
        return handlers[at]


def _key(key: object) -> str:
    place = f"answers[{key!r}]"
    if not isinstance(key, str):
        raise TypeError(f"{place}: expected 'METHOD URL' as one text, got {type(key).__name__}")
    method, blank, url = key.partition(" ")
    if not blank:
        raise ValueError(f"{place}: expected 'METHOD URL', as in 'GET {key}'")
    if method != method.upper():
        raise ValueError(f"{place}: methods are in capitals: {method.upper()!r}")
    if "*" in url:
        raise ValueError(
            f"{place}: a URL stands for itself here; for patterns take the fixture onehttp_double, "
            "or handler="
        )
    try:
        check_method(method)
        check_url(url)
    except RequestError as error:
        raise ValueError(f"{place}: {error.message}") from None
    return key


def check_kinds(answers: object, **functions: object) -> None:
    """Raises TypeError for settings of the double that its first request would stumble over."""
    if not (answers is None or isinstance(answers, Mapping) or hasattr(answers, "pick")):
        raise TypeError(f"answers: expected a mapping, got {type(answers).__name__}")
    for name, given in functions.items():
        if not (given is None or callable(given)):
            raise TypeError(f"{name}: expected a function, got {type(given).__name__}")


def _handlers(key: str, value: object) -> list[Handler]:
    if not isinstance(value, list):
        return [handler_of(value, f"answers[{key!r}]")]
    if not value:
        raise ValueError(f"answers[{key!r}]: a list without an answer")
    return [handler_of(each, f"answers[{key!r}][{at}]") for at, each in enumerate(value)]


def handler_of(answer: object, place: str) -> Handler:
    """What gives ``answer`` to every request, checked now; a function is one already.

    Raises:
        TypeError, ValueError: it is no `Answer`; begins with ``place``, and says what is.
    """
    if callable(answer) and not isinstance(answer, type):
        return cast("Handler", answer)
    return _ready(answer, place).to


def response_of(answer: object, request: Request) -> Response:
    """An `Answer` as the response to ``request``, under its limits unless it is still to come.

    Raises:
        TransferError: it is one, or the body is larger than allowed (63).
        TypeError, ValueError: it is no answer.
    """
    if not isinstance(answer, Response):
        answer = _ready(answer, "the answer of a handler").to(request)
    is_to_come = isinstance(answer, ComingResponse) and answer.pace is not None
    return answer if is_to_come else limited(answer, request)


class _Ready:
    """An answer that has been looked at: an error, or all of a response but whose it is."""

    __slots__ = ("_error", "_response")

    def __init__(
        self,
        response: Response | None,
        error: TransferError | type[TransferError] | None = None,
    ) -> None:
        self._response = response
        self._error = error

    def to(self, request: Request) -> Response:
        """The response to ``request``; another one each time."""
        error, made = self._error, self._response
        if isinstance(error, type):
            raise error(f"{shown(request)}: the test has it so")
        if error is not None:
            raise error
        assert made is not None
        response = copy.copy(made)
        response.url = made.url or asked_url(request.url)
        if request.method == "HEAD":
            response.body = b""
        return response


def _ready(answer: object, place: str) -> _Ready:
    if isinstance(answer, type) and issubclass(answer, TransferError):
        return _Ready(None, answer)
    if isinstance(answer, TransferError):
        return _Ready(None, answer)
    if isinstance(answer, Response):
        return _Ready(answer)
    if _is_of_httpx(answer):
        return _Ready(Response(answer.status_code, head_lines(answer), answer.content, ""))
    status: object = 200
    body: object = answer
    headers: object = ()
    if isinstance(answer, tuple):
        if not 2 <= len(answer) <= 3:
            raise TypeError(f"{place}: a tuple of {len(answer)}; expected {_SHAPES}")
        status, body, headers = (*answer, ())[:3]
    elif isinstance(answer, int):
        status, body = answer, b""
    elif isinstance(answer, list):
        raise TypeError(
            f"{place}: a list is no answer here; (200, [...]) gives it as JSON; expected {_SHAPES}"
        )
    pairs = _pairs(headers, place)
    return _Ready(_response(_status(status, place), *_bytes(body, pairs, place)))


def _is_of_httpx(answer: object) -> TypeGuard[httpx.Response]:
    """Whether it is a response of either library that may be under the double."""
    kind = type(answer)
    return kind.__name__ == "Response" and kind.__module__.partition(".")[0] in LIBRARIES


def _status(status: object, place: str) -> int:
    if not isinstance(status, int) or isinstance(status, bool):
        raise TypeError(f"{place}: expected a status as a number, got {status!r}")
    if not 200 <= status <= 999:
        raise ValueError(f"{place}: expected a status from 200 to 999, got {status}")
    return status


def _pairs(headers: object, place: str) -> HeaderPairs:
    given = headers.items() if isinstance(headers, Mapping) else headers
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise TypeError(f"{place}: expected headers as a mapping or pairs, got {headers!r}")
    pairs = tuple(tuple(p) if isinstance(p, list) else p for p in given)
    try:
        check_headers(pairs)
    except RequestError as error:
        raise ValueError(f"{place}: {error.message}") from None
    return pairs


def _bytes(body: object, pairs: HeaderPairs, place: str) -> tuple[bytes, HeaderPairs]:
    """The body, and the headers with those that it needs."""
    names = {name.lower() for name, _ in pairs}
    if isinstance(body, (Mapping, list)):
        try:
            text = json.dumps(body)
        except (TypeError, ValueError) as error:
            raise TypeError(f"{place}: this body cannot be JSON: {error}") from None
        typed = pairs if "content-type" in names else (("Content-Type", "application/json"), *pairs)
        return text.encode(), typed
    if isinstance(body, str):
        return body.encode(), pairs
    if isinstance(body, bytes):
        return body, pairs
    raise TypeError(f"{place}: {type(body).__name__} is no answer; expected {_SHAPES}")


def _response(status: int, body: bytes, pairs: HeaderPairs) -> Response:
    names = {name.lower() for name, _ in pairs}
    if status in _WITHOUT_BODY:
        body = b""
    elif not names & {"content-length", "transfer-encoding"}:
        pairs = (*pairs, ("Content-Length", str(len(body))))
    lines = [f"{name}: {value}\r\n".encode() for name, value in pairs]
    return Response(status, [b"HTTP/1.1 %d \r\n" % status, *lines, b"\r\n"], body, "")
