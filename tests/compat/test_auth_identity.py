"""Module ``auth_identity``: all that it returned, against signatures that openssl made."""

from __future__ import annotations

import base64
import logging
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

import onehttp
from onehttp.identity import format_date
from onehttp_compat import auth_identity
from onehttp_compat.auth_identity import RECOMMENDED_REPLIES, NoRequestError
from onehttp_compat.registry import FUNCTIONS
from onehttp_compat.server import LegacyServer, use_server
from onehttp_compat.sip.request import SipRequest
from servers.raw import RawServer, redirecting_to
from servers.sti import CLOCK, DAY_S, Authority, Repository, pem, private_pem

pytestmark = pytest.mark.filterwarnings("ignore::onehttp.LegacyCallWarning")

BODY = b"v=0\r\ns=x\r\n"
DATE = format_date(CLOCK)


def invite(
    *, date: str | None = DATE, cseq: str = "7 INVITE", body: bytes = BODY, **more: str
) -> bytes:
    """A request of alice@atlanta.example; ``more`` are further headers, ``_`` for ``-``."""
    headers = {
        "From": more.pop("From", "Alice <sip:alice@atlanta.example>;tag=1"),
        "To": "<sip:bob@biloxi.example>",
        "Call-ID": "c1@atlanta.example",
        "CSeq": cseq,
        "Contact": "<sip:alice@pc33.atlanta.example>",
        "Content-Length": str(len(body)),
        **({"Date": date} if date is not None else {}),
        **{name.replace("_", "-"): text for name, text in more.items()},
    }
    lines = "".join(f"{name}: {text}\r\n" for name, text in headers.items() if text)
    return f"INVITE sip:bob@biloxi.example SIP/2.0\r\n{lines}\r\n".encode() + body


def digest(date: str = DATE, cseq: str = "7 INVITE", body: bytes = BODY) -> bytes:
    """The text that a signature of `invite` is over, put together here once more."""
    return (
        "sip:alice@atlanta.example|sip:bob@biloxi.example|c1@atlanta.example|"
        f"{cseq}|{date}|sip:alice@pc33.atlanta.example|"
    ).encode() + body


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("old CA")


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def folder(
    authority: Authority, key: rsa.RSAPrivateKey, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Key, certificate and authority as files."""
    path = tmp_path_factory.mktemp("rfc4474")
    authority.write(path / "ca.pem")
    (path / "key.pem").write_bytes(private_pem(key))
    (path / "cert.pem").write_bytes(pem(atlanta(authority, key)))
    return path


def atlanta(authority: Authority, key: object, *, expires_in_s: float = DAY_S) -> x509.Certificate:
    return authority.issue(key, names=[x509.DNSName("atlanta.example")], expires_in_s=expires_in_s)


def der_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def openssl_signature(folder: Path, text: bytes) -> str:
    command = ["openssl", "dgst", "-sha1", "-sign", str(folder / "key.pem")]
    signed = subprocess.run(command, input=text, capture_output=True, check=True).stdout
    return base64.b64encode(signed).decode()


def openssl_verifies(folder: Path, text: bytes, signature: str) -> bool:
    (folder / "sig").write_bytes(base64.b64decode(signature))
    public = folder / "pub.pem"
    subprocess.run(
        ["openssl", "x509", "-in", str(folder / "cert.pem"), "-noout", "-pubkey", "-out",
         str(public)], check=True,
    )  # fmt: skip
    command = ["openssl", "dgst", "-sha1", "-verify", str(public), "-signature",
               str(folder / "sig")]  # fmt: skip
    return subprocess.run(command, input=text, capture_output=True, check=False).returncode == 0


@pytest.fixture
def shop(authority: Authority, key: rsa.RSAPrivateKey) -> Iterator[Repository]:
    """Publishes the certificate of atlanta.example."""
    with Repository() as running:
        running.put("/atlanta.cer", der_of(atlanta(authority, key)))
        yield running


class Box:
    """A legacy server with the module configured, its clock in hand."""

    def __init__(self, server: LegacyServer, folder: Path, url: str) -> None:
        self.server = server
        self.url = url
        self.now = float(CLOCK)
        server.auth_identity.clock = lambda: self.now
        self._folder = folder
        self.set(cainfo_path=str(folder / "ca.pem"), allow_private=1, allow_sha1=1)

    def signing(self) -> Box:
        """With a key. Apart, since OpenSSL proves RSA keys at length when it loads them."""
        self.set(
            privatekey_path=str(self._folder / "key.pem"),
            certificate_path=str(self._folder / "cert.pem"),
            certificate_url=self.url,
        )
        return self

    def set(self, **parameters: object) -> None:
        for name, value in parameters.items():
            self.server.modparam("auth_identity", name, value)

    def take(self, raw: bytes) -> SipRequest:
        request = self.server.pv.request = SipRequest(raw)
        return request

    def call(self, name: str) -> int:
        return self.server.call(name, ())

    def verify(self, raw: bytes) -> dict[str, int]:
        """The functions in their order, up to the first that fails."""
        self.take(raw)
        codes = {}
        for name in ("vrfy_check_date", "vrfy_get_certificate", "vrfy_check_certificate",
                     "vrfy_check_msgvalidity", "vrfy_check_callid"):  # fmt: skip
            codes[name] = self.call(name)
            if codes[name] < 0:
                break
        return codes

    def failure(self, raw: bytes) -> tuple[str, int]:
        """The function that refuses ``raw``, and its code."""
        return next(((name, code) for name, code in self.verify(raw).items() if code < 0), ("", 1))


@pytest.fixture
def box(legacy: LegacyServer, folder: Path, shop: Repository) -> Box:
    return Box(legacy, folder, f"{shop.url}/atlanta.cer")


@pytest.fixture
def old_box(faithful: LegacyServer, folder: Path, shop: Repository) -> Box:
    return Box(faithful, folder, f"{shop.url}/atlanta.cer")


@pytest.fixture
def signer(box: Box) -> Box:
    return box.signing()


Signed = Callable[..., bytes]


@pytest.fixture
def signed(debian: None, folder: Path, box: Box) -> Signed:
    """A request signed by the openssl command line."""
    return lambda **change: signed_by_openssl(folder, box.url, **change)


def signed_by_openssl(folder: Path, url: str, **change: object) -> bytes:
    parts = {name: change[name] for name in ("date", "cseq", "body") if name in change}
    signature = openssl_signature(folder, digest(**parts))  # type: ignore[arg-type]
    identity = {"Identity": f'"{signature}"', "Identity_Info": f"<{url}>;alg=rsa-sha1"}
    return invite(**{**identity, **change})  # type: ignore[arg-type]


# Signing.


@pytest.mark.usefixtures("debian")
def test_a_signed_request_is_one_that_openssl_verifies(signer: Box, folder: Path) -> None:
    request = signer.take(invite())
    assert signer.call("auth_date_proc") == 1
    assert signer.call("auth_add_identity") == 1
    (identity, quoted), (info, where) = request.added
    assert (identity, info, where) == ("Identity", "Identity-Info", f"<{signer.url}>;alg=rsa-sha1")
    assert openssl_verifies(folder, digest(), quoted.strip('"'))
    assert not openssl_verifies(folder, digest(body=b"other"), quoted.strip('"'))


def test_what_is_signed_here_verifies_here(signer: Box) -> None:
    request = signer.take(invite(date=None))
    assert (signer.call("auth_date_proc"), signer.call("auth_add_identity")) == (1, 1)
    assert [name for name, _ in request.added] == ["Date", "Identity", "Identity-Info"]
    assert set(signer.verify(request.to_bytes()).values()) == {1}


def test_over_udp_a_content_length_is_added(signer: Box) -> None:
    raw = invite().replace(b"Content-Length", b"X-Length")
    for transport, names in (("udp", ["Content-Length", "Identity", "Identity-Info"]),
                             ("tcp", ["Identity", "Identity-Info"])):  # fmt: skip
        request = signer.take(raw)
        request.transport = transport
        assert signer.call("auth_add_identity") == 1
        assert [name for name, _ in request.added] == names


@pytest.mark.parametrize(
    ("date", "code"),
    [(DATE, 1), (format_date(CLOCK - 601), -6), (format_date(CLOCK + 601), -6),
     (format_date(CLOCK - 600), 1), ("now", -1)],
)  # fmt: skip
def test_auth_date_proc_wants_a_date_of_now(signer: Box, date: str, code: int) -> None:
    signer.take(invite(date=date))
    assert signer.call("auth_date_proc") == code


def test_auth_date_proc_refuses_a_date_after_the_certificate(signer: Box) -> None:
    signer.server.start()
    signer.now += DAY_S + 1
    request = signer.take(invite(date=None))
    assert signer.call("auth_date_proc") == -8
    assert request.added == []


def test_auth_add_identity_without_any_date_is_minus_two(signer: Box) -> None:
    signer.take(invite(date=None))
    assert signer.call("auth_add_identity") == -2


@pytest.mark.parametrize(
    ("raw", "code"),
    [(invite(date="x"), -1), (invite(cseq="7"), -4), (invite(From="nobody"), -4),
     (invite(Content_Length="99"), -4)],
)  # fmt: skip
def test_auth_add_identity_refuses_what_has_no_digest(signer: Box, raw: bytes, code: int) -> None:
    request = signer.take(raw)
    assert signer.call("auth_add_identity") == code
    assert request.added == []


def test_a_malformed_request_with_a_generated_date_is_minus_three(signer: Box) -> None:
    signer.take(invite(date=None, cseq="7"))
    assert signer.call("auth_date_proc") == 1
    assert signer.call("auth_add_identity") == -3


def test_without_key_the_module_only_verifies(
    legacy: LegacyServer, caplog: pytest.LogCaptureFixture
) -> None:
    legacy.modparam("auth_identity", "certificate_url", "https://a/x")
    legacy.pv.request = SipRequest(invite())
    with caplog.at_level(logging.WARNING):
        assert legacy.call("auth_date_proc", ()) == -1
        assert legacy.call("auth_add_identity", ()) == -1
    assert "no signing" in caplog.text


@pytest.mark.parametrize(
    ("parameter", "content"),
    [
        ("privatekey_path", None),
        ("privatekey_path", b"junk"),
        ("privatekey_path", private_pem(ec.generate_private_key(ec.SECP256R1()))),
        ("certificate_path", None),
        ("certificate_path", b"junk"),
        ("cainfo_path", None),
        ("cainfo_path", b"junk"),
    ],
)
def test_an_unusable_file_is_named_at_start(
    signer: Box, tmp_path: Path, parameter: str, content: bytes | None
) -> None:
    path = tmp_path / "file.pem"
    if content is not None:
        path.write_bytes(content)
    signer.set(**{parameter: str(path)})
    with pytest.raises(onehttp.ConfigurationError, match=r"file\.pem"):
        signer.server.start()


@pytest.mark.parametrize("age_s", [-2 * DAY_S, 2 * DAY_S])
def test_an_own_certificate_that_is_not_valid_stops_the_start(signer: Box, age_s: int) -> None:
    signer.now += age_s
    with pytest.raises(onehttp.ConfigurationError, match="not valid now"):
        signer.server.start()


def test_a_certificate_url_cannot_add_headers(signer: Box) -> None:
    signer.set(certificate_url="https://a/x>\r\nEvil: 1\r\n")
    with pytest.raises(onehttp.ConfigurationError, match="certificate_url"):
        signer.server.start()


@pytest.mark.parametrize(
    "name", ["msg_timeout", "callid_cache_limit", "certificate_cache_limit", "download_timeout"]
)
@pytest.mark.parametrize("value", [0, -1])
def test_a_limit_that_allows_nothing_is_an_error(
    legacy: LegacyServer, name: str, value: int
) -> None:
    legacy.modparam("auth_identity", name, value)
    with pytest.raises(onehttp.ConfigurationError, match=name):
        legacy.start()


# SHA-1.


def test_signing_with_sha1_is_an_error_until_it_is_allowed(signer: Box) -> None:
    signer.set(allow_sha1=0)
    with pytest.raises(onehttp.ConfigurationError, match="allow_sha1"):
        signer.server.start()


def test_verifying_with_sha1_is_refused_until_it_is_allowed(
    legacy: LegacyServer, caplog: pytest.LogCaptureFixture
) -> None:
    legacy.pv.request = SipRequest(invite(Identity_Info="<https://a.example/x>"))
    assert legacy.call("vrfy_get_certificate", ()) == -5
    assert "allow_sha1" in caplog.text


@pytest.mark.usefixtures("debian")
def test_faithful_mode_allows_sha1(old_box: Box, folder: Path) -> None:
    old_box.set(allow_sha1=0)
    assert set(old_box.verify(signed_by_openssl(folder, old_box.url)).values()) == {1}


# Verifying.


def test_what_openssl_signed_verifies(box: Box, signed: Signed) -> None:
    assert box.verify(signed()) == dict.fromkeys(
        ["vrfy_check_date", "vrfy_get_certificate", "vrfy_check_certificate",
         "vrfy_check_msgvalidity", "vrfy_check_callid"], 1,
    )  # fmt: skip


@pytest.mark.usefixtures("debian")
@pytest.mark.parametrize(
    "change",
    [
        {"body": b"v=1\r\ns=x\r\n"},
        {"cseq": "8 INVITE"},
        {"cseq": "7 BYE"},
        {"date": format_date(CLOCK + 1)},
        {"From": "<sip:mallory@atlanta.example>;tag=1"},
        {"To": "<sip:carol@biloxi.example>"},
        {"Call_ID": "c2@atlanta.example"},
        {"Contact": "<sip:mallory@pc33.atlanta.example>"},
        {"Contact": ""},
    ],
)
def test_a_request_changed_after_signing_is_forged(
    box: Box, folder: Path, change: dict[str, str]
) -> None:
    signature = openssl_signature(folder, digest())
    identity = {"Identity": f'"{signature}"', "Identity_Info": f"<{box.url}>;alg=rsa-sha1"}
    raw = invite(**{**identity, **change})  # type: ignore[arg-type]
    assert box.failure(raw) == ("vrfy_check_msgvalidity", -3)


def test_the_signature_of_another_key_is_forged(box: Box, signed: Signed) -> None:
    other = rsa.generate_private_key(65537, 2048)
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA1

    forged = base64.b64encode(other.sign(digest(), PKCS1v15(), SHA1())).decode()
    assert box.failure(signed(Identity=f'"{forged}"')) == ("vrfy_check_msgvalidity", -3)


@pytest.mark.parametrize(
    ("identity", "code"),
    [('"%s"' % ("A" * 1028), -2), ('"%s"' % ("A" * 1024), -3), ("", -1), ('"!"', -1),
     ('"AAA"', -3), ('"A=AA"', -3)],
)  # fmt: skip
def test_an_identity_that_cannot_be_one_is_refused(
    box: Box, signed: Signed, identity: str, code: int
) -> None:
    assert box.failure(signed(Identity=identity)) == ("vrfy_check_msgvalidity", code)


@pytest.mark.parametrize(
    ("raw", "code"),
    [(invite(date=None), -1), (invite(date="x"), -1), (invite(date=format_date(CLOCK - 3601)), -4),
     (invite(date=format_date(CLOCK - 3600)), 1), (invite(date=format_date(CLOCK + 600)), 1)],
)  # fmt: skip
def test_vrfy_check_date_wants_a_date_of_the_last_hour(box: Box, raw: bytes, code: int) -> None:
    box.take(raw)
    assert box.call("vrfy_check_date") == code


def test_a_date_of_the_future_passes_in_faithful_mode_only(box: Box, old_box: Box) -> None:
    raw = invite(date=format_date(CLOCK + 601))
    box.take(raw)
    old_box.take(raw)
    assert box.call("vrfy_check_date") == -4
    assert old_box.call("vrfy_check_date") == 1


@pytest.mark.parametrize(
    ("info", "code"),
    [("", -3), ("https://a/x", -3), ("<ftp://a.example/x>", -3), ("<file:///etc/passwd>", -3),
     ("<https://a.example/x>;alg=rsa-sha256", -5)],
)  # fmt: skip
def test_an_identity_info_that_cannot_be_one_is_refused(
    box: Box, signed: Signed, info: str, code: int
) -> None:
    assert box.failure(signed(Identity_Info=info)) == ("vrfy_get_certificate", code)


def test_the_largest_certificate_has_8191_bytes(box: Box, shop: Repository) -> None:
    for size, code in ((8191, -7), (8192, -6)):
        url = shop.put(f"/{size}", b"x" * size)
        box.take(invite(Identity_Info=f"<{url}>"))
        assert box.call("vrfy_get_certificate") == code


@pytest.mark.parametrize("status", ["404 None", "500 Oops", "302 Found"])
def test_another_answer_than_2xx_is_no_certificate(box: Box, shop: Repository, status: str) -> None:
    head = f"HTTP/1.1 {status}\r\nLocation: {box.url}\r\nContent-Length: 2\r\n\r\nxx"
    box.take(invite(Identity_Info=f"<{shop.put_raw('/x', head.encode())}>"))
    assert box.call("vrfy_get_certificate") == -6
    assert shop.targets == ["GET /x"]


def test_the_request_on_the_wire_is_the_modules(box: Box, shop: Repository) -> None:
    box.take(invite(Identity_Info=f"<{box.url}>"))
    assert box.call("vrfy_get_certificate") == 1
    lines = shop.requests[0].decode().split("\r\n")
    assert lines[0] == "GET /atlanta.cer HTTP/1.1"
    assert lines[1:4] == [
        f"Host: {shop.url.removeprefix('http://')}",
        "User-Agent: kamailio-Agent/1.0",
        "Accept: */*",
    ]


def test_a_private_address_is_refused_until_it_is_allowed(
    box: Box, shop: Repository, signed: Signed
) -> None:
    box.set(allow_private=0)
    assert box.failure(signed()) == ("vrfy_get_certificate", -6)
    assert shop.requests == []


def test_a_redirect_is_never_followed(box: Box, shop: Repository) -> None:
    with RawServer(redirecting_to(box.url)) as elsewhere:
        box.take(invite(Identity_Info=f"<{elsewhere.url}/x>"))
        assert box.call("vrfy_get_certificate") == -6
    assert shop.requests == []


def test_pem_is_accepted_where_it_is_allowed(
    box: Box, shop: Repository, authority: Authority, key: rsa.RSAPrivateKey
) -> None:
    url = shop.put("/pem", b"comment\n" + pem(atlanta(authority, key)))
    box.take(invite(Identity_Info=f"<{url}>"))
    assert box.call("vrfy_get_certificate") == -7
    box.set(accept_pem_certs=1)
    box.server.auth_identity._verifier = None
    assert box.call("vrfy_get_certificate") == 1


def test_a_failed_download_is_not_repeated_at_once(
    box: Box, old_box: Box, shop: Repository
) -> None:
    for one, requests in ((box, 1), (old_box, 3)):
        shop.requests.clear()
        one.take(invite(Identity_Info=f"<{shop.url}/none>"))
        assert [one.call("vrfy_get_certificate") for _ in range(3)] == [-6] * 3
        assert len(shop.requests) == requests


def test_a_certificate_is_kept_once_it_was_checked(
    box: Box, shop: Repository, signed: Signed
) -> None:
    box.take(signed())
    for _ in range(2):
        assert box.call("vrfy_get_certificate") == 1
    assert len(shop.requests) == 2
    assert box.call("vrfy_check_certificate") == 1
    assert box.call("vrfy_get_certificate") == 1
    assert len(shop.requests) == 2


def test_the_functions_need_the_certificate_and_let_it_go(box: Box, signed: Signed) -> None:
    box.take(signed())
    assert box.call("vrfy_check_certificate") == -1
    assert box.call("vrfy_check_msgvalidity") == -1
    assert box.call("vrfy_get_certificate") == 1
    assert box.call("vrfy_check_msgvalidity") == 1
    assert box.call("vrfy_check_msgvalidity") == -1


@pytest.mark.parametrize(
    ("sender", "code"),
    [("", -1), ("<tel:+1>", -2), ("nobody", -2), ("<sip:alice@other.example>", -4),
     ("<sip:alice@sub.atlanta.example>", -4), ("<sips:a:b@ATLANTA.example:5061;x=y>", 1)],
)  # fmt: skip
def test_the_certificate_must_be_of_the_callers_domain(
    box: Box, signed: Signed, sender: str, code: int
) -> None:
    box.take(signed(From=sender))
    assert box.call("vrfy_get_certificate") == 1
    assert box.call("vrfy_check_certificate") == code


@pytest.mark.usefixtures("debian")
def test_a_cached_certificate_vouches_for_its_domain_only(
    box: Box, old_box: Box, folder: Path
) -> None:
    for one, code in ((box, -4), (old_box, 1)):
        assert one.failure(signed_by_openssl(folder, one.url)) == ("", 1)
        one.take(invite(From="<sip:mallory@victim.example>", Identity_Info=f"<{one.url}>"))
        assert one.call("vrfy_get_certificate") == 1
        assert one.call("vrfy_check_certificate") == code


def test_a_cached_certificate_expires(box: Box, folder: Path, signed: Signed) -> None:
    assert box.failure(signed()) == ("", 1)
    box.now += DAY_S + 1
    late = signed_by_openssl(folder, box.url, date=format_date(box.now))
    assert box.failure(late) == ("vrfy_check_certificate", -3)


def test_certificates_that_are_not_to_be_believed(
    box: Box, shop: Repository, authority: Authority, key: rsa.RSAPrivateKey
) -> None:
    strange = Authority("strange")
    for number, certificate in enumerate(
        [atlanta(strange, key), atlanta(authority, key, expires_in_s=-1), authority.certificate]
    ):
        url = shop.put(f"/{number}", der_of(certificate))
        box.take(invite(Identity_Info=f"<{url}>"))
        assert box.call("vrfy_get_certificate") == 1
        assert box.call("vrfy_check_certificate") == (-4 if number == 2 else -3)


def test_a_key_that_is_not_rsa_signs_nothing(
    box: Box, shop: Repository, authority: Authority, signed: Signed
) -> None:
    other = atlanta(authority, ec.generate_private_key(ec.SECP256R1()))
    shop.put("/atlanta.cer", der_of(other))
    assert box.failure(signed()) == ("vrfy_check_msgvalidity", -3)


def test_threads_do_not_see_each_others_certificate(box: Box, signed: Signed) -> None:
    raw = signed()
    box.take(raw)
    assert box.call("vrfy_get_certificate") == 1
    codes: list[int] = []

    def elsewhere() -> None:
        box.take(raw)
        codes.append(box.call("vrfy_check_msgvalidity"))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join(30)
    assert codes == [-1]
    assert box.call("vrfy_check_msgvalidity") == 1


def test_the_engine_is_initialised_by_the_first_download(folder: Path, shop: Repository) -> None:
    server = LegacyServer()
    box = Box(server, folder, f"{shop.url}/atlanta.cer")
    box.take(invite(Identity_Info=f"<{box.url}>"))
    try:
        assert box.call("vrfy_get_certificate") == 1
    finally:
        onehttp.shutdown()


# Replays.


def test_a_replayed_request_is_refused(box: Box, signed: Signed) -> None:
    assert box.failure(signed()) == ("", 1)
    assert box.failure(signed()) == ("vrfy_check_callid", -6)
    assert box.failure(signed(cseq="6 INVITE")) == ("vrfy_check_callid", -6)
    assert box.failure(signed(cseq="8 BYE")) == ("", 1)
    assert box.failure(signed(cseq="8 BYE")) == ("vrfy_check_callid", -6)


def test_another_dialogue_is_no_replay(box: Box) -> None:
    for change in ({}, {"From": "<sip:a@b>;tag=2"}, {"Call_ID": "c2"}):
        box.take(invite(**change))  # type: ignore[arg-type]
        assert box.call("vrfy_check_callid") == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [({"Call_ID": ""}, -1), ({"cseq": "7"}, -2), ({"cseq": ""}, -2), ({"cseq": "x INVITE"}, -3),
     ({"cseq": "4294967296 INVITE"}, -3), ({"From": ""}, -4)],
)  # fmt: skip
def test_what_has_no_dialogue_is_refused(box: Box, change: dict[str, str], code: int) -> None:
    box.take(invite(**change))  # type: ignore[arg-type]
    assert box.call("vrfy_check_callid") == code


def test_a_dialogue_is_remembered_from_its_last_request_on(box: Box, old_box: Box) -> None:
    for one, code in ((box, -6), (old_box, 1)):
        for after_s, cseq, expected in ((0, 1, 1), (3000, 2, 1), (3601, 2, code)):
            one.now = CLOCK + after_s
            one.take(invite(cseq=f"{cseq} INVITE"))
            assert one.call("vrfy_check_callid") == expected


def test_the_memory_of_dialogues_is_bounded(box: Box) -> None:
    box.set(callid_cache_limit=10)
    for number in range(100):
        box.take(invite(Call_ID=f"c{number}"))
        assert box.call("vrfy_check_callid") == 1
    assert len(box.server.auth_identity.verifier._dialogs) == 10


# Faithful to what was harmless.


def test_a_stale_generated_date_is_signed_in_faithful_mode_only(box: Box, old_box: Box) -> None:
    for one, code in ((box.signing(), -2), (old_box.signing(), 1)):
        one.take(invite(date=None))
        assert one.call("auth_date_proc") == 1
        one.take(invite(date=None, Call_ID="another"))
        assert one.call("auth_add_identity") == code


def test_a_missing_header_is_signed_as_empty_in_faithful_mode_only(box: Box, old_box: Box) -> None:
    for one, code in ((box.signing(), -4), (old_box.signing(), 1)):
        one.take(invite(Call_ID=""))
        assert one.call("auth_add_identity") == code


# Ways in.


def test_the_functions_are_importable_and_warn_once(legacy: LegacyServer) -> None:
    auth_identity.receive(invite(date="x"))
    with pytest.warns(onehttp.LegacyCallWarning, match="onehttp.identity.Verifier"):
        assert auth_identity.vrfy_check_date() == -1


def test_without_a_request_the_error_says_how_to_hand_one_over(legacy: LegacyServer) -> None:
    with pytest.raises(NoRequestError, match="receive"):
        auth_identity.vrfy_check_date()


def test_every_function_has_a_recommended_reply() -> None:
    names = {one.name for one in FUNCTIONS if one.module == "auth_identity"}
    assert set(RECOMMENDED_REPLIES) == names
    assert len(names) == 7


def test_the_server_does_not_import_cryptography_before_it_is_needed() -> None:
    import sys

    code = (
        "import sys; from onehttp_compat.server import LegacyServer; LegacyServer().start()\n"
        "print({'cryptography', 'cachetools'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


class RealPv:
    """``KSR.pv`` with one message buffer."""

    def __init__(self, buffer: str) -> None:
        self._buffer = buffer

    def get(self, name: str) -> str | None:
        return self._buffer if name == "$mb" else None


class RealKsr:
    """As much of the real ``KSR`` as the module touches."""

    def __init__(self, buffer: str) -> None:
        self.pv = RealPv(buffer)
        self.pvx = self
        self.hdr = self
        self.appended: list[str] = []

    def evalx(self, target: str, text: str) -> int:
        raise AssertionError("the buffer is UTF-8")

    def append(self, line: str) -> int:
        self.appended.append(line)
        return 1


def test_inside_the_server_it_works_on_the_servers_message(
    engine: str, folder: Path, shop: Repository
) -> None:
    from onehttp_compat.ksr import KsrStore

    real = RealKsr(invite(date=None).decode())
    server = LegacyServer(store=KsrStore(real))
    use_server(server)
    box = Box(server, folder, f"{shop.url}/atlanta.cer").signing()
    assert (box.call("auth_date_proc"), box.call("auth_add_identity")) == (1, 1)
    assert [line.partition(":")[0] for line in real.appended] == [
        "Date", "Identity", "Identity-Info",
    ]  # fmt: skip
    use_server(None)
