"""What an error shows of the request it is about."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onehttp_backends.contract import Backend, Request, TransferOptions
from onehttp_backends.errors import ConnectError, TooLargeError
from onehttp_backends.secret_values import shown_url
from onehttp_backends.shown import shown
from servers.raw import RawServer, answering

HOST = "http://h.example:81"


@pytest.mark.parametrize(
    ("url", "text"),
    [
        (HOST, HOST),
        (f"{HOST}/", f"{HOST}/"),
        (f"{HOST}/orders/42", f"{HOST}/orders/42"),
        (f"{HOST}/orders/42?token=secret#secret", f"{HOST}/orders/42"),
        (f"{HOST}?secret", HOST),
        ("http://user:secret@h.example:81/x", f"{HOST}/x"),
        (f"{HOST}/bot110201543:AAHdqTcvCH1vGWJxfSeofS/send", f"{HOST}/bot1.../send"),
        (f"{HOST}/{'ab/' * 200}", f"{HOST}/{'ab/' * 66}a..."),
        ("secret", "URL"),
    ],
)
def test_a_path_is_shown_without_what_may_be_a_secret(url: str, text: str) -> None:
    assert shown(Request("GET", url)) == f"GET {text}"


@given(
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=300),
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=40),
)
def test_whatever_the_path_query_and_fragment_are_not_shown(path: str, query: str) -> None:
    path = path.translate({ord(mark): None for mark in "?#"})
    alone = shown_url(f"{HOST}/{path}")
    assert shown_url(f"{HOST}/{path}?{query}") == shown_url(f"{HOST}/{path}#{query}") == alone
    assert all(len(segment) <= 23 for segment in alone.removeprefix(HOST).split("/"))


def test_an_error_says_which_request_it_is_about(backend: Backend) -> None:
    with pytest.raises(ConnectError, match=r"^GET http://127.0.0.1:1/orders/42: .") as caught:
        backend.perform(Request("GET", "http://127.0.0.1:1/orders/42?key=secret"))
    assert "secret" not in str(caught.value)


def test_a_body_that_is_too_large_names_the_limit(backend: Backend) -> None:
    options = TransferOptions(max_body_bytes=3)
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd"
    with RawServer(answering(reply)) as server:
        with pytest.raises(TooLargeError) as caught:
            backend.perform(Request("GET", f"{server.url}/x", options=options))
        text = f"GET {server.url}/x: the body is larger than max_body, 3 bytes"
        assert caught.value.message == text
