"""Which URLs a route of the double is for."""

from __future__ import annotations

from typing import Any

import pytest

import onehttp
from onehttp.testing import Double
from onehttp_backends.double import HttpxBackend

URL = "https://a.example/x"


@pytest.mark.parametrize(
    ("method", "url", "complaint"),
    [
        ("GET", "/x", "URL: a path without a host"),
        ("GET", "a.example/x", "URL: no scheme before 'a.example'"),
        ("GET", "https://a.example/{a}/{a}", "there twice"),
        ("get", URL, "methods are in capitals: 'GET'"),
        ("GET", "https://a.example/{a", "stand around a name"),
        ("GET", "https://a.example/{1}", "stand around a name"),
        ("GET", "https://a.example/{}?a=1", "stand around a name"),
        ("GET", "https://a.example/{...}", "as in {number}, or {rest...}"),
        ("GET", "https://a.example/{a}/{a...}", "there twice"),
        ("GET", "{any}", "URL: no scheme before 'name'"),
        ("GET", 3, "url: expected text, got int"),
    ],
)
def test_a_place_that_no_request_goes_to(method: str, url: Any, complaint: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        Double().add(method, url)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "url", "names"),
    [
        ("https://a.example", "https://a.example/", {}),
        ("https://A.example:443/x", "https://a.example/x", {}),
        ("http://a.example:80/x", "http://a.example/x?a=1", {}),
        ("https://a.example/{a}", "https://a.example/b", {"a": "b"}),
        ("https://a.example/{a}", "https://a.example/b%2Fc", {"a": "b/c"}),
        ("https://a.example/{a}", "https://a.example/%2b4%20%C3%BC%25", {"a": "+4 ü%"}),
        ("https://a.example/{a...}", "https://a.example/", {"a": ""}),
        ("https://a.example/{a...}", "https://a.example/b/c%2Fd?e", {"a": "b/c/d"}),
        ("https://a.example/{a}/{b...}", "https://a.example/c/d/e", {"a": "c", "b": "d/e"}),
        ("https://a.example/{a...}", "https://b.example/", None),
        ("https://{a}/{b...}", "https://b.example/", {"a": "b.example", "b": ""}),
        ("https://a.example/+49:a@b", "https://a.example/%2B49%3aa%40b", {}),
        ("https://a.example/%2B49%3Aa%40b", "https://a.example/+49:a@b", {}),
        ("https://a.example/b/c", "https://a.example/b%2Fc", None),
        ("https://a.example/b%2fc", "https://a.example/b%2Fc", {}),
        ("https://a.example/a b", "https://a.example/a%20b", {}),
        ("https://a.example/%25", "https://a.example/%2525", None),
        ("https://a.example/{a}", "https://a.example/b/c", None),
        ("https://a.example/{a}", "https://a.example/", None),
        ("https://a.example/{a}.json", "https://a.example/b.json", {"a": "b"}),
        ("https://a.example/{a}-{b}", "https://a.example/1-2", {"a": "1", "b": "2"}),
        ("https://{host}/x", "https://a.example/x", {"host": "a.example"}),
        ("https://a.example/a.c", "https://a.example/abc", None),
        ("https://a.example/ü", "https://a.example/%C3%BC", {}),
        ("https://bücher.example/", "https://xn--bcher-kva.example/", {}),
        ("https://a.example/x#top", "https://a.example/x", {}),
        ("https://a.example/x/", "https://a.example/x", None),
        ("http://a.example/x", "https://a.example/x", None),
    ],
)
def test_which_urls_a_pattern_is_for(pattern: str, url: str, names: dict[str, str] | None) -> None:
    double = Double()
    route = double.get(pattern)
    backend = HttpxBackend(answers=double)
    if names is None:
        with pytest.raises(onehttp.UnexpectedRequestError):
            backend.perform(onehttp.Request("GET", url))
    else:
        backend.perform(onehttp.Request("GET", url))
        assert route.calls.last.names == names


def test_what_a_value_in_a_path_was_is_what_a_test_reads() -> None:
    double, number = Double(), "+49 30/1%ü"
    route = double.get("https://a.example/n/{number}")
    onehttp.init(backend=HttpxBackend(answers=double))
    try:
        onehttp.request("GET", "https://a.example/n/{it}", path={"it": number})
    finally:
        onehttp.shutdown()
    call = route.calls.last
    assert call.names == {"number": number}
    assert call.request.path == f"/n/{number}"
    assert call.request.url == "https://a.example/n/%2B49%2030%2F1%25%C3%BC"
