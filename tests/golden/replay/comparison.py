"""What was seen against what was recorded, by the rules of the corpus (``corpus/README.md``)."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from typing import Any

from golden.server.golden_server import GoldenServer

Json = Any

DIGEST_ABOVE_BYTES = 4096
PREFIX_BYTES = 48
_OWN_HEADERS = frozenset(
    ("host", "authorization", "user-agent", "accept", "content-length", "content-type")
)
"""Headers an engine writes by itself, in an order of its own."""
_IGNORED_HEADERS = frozenset(("expect", "proxy-connection"))
_WILDCARDS = {
    "{DEFAULT_USER_AGENT}": r"[^\r\n]+",
    "{CNONCE}": r"[^\"]+",
    "{RESPONSE}": r"[0-9a-f]+",
    "{PID}": r"[0-9]+",
    "{MS}": r"[0-9]+",
    "{POSITIVE}": r"[1-9][0-9]*",
    "{NUMBER}": r"-?[0-9]+",
}
_WIRE_FIELDS = ("listener", "method", "target", "http_version", "connection")


def as_recorded(value: bytes | str | int | None) -> Json:
    """A variable's value in the form the recordings have it."""
    if value is None:
        return None
    content = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
    if len(content) > DIGEST_ABOVE_BYTES:
        return {
            "length": len(content),
            "md5": hashlib.md5(content).hexdigest(),
            "prefix": content[:PREFIX_BYTES].decode("latin-1"),
        }
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = "\0"
    if any(ord(char) < 32 and char not in "\t\r\n" for char in text):
        return {"base64": base64.b64encode(content).decode()}
    return text


def as_bytes(recorded: Json) -> bytes | None:
    """The bytes of a recorded value; None where the recording has no bytes, or only a digest."""
    if isinstance(recorded, str):
        return recorded.encode()
    if isinstance(recorded, dict) and "base64" in recorded:
        return base64.b64decode(recorded["base64"])
    return None


def matches(expected: Json, seen: Json, server: GoldenServer) -> bool:
    """Whether a value is the recorded one, placeholders filled in."""
    if isinstance(expected, str) and isinstance(seen, str) and "{" in expected:
        return re.fullmatch(_pattern(expected, server), seen, re.DOTALL) is not None
    if isinstance(expected, dict) and expected.keys() == {"starts", "length"}:
        content = as_bytes(seen)
        start = expected["starts"].encode("latin-1")
        return (
            content is not None and content.startswith(start) and len(content) == expected["length"]
        )
    if isinstance(expected, dict) and expected.keys() == {"ends"} and isinstance(seen, str):
        return seen.endswith(expected["ends"])
    if isinstance(expected, dict) and isinstance(seen, dict):
        return expected.keys() == seen.keys() and all(
            matches(value, seen[key], server) for key, value in expected.items()
        )
    if isinstance(expected, list) and isinstance(seen, list):
        return len(expected) == len(seen) and all(
            matches(one, other, server) for one, other in zip(expected, seen, strict=True)
        )
    return bool(expected == seen)


def _pattern(expected: str, server: GoldenServer) -> str:
    marks = _WILDCARDS | {mark: re.escape(value) for mark, value in server.placeholders.items()}
    parts = re.split(r"(\{[A-Z0-9_]+\})", expected)
    return "".join(marks.get(part, re.escape(part)) for part in parts)


def wire_differences(
    expected: list[dict[str, Json]], seen: list[dict[str, Json]], server: GoldenServer
) -> Iterator[str]:
    """One line for each way in which the requests differ."""
    if len(expected) != len(seen):
        yield (
            f"requests: recorded {[one['target'] for one in expected]}, "
            f"seen {[one['target'] for one in seen]}"
        )
        return
    for number, (wanted, got) in enumerate(zip(expected, seen, strict=True), 1):
        for difference in _request_differences(wanted, got, server):
            yield f"request {number}: {difference}"


def _request_differences(
    expected: dict[str, Json], seen: dict[str, Json], server: GoldenServer
) -> Iterator[str]:
    for name in _WIRE_FIELDS:
        if name in expected and not matches(expected[name], seen[name], server):
            yield f"{name}: recorded {expected[name]!r}, seen {seen[name]!r}"
    if "body" in expected and not matches(expected["body"], seen["body"], server):
        yield f"body: recorded {expected['body']!r}, seen {seen['body']!r}"
    for note, value in expected.get("notes", {}).items():
        if (got := seen.get("notes", {}).get(note)) != value:
            yield f"{note}: recorded {value!r}, seen {got!r}"
    if "headers" in expected:
        yield from _header_differences(expected["headers"], seen["headers"], server)


def _header_differences(
    expected: list[list[str]], seen: list[list[str]], server: GoldenServer
) -> Iterator[str]:
    wanted, got = _by_name(expected), _by_name(seen)
    for name in sorted(wanted.keys() | got.keys()):
        pairs, others = wanted.get(name, []), got.get(name, [])
        if len(pairs) != len(others) or not all(
            _same_header(one, other, server) for one, other in zip(pairs, others, strict=True)
        ):
            yield f"header {name}: recorded {pairs}, seen {others}"
    order = [name.lower() for name, _ in expected if name.lower() in wanted.keys() - _OWN_HEADERS]
    seen_order = [name.lower() for name, _ in seen if name.lower() in order]
    if order != seen_order:
        yield f"order of the caller's headers: recorded {order}, seen {seen_order}"


def _by_name(pairs: list[list[str]]) -> dict[str, list[list[str]]]:
    named: dict[str, list[list[str]]] = {}
    for pair in pairs:
        if pair[0].lower() not in _IGNORED_HEADERS:
            named.setdefault(pair[0].lower(), []).append(pair)
    return named


def _same_header(expected: list[str], seen: list[str], server: GoldenServer) -> bool:
    if expected[1].startswith("Digest ") and seen[1].startswith("Digest "):
        return matches(_digest(expected[1]), _digest(seen[1]), server)
    return matches(expected, seen, server)


def _digest(value: str) -> dict[str, str]:
    parts = re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]*))', value.removeprefix("Digest "))
    return {
        name: quoted or bare for name, quoted, bare in parts if name not in ("cnonce", "response")
    }
