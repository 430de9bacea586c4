"""Where the double connects to."""

from __future__ import annotations

import pytest

from onehttp_backends.contract import Request
from onehttp_backends.double.wire import wire_request


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://localhost./", "localhost"),
        ("https://LOCALHOST.:1/", "localhost"),
        ("http://api.localhost/", "localhost"),
        ("http://localhost.example/", "localhost.example"),
        ("http://notlocalhost.example/", "notlocalhost.example"),
        ("http://notlocalhost/", "notlocalhost"),
        ("http://a.localhost.example/localhost./x", "a.localhost.example"),
    ],
)
def test_only_what_is_local_is_dialled_as_such(url: str, host: str) -> None:
    assert wire_request(Request("GET", url), None).url.host == host
