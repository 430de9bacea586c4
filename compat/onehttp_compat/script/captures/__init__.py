"""Reads messages from files: SIP as text, traces of sipp and sngrep, packet captures. Bytes are not
changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from onehttp import OnehttpError
from onehttp_compat.script.captures.text import text_messages
from onehttp_compat.sip.message import MessageError, SipMessage, parse

PACKET_SUFFIXES: Final = frozenset({".pcap", ".pcapng", ".cap"})
_MAGIC: Final = (
    b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d",
    b"\x0a\x0d\x0d\x0a",
)  # fmt: skip

BUILT_IN: Final = b"""\
INVITE sip:+4930123456@example.org SIP/2.0\r
Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK1\r
From: <sip:alice@example.org>;tag=a1\r
To: <sip:+4930123456@example.org>\r
Call-ID: built-in-1@192.0.2.10\r
CSeq: 1 INVITE\r
User-Agent: onehttp run\r
Content-Length: 0\r
\r
"""
DEFAULT_MESSAGE: Final = parse(BUILT_IN, "built-in")
"""The message that a script gets if no message is given."""


class CaptureError(OnehttpError, ValueError):
    """A file cannot be read, or a capture has no message. The text has its name."""


def read_messages(path: Path) -> Iterator[SipMessage]:
    """Return all messages of a file, or of the files in a folder in the order of their names.

    A message that the server would drop is returned with the reason (`SipMessage.refusal`).

    Raises:
        CaptureError: a file cannot be read, or a capture has no message.
    """
    if path.is_dir():
        files = sorted(
            file for file in path.iterdir()
            if file.suffix.lower() in {".sip", *PACKET_SUFFIXES}
        )  # fmt: skip
        if not files:
            raise CaptureError(f"{path}: a folder without *.sip or *.pcap files")
        for file in files:
            yield from read_messages(file)
        return
    try:
        with path.open("rb") as opened:
            start = opened.read(4)
            data = b"" if start in _MAGIC else start + opened.read()
    except OSError as error:
        raise CaptureError(f"{path}: cannot be read: {error.strerror}") from None
    if start in _MAGIC or path.suffix.lower() in PACKET_SUFFIXES:
        from onehttp_compat.script.captures.packets import packet_messages

        messages = packet_messages(path)
    else:
        messages = text_messages(path, data)
    found = False
    for message in messages:
        found = True
        yield message
    if not found:
        raise CaptureError(f"{path}: no SIP message in it")


__all__ = [
    "BUILT_IN",
    "DEFAULT_MESSAGE",
    "CaptureError",
    "MessageError",
    "read_messages",
]
