"""Certificates come from where a stranger says: nothing about that is trusted."""

from __future__ import annotations

import ssl
from dataclasses import replace
from pathlib import Path

import pytest

import onehttp
from onehttp.identity import (
    FetchRules,
    IdentityInfoError,
)
from onehttp.identity.fetching import CertificateFetcher
from servers.raw import RawServer, answering, redirecting_to, silent
from servers.sti import LOCAL, Repository


def refused(rules: FetchRules, url: str) -> str:
    """Why ``url`` is not fetched."""
    with pytest.raises(IdentityInfoError) as caught:
        CertificateFetcher(rules).fetch(url)
    assert caught.value.status == 436
    return str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/x",
        "file:///etc/passwd",
        "gopher://a.example/",
        "dict://a.example:11211/stat",
        "/etc/passwd",
        "",
        "https:a.example",
        "https://",
        "https://user:password@a.example/x",
        "https://a.example@127.0.0.1/x",
        "https://a.example:99999/x",
        "https://a.example/x y",
        "https://a.example/x\r\nHost: b",
        "https://a.example/x#fragment",
        "https://a.example\\@b.example/",
        "https://[::1%25eth0]/x",
        "https://a.example%2f@b/x",
    ],
)
def test_a_url_that_is_not_plainly_https_is_refused(engine: str, url: str) -> None:
    refused(FetchRules(), url)


def test_plain_http_is_refused_unless_allowed(engine: str, repository: Repository) -> None:
    url = f"{repository.url}/signer.pem"
    assert "only https" in refused(FetchRules(allow_private=True), url)
    assert repository.requests == []
    assert CertificateFetcher(LOCAL).fetch(url).startswith(b"-----BEGIN")


def test_a_private_address_is_refused_unless_allowed(engine: str, repository: Repository) -> None:
    url = f"{repository.url}/signer.pem"
    assert "not a public address" in refused(FetchRules(allow_http=True), url)
    named = url.replace("127.0.0.1", "localhost")
    assert "not a public address" in refused(FetchRules(allow_http=True), named)
    assert repository.requests == []


def test_a_redirect_is_not_followed_unless_allowed(engine: str, repository: Repository) -> None:
    with RawServer(redirecting_to(f"{repository.url}/signer.pem")) as elsewhere:
        assert "0 redirects" in refused(LOCAL, f"{elsewhere.url}/x")
        assert repository.requests == []
        rules = replace(LOCAL, max_redirects=1)
        assert CertificateFetcher(rules).fetch(f"{elsewhere.url}/x")


@pytest.mark.parametrize(
    "location", ["ftp://a.example/x", "file:///etc/passwd", "gopher://127.0.0.1:6379/_INFO"]
)
def test_a_redirect_to_another_scheme_is_refused(engine: str, location: str) -> None:
    rules = replace(LOCAL, max_redirects=3)
    with RawServer(redirecting_to(location)) as elsewhere:
        assert "scheme" in refused(rules, elsewhere.url)


def test_a_redirect_from_https_to_http_is_refused(
    engine: str, tls_server_context: ssl.SSLContext, ca_file: Path, repository: Repository
) -> None:
    rules = replace(LOCAL, max_redirects=3, ca_file=str(ca_file))
    target = f"{repository.url}/signer.pem"
    with RawServer(redirecting_to(target), tls=tls_server_context) as secure:
        assert "https to plain http" in refused(rules, secure.url)
    assert repository.requests == []


def test_a_redirect_to_a_private_address_is_refused(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen from the rules: the hop inside is asked for under the same restriction."""
    asked: list[str] = []

    def answer(request: onehttp.Request) -> tuple[int, str, list[tuple[str, str]]]:
        asked.append(request.options.peers)
        location = [("Location", f"{repository.url}/signer.pem")]
        return (302, "", location) if len(asked) == 1 else (200, "inside", [])

    onehttp.init(backend="httpx", handler=answer)
    try:
        rules = replace(LOCAL, allow_private=False, max_redirects=3)
        CertificateFetcher(rules).fetch("http://public.example/x")
    finally:
        onehttp.shutdown()
    assert asked == ["public", "public"]


def test_the_wrong_host_in_the_server_certificate_is_refused(
    engine: str, wrong_name_context: ssl.SSLContext, ca_file: Path
) -> None:
    rules = replace(LOCAL, allow_http=False, ca_file=str(ca_file))
    with RawServer(answering(b"never"), tls=wrong_name_context) as server:
        assert "code 60" in refused(rules, server.url)
        assert server.requests == []


def test_a_server_of_an_unknown_authority_is_refused(
    engine: str, tls_server_context: ssl.SSLContext
) -> None:
    with RawServer(answering(b"never"), tls=tls_server_context) as server:
        assert "code 60" in refused(replace(LOCAL, allow_http=False), server.url)


@pytest.mark.parametrize(
    "head", ["Content-Length: 10485760\r\n", "Transfer-Encoding: chunked\r\n", ""]
)
def test_ten_megabytes_are_not_taken(engine: str, head: str) -> None:
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n" if "chunked" in head else b"x" * 0x100000
    data = f"HTTP/1.1 200 OK\r\n{head}\r\n".encode() + chunk * 10
    with RawServer(answering(data)) as server:
        assert "code 63" in refused(LOCAL, server.url)


@pytest.mark.parametrize("status", ["404 Not Found", "500 Oops", "304 Not Modified", "204 None"])
def test_an_answer_without_a_certificate_is_refused(engine: str, status: str) -> None:
    with RawServer(answering(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())) as server:
        assert f"answered {status[:3]}" in refused(LOCAL, server.url)


def test_a_server_that_never_answers_is_given_up(engine: str) -> None:
    rules = replace(LOCAL, timeout_s=0.05)
    with RawServer(silent) as server:
        assert "code 28" in refused(rules, server.url)


def test_the_error_names_the_server_and_not_the_query(engine: str, repository: Repository) -> None:
    text = refused(LOCAL, f"{repository.url}/none?token=secret")
    assert repository.url in text
    assert "secret" not in text


# Once, whoever asks.
