"""The body of an answer that came over a socket, and whether it came to its end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, cast

from onehttp_backends.codings.decoder import decoder_of
from onehttp_backends.codings.stages import CodingError
from onehttp_backends.contract import Request
from onehttp_backends.double.judging.stream_refusals import is_behind_all
from onehttp_backends.double.library import httpx
from onehttp_backends.double.tls import was_closed_cleanly
from onehttp_backends.errors import CurlCode, Phase, Sent, transfer_error
from onehttp_backends.shown import coding_error, too_large


async def body_of(
    answer: httpx.Response, request: Request, came: Callable[[int], None]
) -> tuple[bytes, bool, bool]:
    """The body, whether it is cut off at its limit, and whether codings were taken off it.

    Args:
        came: is told of bytes, codings included.
    """
    options = request.options
    limit = options.max_body_bytes
    decoder = None
    found, came_bytes = bytearray(), 0
    try:
        if options.decompress:
            decoder = decoder_of(answer.headers.get_list("content-encoding"))
        try:
            async with contextlib.aclosing(cast("Any", answer.aiter_raw())) as chunks:
                async for chunk in chunks:
                    came(len(chunk))
                    came_bytes += len(chunk)
                    for piece in (chunk,) if decoder is None else decoder.pieces(chunk):
                        found += piece
                        if limit and len(found) > limit:
                            if options.body_policy == "fail":
                                raise too_large(request)
                            return bytes(found[:limit]), True, decoder is not None
        except httpx.RemoteProtocolError as error:
            if options.as_libcurl or not is_behind_all(error, answer, came_bytes):
                raise
        if decoder is not None:
            decoder.finish()
    except CodingError as error:
        raise coding_error(request, error) from None
    return bytes(found), False, decoder is not None


def check_end(answer: httpx.Response, place: str) -> None:
    """Check the end of a body that lasts as long as its connection: only TLS tells if it was cut.

    Raises:
        DisconnectedError: it was.
    """
    headers = answer.headers
    if "content-length" in headers or "transfer-encoding" in headers:
        return
    if answer.request.method == "HEAD" or answer.status_code in (204, 304):
        return
    stream = answer.extensions.get("network_stream")
    connected = stream.get_extra_info("ssl_object") if stream is not None else None
    is_http1 = answer.extensions.get("http_version", b"").startswith(b"HTTP/1")
    if connected is not None and is_http1 and not was_closed_cleanly(connected):
        raise transfer_error(
            CurlCode.RECV_ERROR,
            f"{place}: the TLS connection was cut off before its end",
            sent=Sent.YES,
            phase=Phase.BODY,
        )
