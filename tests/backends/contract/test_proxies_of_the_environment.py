"""What the environment says of proxies, to both engines alike."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from onehttp_backends.contract import Backend, Proxy, Request, TransferOptions
from onehttp_backends.errors import TransferError
from onehttp_backends.rules.proxies import environment_proxy
from servers.patience import PATIENCE_S
from servers.raw import RawServer, keep_answering

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def proxy() -> Iterator[RawServer]:
    with RawServer(keep_answering) as server:
        yield server


def is_proxied(backend: Backend, url: str, proxy: RawServer) -> bool:
    """Nobody listens at ``url``: whoever answers is the proxy."""
    before = len(proxy.requests)
    options = TransferOptions(
        proxy=Proxy(from_environment=True), reuse=False, total_timeout_s=PATIENCE_S
    )
    try:
        backend.perform(Request("GET", url, options=options))
    except TransferError:
        assert len(proxy.requests) == before
        return False
    return True


NUMBERED = "http://127.0.0.1:1/"
NAMED = "http://a.b.invalid:1/"
EXEMPT = [
    (NUMBERED, "127.0.0.1"),
    (NUMBERED, "127.0.0.2"),
    (NUMBERED, "127.0.0.0/8"),
    (NUMBERED, "127.0.0.0/33"),
    (NUMBERED, "128.0.0.0/8"),
    (NUMBERED, "127.0.0.1/32"),
    (NUMBERED, "*"),
    (NUMBERED, "*,x"),
    (NUMBERED, ".0.0.1"),
    (NUMBERED, "127.0.0"),
    (NUMBERED, "127.0.0.1:1"),
    (NUMBERED, "localhost"),
    (NUMBERED, " 127.0.0.1 , x"),
    (NUMBERED, "x,127.0.0.1"),
    (NUMBERED, "x 127.0.0.1"),
    (NUMBERED, "x y,127.0.0.1"),
    (NUMBERED, ",,127.0.0.1"),
    ("http://[::1]:1/", "::1"),
    ("http://[::1]:1/", "[::1]"),
    ("http://[::1]:1/", "::/64"),
    ("http://[::1]:1/", "127.0.0.1"),
    (NAMED, "invalid"),
    (NAMED, ".invalid"),
    (NAMED, "INVALID"),
    (NAMED, "b.invalid"),
    (NAMED, "b.invalid."),
    (NAMED, "nvalid"),
    (NAMED, "*.invalid"),
    (NAMED, "x.a.b.invalid"),
    (NAMED, "a.b.invalid:1"),
    ("http://a.invalid.:1/", "a.invalid"),
]


@pytest.mark.parametrize(("url", "exempt"), EXEMPT, ids=[f"{url} {no}" for url, no in EXEMPT])
def test_no_proxy_means_the_same(
    backend: Backend, proxy: RawServer, monkeypatch: pytest.MonkeyPatch, url: str, exempt: str
) -> None:
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.setenv("no_proxy", exempt)
    assert is_proxied(backend, url, proxy) == (environment_proxy(url) is not None)


@pytest.mark.parametrize(
    ("variable", "is_obeyed"),
    [
        ("http_proxy", True),
        ("HTTP_PROXY", False),
        ("https_proxy", False),
        ("all_proxy", True),
        ("ALL_PROXY", True),
    ],
)
def test_a_variable_is_obeyed_or_not(
    backend: Backend,
    proxy: RawServer,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    is_obeyed: bool,
) -> None:
    monkeypatch.setenv(variable, proxy.url)
    assert is_proxied(backend, NUMBERED, proxy) is is_obeyed


def test_a_proxy_without_a_scheme_speaks_http(
    backend: Backend, proxy: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", proxy.url.partition("://")[2])
    assert is_proxied(backend, NUMBERED, proxy)


def test_nobody_asks_the_environment_unless_told(
    backend: Backend, proxy: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", proxy.url)
    with pytest.raises(TransferError):
        backend.perform(Request("GET", NUMBERED))
    assert proxy.requests == []
