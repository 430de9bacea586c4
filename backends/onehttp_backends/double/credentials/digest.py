"""The answer to a digest challenge, as libcurl gives it.

Source: RFC 7616. libcurl's ways: ``auth-int`` is over an empty body; the algorithm is named only
where the server has named it; a name with quotes in it is escaped.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

_parameter = re.compile(r'([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_scheme = re.compile(
    r'"(?:[^"\\]|\\.)*"'
    "|"  # nothing begins in what is quoted
    r"(?:^|(?<=,))\s*(?P<scheme>[A-Za-z]+)(?=\s+[A-Za-z0-9_-]+\s*=|\s*$)"
)
_ASCII: Final = "".join(map(chr, range(0x20, 0x7F)))
_HASHES: Final = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}


def challenge_of(headers: list[str]) -> dict[str, str] | None:
    """The parameters of the first digest challenge; None: there is none that can be answered."""
    for header in headers:
        for rest in _challenges(header):
            found = {
                name.lower(): plain or re.sub(r"\\(.)", r"\1", quoted)
                for name, quoted, plain in _parameter.findall(rest)
            }
            is_complete = "nonce" in found and "realm" in found
            return found if is_complete and _hash(found) is not None else None
    return None


def _challenges(header: str) -> list[str]:
    """The parameters of each digest challenge in a header, which may have several of any kind."""
    begun = [each for each in _scheme.finditer(header) if each["scheme"]]
    ends = [*(each.start() for each in begun[1:]), len(header)]
    return [
        header[each.end() : end]
        for each, end in zip(begun, ends, strict=True)
        if each["scheme"].lower() == "digest"
    ]


def is_stale(challenge: dict[str, str]) -> bool:
    """Whether the credentials may be right, and the nonce only too old."""
    return challenge.get("stale", "").lower() == "true"


class Remembered:
    """The latest challenge, which calls on the same options answer unasked."""

    def __init__(self) -> None:
        self.challenge: dict[str, str] | None = None
        self._answers = 0

    def take(self, challenge: dict[str, str] | None) -> None:
        """A server has asked."""
        self.challenge = challenge
        self._answers = 0

    def answer(self, username: str, password: str, method: str, target: str) -> str:
        """The value of ``Authorization``; there is a challenge."""
        assert self.challenge is not None
        self._answers += 1
        return digest(self.challenge, self._answers, username, password, method, target)


def digest(
    challenge: dict[str, str],
    number: int,
    username: str,
    password: str,
    method: str,
    target: str,
) -> str:
    """The value of ``Authorization`` in answer number ``number`` (from 1) to ``challenge``."""
    hashed = _hash(challenge)
    assert hashed is not None
    realm, nonce = challenge["realm"], challenge["nonce"]
    algorithm = challenge.get("algorithm", "")
    qop = _qop(challenge)
    cnonce = secrets.token_hex(16)
    secret = hashed(f"{username}:{realm}:{password}")
    if algorithm.lower().endswith("-sess"):
        secret = hashed(f"{secret}:{nonce}:{cnonce}")
    what = f"{method}:{target}"
    if qop == "auth-int":
        what += f":{hashed('')}"
    middle = f"{nonce}:{number:08x}:{cnonce}:{qop}" if qop else nonce
    is_hidden = challenge.get("userhash", "").lower() == "true"
    shown = hashed(f"{username}:{realm}") if is_hidden else username
    fields = [
        f"username={_quoted(shown)}",
        f"realm={_quoted(realm)}",
        f"nonce={_quoted(nonce)}",
        f'uri="{target}"',
    ]
    if qop:
        fields += [f'cnonce="{cnonce}"', f"nc={number:08x}", f"qop={qop}"]
    fields.append(f'response="{hashed(f"{secret}:{middle}:{hashed(what)}")}"')
    if "opaque" in challenge:
        fields.append(f"opaque={_quoted(challenge['opaque'])}")
    if algorithm:
        fields.append(f"algorithm={algorithm}")
    if is_hidden:
        fields.append("userhash=true")
    return f"Digest {', '.join(fields)}"


def _qop(challenge: dict[str, str]) -> str:
    offered = [each.strip().lower() for each in challenge.get("qop", "").split(",")]
    return next((each for each in ("auth", "auth-int") if each in offered), "")


def _hash(challenge: dict[str, str]) -> Callable[[str], str] | None:
    """The hash of its algorithm; None: it is not known here."""
    named = challenge.get("algorithm", "MD5").upper().removesuffix("-SESS")
    name = _HASHES.get(named, "")
    if name not in hashlib.algorithms_available:
        return None
    return lambda text: hashlib.new(
        name, text.encode("utf-8", "surrogateescape"), usedforsecurity=False
    ).hexdigest()


def _quoted(text: str) -> str:
    """Between quotes; what is not ASCII percent-encoded, which libcurl does to have it arrive."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quote(escaped, safe=_ASCII, errors="surrogateescape")}"'
