"""What must not be done twice, over HTTP/2, and what is known of one that was broken off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from onehttp_backends.contract import Backend, HttpVersion, Request, TransferOptions
from onehttp_backends.errors import Sent, TransferError
from servers.multiplexing.scripted_http2 import Stream, scripted

PROTOCOL, INTERNAL, REFUSED, CANCEL, CALM_DOWN, NEEDS_HTTP_1_1 = 1, 2, 7, 8, 11, 13
"""Codes of HTTP/2 (RFC 9113, 7)."""
PATIENT: Final = TransferOptions(
    total_timeout_s=60,
    connect_timeout_s=60,
    http_version=HttpVersion.HTTP_2_PRIOR_KNOWLEDGE,
)
Script = Callable[[Stream], None]


def sent(method: str, url: str, options: TransferOptions = PATIENT) -> Request:
    """A request of that method, for what is counted as ``/pay``."""
    body = b"pay=1" if method in ("POST", "PUT", "PATCH") else None
    return Request(method, f"{url}/pay", body=body, options=options)


def may_have_been_acted_on(backend: Backend, script: Script, error: type[TransferError]) -> None:
    """A POST on a kept connection ends with ``error``, is not repeated, and nobody knows."""
    with scripted(script) as server:
        backend.perform(Request("GET", server.url, options=PATIENT))
        with pytest.raises(error) as caught:
            backend.perform(sent("POST", server.url))
        assert caught.value.sent is Sent.MAYBE
        assert server.targets.count("POST /pay") == 1
