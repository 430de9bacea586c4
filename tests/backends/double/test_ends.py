"""Where the body of an answer ends, however it is cut into pieces."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onehttp_backends.double.judging.ends import BodyEnd

STRAY = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL"
sizes = st.lists(st.integers(1, 40), max_size=6)
extensions = st.sampled_from([b"", b";a=b", b' ; a="x"', b";" + b"a" * 3000])
trailers = st.sampled_from([b"", b"X-A: 1\r\n", b"X-A: 1\r\nX-B: 2\r\n"])
cuts = st.lists(st.integers(0, 4000), max_size=8)


def pieces(data: bytes, at: list[int]) -> list[bytes]:
    places = [0, *sorted(place for place in at if place < len(data)), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(places)]


@given(sizes, extensions, trailers, cuts)
def test_of_chunks(sizes: list[int], extension: bytes, trailer: bytes, at: list[int]) -> None:
    chunks = b"".join(b"%x%s\r\n%s\r\n" % (size, extension, b"x" * size) for size in sizes)
    body = chunks + b"0" + extension + b"\r\n" + trailer + b"\r\n"
    end = BodyEnd(None, is_chunked=True)
    assert b"".join(map(end.take, pieces(body, at))) == body
    assert (end.is_over, end.has_more) == (True, False)
    assert b"".join(map(end.take, pieces(STRAY, at))) == b""
    assert end.has_more


@given(st.integers(0, 100), cuts)
def test_of_a_length(length: int, at: list[int]) -> None:
    body = b"x" * length
    end = BodyEnd(length)
    assert b"".join(map(end.take, pieces(body + STRAY, at))) == body
    assert end.has_more


@given(st.binary(max_size=100), cuts)
def test_of_what_lasts_as_long_as_its_connection(body: bytes, at: list[int]) -> None:
    end = BodyEnd(None)
    assert b"".join(map(end.take, pieces(body, at))) == body
    assert not end.has_more


@pytest.mark.parametrize("size", [b"", b"-1", b"+2", b"0x2", b"1_0", b"g", b"f" * 17])
def test_what_is_no_chunk_is_left_to_others_to_judge(size: bytes) -> None:
    end = BodyEnd(None, is_chunked=True)
    body = size + b"\r\nok\r\n0\r\n\r\n" + STRAY
    assert end.take(body) == body
    assert not end.has_more
