"""Hosts for people as DNS has them: by UTS 46, as libcurl, browsers and registries read them."""

from __future__ import annotations

import pytest

from onehttp import RequestError
from onehttp.urls import ascii_url


@pytest.mark.parametrize(
    ("url", "wire"),
    [
        ("http://faß.de/", "http://xn--fa-hia.de/"),
        ("http://κλαρα-σωλις.ευ/", "http://xn----ylba7abgd9bnh0e.xn--qxa6a/"),
        ("http://日本語。jp/", "http://xn--wgv71a119e.jp/"),
        ("http://\uff25\uff38.example:81/", "http://ex.example:81/"),
        ("http://a_b.ü.de/", "http://a_b.xn--tda.de/"),
        ("http://bücher.example./", "http://xn--bcher-kva.example./"),
        ("http://BÜCHER.example", "http://xn--bcher-kva.example"),
        ("http://h/ä?ö#ü", "http://h/%C3%A4?%C3%B6#%C3%BC"),
        ("http://h/%C3%A4 b", "http://h/%C3%A4%20b"),
    ],
)
def test_a_url_for_people_becomes_one_for_the_wire(url: str, wire: str) -> None:
    assert ascii_url(url) == wire


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1\uff0f.trusted.example",  # a full-width slash
        "evil.example\uff0f.good.example",
        "a\uff1f.good.example",
        "a\uff03.good.example",
        "a\uff20good.example",
        "a\uff1a80.good.example",
        "a\u2100b.example",  # "a/c" in one character
        "a\ufe52b.example",
        "ü..example",
        "-ü.example",
        "ü" * 64,
        "\u200dx.example",
        "ü\udc80.example",
        "\u2603.example",
        "%.ü",
    ],
)
def test_a_host_that_becomes_something_else_is_refused(host: str) -> None:
    with pytest.raises(RequestError) as caught:
        ascii_url(f"http://{host}/secret")
    assert caught.value.code == 3
