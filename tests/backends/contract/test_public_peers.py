"""``peers="public"``: no transfer reaches an address that is not in the public internet."""

from __future__ import annotations

import dataclasses

import pytest

from onehttp_backends.contract import Backend, Proxy, Request, TransferOptions
from onehttp_backends.errors import ConnectError, CurlCode, RequestError, Sent
from onehttp_backends.rules.public_addresses import is_private_host, is_public
from servers.raw import RawServer, keep_answering, redirecting_to

ANY = TransferOptions()
PUBLIC = TransferOptions(peers="public")


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("0.0.0.0", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "255.255.255.255"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"),
        *("2001:0:4136:e378:8000:63bf:80ff:fffe", "example.org", "", "127.1"),
        *("192.0.0.8", "192.0.0.192", "192.88.99.1", "168.63.129.16", "100.100.100.200"),
        *("::127.0.0.1", "::8.8.8.8", "::ffff:0:127.0.0.1", "64:ff9b:1::808:808", "100::1"),
        *("fec0::1", "fd00:ec2::254", "5f00::1", "3fff::1", "4000::1", "2001:20::1", "ff0e::1"),
        *("2002:a9fe:a9fe::", "64:ff9b::a9fe:a9fe", "::ffff:169.254.169.254"),
    ],
)
def test_an_address_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_an_address_outside_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "0x7f000001", "2130706433", "017700000001", "0177.0.0.1", "0x7f.1"),
        *("127.0.0.1.", "0", "00", "0.0.0.0", "1", "169.254.169.254", "::1", "::", "::1."),
        *(
            "::ffff:127.0.0.1",
            "fe80::1%25eth0",
            "::127.0.0.1",
            "localhost",
            "LOCALHOST",
            "a.localhost.",
        ),
        *("localhost.", "ip6-loopback", "localhost.localdomain", "intranet", "metadata", "xn--a"),
        *("metadata.google.internal", "metadata.google.internal.", "a.local", "a.lan", "a.corp"),
        *("printer.home.arpa", "home.arpa", "a.intranet", "a.test", "kubernetes.default.svc"),
    ],
)
def test_a_host_that_is_private_by_its_text(host: str) -> None:
    assert is_private_host(host)


@pytest.mark.parametrize(
    "host",
    [
        *("8.8.8.8", "134744072", "8.8.8.8.", "a.example.com", "2606:4700::1", "256.256.256.256"),
        *("localhost.example.com", "internal.example", "a.home.arpa.example", "8.in-addr.arpa"),
    ],
)
def test_a_host_that_is_not(host: str) -> None:
    assert not is_private_host(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1"])
def test_no_spelling_of_a_private_address_is_connected_to(backend: Backend, host: str) -> None:
    with RawServer(keep_answering) as server:
        with pytest.raises(ConnectError, match="not a public address") as caught:
            backend.perform(Request("GET", f"http://{host}:{server.port}/", options=PUBLIC))
        assert caught.value.code == CurlCode.COULDNT_CONNECT
        assert caught.value.sent is Sent.NO
        assert server.requests == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_connection_kept_by_others_is_not_used(backend: Backend, method: str) -> None:
    body = b"x" if method == "POST" else None
    with RawServer(keep_answering) as server:
        url = f"{server.url}/"
        assert backend.perform(Request(method, url, body=body, options=ANY)).status == 200
        with pytest.raises(ConnectError, match="not a public address"):
            backend.perform(Request(method, url, body=body, options=PUBLIC))
        assert len(server.requests) == 1


def test_a_redirect_of_the_engine_leads_nowhere_inside(backend: Backend) -> None:
    following = dataclasses.replace(PUBLIC, max_redirects=3)
    with RawServer(redirecting_to("http://127.0.0.1:1/")) as server:
        with pytest.raises(ConnectError, match="not a public address"):
            backend.perform(Request("GET", server.url, options=following))
        assert server.requests == []


def test_behind_a_proxy_it_is_refused(backend: Backend) -> None:
    options = dataclasses.replace(PUBLIC, proxy=Proxy(url="http://127.0.0.1:3128"))
    with pytest.raises(RequestError, match="proxy"):
        backend.perform(Request("GET", "http://example.org/", options=options))


def test_a_public_address_is_served_as_ever(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No public address can be had in a test: loopback is taken for one."""
    for module in ("curl.sending_guard", "double.progress"):
        monkeypatch.setattr(f"onehttp_backends.{module}.is_public", lambda address: True)
    with RawServer(keep_answering) as server:
        for method, body in (("GET", None), ("POST", b"x"), ("GET", None)):
            request = Request(method, f"{server.url}/", body=body, options=PUBLIC)
            assert backend.perform(request).status == 200
        assert server.connections == 1


def test_other_options_still_reach_a_private_address(backend: Backend) -> None:
    with RawServer(keep_answering) as server:
        with pytest.raises(ConnectError):
            backend.perform(Request("GET", server.url, options=PUBLIC))
        assert backend.perform(Request("GET", server.url, options=ANY)).status == 200
