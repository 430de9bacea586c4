"""An answer of a proxy that breaks off is given on once: the library asks until nothing comes."""

from __future__ import annotations

import pytest

from onehttp_backends.double.judging.proxy_answers import ProxyAnswer

HEAD = b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n"


@pytest.mark.parametrize("length", range(1, len(HEAD)))
def test_what_was_read_does_not_come_for_ever(length: int) -> None:
    answer = ProxyAnswer("https://a.example/")
    assert answer.take(HEAD[:length]) is None
    answer.take(b"")
    assert answer.take(b"") == b""
