"""Ways to wait for one transfer whose bodies pass piece by piece, each as one function."""

from __future__ import annotations

import math
from typing import Final

from onehttp_backends.contract import Outcome, Request, Response
from onehttp_backends.errors import TransferError
from onehttp_backends.optional.streaming import Opening, Streaming, StreamLimits
from servers.patience import PATIENCE_S

LIMITS: Final = StreamLimits(PATIENCE_S, math.inf)


def in_pieces(backend: Streaming, request: Request) -> Outcome:
    """Read, and sent where it has an upload, by this thread."""
    sending = None if request.upload is None else request.upload.begin()
    try:
        opened = backend.open(Opening(request, LIMITS, sending, lambda: None))
        try:
            pieces: list[bytes] = []
            while taken := opened.take():
                pieces += taken
            return _whole(opened.response, pieces)
        finally:
            opened.close()
    except TransferError as error:
        return error


async def in_awaited_pieces(backend: Streaming, request: Request) -> Outcome:
    """Read by this task."""
    try:
        opened = await backend.aopen(Opening(request, LIMITS))
        try:
            pieces: list[bytes] = []
            while taken := await opened.atake():
                pieces += taken
            return _whole(opened.response, pieces)
        finally:
            opened.close()
    except TransferError as error:
        return error


def unread(backend: Streaming, request: Request) -> TransferError | None:
    """Its head alone is waited for; what that ends with, if it does not come."""
    try:
        backend.open(Opening(request, LIMITS)).close()
    except TransferError as error:
        return error
    return None


def _whole(response: Response, pieces: list[bytes]) -> Response:
    head = response.head.splitlines(keepends=True)
    return Response(response.status, head, b"".join(pieces), response.url)
