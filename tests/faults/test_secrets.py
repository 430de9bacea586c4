"""Rows 97 to 100: what nobody but its server may see, and what no server may be sent."""

from __future__ import annotations

import copy
import io
import logging
import pickle
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

import onehttp
from faults.conftest import Process
from onehttp_backends.contract import Auth, AuthScheme, Proxy, Request, TransferOptions
from onehttp_backends.errors import RequestError
from onehttp_backends.registry import load
from onehttp_compat.server import LegacyServer
from servers.ports import free_port
from servers.raw import Peer, RawServer, echo
from stand_ins.scene import Scene

CANARY = "c4n4ry"


def secret_connections(url: str) -> dict[str, dict[str, object]]:
    api: dict[str, object] = {
        "url": url,
        "headers": {"X-Api-Key": CANARY},
        "auth": {"username": "u", "password": CANARY},
        "retry": {"attempts": 2, "backoff": 0.001},
    }
    return {"api": api}


def test_97_no_secret_is_shown_anywhere(process: Process, caplog: pytest.LogCaptureFixture) -> None:
    process.init(secret_connections(f"http://127.0.0.1:{free_port()}"))
    shown = io.StringIO()
    with caplog.at_level(logging.DEBUG):
        for path in ("/", f"/?token={CANARY}"):
            with pytest.raises(onehttp.ConnectError) as caught:
                onehttp.connection("api").post(path, body=CANARY, headers={"X-Call": CANARY})
            frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
            own = [line for line in frames.format() if "test_secrets.py" not in line]
            print(repr(caught.value), *own, file=shown)
            print(pickle.dumps(caught.value), copy.copy(caught.value), file=shown)
    print(onehttp.connections(), onehttp.connections()["api"], file=shown)
    print(repr(onehttp.stats()), repr(onehttp.query_stats()), file=shown)
    print(onehttp.connection("api"), onehttp.connection("api").counters, file=shown)
    print(caplog.text, file=shown)
    assert CANARY not in shown.getvalue()


def test_98_a_url_with_credentials(process: Process) -> None:
    """It is refused, and what refuses it does not say them."""
    for call in (onehttp.request, onehttp.submit):
        with pytest.raises(onehttp.RequestError) as caught:
            call("GET", f"http://user:{CANARY}@127.0.0.1:1/")
        assert CANARY not in "".join(traceback.format_exception_only(caught.value))
        assert CANARY not in repr(caught.value)
    with pytest.raises(onehttp.ConfigurationError) as refused:
        process.init({"api": {"url": f"http://user:{CANARY}@127.0.0.1:1/"}})
    assert CANARY not in str(refused.value)
    process.init()


def test_99_handles_of_one_origin_take_nothing_to_another(scene: Scene) -> None:
    """Digest, bearer, basic, a proxy's password, a cookie for a host of its own name."""

    def challenging(peer: Peer) -> None:
        while request := peer.request():
            if b"Authorization: Digest" in request or b"Authorization" in request:
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: a=1\r\n\r\nok")
            else:
                peer.send(
                    b'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="r", nonce="n"\r\n'
                    b"Content-Length: 0\r\n\r\n"
                )

    kinds = [
        Auth(schemes=AuthScheme.DIGEST, username="u", secret=CANARY),
        Auth(schemes=AuthScheme.BASIC, username="u", secret=CANARY),
        Auth(schemes=AuthScheme.BEARER, secret=CANARY),
    ]
    with RawServer(challenging) as one, RawServer(echo) as other:
        for auth in kinds:
            options = TransferOptions(auth=auth)
            headers = (("Cookie", CANARY), ("Host", "own.example"))
            plain = TransferOptions()
            for _ in range(3):
                first = scene.answer(Request("GET", one.url, headers, None, options))
                assert first.status == 200
                second = scene.answer(Request("GET", f"{other.url}/x", options=plain))
                for found in (CANARY, "Authorization", "Cookie", "own.example"):
                    assert found.encode() not in second.body
    with RawServer(echo) as proxy, RawServer(echo) as other:
        through = TransferOptions(proxy=Proxy(url=proxy.url, username="u", secret=CANARY))
        for options in (through, TransferOptions()) * 2:
            scene.answer(Request("GET", other.url, options=options))
        assert all(b"Proxy-Authorization" in request for request in proxy.requests)
        assert all(b"Authorization" not in request for request in other.requests)


BAD = st.tuples(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=5),
    st.sampled_from(["\r", "\n", "\r\n", "\0", "\r\nX-Forged: 1"]),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=5),
).map("".join)


@pytest.mark.parametrize("name", ["pycurl", "httpx"])
@given(bad=BAD)
def test_100_line_breaks_and_nul_go_nowhere(name: str, bad: str) -> None:
    backend = load(name)()
    url = "http://127.0.0.1:1/"
    for request in (
        Request(bad, url),
        Request("GET", url, (("X-A", bad),)),
        Request("GET", url, ((bad, "a"),)),
        Request("GET", url, (("Cookie", bad),)),
        Request("GET", url, options=TransferOptions(user_agent=bad)),
        Request("GET", f"{url}{bad}"),
    ):
        with pytest.raises(RequestError):
            backend.perform(request)
    backend.close()


def test_100_a_legacy_call_returns_its_code_and_logs_one_line(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    server = LegacyServer()
    with RawServer(echo) as far, caplog.at_level(logging.WARNING):
        url = far.url
        code = server.call("http_client_query", (f"{url}/a\r\nX-Forged: 1", "$var(x)"))
        assert code < 100
        assert far.requests == []
    assert len(caplog.records) <= 1
    caplog.clear()  # a record holds its error, which holds the frames that it came through
