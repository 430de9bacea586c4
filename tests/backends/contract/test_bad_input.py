"""What must never reach the wire is refused alike on every backend."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from onehttp_backends.contract import Backend, Keepalive, LowSpeed, Request, TransferOptions
from onehttp_backends.errors import RequestError, RequestTypeError, Sent, TransferError
from servers.raw import RawServer, keep_answering, redirecting_to

SMUGGLED = ["a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\rb", "a\0b"]


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer(keep_answering) as running:
        yield running


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", 3),
        ("127.0.0.1:80/x", 3),
        ("http:/127.0.0.1/", 3),
        ("http:///127.0.0.1/", 3),
        ("http://", 3),
        ("http://a b/", 3),
        ("http://127.0.0.1/a b", 3),
        ("http://127.0.0.1/\r\nX: 1", 3),
        ("http://127.0.0.1/\0", 3),
        ("http://127.0.0.1:65536/", 3),
        ("http://127.0.0.1:port/", 3),
        ("http://user:secret@127.0.0.1/", 3),
        ("http://[1.2.3.4]/", 3),
        ("http://[::1.2.3.4.5]:80/x", 3),
        ("http://[:::]", 3),
        ("http://[1%25lo]?x", 3),
        ("http://a..:80/", 3),
        ("http://a..b..", 3),
        ("http://./", 3),
        ("file:///etc/passwd", 1),
        ("gopher://127.0.0.1/", 1),
        ("ftp://127.0.0.1/x", 1),
        ("dict://127.0.0.1/x", 1),
        ("HTTPX://127.0.0.1/", 1),
    ],
)
def test_a_bad_url_is_refused_with_libcurls_code(backend: Backend, url: str, code: int) -> None:
    with pytest.raises(RequestError) as caught:
        backend.perform(Request("GET", url))
    assert caught.value.code == code
    assert caught.value.sent is Sent.NO
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        *(TransferOptions(max_body_bytes=number) for number in (-1, 2**63, 10**30)),
        *(TransferOptions(low_speed=LowSpeed(bytes_per_s=n, time_s=1)) for n in (0, 2**63)),
        *(TransferOptions(low_speed=LowSpeed(bytes_per_s=1, time_s=n)) for n in (0, 2**63)),
        *(TransferOptions(keepalive=Keepalive(idle_s=n)) for n in (0, 2**63)),
        *(TransferOptions(keepalive=Keepalive(interval_s=n)) for n in (0, 2**63)),
    ],
)
def test_a_number_that_libcurl_has_none_for(backend: Backend, options: TransferOptions) -> None:
    with pytest.raises(RequestError, match=r"expected [01] to"):
        backend.perform(Request("GET", "http://127.0.0.1:1/", options=options))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "URL: empty; expected http://HOST/... or https://HOST/..."),
        ("127.0.0.1:18080/x?k=secret", "URL: no scheme before '127.0.0.1:18080'; expected http:"),
        ("user:secret@a.example/x", "URL: no scheme before 'a.example'; expected http:"),
        ("localhost", "URL: no scheme before 'localhost'; expected http:"),
        ("h" * 300, f"URL: no scheme before '{'h' * 253}...'; expected http:"),
        ("/orders/secret", "URL: a path without a host; expected http:"),
        ("?k=secret", "URL: a path without a host; expected http:"),
        ("http:/secret", "URL: 'http:' without '//HOST' behind it; expected http:"),
        ("HTTPS:a.example", "URL: 'HTTPS:' without '//HOST' behind it; expected http:"),
        ("http://a:secret@h/", "URL: credentials before '@' are refused; give them as `auth:` of"),
    ],
)
def test_what_a_url_lacks_is_said_and_no_secret(backend: Backend, url: str, message: str) -> None:
    with pytest.raises(RequestError) as caught:
        backend.perform(Request("GET", url))
    assert caught.value.message.startswith(message)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", SMUGGLED)
def test_line_breaks_in_a_header_value_are_refused(
    backend: Backend, server: RawServer, text: str
) -> None:
    with pytest.raises(RequestError, match="header X-A"):
        backend.perform(Request("GET", server.url, (("X-A", text),)))
    assert server.connections == 0


@pytest.mark.parametrize("name", [*SMUGGLED, "", "X A", "X:A", "Ü"])
def test_a_header_name_must_be_a_token(backend: Backend, server: RawServer, name: str) -> None:
    with pytest.raises(RequestError):
        backend.perform(Request("GET", server.url, ((name, "1"),)))
    assert server.connections == 0


@pytest.mark.parametrize("method", [*SMUGGLED, "", "GET /x", "GÉT"])
def test_a_method_must_be_a_token(backend: Backend, server: RawServer, method: str) -> None:
    with pytest.raises(RequestError, match="method"):
        backend.perform(Request(method, server.url))
    assert server.connections == 0


@pytest.mark.parametrize("text", SMUGGLED)
def test_line_breaks_in_the_user_agent_are_refused(
    backend: Backend, server: RawServer, text: str
) -> None:
    options = TransferOptions(user_agent=text)
    with pytest.raises(RequestError, match="user_agent"):
        backend.perform(Request("GET", server.url, options=options))
    assert server.connections == 0


@pytest.mark.parametrize("body", ["text", 5, ["x"], bytearray(b"x")])
def test_a_body_of_another_type_is_refused(
    backend: Backend, server: RawServer, body: object
) -> None:
    with pytest.raises(RequestTypeError, match="body"):
        backend.perform(Request("POST", server.url, body=body))  # type: ignore[arg-type]
    assert server.connections == 0


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf"), -0.001])
def test_a_time_limit_must_be_a_finite_number_from_zero(backend: Backend, seconds: float) -> None:
    with pytest.raises(RequestError, match="timeout"):
        backend.perform(Request("GET", "http://127.0.0.1/", total_timeout_s=seconds))


def test_a_header_value_that_cannot_be_encoded_is_refused(backend: Backend) -> None:
    with pytest.raises(RequestError, match="UTF-8"):
        backend.perform(Request("GET", "http://127.0.0.1/", (("X-A", "\udc80"),)))


def test_a_refused_header_is_named_and_its_value_is_not(backend: Backend) -> None:
    with pytest.raises(RequestError) as caught:
        backend.perform(Request("GET", "http://127.0.0.1/", (("X-Key", "hush\r\n"),)))
    assert "X-Key" in str(caught.value)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["file", "gopher", "ftp", "dict"])
def test_a_redirect_to_another_scheme_opens_nothing(backend: Backend, scheme: str) -> None:
    following = TransferOptions(max_redirects=5)
    with (
        RawServer(redirecting_to(f"{scheme}:///x")) as server,
        pytest.raises(TransferError) as caught,
    ):
        backend.perform(Request("GET", server.url, options=following))
    assert caught.value.code in (1, 3)


def test_an_engine_works_after_refusals(backend: Backend, server: RawServer) -> None:
    for bad in ("http://a b/", "file:///x"):
        with pytest.raises(RequestError):
            backend.perform(Request("GET", bad))
    assert backend.perform(Request("GET", server.url)).status == 200
