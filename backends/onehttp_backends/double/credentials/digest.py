"""The answer to a digest challenge, as libcurl gives it.

Source: RFC 7616. libcurl's ways: ``auth-int`` is over an empty body; the algorithm is named only
where the server has named it; a name with quotes in it is escaped.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable

from onehttp_backends.double.credentials.offers import HASHES, Challenge
from onehttp_backends.rules.credentials import MOST_QUOTED, quoted


class TooLongError(Exception):
    """libcurl has no room for a name, a realm, a nonce or a target that is so long."""


class Remembered:
    """The latest challenge, which calls on the same options answer unasked."""

    def __init__(self) -> None:
        self.challenge: Challenge | None = None
        self._answers = 0

    def take(self, challenge: Challenge | None) -> None:
        """A server has asked."""
        self.challenge = challenge
        self._answers = 0

    def answer(self, username: str, password: str, method: str, target: str) -> str:
        """The value of ``Authorization``; there is a challenge."""
        assert self.challenge is not None
        self._answers += 1
        return digest(self.challenge, self._answers, username, password, method, target)


def digest(
    challenge: Challenge,
    number: int,
    username: str,
    password: str,
    method: str,
    target: str,
) -> str:
    """The value of ``Authorization`` in answer number ``number`` (from 1) to ``challenge``."""
    texts, qop = challenge.texts, challenge.qop
    algorithm = texts.get("algorithm", "")
    hashed = _hash(algorithm or "MD5")
    realm, nonce = texts.get("realm", ""), texts["nonce"]
    cnonce = secrets.token_hex(16)
    secret = hashed(f"{username}:{realm}:{password}")
    if algorithm.lower().endswith("-sess"):
        secret = hashed(f"{secret}:{nonce}:{cnonce}")
    what = f"{method}:{target}"
    if qop == "auth-int":
        what += f":{hashed('')}"
    middle = f"{nonce}:{number:08x}:{cnonce}:{qop}" if qop else nonce
    shown = hashed(f"{username}:{realm}") if challenge.hides_name else username
    fields = [
        f"username={_quoted(shown)}",
        f"realm={_quoted(realm)}",
        f"nonce={_quoted(nonce)}",
        f"uri={_quoted(target)}",
    ]
    if qop:
        fields += [f'cnonce="{cnonce}"', f"nc={number:08x}", f"qop={qop}"]
    fields.append(f'response="{hashed(f"{secret}:{middle}:{hashed(what)}")}"')
    if "opaque" in texts:
        fields.append(f"opaque={_quoted(texts['opaque'])}")
    if algorithm:
        fields.append(f"algorithm={algorithm}")
    if challenge.hides_name:
        fields.append("userhash=true")
    return f"Digest {', '.join(fields)}"


def _hash(algorithm: str) -> Callable[[str], str]:
    name = HASHES[algorithm.upper().removesuffix("-SESS")]
    return lambda text: hashlib.new(
        name, text.encode("utf-8", "surrogateescape"), usedforsecurity=False
    ).hexdigest()


def _quoted(text: str) -> str:
    found = quoted(text)
    if len(found) > MOST_QUOTED:
        raise TooLongError
    return f'"{found}"'
