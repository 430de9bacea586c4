"""``auth_identity`` signs: what it returns, and what openssl says of its signatures."""

from __future__ import annotations

from pathlib import Path

import pytest

import onehttp
from onehttp.identity import format_date
from servers.sti import CLOCK, DAY_S
from stand_ins.legacy.rfc4474 import DATE, Box, digest, invite, openssl_verifies

pytestmark = pytest.mark.filterwarnings("ignore::onehttp.LegacyCallWarning")


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


def test_signing_adds_a_content_length_over_udp(signer: Box) -> None:
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


def test_a_certificate_url_cannot_add_headers(signer: Box) -> None:
    signer.set(certificate_url="https://a/x>\r\nEvil: 1\r\n")
    with pytest.raises(onehttp.ConfigurationError, match="certificate_url"):
        signer.server.start()


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
