"""A limit of the response that one call has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import onehttp
from servers.raw import RawServer, answering, echo

LARGE = b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2000


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer(echo) as running:
        yield running


def connected(server: RawServer, engine: str, **connection: Any) -> onehttp.Connection:
    """A connection named ``api`` to the server, with these keys."""
    document = {"version": 1, "connections": {"api": {"url": server.url, **connection}}}
    onehttp.init(document, backend=engine)
    return onehttp.connection("api")


@pytest.mark.parametrize("policy", ["fail", "truncate"])
def test_a_call_has_its_own_limit_of_the_body(policy: str, server: RawServer, engine: str) -> None:
    api = connected(server, engine, max_body=1, body_policy=policy)
    with RawServer(answering(LARGE)) as large:
        for size in (2000, 0):
            assert len(api.post("/", max_body=100_000).body) > 1
            assert len(onehttp.request("GET", large.url, max_body=size).body) == 2000
        with pytest.raises(onehttp.TooLargeError, match="larger than max_body, 1999 bytes"):
            onehttp.request("GET", large.url, max_body=1999)
    for limit in (5, None):
        if policy == "truncate":
            response = api.post("/", max_body=limit)
            assert (len(response.body), response.truncated) == (limit or 1, True)
        else:
            with pytest.raises(onehttp.TooLargeError, match=f"max_body, {limit or 1} bytes"):
                api.post("/", max_body=limit)


def test_the_same_limit_is_the_same_options_until_a_reload_forgets_them(
    server: RawServer, engine: str
) -> None:
    api = connected(server, engine)

    def options() -> onehttp.TransferOptions:
        return api.build("GET", "/", max_body=77).options

    first = options()
    assert options() is first
    assert api.build("GET", "/", max_body=10 * 1024 * 1024).options is api.spec.options
    changed = {"url": server.url, "timeout": 60}
    onehttp.reload({"version": 1, "connections": {"api": changed}})
    assert options() is not first
    assert (options().max_body_bytes, options().total_timeout_s) == (77, 60)


@pytest.mark.parametrize("limit", [-1, 1.5, "10", True, b"1"])
def test_what_is_no_limit_of_a_body_is_refused(limit: Any, api: str, server: RawServer) -> None:
    with pytest.raises(onehttp.RequestTypeError, match=r"^max_body: expected bytes as a whole"):
        onehttp.request("GET", server.url, max_body=limit)
    assert server.requests == []
