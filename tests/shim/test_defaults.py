"""What holds unless something else is asked for: the safe choice, each time, on both engines."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

import onehttp
from onehttp_backends.contract import TlsVersion, TransferOptions
from servers.raw import Behaviour, Peer, RawServer, echo, keep_answering, redirecting_to

MOST_BYTES = 10 * 1024 * 1024
PROXIES = ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY")


def of_size(size: int) -> Behaviour:
    def behave(peer: Peer) -> None:
        if peer.request():
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size))

    return behave


def test_only_what_is_needed_is_said(api: str) -> None:
    with RawServer(echo) as server:
        sent = onehttp.request("GET", server.url).body.decode()
    names = re.findall(r"^([\w-]+):", sent, re.MULTILINE)
    assert (api, sorted(names)) == (api, ["Accept", "Host", "User-Agent"])


def test_credentials_of_netrc_go_nowhere(
    api: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (".netrc", "_netrc"):
        (tmp_path / name).write_text("machine 127.0.0.1 login u password p\ndefault login u\n")
        (tmp_path / name).chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with RawServer(keep_answering) as server:
        onehttp.request("GET", server.url)
        onehttp.request("GET", server.url, auth=None)
    assert (api, any(b"uthorization" in each for each in server.requests)) == (api, False)


@pytest.mark.parametrize("name", PROXIES)
def test_proxies_of_the_environment_are_passed_by(
    name: str, api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with RawServer(keep_answering) as proxy, RawServer(keep_answering) as server:
        monkeypatch.setenv(name, proxy.url)
        onehttp.request("GET", f"{server.url}/x")
        assert (api, server.targets, proxy.connections) == (api, ["GET /x"], 0)


def test_redirects_are_not_followed(api: str) -> None:
    with RawServer(keep_answering) as other, RawServer(redirecting_to(other.url)) as server:
        assert (api, onehttp.request("GET", server.url).status) == (api, 302)
        assert other.connections == 0


def test_cookies_are_not_kept(api: str) -> None:
    def behave(peer: Peer) -> None:
        while peer.request():
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: a=b\r\n\r\n")

    with RawServer(behave) as server:
        for _ in range(2):
            onehttp.request("GET", server.url)
    assert (api, any(b"ookie" in each for each in server.requests)) == (api, False)


def test_codings_are_left_on(api: str) -> None:
    packed = gzip.compress(b"ok")
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)

    def behave(peer: Peer) -> None:
        if peer.request():
            peer.send(head + packed)

    with RawServer(behave) as server:
        assert (api, onehttp.request("GET", server.url).body) == (api, packed)


def test_a_body_has_its_limit(api: str) -> None:
    with RawServer(of_size(MOST_BYTES)) as server:
        response = onehttp.request("GET", server.url, timeout=0)
        assert (api, len(response.body)) == (api, MOST_BYTES)
    with RawServer(of_size(MOST_BYTES + 1)) as server, pytest.raises(onehttp.TooLargeError):
        onehttp.request("GET", server.url, timeout=0)


def test_nobody_is_asked_before_a_large_body_goes_out(api: str) -> None:
    with RawServer(keep_answering) as server:
        onehttp.request("POST", server.url, body=bytes(2 * 1024 * 1024), timeout=0)
    assert (api, b"\r\nexpect:" in server.requests[0].lower()) == (api, False)


@pytest.mark.parametrize(
    "url", ["ftp://h/", "file:///etc/passwd", "gopher://h/", "dict://h/", "ws://h/", "data:,x"]
)
def test_there_are_two_schemes(url: str, api: str) -> None:
    with pytest.raises(onehttp.RequestError) as caught:
        onehttp.request("GET", url)
    assert (api, caught.value.sent) == (api, onehttp.Sent.NO)


@pytest.mark.usefixtures("default_limits")
def test_time_and_tls_have_their_limits() -> None:
    options = TransferOptions()
    assert (options.total_timeout_s, options.connect_timeout_s) == (4.0, 1.0)
    assert (options.tls.verify_peer, options.tls.verify_host) == (True, True)
    assert (options.tls.min_version, options.max_body_bytes) == (TlsVersion.TLS_1_2, MOST_BYTES)
    assert (options.proxy, options.auth) == (None, None)
    assert (options.unsafe_resend, options.decompress, options.as_libcurl) == (False,) * 3


def test_a_secret_is_not_read_as_a_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTER", "${env:INNER}$${x}")
    monkeypatch.setenv("INNER", "never")
    with RawServer(keep_answering) as server:
        api = {"url": server.url, "headers": {"X-Key": "${env:OUTER}"}}
        onehttp.init({"version": 1, "connections": {"api": api}})
        onehttp.connection("api").get("/")
    assert b"X-Key: ${env:INNER}$${x}\r\n" in server.requests[0]
