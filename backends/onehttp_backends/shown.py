"""What an error may show of a request: enough to find it, and nothing that may be a secret."""

from __future__ import annotations

import re
from typing import Final

from onehttp_backends.contract import Request
from onehttp_backends.errors import CurlCode, Phase, Sent, TransferError, transfer_error

LONGEST_SEGMENT: Final = 20
"""What is longer may be a token: webhooks and bots have theirs in the path."""
LONGEST_PATH: Final = 200
_parts = re.compile(r"([^:/?#]*://)(?:[^/?#]*@)?([^/?#]*)([^?#]*)").match


def shown(request: Request) -> str:
    """``GET http://host:port/path`` without credentials, query, fragment and long segments."""
    return f"{request.method} {shown_url(request.url)}"


def shown_url(url: str) -> str:
    """The same of a URL that may be fetched."""
    found = _parts(url)
    if found is None:
        return "URL"
    scheme, host, path = found.groups()
    segments = [
        segment if len(segment) <= LONGEST_SEGMENT else f"{segment[:4]}..."
        for segment in path[:LONGEST_PATH].split("/")
    ]
    return f"{scheme}{host}{'/'.join(segments)}{'...' if len(path) > LONGEST_PATH else ''}"


def too_large(request: Request) -> TransferError:
    """The error of a transfer whose body passed ``max_body_bytes``."""
    limit = f"max_body, {request.options.max_body_bytes} bytes"
    return transfer_error(
        CurlCode.FILESIZE_EXCEEDED,
        f"{shown(request)}: the body is larger than {limit}",
        sent=Sent.YES,
        phase=Phase.BODY,
    )
