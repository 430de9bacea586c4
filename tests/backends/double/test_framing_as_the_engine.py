"""The double reads the framing of an answer as the engine does: statuses, lengths, codings, folded
lines, chunks and trailers, and what an interim response is followed by."""

from __future__ import annotations

import pytest

from onehttp_backends.contract import TransferOptions
from servers.raw import OK, answering
from stand_ins.both_engines import on_both

LINE = b"HTTP/1.1 200 OK\r\n"
HINTS = b"HTTP/1.1 103 Hints\r\n\r\n"
BODY = b"Content-Length: 2\r\n\r\nok"
CHUNKED = LINE + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKS = b"2\r\nok\r\n0\r\n\r\n"
TEN_MIB = 10 * 1024 * 1024
LONG = b"X: " + b"a" * 60_000 + b"\r\n"

STATUSES = [
    *(b"000", b"020", b"099", b"0200", b"100x", b"1000", b"2000", b"20", b"2", b""),
    *(b"200OK", b"200.1", b"200-x", b"200\tOK", b"200\x01", b"204x", b"999x", b"200 O\rK"),
]
LENGTHS = [
    *(b"2,2", b"2 , 2", b"02, 2", b"2,2,3", b"2, 3", b"2,", b",2", b"2,x", b"2;2", b"2 3", b"x"),
    *(b"2\r\nContent-Length: 02", b"2, 2\r\nContent-Length: 2", b"2\r\nContent-Length: 3"),
    *(b"%d" % size for size in (TEN_MIB, TEN_MIB + 1, 2**63 - 1, 2**63, 10**30)),
]
CODINGS = [
    *(b"", b",", b",chunked", b"chunked,", b"chunked , ", b"identity, chunked", b"CHUNKED"),
    *(b"chunked, identity", b"chunked, chunked", b"chunked;q=1", b"\x0bchunked", b"foo, chunked"),
    *(b"chunked\r\nTransfer-Encoding: %s" % other for other in (b"", b"identity", b"gzip")),
]
FIELDS: dict[str, bytes] = {
    "a length, folded": b"Content-Length:\r\n 2\r\n\r\nok",
    "two lengths, folded": b"Content-Length: 1\r\n 2\r\n\r\nok",
    "a coding, folded": b"Transfer-Encoding:\r\n\tchunked\r\n\r\n" + CHUNKS,
    "codings, folded": b"Transfer-Encoding: identity,\r\n chunked\r\n\r\n" + CHUNKS,
    "a colon, folded": b"X\r\n : b\r\n" + BODY,
    "folded thrice": b"X: a\r\n b\r\n\tc \r\n \r\n" + BODY,
    "folded, by LF": b"X: a\n b\n" + BODY,
    "folded first, without a colon": b" a\r\n b\r\n" + BODY,
    "folded into a large one": LONG + b" " + LONG + BODY,
    "a thousand times": b"X: a\r\n" + b" b\r\n" * 6000 + BODY,
    "a NUL in what is folded": b"X: a\r\n b\0c\r\n" + BODY,
    "a CR first": b"A: b\n\rC: d\n\r\n" + BODY,
    "two CR for the end": b"A: b\r\n\r\r\nok",
}
SIZES = [
    *(b"2x", b"2 x", b"2 ;a", b"2\r", b"2\0", b"2,", b"0x2", b"-2", b"+2", b" 2", b"", b"g", b";a"),
    *(b"0" * 16 + b"2", b"0" * 17 + b"2", b"f" * 15, b"f" * 16, b"f" * 20, b"2;" + b"a" * 200_000),
]
AFTER_DATA = [b"\n", b"\r\r\n", b"", b"x\r\n", b" \r\n", b"\r", b"\rx\n", b"\n\n"]
TRAILERS = [
    *(b"", b"\r", b"\n", b"X: y", b"X: y\r", b"X: y\r\n", b"X: y\r\n\r", b"\r\0", b"\rX"),
    *(b"X: y\r\n\r\n", b"X: y\n\n", b"X: y\r\nZ: w\r\n\r\n", b"X: y\r\n\r\nmore"),
    *(b"nocolon\r\n\r\n", b"X: y\r\n z\r\n\r\n", b" X: y\r\n\r\n", b": y\r\n\r\n"),
    *(
        b"X Y: z\r\n\r\n",
        b"X: a\0b\r\n\r\n",
        b"X: a\rb\r\n\r\n",
        b"X: \xe9\r\n\r\n",
        LONG + b"\r\n",
    ),
    *(b"Content-Length: x\r\n\r\n", b"Transfer-Encoding: foo\r\n\r\n", b"Location: /x\r\n\r\n"),
    *(b"X: " + b"a" * size + b"\r\n\r\n" for size in (4090, 4091)),
    *(b"X: a\r\n" * count + b"\r\n" for count in (4999, 5000)),
    *((b"X: " + b"a" * 1019 + b"\r\n") * count + b"\r\n" for count in (296, 300)),
]
INTERIM: dict[str, bytes] = {
    "the end": HINTS,
    "half a status line": HINTS + b"HTTP/1.1 2",
    "half a head": HINTS + LINE,
    "junk": HINTS + b"junk\r\n",
    "an empty line": HINTS + b"\r\n" + OK,
    "no status": HINTS + b"HTTP/1.1 099 X\r\n\r\n",
    "a length that counts for nothing": HINTS[:-2] + b"Content-Length: 2, x\r\n\r\n" + OK,
    "a coding that counts for nothing": HINTS[:-2] + b"Transfer-Encoding: foo\r\n\r\n" + OK,
}
BODILESS = [b"Content-Length: x", b"Content-Length: 2, 3", b"Content-Length: 99999999999",
            b"Content-Length: " + b"9" * 30, b"Transfer-Encoding: foo"]  # fmt: skip


UNCOUNTED = {
    "without a limit": TransferOptions(max_body_bytes=0),
    "cut off": TransferOptions(body_policy="truncate"),
    "unpacked": TransferOptions(decompress=True),
}


def check(data: bytes, method: str = "GET", options: TransferOptions | None = None) -> None:
    engine, double = on_both(
        lambda: answering(data), method=method, options=options or TransferOptions()
    )
    assert double == engine


@pytest.mark.parametrize("status", STATUSES)
def test_a_status_is_framed_as_by_the_engine(status: bytes) -> None:
    check(b"HTTP/1.1 " + status + b" X\r\n" + BODY)


@pytest.mark.parametrize("length", LENGTHS)
def test_a_content_length_is_read_as_by_the_engine(length: bytes) -> None:
    check(LINE + b"Content-Length: " + length + b"\r\n\r\nok")


@pytest.mark.parametrize("length", [2**63 - 1, 2**63, 2**64 + 2, 2**65, 10**30, 10**400])
@pytest.mark.parametrize("options", UNCOUNTED.values(), ids=UNCOUNTED)
@pytest.mark.parametrize("status", [200, 302])
@pytest.mark.parametrize("passes_by", [False, True])
def test_a_length_beyond_all_numbers_is_not_forgotten(
    length: int, options: TransferOptions, status: int, passes_by: bool
) -> None:
    head = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, length)
    for method in ("GET", "HEAD"):
        engine, double = on_both(
            lambda: answering(head + b"ok"),
            method=method,
            options=options,
            passes_redirects_by=passes_by,
        )
        assert double == engine
        assert (engine[0][0] == status) is (method == "HEAD")  # type: ignore[index]


@pytest.mark.parametrize("policy", ["fail", "truncate"])
@pytest.mark.parametrize("unpacks", [False, True])
def test_more_than_is_wanted(policy: str, unpacks: bool) -> None:
    options = TransferOptions(
        max_body_bytes=2,
        body_policy=policy,  # type: ignore[arg-type]
        decompress=unpacks,
    )
    check(LINE + b"Content-Length: 3\r\n\r\nok", options=options)


@pytest.mark.parametrize("policy", ["fail", "truncate"])
@pytest.mark.parametrize("most", [1, 2, 3])
@pytest.mark.parametrize(
    "rest",
    [b"", b"\r\n", b"0\r\n", b"\r\n0\r\n\r\n", b"\r\n0\r\nX: y\r\n\r\n", b"\r\n0\r\nbad\r\n\r\n",
     b"\r\nzz\r\n", b"\r\n1\r\nkk", b"\r\n1\r\nk\r\n0\r\n\r\n", b"\r\n5\r\nk"],
)  # fmt: skip
def test_what_is_wrong_behind_what_is_wanted(policy: str, most: int, rest: bytes) -> None:
    options = TransferOptions(max_body_bytes=most, body_policy=policy)  # type: ignore[arg-type]
    check(CHUNKED + b"2\r\nok" + rest, options=options)


@pytest.mark.parametrize("coding", CODINGS)
def test_transfer_codings_are_read_as_by_the_engine(coding: bytes) -> None:
    check(LINE + b"Transfer-Encoding: " + coding + b"\r\n\r\n" + CHUNKS)


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("comes_first", [False, True])
@pytest.mark.parametrize("length", [b"2", b"99", b"99999999999", b"x", b"2, 3"])
def test_a_length_beside_codings(coding: bytes, comes_first: bool, length: bytes) -> None:
    """It does not count (RFC 9112, 6.3)."""
    fields = [b"Transfer-Encoding: " + coding, b"Content-Length: " + length]
    lines = b"".join(each + b"\r\n" for each in sorted(fields, reverse=comes_first))
    check(LINE + lines + b"\r\n" + CHUNKS)


@pytest.mark.parametrize("what", FIELDS)
def test_lines_of_a_head(what: str) -> None:
    check(LINE + FIELDS[what])


@pytest.mark.parametrize("size", SIZES)
def test_a_chunk_size_is_read_as_by_the_engine(size: bytes) -> None:
    check(CHUNKED + size + b"\r\nok\r\n0\r\n\r\n")


@pytest.mark.parametrize("after", AFTER_DATA)
def test_after_a_chunk(after: bytes) -> None:
    check(CHUNKED + b"2\r\nok" + after + b"0\r\n\r\n")


@pytest.mark.parametrize("trailers", TRAILERS, ids=[str(at) for at in range(len(TRAILERS))])
def test_trailers_are_read_as_by_the_engine(trailers: bytes) -> None:
    check(CHUNKED + b"2\r\nok\r\n0\r\n" + trailers)


@pytest.mark.parametrize("what", INTERIM)
def test_an_interim_response_and(what: str) -> None:
    check(INTERIM[what])


@pytest.mark.parametrize("line", BODILESS)
@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", 200), ("HEAD", 302), ("GET", 204), ("GET", 304), ("HEAD", 304)]
)
def test_what_has_no_body(method: str, status: int, line: bytes) -> None:
    check(b"HTTP/1.1 %d X\r\n%s\r\n\r\n" % (status, line), method)
