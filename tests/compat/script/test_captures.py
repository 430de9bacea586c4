"""Messages from files, byte for byte: text, traces, packet captures, and what is none."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from onehttp import OnehttpError
from onehttp_compat.script.captures import DEFAULT_MESSAGE, CaptureError, read_messages

INFO = (
    b"INFO sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bK-1\r\n"
    b"From: <sip:alice@example.org>;tag=1\r\nTo: <sip:bob@example.org>;tag=2\r\nCall-ID: c1\r\n"
    b"CSeq: 3 INFO\r\nContent-Type: application/dtmf-relay\r\nContent-Length: 24\r\n\r\n"
    b"Signal=0\r\nDuration=160\r\n"
)
REPLY = (
    b"SIP/2.0 486 Busy Here\r\nVia: SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bK-1\r\n"
    b"From: <sip:alice@example.org>;tag=1\r\nTo: <sip:bob@example.org>;tag=2\r\nCall-ID: c1\r\n"
    b"CSeq: 3 INFO\r\nContent-Length: 0\r\n\r\n"
)
SIPP = b"----------------------------------------------- 2026-01-02 03:04:05.678\n"
ARROW = b"2026/01/02 03:04:05.678 192.0.2.10:5062 -> 192.0.2.20:5060\n"


@pytest.mark.parametrize(
    "text",
    [
        INFO,
        INFO.replace(b"\r\n", b"\n"),
        INFO.replace(b"\r\n", b"\n") + b"\n",
        SIPP + b"UDP message received [%d] bytes :\n\n" % len(INFO) + INFO + b"\n",
        SIPP + b"UDP message sent (%d bytes):\n\n" % len(INFO) + INFO + b"\n",
        ARROW + INFO + b"\n\n",
    ],
    ids=["as captured", "an editor's lines", "and its last one", "sipp", "old sipp", "sngrep"],
)  # fmt: skip
def test_the_bytes_of_the_wire_come_out(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "info.sip"
    file.write_bytes(text)
    (message,) = read_messages(file)
    assert message.received == INFO
    assert message.body == b"Signal=0\r\nDuration=160\r\n"


def test_several_messages_of_a_file_stand_apart(tmp_path: Path) -> None:
    file = tmp_path / "two.sip"
    file.write_bytes(b"%%\n" + INFO + b"\r\n%%\r\n" + REPLY + b"%%\n")
    request, reply = read_messages(file)
    assert (request.method, reply.status, reply.method) == ("INFO", 486, "INFO")
    assert [request.label, reply.label] == ["two.sip#1", "two.sip#2"]


def test_sngrep_tells_between_whom(tmp_path: Path) -> None:
    file = tmp_path / "flow.txt"
    file.write_bytes(ARROW + INFO + b"\n\n" + ARROW.replace(b"5062", b"5070") + REPLY + b"\n\n")
    request, reply = read_messages(file)
    assert (request.source, request.destination) == (("192.0.2.10", 5062), ("192.0.2.20", 5060))
    assert reply.source == ("192.0.2.10", 5070)


def ethernet(
    payload: bytes, *, protocol: int = 17, identification: int = 1, flags: int = 0
) -> bytes:
    """A frame with an IPv4 packet from 192.0.2.10 to 192.0.2.20."""
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), identification, flags, 64,
                       protocol, 0, bytes((192, 0, 2, 10)), bytes((192, 0, 2, 20)))  # fmt: skip
    return b"\0" * 12 + b"\x08\0" + head + payload


def udp(data: bytes) -> bytes:
    return struct.pack("!HHHH", 5062, 5060, 8 + len(data), 0) + data


def tcp(data: bytes, sequence: int, flags: int = 0x18) -> bytes:
    return struct.pack("!HHIIBBHHH", 5062, 5060, sequence, 0, 0x50, flags, 100, 0, 0) + data


def pcap(*frames: bytes) -> bytes:
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    return head + b"".join(
        struct.pack("<IIII", 1, 0, len(frame), len(frame)) + frame for frame in frames
    )


def pcapng(*frames: bytes) -> bytes:
    def block(kind: int, body: bytes) -> bytes:
        body += b"\0" * (-len(body) % 4)
        return struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))

    head = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    head += block(1, struct.pack("<HHI", 1, 0, 65535))
    return head + b"".join(
        block(6, struct.pack("<IIIII", 0, 0, 0, len(frame), len(frame)) + frame) for frame in frames
    )


FIRST, REST = udp(INFO)[:200], udp(INFO)[200:]
SEGMENTS = [ethernet(tcp(b"", 99, 0x02), protocol=6)] + [
    ethernet(tcp((INFO + REPLY)[start : start + 150], 100 + start), protocol=6)
    for start in range(0, len(INFO + REPLY), 150)
]


@pytest.mark.parametrize(
    ("capture", "protocol"),
    [
        (pcap(ethernet(udp(INFO)), ethernet(udp(b"\0\0\0\0")), ethernet(udp(REPLY))), "udp"),
        (pcapng(ethernet(udp(INFO)), b"garbage", ethernet(udp(REPLY))), "udp"),
        (pcap(ethernet(FIRST, flags=0x2000), ethernet(REST, flags=200 // 8), ethernet(udp(REPLY))),
         "udp"),
        (pcap(*SEGMENTS), "tcp"),
        (pcap(SEGMENTS[0], SEGMENTS[2], SEGMENTS[1], *SEGMENTS[3:]), "tcp"),
    ],
    ids=["pcap", "pcapng", "fragments", "a stream", "a stream out of order"],
)  # fmt: skip
def test_packets_become_messages(tmp_path: Path, capture: bytes, protocol: str) -> None:
    file = tmp_path / "calls.pcap"
    file.write_bytes(capture)
    request, reply = read_messages(file)
    assert (request.received, reply.received) == (INFO, REPLY)
    assert (request.source, request.destination) == (("192.0.2.10", 5062), ("192.0.2.20", 5060))
    assert request.protocol == protocol


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("none.pcap", b"this is no capture", "none.pcap: "),
        ("empty.pcap", pcap(), "empty.pcap: no SIP message in it"),
    ],
)
def test_a_capture_without_any_message_says_why(
    tmp_path: Path, name: str, data: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(OnehttpError) as caught:
        list(read_messages(tmp_path / name))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("empty.sip", b"", "the file is empty"),
        ("cut.pcap", pcap(ethernet(udp(INFO)[:-9])), "lacks its last 9 bytes"),
        ("blank.sip", b"\n\n", "the file is empty"),
        ("letter.sip", b"Dear Sir,\n\nhow are you?\n", "neither a request line"),
        ("cut.sip", INFO[:60], "header 1: expected"),
        ("keep.sip", b"\0\0\0\0", "a keep-alive"),
    ],
)
def test_a_file_of_what_the_server_drops_ends_nothing(
    tmp_path: Path, name: str, data: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(data)
    (tmp_path / "z.sip").write_bytes(INFO)
    dropped, taken = read_messages(tmp_path)
    assert dropped.label.startswith(name)
    assert said in dropped.refusal
    assert taken.refusal == ""


def test_what_the_server_drops_is_told_between_what_it_takes(tmp_path: Path) -> None:
    file = tmp_path / "three.sip"
    file.write_bytes(b"\n%%\n".join([INFO, INFO.replace(b"Via", b"Vie"), REPLY]))
    assert [message.refusal for message in read_messages(file)] == ["", "has no header Via", ""]


def test_a_folder_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    (tmp_path / "2.sip").write_bytes(INFO)
    (tmp_path / "1.pcap").write_bytes(pcap(ethernet(udp(REPLY))))
    (tmp_path / "README.md").write_text("not a message")
    assert [message.status for message in read_messages(tmp_path)] == [486, 0]


def test_a_folder_without_messages_says_so(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="a folder without"):
        list(read_messages(tmp_path))


def test_there_is_a_message_where_nobody_gives_one() -> None:
    assert DEFAULT_MESSAGE.is_request
    assert DEFAULT_MESSAGE.refusal == ""
