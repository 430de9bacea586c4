"""Where the body of an answer ends, however it is cut into pieces."""

from __future__ import annotations

import itertools
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onehttp_backends.double.judging.chunks import Chunks
from onehttp_backends.double.judging.ends import BodyEnd

STRAY = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL"
END = b"0\r\n\r\n"
sizes = st.lists(st.integers(1, 40), max_size=6)
extensions = st.sampled_from([b"", b";a=b", b' ; a="x"', b"x", b"\r", b";" + b"a" * 3000])
trailers = st.lists(st.sampled_from([b"X-A: 1", b"X-B: 2", b" X: 3"]), max_size=3)
line_ends = st.sampled_from([b"\r\n", b"\n"])
cuts = st.lists(st.integers(0, 4000), max_size=8)


def pieces(data: bytes, at: list[int]) -> list[bytes]:
    places = [0, *sorted(place for place in at if place < len(data)), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(places)]


class RefusedError(Exception):
    """What the chunks of a test are refused by."""


def refuse(code: int, text: str) -> NoReturn:
    raise RefusedError(f"{code}: {text}")


@given(sizes, extensions, trailers, line_ends, cuts)
def test_the_end_of_a_chunked_body_is_found(
    sizes: list[int], extension: bytes, trailers: list[bytes], line_end: bytes, at: list[int]
) -> None:
    size_end, found = extension + line_end, list[bytes]()
    chunks = b"".join(b"%X%s%s%s" % (size, size_end, b"x" * size, line_end) for size in sizes)
    body = chunks + b"000" + size_end + b"".join(each + line_end for each in trailers) + line_end
    end = Chunks(found.append, refuse)
    plain = b"".join(b"%x\r\n%s\r\n" % (size, b"x" * size) for size in sizes) + END
    assert b"".join(map(end.take, pieces(body, at))) == plain
    assert (end.is_over, end.has_more) == (True, False)
    assert found == trailers
    assert b"".join(map(end.take, pieces(STRAY, at))) == b""
    assert end.has_more


@given(st.integers(0, 100), cuts)
def test_the_end_of_a_body_with_a_length_is_found(length: int, at: list[int]) -> None:
    body = b"x" * length
    end = BodyEnd(length)
    assert b"".join(map(end.take, pieces(body + STRAY, at))) == body
    assert end.has_more


@given(st.binary(max_size=100), cuts)
def test_a_body_without_a_length_ends_with_its_connection(body: bytes, at: list[int]) -> None:
    end = BodyEnd(None)
    assert b"".join(map(end.take, pieces(body, at))) == body
    assert not end.has_more


@pytest.mark.parametrize("size", [b"", b"-1", b"+2", b" 2", b";a", b"g", b"f" * 16, b"0" * 18])
def test_what_is_no_chunk_is_refused_at_once(size: bytes) -> None:
    end = Chunks(list[bytes]().append, refuse)
    with pytest.raises(RefusedError, match="56"):
        end.take(size + b"\n")


@pytest.mark.parametrize("after", [b"x", b" ", b"\rx"])
def test_what_a_chunk_has_more_than_announced_is_refused_at_once(after: bytes) -> None:
    end = Chunks(list[bytes]().append, refuse)
    with pytest.raises(RefusedError, match="56"):
        end.take(b"2\r\nok" + after)


def test_nothing_after_a_size_lasts_for_ever() -> None:
    end = Chunks(list[bytes]().append, refuse)
    end.take(b"2" + b"x" * 1024 * 1024)
    with pytest.raises(RefusedError, match="56"):
        end.take(b"x")
