"""Certificates, lists and responses that openssl makes, and what openssl says of them."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from onehttp.identity import FetchRules, Revocation, RevokedError, Signer, TrustStore, Verifier
from servers.revocation import question
from servers.sti import CALLED, CALLER, Repository, number_list

RULES = FetchRules(allow_http=True, allow_private=True, timeout_s=60, connect_timeout_s=60)
_CONFIG = """
[ca]
default_ca = own
[own]
database = index.txt
serial = serial
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
default_days = 30
default_crl_days = 7
policy = any
x509_extensions = leaf
[any]
commonName = supplied
[leaf]
basicConstraints = critical, CA:false
1.3.6.1.5.5.7.1.26 = DER:{numbers}
{place}
[req]
distinguished_name = name
[name]
"""


class OpensslAuthority:
    """An authority kept by openssl in a folder, and one signer that it has certified."""

    def __init__(self, folder: Path, place: str) -> None:
        self.folder = folder
        numbers = number_list(numbers=[CALLER]).hex()
        (folder / "own.cnf").write_text(_CONFIG.format(numbers=numbers, place=place))
        (folder / "index.txt").write_text("")
        (folder / "serial").write_text("1001\n")
        for name in ("ca", "leaf"):
            self.run(f"ecparam -name prime256v1 -genkey -noout -out {name}.key")
        self.run(
            "req -config own.cnf -x509 -new -key ca.key -subj /CN=CA -days 30 -out ca.pem "
            "-addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature "
            "-addext basicConstraints=critical,CA:true"
        )
        self.run("req -config own.cnf -new -key leaf.key -subj /CN=SHAKEN -out leaf.csr")
        self.run("ca -config own.cnf -batch -notext -in leaf.csr -out leaf.pem")

    def run(self, arguments: str, *, fails: bool = False) -> str:
        command = ["openssl", *arguments.split()]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        assert fails is (done.returncode != 0), done.stdout + done.stderr
        return done.stdout + done.stderr

    def revoke(self) -> None:
        self.run("ca -config own.cnf -revoke leaf.pem -crl_reason keyCompromise")

    def list(self) -> bytes:
        """What is revoked, in DER."""
        self.run("ca -config own.cnf -gencrl -out list.pem")
        self.run("crl -in list.pem -outform DER -out list.der")
        return (self.folder / "list.der").read_bytes()

    def answered(self, question: bytes) -> tuple[bytes, str]:
        """Its answer to an OCSP request, in DER, and what it is in words."""
        (self.folder / "question.der").write_bytes(question)
        self.run(
            "ocsp -index index.txt -CA ca.pem -rsigner ca.pem -rkey ca.key -nmin 60 "
            "-reqin question.der -respout answer.der"
        )
        said = self.run(
            "ocsp -issuer ca.pem -cert leaf.pem -respin answer.der -CAfile ca.pem -no_nonce"
        )
        return (self.folder / "answer.der").read_bytes(), said

    def certificate(self, name: str) -> x509.Certificate:
        return x509.load_pem_x509_certificate((self.folder / f"{name}.pem").read_bytes())

    def key(self) -> ec.EllipticCurvePrivateKey:
        key = load_pem_private_key((self.folder / "leaf.key").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key

    def verify(self, repository: Repository) -> None:
        """A call signed with the certificate, verified from nothing; no doubt is tolerated."""
        repository.put("/leaf.pem", (self.folder / "leaf.pem").read_bytes())
        revocation = Revocation(rules=RULES, budget_s=60.0, is_hard=True)
        verifier = Verifier(
            TrustStore([self.certificate("ca")]), rules=RULES, revocation=revocation
        )
        signer = Signer(self.key(), f"{repository.url}/leaf.pem")
        header = signer.sign_shaken(CALLER, CALLED, "A")
        verifier.verify(header, orig=CALLER, dest=CALLED)


def test_a_list_of_openssl_says_to_both_the_same(
    engine: str, repository: Repository, tmp_path: Path
) -> None:
    place = f"crlDistributionPoints = URI:{repository.url}/list"
    authority = OpensslAuthority(tmp_path, place)
    check = "verify -CAfile ca.pem -crl_check -CRLfile list.pem leaf.pem"
    repository.put("/list", authority.list())
    assert "leaf.pem: OK" in authority.run(check)
    authority.verify(repository)

    authority.revoke()
    repository.put("/list", authority.list())
    assert "certificate revoked" in authority.run(check, fails=True)
    with pytest.raises(RevokedError, match="keyCompromise"):
        authority.verify(repository)


def test_a_response_of_openssl_is_believed(
    engine: str, repository: Repository, tmp_path: Path
) -> None:
    place = f"authorityInfoAccess = OCSP;URI:{repository.url}/ocsp"
    authority = OpensslAuthority(tmp_path, place)
    asked = question(authority.certificate("leaf"), authority.certificate("ca"))
    path = f"/ocsp/{quote(base64.b64encode(asked).decode(), safe='')}"

    answer, said = authority.answered(asked)
    assert "leaf.pem: good" in said
    repository.put(path, answer)
    authority.verify(repository)

    authority.revoke()
    answer, said = authority.answered(asked)
    assert "leaf.pem: revoked" in said
    repository.put(path, answer)
    with pytest.raises(RevokedError, match="keyCompromise"):
        authority.verify(repository)
