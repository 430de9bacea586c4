"""Both ways with secsipidx, another implementation."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from onehttp.identity import (
    IdentityError,
    Signer,
    TrustStore,
    Verifier,
)
from servers.sti import (
    CALLED,
    CALLER,
    CLOCK,
    LOCAL,
    Authority,
    flipped,
    pem,
    private_pem,
)


@pytest.mark.usefixtures("debian")
def test_secsipidx_verifies_what_we_sign(
    key: ec.EllipticCurvePrivateKey, sti_authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "cert.pem").write_bytes(pem(sti_authority.issue(key)))
    subprocess.run(
        "openssl x509 -in cert.pem -noout -pubkey > key.pem", shell=True, cwd=tmp_path, check=True
    )
    identity = Signer(key, "https://cert.example.org/x.pem").sign_shaken(CALLER, CALLED, "A")
    assert _secsipidx_believes(identity, tmp_path)
    assert not _secsipidx_believes(flipped(identity), tmp_path)


def _secsipidx_believes(identity: str, folder: Path) -> bool:
    (folder / "identity").write_text(identity)
    command = ["secsipidx", "-check", "-fidentity", "identity", "-fpubkey", "key.pem"]
    done = subprocess.run(
        [*command, "-expire", "60"], cwd=folder, capture_output=True, text=True, check=False
    )
    return "ok" in done.stdout.split()


@pytest.mark.usefixtures("debian")
def test_we_verify_what_secsipidx_signs(
    engine: str, key: ec.EllipticCurvePrivateKey, signer: Signer, anchors: Path, tmp_path: Path
) -> None:
    (tmp_path / "key.pem").write_bytes(private_pem(key))
    command = ["secsipidx", "-sign-full", "-k", "key.pem", "-o", CALLER, "-d", CALLED]
    signed = subprocess.run(
        [*command, "-a", "A", "-x5u", signer.x5u],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    identity = signed.stdout.strip()
    long_s = float(2**40)  # it signs the time of now only, when our certificates are long expired
    verifier = Verifier(
        TrustStore.from_files(anchors), rules=LOCAL, max_age_s=long_s, clock=lambda: CLOCK
    )
    found = verifier.verify(identity, orig=CALLER, dest=CALLED)
    assert (found.ppt, found.claims.attest) == ("shaken", "A")
    with pytest.raises(IdentityError):
        verifier.verify(flipped(identity), orig=CALLER, dest=CALLED)
