"""Where a Location leads: RFC 3986, libcurl and browsers, and where this is stricter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onehttp.policies.location import origin, target
from onehttp_backends.errors import CurlCode, RedirectError, Sent
from onehttp_backends.rules.request_rules import check_url

BASE = "http://a.example:81/b/c/d;p?q"
HOST = "http://a.example:81"


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        # RFC 3986, 5.4.1 and 5.4.2
        ("g", "/b/c/g"),
        ("./g", "/b/c/g"),
        ("g/", "/b/c/g/"),
        ("/g", "/g"),
        ("?y", "/b/c/d;p?y"),
        ("g?y", "/b/c/g?y"),
        ("#s", "/b/c/d;p?q#s"),
        ("g#s", "/b/c/g#s"),
        ("g?y#s", "/b/c/g?y#s"),
        (";x", "/b/c/;x"),
        ("g;x", "/b/c/g;x"),
        (".", "/b/c/"),
        ("..", "/b/"),
        ("../g", "/b/g"),
        ("../../g", "/g"),
        ("../../../g", "/g"),
        ("/./g", "/g"),
        ("/../g", "/g"),
        ("g.", "/b/c/g."),
        ("..g", "/b/c/..g"),
        ("g;x=1/../y", "/b/c/y"),
        ("g?y/../x", "/b/c/g?y/../x"),
        # What servers write all the same, as libcurl reads it
        ("/caf\xe9", "/caf%E9"),
        ("/caf\xc3\xa9", "/caf%C3%A9"),
        ("/voil\xc3\xa0", "/voil%C3%A0"),
        ("\xa0\x85/\x1c", "/b/c/%A0%85/%1C"),
        ("/a b?c=d e", "/a%20b?c=d%20e"),
        ("  /padded \t", "/padded"),
        ("/tab\tin", "/tab%09in"),
        ("/a\x01b\x7f", "/a%01b%7F"),
        ("%2e%2E/g", "/b/g"),
        ("/a%zz", "/a%zz"),
        ("/\\back", "/\\back"),
        ("\\\\h\\x", "/b/c/\\\\h\\x"),
        ("127.0.0.1:80/x", "/b/c/127.0.0.1:80/x"),
        ('/<>"{}|^`', '/<>"{}|^`'),
    ],
)
def test_a_reference_leads_to_a_place_of_the_same_server(location: str, leads_to: str) -> None:
    assert target(BASE, location) == HOST + leads_to


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("http://h/x", "http://h/x"),
        ("HTTPS://H/x", "https://H/x"),
        ("//h:8080/x?y", "http://h:8080/x?y"),
        ("http:/h/x", "http://h/x"),
        ("http:///h/x", "http://h/x"),
        ("///h/x", "http://h/x"),
        ("http://h?y", "http://h/?y"),
        ("http://h#f", "http://h/#f"),
        ("http://h:/x", "http://h/x"),
        ("http://[::1]:8/x", "http://[::1]:8/x"),
        ("http://h%61/x", "http://ha/x"),
        ("http://fa\xc3\x9f.example/\xdf", "http://xn--fa-hia.example/%DF"),
    ],
)
def test_a_whole_url_leads_to_another_server(location: str, leads_to: str) -> None:
    assert target(BASE, location) == leads_to


@pytest.mark.parametrize(
    "location",
    [
        "http:g",
        "http:",
        "http://",
        "//",
        "http:////h/x",
        "////h/x",
        "http://[::1",
        "http://h:99999/",
        "http://h h/",
        "http://h\\@evil/",
        "http://user:pw@h/",
        "http://h%2f.good.example/",
        "http://h%40evil/",
        "http://h%3a80/",
        "http://h%3A80/",
        "http://h%5c.good.example/",
        "http://h%23.good.example/",
        "http://h%3f.good.example/",
        "http://%5b::1%5d/",
        "http://\xe9.example/",
        "http://h\xef\xbc\x8f.good.example/",
    ],
)
def test_what_is_no_url_is_refused(location: str) -> None:
    with pytest.raises(RedirectError) as caught:
        target(BASE, location)
    assert (caught.value.code, caught.value.sent) == (CurlCode.URL_MALFORMAT, Sent.YES)


@pytest.mark.parametrize("location", ["ftp://h/", "file:///etc/passwd", "mailto:a@b", "foo:bar"])
def test_another_scheme_is_refused(location: str) -> None:
    with pytest.raises(RedirectError) as caught:
        target(BASE, location)
    assert (caught.value.code, caught.value.sent) == (CurlCode.UNSUPPORTED_PROTOCOL, Sent.YES)


def test_the_fragment_of_the_request_holds_where_the_location_has_none() -> None:
    assert target(f"{BASE}#mine", "/g") == f"{HOST}/g#mine"
    assert target(f"{BASE}#mine", "/g#its") == f"{HOST}/g#its"


@given(st.text(st.characters(max_codepoint=255)))
def test_any_bytes_lead_to_a_url_that_may_be_asked_for_or_are_refused(location: str) -> None:
    try:
        url = target(BASE, location)
    except RedirectError:
        return
    check_url(url)
    assert url.isascii()
    assert "/../" not in url.partition("?")[0]


@pytest.mark.parametrize("url", ["http://h:80/x", "HTTP://H/", "http://h"])
def test_an_origin_has_one_spelling(url: str) -> None:
    assert origin(url) == "http://h"
