"""Texts of a connection work on every engine, or are refused when the file is loaded."""

from __future__ import annotations

import re
from typing import Any

import pytest

import onehttp
from servers.patience import PATIENCE_S
from servers.raw import RawServer, keep_answering

PATIENT = {"total": PATIENCE_S, "connect": PATIENCE_S}
PROXIES = [
    "http://a b:1",
    "http://a\tb:1",
    "http://a\x01b:1",
    "http://127.0.0.1:1/a b",
    "http://127.0.0.1:1/\x7f",
    "http://\U0001f600:1",
    "http://\u202eabc:1",
    "http://a\uff0fb:1",
    "http://[1.2.3.4]:1",
    "http://a:99999",
    "http://a:p",
    "http://",
    "",
    "a..:1",
]


@pytest.mark.parametrize("url", PROXIES)
def test_a_proxy_that_can_be_none_is_refused(engine: str, url: str) -> None:
    connections = {"a": {"url": "http://a.example", "proxy": {"url": url}}}
    with pytest.raises(onehttp.ConfigurationError, match=r"connections\.a\.proxy\.url: "):
        onehttp.init({"version": 1, "connections": connections}, backend=engine)


@pytest.mark.parametrize("host", ["b\u00fccher.invalid", "\u65e5\u672c.invalid", "fa\xdf.invalid"])
def test_the_name_of_a_proxy_may_have_any_letters(engine: str, host: str) -> None:
    proxy = {"url": f"http://{host}:1"}
    connections = {"a": {"url": "http://a.example", "proxy": proxy, "timeout": PATIENT}}
    onehttp.init({"version": 1, "connections": connections}, backend=engine)
    with pytest.raises(onehttp.ResolveError) as caught:
        onehttp.connection("a").get("/")
    assert (caught.value.code, caught.value.sent) == (5, onehttp.Sent.NO)


@pytest.mark.parametrize("url", ["127.0.0.1:{}", "http://127.0.0.1:{}/", "HTTP://127.1:{}"])
def test_a_proxy_may_be_written_so(engine: str, url: str) -> None:
    with RawServer(keep_answering) as proxy:
        port = proxy.url.rpartition(":")[2]
        connections = {"a": {"url": "http://a.example", "proxy": {"url": url.format(port)}}}
        onehttp.init({"version": 1, "connections": connections}, backend=engine)
        assert onehttp.connection("a").get("/x").status == 200
        assert proxy.targets == ["GET http://a.example/x"]
        assert b"\r\nProxy-Connection: Keep-Alive\r\n" in proxy.requests[0]


def test_a_token_has_no_blanks_around_it() -> None:
    auth = {"type": "bearer", "token": " t"}
    with pytest.raises(onehttp.ConfigurationError, match="no blanks around it"):
        onehttp.init({"version": 1, "connections": {"a": {"url": "http://a", "auth": auth}}})


SOCKS = "socks5h://127.0.0.1:1"
CREDENTIALS: list[tuple[dict[str, Any], str]] = [
    *(({"auth": {"type": each}}, "both empty") for each in ("basic", "digest", "any")),
    ({"auth": {"username": "", "password": ""}}, "both empty"),
    *(({"auth": {"type": each, "username": "u" * 2048}}, "quoted") for each in ("digest", "any")),
    ({"auth": {"username": "u" * 65_537}}, "65536 can be sent"),
    ({"auth": {"type": "bearer", "token": "u" * 65_537}}, "65536 can be sent"),
    ({"proxy": {"url": SOCKS, "username": "u" * 256}}, "255 can be sent"),
]


@pytest.mark.parametrize(("given", "told"), CREDENTIALS)
def test_credentials_that_could_not_be_sent(engine: str, given: dict[str, Any], told: str) -> None:
    connections = {"a": {"url": "http://a.example", **given}}
    with pytest.raises(onehttp.ConfigurationError, match=told) as caught:
        onehttp.init({"version": 1, "connections": connections}, backend=engine)
    assert "uu" not in str(caught.value)


@pytest.mark.parametrize("agent", [" x/1 ", "\tx/1", "x/1"])
def test_blanks_around_a_user_agent_are_none_of_it(engine: str, agent: str) -> None:
    with RawServer(keep_answering) as server:
        connections = {"a": {"url": server.url, "user_agent": agent}}
        onehttp.init({"version": 1, "connections": connections}, backend=engine)
        onehttp.connection("a").get("/")
        assert re.findall(rb"User-Agent:(.*)\r", server.requests[0]) == [b" x/1"]


HEADERS = [
    "Host: a b",
    "Host:",
    "Host: a.example",
    "Connection: content-length",
    "Connection: X-Hop, Transfer-Encoding",
    "Connection: host",
    "Connection: close, X-Hop",
    "Connection:",
    "Content-Length: 0",
    "TE: trailers",
    "Expect: 100-continue",
    "X-A: \x07",
    "X A: 1",
    "X-A:",
]


@pytest.mark.parametrize("lines", [*([line] for line in HEADERS), ["Host: a", "Host: a"]], ids=repr)
def test_headers_that_no_call_could_send_are_refused(engine: str, lines: list[str]) -> None:
    pairs = [(name, text.strip(" ")) for name, _, text in (line.partition(":") for line in lines)]
    found = []
    with RawServer(keep_answering) as server:
        api: dict[str, Any] = {"url": server.url, "timeout": PATIENT}
        for given, called in ((lines, ()), ((), pairs)):
            file = {"version": 1, "connections": {"api": {**api, "headers": list(given)}}}
            try:
                onehttp.init(file, backend=engine)
                onehttp.connection("api").post("/", body=b"x", headers=called)
                found.append("sent")
            except onehttp.ConfigurationError:
                found.append("refused")
            except onehttp.RequestError:
                found.append("refused" if called else "loaded, and never sent")
            onehttp.shutdown()
    assert found in (["sent"] * 2, ["refused"] * 2)


@pytest.mark.parametrize("url", ["http://a.example", "HTTP://a.example/x"])
def test_a_version_that_needs_tls_is_refused_without(url: str) -> None:
    api = {"url": url, "http_version": "3-only"}
    with pytest.raises(onehttp.ConfigurationError, match=r"connections\.api\.http_version: .*TLS"):
        onehttp.init({"version": 1, "connections": {"api": api}})
    file = {"version": 1, "defaults": {"http_version": "3-only"}, "connections": {}}
    onehttp.init(file)
