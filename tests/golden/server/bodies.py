"""The fixed bodies and header sets the behaviour server answers with."""

from __future__ import annotations

Header = tuple[str, str]

FIXED_DATE = "Thu, 01 Jan 2015 00:00:00 GMT"
LARGE_BYTES = 64 * 1024


def pattern(size: int) -> bytes:
    """``size`` bytes of digits that never contain a line break."""
    block = b"0123456789abcdef"
    return (block * (size // len(block) + 1))[:size]


def lines(size: int, end: bytes = b"\n") -> bytes:
    """``size`` bytes made of numbered lines; the last one may be cut."""
    out = bytearray()
    number = 0
    while len(out) < size:
        out += b"line %05d" % number + end
        number += 1
    return bytes(out[:size])


BODIES: dict[str, tuple[str, bytes]] = {
    "empty": ("text/plain", b""),
    "one-line": ("text/plain", b"just one line"),
    "one-lf": ("text/plain", b"one line and a line feed\n"),
    "two-lf": ("text/plain", b"first line\nsecond line"),
    "many-lf": ("text/plain", b"first line\nsecond line\nthird line\n"),
    "many-crlf": ("text/plain", b"first line\r\nsecond line\r\nthird line\r\n"),
    "many-cr": ("text/plain", b"first line\rsecond line\r"),
    "lf-first": ("text/plain", b"\nsecond line\nthird line\n"),
    "lf-only": ("text/plain", b"\n"),
    "crlf-only": ("text/plain", b"\r\n"),
    "blank": ("text/plain", b" \t \r\n "),
    "padded": ("text/plain", b"  \t padded value \r\n  second line \r\n \n"),
    "nul-middle": ("application/octet-stream", b"before\x00after"),
    "nul-first": ("application/octet-stream", b"\x00rest"),
    "binary": ("application/octet-stream", bytes(range(256))),
    "utf8": (
        "text/plain; charset=utf-8",
        "gr\u00fc\u00dfe \u2014 \u65e5\u672c\u8a9e\nzwei\n".encode(),
    ),
    "latin1": ("text/plain; charset=iso-8859-1", "gr\u00fc\u00dfe\n".encode("latin-1")),
    "json": ("application/json", b'{"ok": true, "items": [1, 2, 3]}\n'),
    "xml": ("application/xml", b'<?xml version="1.0"?>\n<doc>\n  <a>1</a>\n</doc>\n'),
    "pv": ("text/plain", b"$ru is not expanded; 100% $var(x)\n"),
    "large": ("text/plain", pattern(LARGE_BYTES)),
    "large-lines": ("text/plain", lines(LARGE_BYTES)),
}

TYPES: dict[str, list[Header]] = {
    "none": [],
    "empty": [("Content-Type", "")],
    "json": [("Content-Type", "application/json")],
    "charset": [("Content-Type", "text/html; charset=utf-8")],
    "long": [("Content-Type", "text/plain; note=" + "x" * 300)],
    "twice": [("Content-Type", "text/plain"), ("Content-Type", "application/json")],
    "upper": [("CONTENT-TYPE", "TEXT/PLAIN")],
}

HEADERS: dict[str, list[Header]] = {
    "one": [("X-One", "value")],
    "many": [(f"X-Header-{n:03d}", f"value {n}") for n in range(100)],
    "duplicate": [("X-Dup", "first"), ("X-Other", "between"),
                  ("X-Dup", "second"), ("x-dup", "third")],
    "folded": [("X-Folded", "part one\r\n part two\r\n\tpart three")],
    "empty": [("X-Empty", ""), ("X-Blank", "   ")],
    "long": [("X-Long", "v" * 8000)],
    "case": [("x-lOwEr-UPPER", "Mixed")],
    "utf8": [("X-Utf8", "gr\u00fc\u00dfe".encode().decode("latin-1"))],
    "cookies": [("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2; HttpOnly")],
    "via": [("Via", "1.1 cache-one"), ("X-After", "still here")],
    "via-twice": [("Via", "1.1 cache-one"), ("Via", "1.1 cache-two"), ("X-After", "still here")],
    "sip": [("Contact", "<sip:a@example.com>"), ("Call-ID", "abc"), ("f", "short from"),
            ("Content-Encoding", "identity"), ("Expires", "60"), ("Subject", "hello")],
    "etag": [("ETag", '"v1"'), ("Last-Modified", FIXED_DATE)],
}  # fmt: skip

REASONS = {
    100: "Continue", 102: "Processing", 103: "Early Hints",
    200: "OK", 201: "Created", 202: "Accepted", 203: "Non-Authoritative Information",
    204: "No Content", 205: "Reset Content", 206: "Partial Content",
    300: "Multiple Choices", 301: "Moved Permanently", 302: "Found", 303: "See Other",
    304: "Not Modified", 305: "Use Proxy", 307: "Temporary Redirect", 308: "Permanent Redirect",
    400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden",
    404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable",
    407: "Proxy Authentication Required", 408: "Request Timeout", 409: "Conflict", 410: "Gone",
    411: "Length Required", 412: "Precondition Failed", 413: "Content Too Large",
    415: "Unsupported Media Type", 417: "Expectation Failed", 418: "I'm a Teapot",
    422: "Unprocessable Content", 429: "Too Many Requests",
    500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway",
    503: "Service Unavailable", 504: "Gateway Timeout", 505: "HTTP Version Not Supported",
}  # fmt: skip

XCAP_DOCUMENT = b'<?xml version="1.0"?>\n<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"/>\n'
