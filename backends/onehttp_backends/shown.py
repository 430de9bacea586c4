"""What an error may show of a request: enough to recognise it, and no secrets."""

from __future__ import annotations

from typing import Final

from onehttp_backends.contract import Request
from onehttp_backends.errors import CurlCode, Phase, Sent, TransferError, transfer_error
from onehttp_backends.secret_values import shown_url

ENDLESS_CHALLENGES: Final = "the server asks for credentials again and again"


def too_long_for_digest(sent: Sent, place: str = "") -> TransferError:
    """The error of a call whose answer to a challenge of digest has no room."""
    return transfer_error(
        CurlCode.OUT_OF_MEMORY,
        f"{place}the path and query, or a part of the server's challenge, are too long for digest",
        sent=sent,
        phase=Phase.BODY if sent is Sent.YES else Phase.QUEUE,
    )


def shown(request: Request) -> str:
    """``GET http://host:port/path`` without credentials, query, fragment and long segments; and the
    connection that it is made on."""
    name = request.options.name
    connection = f" (connection {name!r})" if name else ""
    # What has no scheme is no URL that was asked for, but any text.
    where = shown_url(request.url) if "://" in request.url else "URL"
    return f"{request.method} {where}{connection}"


def coding_error(request: Request, fault: Exception) -> TransferError:
    """The error of a transfer whose body is not what its Content-Encoding says."""
    return transfer_error(
        CurlCode.BAD_CONTENT_ENCODING,
        f"{shown(request)}: {fault}",
        sent=Sent.YES,
        phase=Phase.BODY,
    )


def too_large(request: Request) -> TransferError:
    """The error of a transfer whose body passed ``max_body_bytes``."""
    limit = f"max_body, {request.options.max_body_bytes} bytes"
    return transfer_error(
        CurlCode.FILESIZE_EXCEEDED,
        f"{shown(request)}: the body is larger than {limit}",
        sent=Sent.YES,
        phase=Phase.BODY,
    )
