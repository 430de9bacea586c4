"""Documents and identities inside the real server, in its worker and in a process of ``rtimer``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from servers import sti
from servers.kamailio import inside as kamailio_inside
from servers.kamailio.inside import Inside
from servers.xcap import XcapServer

PATH = "pres-rules/users/sip:alice@a.example/index"
RULES = '<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"><rule id="%s"/></ruleset>'


@pytest.fixture
def xcap() -> Iterator[XcapServer]:
    with XcapServer() as running:
        yield running


@pytest.fixture
def inside(
    same_python: None, xcap: XcapServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Inside]:
    monkeypatch.setattr(sti, "CLOCK", int(time.time()))  # the server has no other clock
    authority, key = sti.Authority(), ec.generate_private_key(ec.SECP256R1())
    authority.write(tmp_path / "anchors.pem")
    (tmp_path / "signer.key").write_bytes(sti.private_pem(key))
    numbers = sti.number_list(numbers=["12155551212"])
    old_key = rsa.generate_private_key(65537, 2048)
    names = [x509.DNSName("127.0.0.1")]
    old = authority.issue(old_key, common_name="127.0.0.1", names=names)
    (tmp_path / "old.key").write_bytes(sti.private_pem(old_key))
    (tmp_path / "old.pem").write_bytes(sti.pem(old))
    with sti.Repository() as repository:
        repository.put("/old.cer", old.public_bytes(serialization.Encoding.DER))
        where = repository.put("/signer.pem", sti.pem(authority.issue(key, numbers=numbers)))
        environment = {
            "TEST_FOLDER": str(tmp_path), "TEST_XCAP": xcap.root, "TEST_SIGNER": where,
        }  # fmt: skip
        script = Path(__file__).with_name("consumers_script.py")
        with kamailio_inside.running(tmp_path, script, environment) as running:
            yield running


def test_a_worker_fetches_documents_and_a_process_of_rtimer_keeps_them_fresh(
    inside: Inside, xcap: XcapServer
) -> None:
    assert inside.ask("fetch") == "nothing"
    xcap.store(PATH, (RULES % "old").encode())
    assert inside.ask("fetch") == RULES % "old"
    assert inside.ask("row") == RULES % "old"
    xcap.store(PATH, (RULES % "new").encode())
    assert inside.ask_until("row", RULES % "new") == RULES % "new"
    del xcap.documents[PATH], xcap.etags[PATH]
    assert inside.ask_until("row", "nothing") == "nothing"


def test_a_worker_signs_verifies_and_refuses(inside: Inside) -> None:
    assert inside.ask("identity") == "A"
    assert inside.ask("identity") == "A"
    assert inside.ask("forged") == "438 Invalid Identity Header"


def test_a_worker_signs_and_checks_requests_as_the_old_module_did(inside: Inside) -> None:
    assert inside.ask("sign") == "1 1"
    assert inside.ask("check").split(" ")[0] == "-1"  # no Date, nor anything that was signed
