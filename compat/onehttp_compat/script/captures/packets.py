"""Reads SIP messages from packet captures (pcap, pcapng): UDP, also in fragments, and TCP
streams."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from onehttp import OnehttpError
from onehttp_compat.sip.message import SipMessage, parse_or_refuse

_is_sip = re.compile(rb"\s*(?:[A-Z]{3,20} \S+ SIP/2\.0|SIP/2\.0 \d{3})").match
_length = re.compile(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*(\d+)").search
MAX_STREAM_BYTES: Final = 1 << 20
"""The most bytes of a TCP stream that are kept until a message is complete."""
MAX_OPEN: Final = 1024
"""The most streams, or fragmented datagrams, that are incomplete at a time."""


class PacketError(OnehttpError, ValueError):
    """A packet capture cannot be read. The text has its name."""


class _TcpFlow(NamedTuple):
    source: tuple[str, int]
    destination: tuple[str, int]


@dataclass(slots=True)
class _TcpStream:
    """One direction of a TCP connection, in order."""

    expected: int | None = None
    waiting: dict[int, bytes] = field(default_factory=dict)
    """Segments that arrived too early, by sequence number."""
    data: bytes = b""


def packet_messages(path: Path) -> Iterator[SipMessage]:
    """Return the SIP messages of a capture, with the addresses of both sides.

    Raises:
        PacketError: the file is not a capture, or the package that reads it is not installed.
    """
    try:
        import dpkt
    except ImportError:
        raise PacketError(
            f"{path}: reading packet captures takes dpkt: the extra 'capture' brings it "
            "(in a clone: pip install '.[capture]')"
        ) from None
    streams: dict[_TcpFlow, _TcpStream] = {}
    fragments: dict[tuple[Any, ...], dict[int, tuple[bytes, bool]]] = {}
    number = 0
    with path.open("rb") as file:
        try:
            reader = dpkt.pcap.UniversalReader(file)
            link = reader.datalink()
            for _, frame in reader:
                packet = _ip(dpkt, link, frame)
                for flow, protocol, data, missing in _datagrams(dpkt, packet, streams, fragments):
                    number += 1
                    label = f"{path.name}#{number}"
                    if missing:
                        why = f"the capture lacks its last {missing} bytes"
                        yield SipMessage("", label=label, received=data, refusal=why)
                        continue
                    yield parse_or_refuse(data, label, flow.source, flow.destination, protocol)
        except (ValueError, dpkt.Error, OSError, EOFError) as error:
            if isinstance(error, OnehttpError):
                raise
            raise PacketError(
                f"{path}: after {number} messages: {error or type(error).__name__}"
            ) from None


def _ip(dpkt: Any, link: int, frame: bytes) -> Any:
    """Return the IP packet in a frame. None if there is none, or if it is incomplete."""
    kinds = {
        dpkt.pcap.DLT_EN10MB: dpkt.ethernet.Ethernet,
        dpkt.pcap.DLT_LINUX_SLL: dpkt.sll.SLL,
        dpkt.pcap.DLT_LINUX_SLL2: dpkt.sll2.SLL2,
        dpkt.pcap.DLT_NULL: dpkt.loopback.Loopback,
        dpkt.pcap.DLT_LOOP: dpkt.loopback.Loopback,
    }
    kind = kinds.get(link, _raw_ip(dpkt, frame))
    try:
        packet = kind(frame)
    except (dpkt.Error, ValueError, IndexError):
        return None
    while packet is not None and not isinstance(packet, (dpkt.ip.IP, dpkt.ip6.IP6)):
        packet = getattr(packet, "data", None)
        if isinstance(packet, bytes):
            return None
    return packet


def _raw_ip(dpkt: Any, frame: bytes) -> Any:
    return dpkt.ip6.IP6 if frame[:1] and frame[0] >> 4 == 6 else dpkt.ip.IP


def _datagrams(
    dpkt: Any,
    packet: Any,
    streams: dict[_TcpFlow, _TcpStream],
    fragments: dict[tuple[Any, ...], dict[int, tuple[bytes, bool]]],
) -> Iterator[tuple[_TcpFlow, str, bytes, int]]:
    """Return the SIP messages that a packet completes, each with the number of bytes that are
    missing."""
    if packet is None:
        return
    inside = packet.data
    if isinstance(packet, dpkt.ip.IP) and (packet.mf or packet.offset):
        inside = _whole(dpkt, packet, fragments)
    if isinstance(inside, dpkt.udp.UDP):
        data = bytes(inside.data)
        if _is_sip(data):
            # A capture may contain only the beginning of each packet.
            missing = max(0, inside.ulen - 8 - len(data))
            yield _flow(packet, inside), "udp", data, missing
    elif isinstance(inside, dpkt.tcp.TCP):
        flow = _flow(packet, inside)
        for data in _messages_of(flow, inside, dpkt, streams):
            yield flow, "tcp", data, 0


def _flow(packet: Any, segment: Any) -> _TcpFlow:
    source, destination = map(str, (ipaddress.ip_address(packet.src), _address(packet.dst)))
    return _TcpFlow((source, segment.sport), (destination, segment.dport))


def _address(raw: bytes) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(raw)


def _whole(
    dpkt: Any, packet: Any, fragments: dict[tuple[Any, ...], dict[int, tuple[bytes, bool]]]
) -> Any:
    """Return the datagram that this fragment completes. None if fragments are still missing."""
    key = (packet.src, packet.dst, packet.id, packet.p)
    parts = fragments.setdefault(key, {})
    data = packet.data if isinstance(packet.data, bytes) else bytes(packet.data)
    parts[packet.offset * 8] = (data, bool(packet.mf))
    if len(fragments) > MAX_OPEN:
        fragments.pop(next(iter(fragments)))
    joined = b""
    while (part := parts.get(len(joined))) is not None and part[0]:
        joined += part[0]
        if not part[1]:
            fragments.pop(key, None)
            return dpkt.udp.UDP(joined) if packet.p == dpkt.ip.IP_PROTO_UDP else None
    return None


def _messages_of(
    flow: _TcpFlow, segment: Any, dpkt: Any, streams: dict[_TcpFlow, _TcpStream]
) -> Iterator[bytes]:
    """Return the messages that a TCP segment completes."""
    if segment.flags & dpkt.tcp.TH_SYN:
        streams[flow] = _TcpStream(expected=segment.seq + 1)
        return
    data = bytes(segment.data)
    if not data:
        return
    stream = streams.setdefault(flow, _TcpStream(expected=segment.seq))
    if len(streams) > MAX_OPEN:
        streams.pop(next(iter(streams)))
    stream.waiting[segment.seq] = data
    while stream.expected in stream.waiting:
        part = stream.waiting.pop(stream.expected)
        stream.data += part
        stream.expected = (stream.expected + len(part)) & 0xFFFFFFFF
    if len(stream.waiting) > MAX_OPEN or len(stream.data) > MAX_STREAM_BYTES:
        del streams[flow]
        return
    yield from _split(stream)


def _split(stream: _TcpStream) -> Iterator[bytes]:
    """Take complete messages from the front of a stream, by their Content-Length."""
    while (end := stream.data.find(b"\r\n\r\n")) >= 0:
        if not stream.data[:end].strip():  # keep-alives between messages
            stream.data = stream.data[end + 4 :]
            continue
        match = _length(stream.data, 0, end)
        size = end + 4 + (int(match[1]) if match else 0)
        if len(stream.data) < size:
            return
        message, stream.data = stream.data[:size], stream.data[size:]
        if not _is_sip(message):
            stream.data = b""
            return
        yield message.lstrip(b"\r\n")
