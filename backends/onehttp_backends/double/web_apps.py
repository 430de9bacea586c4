"""Web applications in this process as what answers."""

from __future__ import annotations

from typing import Any

from onehttp_backends.contract import Request, Response
from onehttp_backends.double.answers import Answer, Handler
from onehttp_backends.double.library import httpx
from onehttp_backends.double.wire import head_lines, library_url, wire_request
from onehttp_backends.rules.url_paths import asked_url


def asgi_handler(app: Any) -> Handler:
    """Asks an ASGI application."""

    async def handle(request: Request) -> Answer:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as client:
            return await _asked(client, request)

    return handle


def wsgi_handler(app: Any) -> Handler:
    """Asks a WSGI application."""

    def handle(request: Request) -> Answer:
        with httpx.Client(transport=httpx.WSGITransport(app=app)) as client:
            made = wire_request(request, None)
            made.url = library_url(request.url)
            made.extensions = {}
            answer = client.send(made)
            return Response(
                answer.status_code, head_lines(answer), answer.content, asked_url(request.url)
            )

    return handle


async def _asked(client: httpx.AsyncClient, request: Request) -> Response:
    made = wire_request(request, None)
    made.url = library_url(request.url)
    made.extensions = {}
    answer = await client.send(made)
    return Response(answer.status_code, head_lines(answer), answer.content, asked_url(request.url))
