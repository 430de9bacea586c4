"""The page of ``auth_identity``: its examples run, and old and new come to the same verdict."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

import onehttp
import servers.sti
from onehttp.identity import (
    IdentityError,
    InvalidIdentityError,
    Party,
    Signer,
    TrustStore,
    Verifier,
    format_date,
)
from onehttp_backends.contract import Request
from onehttp_compat import call_function, modparam
from onehttp_compat.auth_identity import RECOMMENDED_REPLIES, receive
from onehttp_compat.parameters import PARAMETERS
from onehttp_compat.registry import FUNCTIONS
from onehttp_compat.server import LegacyServer, use_server
from servers.sti import Authority, number_list, pem, private_pem

PAGE = Path(__file__).parents[2] / "docs" / "migration" / "auth_identity.md"
FROM, TO = "Alice <sip:+12155551212@atlanta.example>;tag=1", "<sip:+12155551213@biloxi.example>"
INVITE = (
    "INVITE sip:bob@biloxi.example SIP/2.0\r\n"
    f"From: {FROM}\r\nTo: {TO}\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
).encode()
_block = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def examples() -> list[Any]:
    found = []
    text = PAGE.read_text()
    for match in _block.finditer(text):
        before, separator, after = match[1].partition("# after\n")
        line = text[: match.start()].count("\n") + 1
        assert separator, f"auth_identity.md:{line}: no '# after'"
        found.append(pytest.param(before, after, id=f"auth_identity.md:{line}"))
    return found


@pytest.fixture(scope="module")
def keys() -> tuple[rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey]:
    return rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def names(
    keys: tuple[rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[dict[str, Any]]:
    """What the examples may use: files, certificates on the web, requests to work on."""
    monkeypatch.setattr(servers.sti, "CLOCK", time.time())
    old_key, new_key = keys
    authority = Authority()
    authority.write(tmp_path / "anchors.pem")
    old = authority.issue(old_key, names=[x509.DNSName("atlanta.example")])
    new = authority.issue(new_key, numbers=number_list(numbers=["12155551212"]))
    (tmp_path / "identity.pem").write_bytes(pem(old))
    (tmp_path / "identity.key").write_bytes(private_pem(old_key))
    (tmp_path / "shaken.key").write_bytes(private_pem(new_key))
    published = {
        "https://certificates.example/identity.cer": old.public_bytes(Encoding.DER),
        "https://certificates.example/shaken.pem": pem(new),
    }

    def answer(request: Request) -> Any:
        return 200, published[request.url]

    onehttp.init(backend="httpx", handler=answer)
    signed = signed_invite(tmp_path)
    identity = Signer(new_key, "https://certificates.example/shaken.pem").sign_shaken(
        Party.from_header(FROM), Party.from_header(TO), "A"
    )
    yield {
        "modparam": modparam,
        "call_function": call_function,
        "receive": receive,
        "RECOMMENDED_REPLIES": RECOMMENDED_REPLIES,
        **{one.__name__: one for one in (Signer, Verifier, TrustStore, Party)},
        **{one.__name__: one for one in (IdentityError, InvalidIdentityError)},
        "invite": INVITE,
        "invite_with_identity": signed,
        "invite_with_forged_identity": signed.replace(b"Call-ID: c1", b"Call-ID: c2"),
        "from_header": FROM,
        "to_header": TO,
        "date": format_date(time.time()),
        "identity": identity,
        "forged_identity": forged(identity),
    }
    use_server(None)
    onehttp.shutdown()


def signed_invite(folder: Path) -> bytes:
    server = LegacyServer()
    for name, value in (
        ("privatekey_path", str(folder / "identity.key")),
        ("certificate_path", str(folder / "identity.pem")),
        ("certificate_url", "https://certificates.example/identity.cer"),
        ("allow_sha1", 1),
    ):
        server.modparam("auth_identity", name, value)
    use_server(server)
    request = receive(INVITE)
    assert (call_function("auth_date_proc"), call_function("auth_add_identity")) == (1, 1)
    return request.to_bytes()


def forged(identity: str) -> str:
    token, _, rest = identity.partition(";")
    other = "A" if token[-10] != "A" else "B"
    return f"{token[:-10]}{other}{token[-9:]};{rest}"


def run(code: str, names: dict[str, Any], folder: Path) -> dict[str, Any]:
    use_server(LegacyServer())
    space = dict(names)
    code = code.replace("/etc/kamailio/", f"{folder}/")
    exec(compile(code, "example", "exec"), space)
    return {name: value for name, value in space.items() if name not in names}


@pytest.mark.parametrize(("before", "after"), examples())
@pytest.mark.filterwarnings("ignore::onehttp.LegacyCallWarning")
def test_old_and_new_come_to_the_same_verdict(
    names: dict[str, Any], tmp_path: Path, before: str, after: str
) -> None:
    old, new = run(before, names, tmp_path), run(after, names, tmp_path)
    verdicts = {"is_signed": True, "status": 200, "is_forged": True}
    shared = old.keys() & new.keys() & verdicts.keys()
    assert len(shared) == 1
    for name in shared:
        assert old[name] == new[name] == verdicts[name], name


def test_every_function_and_parameter_is_on_the_page() -> None:
    text = PAGE.read_text()
    names = {one.name for one in FUNCTIONS if one.module == "auth_identity"}
    names |= set(PARAMETERS["auth_identity"])
    assert sorted(name for name in names if f"`{name}" not in text) == []
