"""Links of a response (RFC 8288): what a header means, and no more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onehttp_backends.links import Link, parse_links
from onehttp_backends.response import Response

BASE = "https://a.example/v1/items?page=1"


@pytest.mark.parametrize(
    ("value", "urls"),
    [
        ('<https://b.example/x>; rel="next"', {"next": "https://b.example/x"}),
        ("<?page=2>;rel=next", {"next": "https://a.example/v1/items?page=2"}),
        ("</x> ; REL = Next ", {"next": "https://a.example/x"}),
        ('<x>; rel="prev  last"', dict.fromkeys(("prev", "last"), "https://a.example/v1/x")),
        ('<x>; rel=a, <y,z>; rel="b"', {"a": "https://a.example/v1/x",
                                        "b": "https://a.example/v1/y,z"}),
        ('<x>; title="a, <y>; rel=b"; rel=c', {"c": "https://a.example/v1/x"}),
        (r'<x>; title="\"<"; rel=c', {"c": "https://a.example/v1/x"}),
        ("<x>; rel=a; rel=b", {"a": "https://a.example/v1/x"}),
        ("<x>; rel=a, <y>; rel=a", {"a": "https://a.example/v1/x"}),
        ("<>; rel=self", {"self": BASE}),
        ("<x>; rel=a; anchor=/other", {}),
        ("<x>", {}),
        ("<x>; rel", {}),
        ("<x; rel=a", {}),
        ("x; rel=a", {}),
        ("<x>; rel=a junk, <y>; rel=b", {"a": "https://a.example/v1/x",
                                        "b": "https://a.example/v1/y"}),
        (",, ,<x>;;rel=a", {"a": "https://a.example/v1/x"}),
        ("<http://[::1>; rel=a", {}),
        ("< /voil\xc3\xa0 >; rel=a", {"a": "https://a.example/voil%C3%A0"}),  # bytes as Latin-1
        ("</caf\xe9 x>; rel=a", {"a": "https://a.example/caf%E9%20x"}),
        ("", {}),
    ],
)  # fmt: skip
def test_what_a_header_links_to(value: str, urls: dict[str, str]) -> None:
    assert {name: link.url for name, link in parse_links([value], BASE).items()} == urls


def test_the_links_of_a_response_are_those_of_all_its_headers() -> None:
    head = [b"HTTP/1.1 200 OK\r\n", b'Link: <a>; rel=next; type="text/x"\r\n',
            b"link: <b>; rel=last\r\n", b"\r\n"]  # fmt: skip
    links = Response(200, head, b"", BASE).links
    assert links["next"] == Link(
        "https://a.example/v1/a", "next", {"rel": "next", "type": "text/x"}
    )
    assert list(links) == ["next", "last"]


@given(st.lists(st.text() | st.text('<>;,="\\ arel')), st.text())
def test_whatever_a_server_sends_it_is_links_or_none(values: list[str], base: str) -> None:
    for relation, link in parse_links(values, base).items():
        assert relation == link.relation == relation.lower()


def test_one_that_never_ends_is_read_once() -> None:
    """300 KiB, all that a head may have, of what could be read again and again."""
    for piece in ("<", '<>;a="', "<>;", '<>;a="\\', ",<>", '<>;a="",'):
        assert parse_links([piece * (300 * 1024 // len(piece))], BASE) == {}
