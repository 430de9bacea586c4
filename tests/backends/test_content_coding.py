"""Codings are taken off whole or not at all, however a body is cut into pieces."""

from __future__ import annotations

import gzip
import itertools
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onehttp_backends.codings import decoder
from onehttp_backends.codings.decoder import Decoder, accepted, codings_of, known
from onehttp_backends.codings.stages import CodingError


def raw(data: bytes) -> bytes:
    made = zlib.compressobj(wbits=-15)
    return made.compress(data) + made.flush()


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "raw": raw,
}
# What takes a library is tried where it is.
if "br" in known():
    import brotli

    ENCODERS["br"] = brotli.compress
if "zstd" in known():
    import zstandard

    ENCODERS["zstd"] = zstandard.ZstdCompressor().compress
CODINGS = [coding for coding in ENCODERS if coding != "raw"]


def decoded(codings: list[str], *pieces: bytes) -> bytes:
    decoder = Decoder(codings)
    found = b"".join(itertools.chain.from_iterable(map(decoder.pieces, pieces)))
    decoder.finish()
    return found


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(place % (len(data) + 1) for place in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(places)] or [b""]


@given(
    st.binary(max_size=300_000),
    st.lists(st.sampled_from(list(ENCODERS)), max_size=3),
    st.lists(st.integers(0, 2**20), max_size=6),
)
def test_what_was_encoded_is_decoded(body: bytes, codings: list[str], cuts: list[int]) -> None:
    sent = body
    for coding in codings:
        sent = ENCODERS[coding](sent)
    named = [coding.replace("raw", "deflate") for coding in codings]
    assert decoded(named, *cut(sent, cuts)) == body


@given(st.lists(st.binary(max_size=2000), min_size=1, max_size=4), st.integers(0, 20),
       st.lists(st.integers(0, 2**20), max_size=6))  # fmt: skip
def test_members_are_joined_and_zeros_after_them_are_padding(
    bodies: list[bytes], zeros: int, cuts: list[int]
) -> None:
    sent = b"".join(map(gzip.compress, bodies)) + bytes(zeros)
    assert decoded(["gzip"], *cut(sent, cuts)) == b"".join(bodies)


@given(st.sampled_from(list(ENCODERS)), st.binary(min_size=1, max_size=5000), st.data())
def test_what_is_cut_short_is_an_error(coding: str, body: bytes, data: st.DataObject) -> None:
    whole = ENCODERS[coding](body)
    end = data.draw(st.integers(1, len(whole) - 1))
    with pytest.raises(CodingError):
        decoded([coding.replace("raw", "deflate")], whole[:end])


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("rest", [b"x", b"\x1f\x8bno", b"\0\0x", b"HTTP/1.1 200 OK"])
def test_what_follows_is_an_error(coding: str, rest: bytes) -> None:
    whole = ENCODERS[coding](b"body")
    with pytest.raises(CodingError):
        decoded([coding], whole + rest)
    with pytest.raises(CodingError):
        decoded([coding], whole, rest)


@given(st.binary(min_size=1), st.sampled_from(CODINGS))
def test_any_bytes_are_decoded_or_an_error(data: bytes, coding: str) -> None:
    try:
        decoded([coding], data)
    except CodingError:
        return


@pytest.mark.parametrize("coding", CODINGS)
def test_no_body_is_no_error(coding: str) -> None:
    assert decoded([coding]) == b""
    assert decoded([coding], b"") == b""


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([], []),
        (["gzip"], ["gzip"]),
        (["X-GZIP , deflate"], ["gzip", "deflate"]),
        (["gzip", "deflate"], ["gzip", "deflate"]),
        (["identity", ""], []),
        (["br"], ["br"] if "br" in known() else None),
        (["zstd"], ["zstd"] if "zstd" in known() else None),
        (["compress"], None),
        (["gzip, aes128gcm"], None),
        (["gzip;q=1"], None),
    ],
)
def test_the_codings_of_a_header(values: list[str], found: list[str] | None) -> None:
    assert codings_of(values) == found


def test_more_codings_than_anybody_needs_are_an_error() -> None:
    assert codings_of(["gzip"] * 5) == ["gzip"] * 5
    with pytest.raises(CodingError):
        codings_of(["gzip"] * 6)


@pytest.mark.parametrize("coding", CODINGS)
def test_a_bomb_is_never_whole_in_memory(coding: str) -> None:
    encode = ENCODERS[coding]
    bomb = encode(encode(bytes(30_000_000)))
    tracemalloc.start()
    size = 0
    for piece in Decoder([coding, coding]).pieces(bomb):
        size += len(piece)
        if size > 1_000_000:
            break
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000


def test_what_is_asked_for_is_what_can_be_taken_off() -> None:
    assert accepted().split(", ") == CODINGS
    assert codings_of([accepted()]) == CODINGS


@pytest.mark.skipif("zstd" not in known(), reason="needs the extra codings")
def test_frames_of_zstd_are_joined_and_a_window_of_gigabytes_is_refused() -> None:
    encode = ENCODERS["zstd"]
    assert decoded(["zstd"], encode(b"a" * 999) + encode(b""), encode(b"b")) == b"a" * 999 + b"b"
    wide = zstandard.ZstdCompressionParameters(window_log=27, enable_ldm=True)
    made = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    frame = made.compress(b"x" * 1000) + made.flush()
    with pytest.raises(CodingError):
        decoded(["zstd"], frame)


def test_without_the_libraries_there_are_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "find_spec", lambda name: None)
    known.cache_clear()
    try:
        assert list(known()) == ["gzip", "deflate"]
        assert codings_of(["br"]) is None
    finally:
        known.cache_clear()
