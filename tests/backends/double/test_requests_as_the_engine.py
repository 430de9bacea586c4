"""The double sends the engine's bytes, whatever a caller gives, in all ways of calling."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from onehttp_backends.contract import Backend, Request, Response, TransferOptions
from onehttp_backends.errors import TransferError
from onehttp_backends.registry import load
from servers.patience import PATIENCE_S
from servers.raw import OK, RawServer, answering, keep_answering
from stand_ins.both_engines import on_both
from stand_ins.ways import WAYS

MIB = 1024 * 1024
PLAIN = TransferOptions(total_timeout_s=PATIENCE_S)
UNPACKED = TransferOptions(decompress=True, user_agent="agent/1", total_timeout_s=PATIENCE_S)
NAMES = st.sampled_from(
    ["X-A", "x-a", "Accept", "accept", "User-Agent", "Host", "Content-Type", "Connection", "Expect",
     "Content-Length", "Transfer-Encoding", "Cookie", "Authorization", "Accept-Encoding", "TE",
     "Upgrade", "Range", "Proxy-Connection", "X Y", "", "X:", "X\r", "\u00e9", ":path"]
)  # fmt: skip
VALUES = st.sampled_from(
    ["", " ", "\t", "  a ", "a\tb", "\u00e9", "\u65e5", "a\r\nB: c", "a\nb", "a\0b", "\x7f",
     "close", "keep-alive", "chunked", "3", "0", "100-continue", "h:1", ",", "\udcff", "x" * 3000]
)  # fmt: skip
PARTS = st.sampled_from(
    ["/", "a", "%2e", "..", ".", "?", "&=", "%00", "%", "%zz", "\u00e9", "//", ";x", "@", "[", "|",
     "\\", "<", " ", "\t", "#f", "%c3%a9", "/../", "!$'()*+,~"]
)  # fmt: skip
METHODS = st.sampled_from(
    ["GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "TRACE", "get", "M-SEARCH", "CONNECT",
     "!#$%&'*+-.^_`|~"]
)  # fmt: skip


class Both:
    """Both engines, and a server of each."""

    def __init__(self) -> None:
        self.engines: list[Backend] = [load(name)() for name in ("pycurl", "httpx")]
        self.servers = [RawServer(keep_answering) for _ in self.engines]


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    made = Both()
    with made.servers[0], made.servers[1]:
        yield made
        for engine in made.engines:
            engine.close()


def asked(both: Both, at: int, request: Request, way: int) -> tuple[object, list[bytes]]:
    server = both.servers[at]
    server.requests.clear()
    request = request._replace(url=server.url + request.url)
    told: object
    try:
        told = WAYS[way](both.engines[at], request)
    except TransferError as error:  # which `submit` raises itself
        told = error
    place = server.url.removeprefix("http://").encode()
    said: object = getattr(told, "sent", None)
    if isinstance(told, Response):
        said = told.url.removeprefix(server.url)
    sent = [each.replace(place, b"HOST").replace(b": \r\n", b":\r\n") for each in server.requests]
    return (type(told), said, getattr(told, "code", 0)), sent


@given(
    method=METHODS,
    path=st.lists(PARTS, max_size=5).map("".join),
    headers=st.lists(st.tuples(NAMES, VALUES), max_size=3).map(tuple),
    body=st.sampled_from([None, None, b"", b"abc", b"\0\r\n\r\n"]),
    options=st.sampled_from([PLAIN, UNPACKED]),
    way=st.integers(0, len(WAYS) - 1),
)
@example("GET", "?\u00e9#\u00e9", (), None, PLAIN, 0)
@example("POST", "/", (("Accept", " "), ("Content-Type", "\t")), b"a", PLAIN, 1)
@example("POST", "/", (("Connection", ""), ("User-Agent", " ")), b"a", UNPACKED, 2)
def test_any_request(
    both: Both,
    method: str,
    path: str,
    headers: tuple[tuple[str, str], ...],
    body: bytes | None,
    options: TransferOptions,
    way: int,
) -> None:
    if method == "HEAD" or ("Transfer-Encoding", "chunked") in headers:
        body = None  # which the server does not read
    request = Request(method, path, headers, body, options)
    engine = asked(both, 0, request, 0)
    assert asked(both, 0, request, way) == engine
    assert asked(both, 1, request, way) == engine


@pytest.mark.parametrize("size", [10, MIB, MIB + 1])
@pytest.mark.parametrize("expects", [False, True])
@pytest.mark.parametrize("headers", [(), (("Expect", ""),), (("Expect", "100-continue"),)])
def test_what_is_asked_before_a_body_is_sent(
    size: int, expects: bool, headers: tuple[tuple[str, str], ...]
) -> None:
    options = TransferOptions(expect_continue=expects, total_timeout_s=PATIENCE_S)
    engine, double = on_both(lambda: answering(OK), "PUT", headers, b"x" * size, options)
    assert double == engine
