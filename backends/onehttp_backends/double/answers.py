"""Answers without sockets: a handler, canned answers, or a web application."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeAlias, cast

from onehttp_backends.contract import Request, Response
from onehttp_backends.errors import (
    TransferError,
    UnexpectedRequestError,
)
from onehttp_backends.nearest import nearest
from onehttp_backends.rules.url_paths import asked_url
from onehttp_backends.shown import too_large

Answer: TypeAlias = (
    Response
    | TransferError
    | bytes
    | str
    | int
    | tuple[int, bytes | str]
    | tuple[int, bytes | str, Iterable[tuple[str, str]]]
)
"""What a test may answer with: a whole response, an error to raise, a body, a status, both, or
both and headers."""
Handler: TypeAlias = Callable[[Request], Answer | Awaitable[Answer]]


class Canned:
    """Answers by ``"METHOD URL"``; of a list one after the other, the last one for ever."""

    def __init__(self, answers: Mapping[str, Answer | list[Answer]]) -> None:
        self._answers = {
            key: list(value) if isinstance(value, list) else [value]
            for key, value in answers.items()
        }

    def __call__(self, request: Request) -> Answer:
        key = f"{request.method} {request.url}"
        answers = self._answers.get(key)
        if not answers:
            near = nearest(key, self._answers)
            hint = f"; the nearest is {near!r}" if near else ""
            raise UnexpectedRequestError(f"no answer for {key!r}{hint}")
        return answers.pop(0) if len(answers) > 1 else answers[0]


async def answer_of(handler: Handler, request: Request) -> Response:
    """Ask a handler, which may be a coroutine function.

    Raises:
        TransferError: the handler answered with one, or raised it.
    """
    answer = handler(request)
    return response_of(await answer if inspect.isawaitable(answer) else answer, request)


def answer_now(handler: Handler, request: Request) -> Response:
    """Ask a handler from a blocking call; a coroutine is run to its end."""
    answer = handler(request)
    if inspect.isawaitable(answer):
        import asyncio

        async def wait() -> Answer:
            return await cast("Awaitable[Answer]", answer)

        answer = asyncio.run(wait())
    return response_of(answer, request)


def response_of(answer: Answer, request: Request) -> Response:
    """An `Answer` as a response, under the limits of the request.

    Raises:
        TransferError: it is one, or the body is larger than allowed (63).
    """
    if isinstance(answer, TransferError):
        raise answer
    if isinstance(answer, Response):
        return limited(answer, request)
    status, body = 200, cast("bytes | str | int", answer)
    headers: list[tuple[str, str]] = []
    if isinstance(answer, tuple):
        status, body = answer[:2]
        headers += [pair for more in answer[2:] for pair in more]
    elif isinstance(answer, int):
        status, body = answer, b""
    data = body.encode() if isinstance(body, str) else cast(bytes, body)
    lines = [f"{name}: {value}\r\n" for name, value in headers]
    head = [f"HTTP/1.1 {status} \r\n", *lines, f"Content-Length: {len(data)}\r\n", "\r\n"]
    response = Response(status, [line.encode() for line in head], data, asked_url(request.url))
    return limited(response, request)


def limited(response: Response, request: Request) -> Response:
    """``response`` under ``max_body_bytes``."""
    limit = request.options.max_body_bytes
    if limit and len(response.body) > limit:
        if request.options.body_policy == "fail":
            raise too_large(request)
        response.body, response.truncated = response.body[:limit], True
    return response
