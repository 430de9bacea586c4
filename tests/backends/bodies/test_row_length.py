"""Rows of pieces grow while their source is quick, and end when it has waited in one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

import pytest

from onehttp_backends.bodies.fed_upload import FedUpload
from onehttp_backends.bodies.row_length import QUICK_S, ROW_PIECES, ROW_S, RowLength
from onehttp_backends.errors import UploadError


def quick(length: RowLength) -> None:
    length.note(length.row, 0, length.row * QUICK_S / 2)


def rows(length: RowLength) -> Iterator[int]:
    while True:
        yield length.row
        quick(length)


def grown(row: int) -> RowLength:
    length = RowLength()
    while length.row < row:
        quick(length)
    return length


def test_a_source_that_is_quick_is_asked_for_ever_longer_rows() -> None:
    assert list(takewhile(lambda row: row < ROW_PIECES, rows(RowLength()))) == [
        1, 2, 4, 8, 16, 32, 64, 128, 256, 512,
    ]  # fmt: skip
    assert grown(ROW_PIECES).row == ROW_PIECES
    quick(length := grown(ROW_PIECES))
    assert length.row == ROW_PIECES


def test_a_source_that_takes_its_time_is_asked_for_one_piece() -> None:
    length = RowLength()
    for _ in range(100):
        length.note(1, 10, 2 * QUICK_S)
    assert length.row == 1


def test_after_a_wait_within_a_row_it_has_to_be_quick_for_ever_longer() -> None:
    length, singles = RowLength(), []
    for _ in range(5):
        while length.row < 8:
            quick(length)
        length.note(length.row, 0, ROW_S)
        singles.append(sum(1 for _ in takewhile(lambda row: row == 1, rows(length))))
    assert singles == [17, 33, 65, 129, 257]


@pytest.mark.parametrize("is_there", [True, False])
def test_who_sends_nothing_meanwhile_gets_one_piece(is_there: bool) -> None:
    asked: list[int] = []

    def source() -> Iterator[bytes]:
        for number in range(100):
            asked.append(number)
            yield b"x"

    sending = FedUpload(source, True, is_there=is_there).begin()
    for _ in range(3):
        sending.pull()
    assert len(asked) == (100 if is_there else 3)


@pytest.mark.parametrize("ahead", [True, False])
@pytest.mark.parametrize("pieces", [[b"ab", b"cd", b"e"], [b"ab", b"c"]], ids=["more", "less"])
def test_who_drives_after_the_failure_of_a_source_sends_no_whole_body(
    pieces: list[bytes], ahead: bool
) -> None:
    sending = FedUpload(pieces.__iter__, True, size=4).begin()
    taken: list[bytes | None] = []

    def send() -> None:
        while True:
            sending.pull(ahead)
            taken.append(sending.take(100))

    with pytest.raises(UploadError):
        send()
    taken += [sending.take(100) for _ in pieces]
    assert len(b"".join(filter(None, taken))) < 4
