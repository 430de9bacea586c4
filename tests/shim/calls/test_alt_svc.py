"""``Alt-Svc``: HTTP/3 where a server has offered it, and TCP again where it does not answer."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pycurl
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

import onehttp
from conftest import server_context
from onehttp.policies.alt_svc import Alternatives, http3_age_s
from servers.multiplexing.http3 import Http3Server
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer

has_http3 = pytest.mark.skipif(
    not pycurl.version_info()[4] & pycurl.VERSION_HTTP3, reason="libcurl was built without HTTP/3"
)


@pytest.mark.parametrize(
    ("header", "age_s"),
    [
        ('h3=":443"', 86_400),
        ('h3=":443"; ma=60; persist=1', 60),
        ('h3=":443";ma="60"', 60),
        ('h2=":443", h3=":443"; ma=7', 7),
        ('h3="a.example:443"; ma=7', 7),
        ('h3-29=":443"', 0),
        ('h3=":8443"', 0),
        ('h3="other.example:443"', 0),
        ('h3=":443"; ma=0', 0),
        ("clear", 0),
        ("", 0),
        ('h3="', 0),
        ("h3=:443", 0),
    ],
)
def test_what_a_header_offers(header: str, age_s: int) -> None:
    assert http3_age_s(header, "https://a.example") == age_s


def test_the_port_is_the_origins_own() -> None:
    assert http3_age_s('h3=":8443"', "https://a.example:8443")
    assert http3_age_s('h3=":443"', "https://[::1]")
    assert http3_age_s('h3=":8443"', "https://[::1]:8443")
    assert not http3_age_s('h3=":443"', "https://a.example:8443")


@given(st.text() | st.text('h3="=:;, ma'))
def test_whatever_a_server_sends_it_is_an_offer_or_none(header: str) -> None:
    assert http3_age_s(header, "https://a.example") >= 0


def test_an_offer_lasts_and_is_taken_back() -> None:
    known, place = Alternatives(), "https://a.example"
    known.note(place, 'h3=":443"; ma=10', 100.0)
    assert known.has_http3(place, 109.0)
    assert not known.has_http3(place, 110.0)
    assert not known.has_http3("https://b.example", 100.0)
    known.failed(place, 100.0)
    assert not known.has_http3(place, 101.0)
    known = Alternatives()
    known.note(place, 'h3=":443"', 100.0)
    known.note(place, "clear", 100.0)
    assert not known.has_http3(place, 100.0)
    for number in range(1000):
        known.note(f"https://{number}.example", 'h3=":443"', 100.0)
        known.failed(f"https://{number}.example", 100.0)


@pytest.fixture
def tcp(authority: trustme.CA) -> Iterator[RawServer]:
    def offering(peer: Peer) -> None:
        while peer.request():
            head = f'HTTP/1.1 200 OK\r\nAlt-Svc: h3=":{server.port}"\r\nContent-Length: 2\r\n\r\n'
            peer.send(head.encode() + b"ok")

    context: ssl.SSLContext = server_context(authority, "localhost")
    with RawServer(offering, tls=context) as server:
        yield server


def begun(tcp: RawServer, ca_file: Path, engine: str = "pycurl", **keys: Any) -> onehttp.Connection:
    url = tcp.url.replace("127.0.0.1", "localhost")
    api = {"url": url, "tls": {"ca_file": str(ca_file)}, "timeout": PATIENCE_S, **keys}
    onehttp.init({"version": 1, "connections": {"api": api}}, backend=engine)
    return onehttp.connection("api")


@has_http3
@pytest.mark.parametrize("policed", [{}, {"retry": 2}], ids=["plain", "policed"])
def test_an_offer_is_taken_and_outlives_a_reload(
    policed: dict[str, Any], tcp: RawServer, authority: trustme.CA, ca_file: Path, tmp_path: Path
) -> None:
    with Http3Server(authority, tmp_path, tcp.port) as quic:
        api = begun(tcp, ca_file, alt_svc=True, **policed)
        versions = [api.get("/x").http_version for _ in range(3)]
        versions.append(api.post("/x", body=b"x").http_version)
        api_again = {"url": api.spec.url, "tls": {"ca_file": str(ca_file)}, "alt_svc": True}
        onehttp.reload({"version": 1, "connections": {"api": api_again}})
        query = api.submit("GET", "/x", timeout=PATIENCE_S).result(PATIENCE_S)
    assert query.response is not None
    assert [*versions, query.response.http_version] == ["1.1", "3", "3", "3", "3"]
    assert (len(tcp.requests), len(quic.requests)) == (1, 4)


@has_http3
def test_where_nobody_answers_it_is_tcp_again_and_nothing_is_sent_twice(
    tcp: RawServer, ca_file: Path
) -> None:
    api = begun(tcp, ca_file, alt_svc=True)
    for _ in range(3):
        assert api.post("/x", body=b"once").http_version == "1.1"
    assert len(tcp.requests) == 3


def test_who_does_not_ask_for_it_stays_with_tcp(
    tcp: RawServer, authority: trustme.CA, ca_file: Path, tmp_path: Path
) -> None:
    with Http3Server(authority, tmp_path, tcp.port) as quic:
        api = begun(tcp, ca_file)
        assert [api.get("/x").http_version for _ in range(2)] == ["1.1", "1.1"]
    assert quic.requests == []


def test_an_engine_without_http_3_stays_with_tcp(tcp: RawServer, ca_file: Path) -> None:
    api = begun(tcp, ca_file, engine="httpx", alt_svc=True)
    assert [api.get("/x").http_version for _ in range(2)] == ["1.1", "1.1"]
