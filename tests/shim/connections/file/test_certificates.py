"""Certificates and keys are opened and matched when the file is loaded."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

import onehttp
from onehttp.connections.file.load import load_connections
from onehttp_backends.certificates.x509 import not_after
from onehttp_backends.contract import Tls, TransferOptions
from onehttp_backends.curl import checking
from servers.certificates import Authority


@pytest.fixture
def pem(tmp_path: Path, authority: trustme.CA) -> Path:
    """A folder with ca.pem, cert.pem, key.pem, and other.pem, the key of nobody here."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued = authority.issue_cert("client.example")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    authority.issue_cert("other.example").private_key_pem.write_to_path(tmp_path / "other.pem")
    (tmp_path / "text.pem").write_text("no certificate")
    return tmp_path


def loaded(folder: Path, tls: str) -> onehttp.ConnectionSet:
    path = folder / "connections.yaml"
    path.write_text(
        "version: 1\nconnections:\n  a:\n    url: https://a.example\n    tls: {" + tls + "}\n"
    )
    return load_connections(path)


@pytest.mark.parametrize(
    ("tls", "column", "problem"),
    [
        ("cert: cert.pem, key: other.pem", 32, "other.pem is not the key of {folder}/cert.pem"),
        ("cert: gone.pem, key: key.pem", 17, "gone.pem cannot be read: No such file or directory"),
        ("cert: cert.pem, key: .", 32, "cannot be read: Is a directory"),
        ("cert: text.pem, key: key.pem", 17, "text.pem holds no PEM certificate"),
        ("cert: cert.pem, key: cert.pem", 32, "cert.pem holds no PEM private key"),
        ("ca_file: text.pem", 20, "text.pem holds no PEM certificate"),
        ("ca_path: gone", 20, "gone cannot be read: No such file or directory"),
        ("cert: cert.pem", 17, "cert and key belong together; give both"),
        ("key: key.pem", 16, "cert and key belong together; give both"),
        ("pinned_public_key: gone.pem", 30, "gone.pem cannot be read"),
        ("pinned_public_key: sha256//short", 30, "expected sha256//BASE64 of 32 bytes"),
        ("min_version: 1.3, max_version: 1.2", 42, "below min_version, which is 1.3"),
    ],
)
def test_a_mistake_is_named_with_its_place(pem: Path, tls: str, column: int, problem: str) -> None:
    with pytest.raises(onehttp.ConfigurationError) as caught:
        loaded(pem, tls)
    assert str(caught.value).startswith(f"{pem}/connections.yaml:5:{column}: connections.a.tls.")
    assert problem.format(folder=pem) in str(caught.value)


def test_an_encrypted_key_needs_its_password(pem: Path) -> None:
    key = serialization.load_pem_private_key((pem / "key.pem").read_bytes(), None)
    (pem / "locked.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"open sesame"),
        )
    )
    assert loaded(pem, "cert: cert.pem, key: locked.pem, key_password: open sesame")
    for wrong in ("", ", key_password: geheim"):
        with pytest.raises(onehttp.ConfigurationError) as caught:
            loaded(pem, f"cert: cert.pem, key: locked.pem{wrong}")
        assert "locked.pem cannot be opened with this key_password" in str(caught.value)
        assert "geheim" not in str(caught.value)


def issued_until(folder: Path, authority: trustme.CA, end: datetime.datetime) -> None:
    issued = authority.issue_cert("client.example", not_after=end)
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")


@pytest.mark.parametrize(
    ("days", "said"), [(-1, "expired on"), (7, "expires on"), (400, None), (20_000, None)]
)
def test_a_certificate_past_its_date_or_near_it_is_warned_of(
    pem: Path, authority: trustme.CA, days: int, said: str | None
) -> None:
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    end = now + datetime.timedelta(days=days)
    issued_until(pem, authority, end)
    found = loaded(pem, "cert: cert.pem, key: key.pem")
    told = [str(warning) for warning in found.warnings]
    if said is None:
        assert told == []
    else:
        assert f"{pem}/cert.pem {said} {end:%Y-%m-%d}" in told[0]
    assert not_after((pem / "cert.pem").read_bytes()) == end


def test_what_the_defaults_say_is_told_of_once(pem: Path) -> None:
    path = pem / "connections.yaml"
    path.write_text(
        "version: 1\ndefaults: {tls: {cert: gone.pem, key: key.pem}}\nconnections:\n"
        "  a: {url: 'https://a.example'}\n  b: {url: 'https://b.example'}\n"
    )
    with pytest.raises(onehttp.ConfigurationError) as caught:
        load_connections(path)
    assert [(error.line, error.key) for error in caught.value.errors] == [(2, "defaults.tls.cert")]


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("ciphers", "NOPE", "NOPE is no cipher that OpenSSL knows"),
        ("ciphers", "HIGH:NOPE", "NOPE is no cipher that OpenSSL knows"),
        ("ciphers", "TLS_AES_128_GCM_SHA256", "is of TLS 1.3"),
        ("crl_file", "text.pem", "text.pem holds no PEM list of revoked certificates"),
        ("crl_file", "gone.pem", "gone.pem cannot be read"),
        ("pinned_public_key", "text.pem", "text.pem holds no public key"),
    ],
)
def test_what_no_handshake_could_use_is_refused(
    pem: Path, key: str, value: str, problem: str
) -> None:
    with pytest.raises(onehttp.ConfigurationError) as caught:
        loaded(pem, f"ca_file: ca.pem, {key}: '{value}'")
    assert problem in str(caught.value)
    assert f"connections.a.tls.{key}" in str(caught.value)


@pytest.mark.parametrize(
    "ciphers",
    [
        "HIGH",
        "ECDHE+AESGCM:!RC4:!NOPE",
        "DEFAULT@SECLEVEL=1",
        "ALL, +AES128",
        "ECDHE-RSA-AES128-GCM-SHA256",
    ],
)
def test_ciphers_are_known_in_any_of_openssls_notations(pem: Path, ciphers: str) -> None:
    assert loaded(pem, f"ciphers: '{ciphers}'")


@pytest.mark.parametrize(
    ("engine", "key", "value"),
    [
        ("pycurl", "curves", "nope"),
        ("pycurl", "curves", "X25519:nope"),
        ("httpx", "curves", "nope"),
        ("httpx", "verify_status", "true"),
    ],
)
def test_the_engine_is_asked_what_it_can_do(pem: Path, engine: str, key: str, value: str) -> None:
    path = pem / "connections.yaml"
    path.write_text(
        f"version: 1\nconnections:\n  a:\n    url: https://a.example\n    tls: {{{key}: {value}}}\n"
    )
    with pytest.raises(onehttp.ConfigurationError) as caught:
        onehttp.init(path, backend=engine)
    assert str(caught.value).startswith(f"{path}:5:{12 + len(key) + 1}: connections.a.tls.{key}: ")


@pytest.mark.parametrize("engine", ["pycurl", "httpx"])
def test_how_long_calls_may_take_says_nothing_of_this(engine: str) -> None:
    times = {"timeout": {"total": 0.001, "connect": 0.001, "idle": 0.001}}
    slow = {"low_speed": {"bytes_per_second": 1_000_000_000_000, "seconds": 1}}
    for count in range(20):  # or it might be in time by chance
        tls = {"curves": "prime256v1", "ciphers": "HIGH" + ":!RC4" * count}
        api = {"url": "https://a.example", "tls": tls, **times, **slow}
        onehttp.init({"version": 1, "connections": {"api": api}}, backend=engine)
        onehttp.shutdown()


def test_an_engine_that_has_no_time_to_answer_refuses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checking, "_TIMEOUT_MS", 1)
    assert checking.check(TransferOptions(tls=Tls(ciphers="HIGH"))) is None


def test_an_engine_without_sockets_takes_everything(pem: Path) -> None:
    connections = {"a": {"url": "https://a.example", "tls": {"verify_status": True}}}
    onehttp.init({"version": 1, "connections": connections}, backend="httpx", answers={})
    assert list(onehttp.connections()) == ["a"]


@pytest.mark.parametrize("scheme", ["negotiate", "ntlm"])
def test_credentials_that_the_double_cannot_use_are_refused(scheme: str) -> None:
    known = {"url": "https://a.example", "auth": {"username": "u", "password": "p"}}
    unknown = {"url": "https://a.example", "auth": {**known["auth"], "type": scheme}}  # type: ignore[dict-item]  # it is one
    connections = {"known": known, "unknown": unknown}
    with pytest.raises(
        onehttp.ConfigurationError,
        match=r"^connections\.unknown\.auth\.type: .*knows basic, digest",
    ):
        onehttp.init({"version": 1, "connections": connections}, backend="httpx")
    onehttp.init({"version": 1, "connections": connections}, backend="httpx", answers={})


@pytest.mark.parametrize("scheme", ["socks4", "socks4a"])
def test_a_proxy_that_the_double_cannot_use_is_refused(scheme: str) -> None:
    connections = {"a": {"url": "https://a.example", "proxy": {"url": f"{scheme}://127.0.0.1:1"}}}
    with pytest.raises(onehttp.ConfigurationError, match=r"connections\.a\.proxy\.url: .*socks5h"):
        onehttp.init({"version": 1, "connections": connections}, backend="httpx")


def test_a_version_that_is_broken_is_warned_of(pem: Path) -> None:
    found = loaded(pem, "min_version: '1.0'")
    assert "tls.min_version: 1.0 is broken" in str(found.warnings[0])


@pytest.mark.parametrize(("days", "said"), [(-1, "expired on"), (3, "expires on"), (60, None)])
def test_an_authority_past_its_date_is_warned_of(pem: Path, days: int, said: str | None) -> None:
    (pem / "ca.pem").write_bytes(Authority(days=days).pem)
    told = [str(warning) for warning in loaded(pem, "ca_file: ca.pem").warnings]
    assert bool(told) is (said is not None)
    if said is not None:
        assert f"tls.ca_file: {pem}/ca.pem {said}" in told[0]


def test_a_list_of_revoked_certificates_is_of_an_authority(pem: Path) -> None:
    (pem / "crl.pem").write_bytes(Authority().revoking())
    with pytest.raises(onehttp.ConfigurationError, match="give ca_file, too"):
        loaded(pem, "crl_file: crl.pem")


@pytest.mark.parametrize(("days", "said"), [(-1, "expired on"), (3, "expires on"), (60, None)])
def test_a_list_of_revoked_certificates_past_its_date_is_warned_of(
    pem: Path, days: int, said: str | None
) -> None:
    authority = Authority()
    (pem / "crl.pem").write_bytes(authority.revoking(days=days))
    (pem / "ca.pem").write_bytes(authority.pem)
    told = [str(warning) for warning in loaded(pem, "ca_file: ca.pem, crl_file: crl.pem").warnings]
    assert bool(told) is (said is not None)
    if said is not None:
        assert f"tls.crl_file: {pem}/crl.pem {said}" in told[0]


@pytest.mark.parametrize(
    ("interface", "problem"),
    [
        ("nosuch0", "no interface 'nosuch0' on this machine"),
        ("if!nosuch0", "no interface 'nosuch0' on this machine"),
        ("ifhost!nosuch0!127.0.0.1", "no interface 'nosuch0' on this machine"),
        ("192.0.2.1", "no address 192.0.2.1 on this machine"),
        ("host!192.0.2.1", "no address 192.0.2.1 on this machine"),
        ("ifhost!lo!192.0.2.1", "no address 192.0.2.1 on this machine"),
        ("2001:db8::1", "no address 2001:db8::1 on this machine"),
    ],
)
def test_an_interface_that_is_not_there_is_refused(interface: str, problem: str) -> None:
    connections = {"a": {"url": "https://a.example", "interface": interface}}
    with pytest.raises(onehttp.ConfigurationError) as caught:
        load_connections({"version": 1, "connections": connections})
    assert str(caught.value).startswith(f"connections.a.interface: {problem}")


@pytest.mark.parametrize(
    "interface",
    ["lo", "if!lo", "127.0.0.1", "host!127.0.0.1", "ifhost!lo!127.0.0.1", "host!a.example"],
)
def test_an_interface_that_is_there_is_not(interface: str) -> None:
    connections = {"a": {"url": "https://a.example", "interface": interface}}
    assert load_connections({"version": 1, "connections": connections})
