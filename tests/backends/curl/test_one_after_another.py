"""A handle that has sent anything else sends what a new one would."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from onehttp_backends.contract import Request, TransferOptions
from onehttp_backends.curl import PycurlBackend
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer, keep_answering

ONE, OTHER = (("X-One", "1"),), (("X-One", "2"), ("X-Other", "3"))
KINDS = {
    "get": Request("GET", ""),
    "get elsewhere": Request("GET", "/elsewhere"),
    "head": Request("HEAD", ""),
    "delete": Request("DELETE", ""),
    "one header": Request("GET", "", ONE),
    "other headers": Request("GET", "", OTHER),
    "other headers of a delete": Request("DELETE", "", OTHER),
    "a length of none": Request("POST", "", (("Content-Length", "0"),), b""),
    "post": Request("POST", "", body=b"text"),
    "put of nothing": Request("PUT", "", body=b""),
    "longer": Request("GET", "", total_timeout_s=2 * PATIENCE_S),
    "longer to connect": Request("GET", "", connect_timeout_s=PATIENCE_S),
    "past redirects": Request("GET", "", passes_redirects_by=True),
}


class Told:
    """An engine, and what a server is told by it."""

    def __init__(self) -> None:
        self.backend = PycurlBackend()
        self.options = TransferOptions(total_timeout_s=PATIENCE_S)
        self.server = RawServer(self._answer)

    def _answer(self, peer: Peer) -> None:
        keep_answering(peer)

    def sends(self, kind: str, options: TransferOptions) -> bytes:
        """What a request of this kind sends."""
        request = KINDS[kind]
        self.server.requests.clear()
        url = self.server.url + request.url
        self.backend.perform(request._replace(url=url, options=options))
        (sent,) = self.server.requests
        return bytes(sent)


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    made = Told()
    with made.server:
        yield made
        made.backend.close()


@pytest.fixture(scope="module")
def by_new_handles(told: Told) -> dict[str, bytes]:
    return {kind: told.sends(kind, TransferOptions(total_timeout_s=PATIENCE_S)) for kind in KINDS}


@pytest.mark.parametrize("then", KINDS)
def test_a_handle_sends_as_a_new_one(
    told: Told, by_new_handles: dict[str, bytes], then: str
) -> None:
    """After each other kind, after the same, and after both."""
    for before, again in itertools.product(KINDS, (False, True)):
        sent = [told.sends(kind, told.options) for kind in (before, then, *[then] * again)]
        assert sent == [by_new_handles[before], *[by_new_handles[then]] * (1 + again)]
