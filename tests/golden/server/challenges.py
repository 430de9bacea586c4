"""What the server does, chosen by the path: credentials asked for, and checked."""

from __future__ import annotations

import base64
import hashlib
import re
from urllib.parse import unquote

from golden.server.exchange import Exchange
from golden.server.paths import behaviour

REALM = "golden"

NONCE = "dcd98b7102dd2f0e8b11d0f600bfb0c0"

BASIC = f'Basic realm="{REALM}"'

DIGEST = f'Digest realm="{REALM}", qop="auth", nonce="{NONCE}", opaque="5ccc069c"'


def _basic_ok(x: Exchange, user: str, password: str) -> bool:
    value = x.request.header("authorization") or ""
    expected = base64.b64encode(f"{user}:{password}".encode()).decode()
    return value == f"Basic {expected}"


def _digest_ok(x: Exchange, user: str, password: str) -> bool:
    value = x.request.header("authorization") or ""
    if not value.startswith("Digest "):
        return False
    part = {
        name: quoted or bare
        for name, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]*))', value[7:])
    }
    first = _md5(f"{user}:{REALM}:{password}")
    second = _md5(f"{x.request.method}:{part.get('uri', '')}")
    middle = [part.get(k, "") for k in ("nonce", "nc", "cnonce", "qop")]
    expected = _md5(":".join([first, *middle, second]))
    return part.get("username") == user and part.get("response") == expected


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


@behaviour(
    "/auth/{scheme}/{user}/{password}",
    "401 until the right credentials come, then 200 `welcome USER`. "
    "SCHEME: basic, digest, both (offers Digest then Basic), unknown (offers only `Bearer`).",
)
def _auth(x: Exchange, scheme: str, user: str, password: str) -> None:
    user, password = unquote(user), unquote(password)
    challenges = {
        "basic": [BASIC], "digest": [DIGEST], "both": [DIGEST, BASIC],
        "unknown": ['Bearer realm="golden"'],
    }[scheme]  # fmt: skip
    ok = (scheme in ("basic", "both") and _basic_ok(x, user, password)) or (
        scheme in ("digest", "both") and _digest_ok(x, user, password)
    )
    x.request.notes["authorized"] = ok
    if ok:
        x.reply(200, f"welcome {user}\n".encode())
    else:
        x.reply(401, b"who are you\n", headers=[("WWW-Authenticate", c) for c in challenges])
