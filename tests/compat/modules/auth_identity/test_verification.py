"""``auth_identity`` verifies: all that it returned, against signatures that openssl made."""

from __future__ import annotations

import base64
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import onehttp
from onehttp.identity import format_date
from onehttp_compat.server import LegacyServer
from servers.patience import PATIENCE_S
from servers.raw import RawServer, redirecting_to
from servers.sti import CLOCK, DAY_S, Authority, Repository, pem
from stand_ins.legacy.rfc4474 import (
    Box,
    Signed,
    atlanta,
    der_of,
    digest,
    invite,
    openssl_signature,
    signed_by_openssl,
)

pytestmark = pytest.mark.filterwarnings("ignore::onehttp.LegacyCallWarning")


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
    thread.join(PATIENCE_S)
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
