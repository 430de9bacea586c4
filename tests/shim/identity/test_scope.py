"""A certificate speaks for no more than those above it: number lists of whole chains (RFC 9060)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from onehttp.identity import (
    CredentialError,
    IdentityError,
    Party,
    Signer,
    TrustStore,
    Verifier,
)
from onehttp.identity.authority import NumberAuthority
from servers.sti import CLOCK, LOCAL, TN_AUTH_LIST, Authority, Repository, number_list, pem

CALLER, CALLED, STRANGER = "12155551212", "12155551213", "18005551212"
Issue = Callable[..., bytes]


@pytest.fixture
def trusted(sti_authority: Authority) -> Callable[[bytes], Any]:
    store = TrustStore([sti_authority.certificate])
    return lambda chain: store.trusted(chain, CLOCK)


LISTS = {
    "the number itself": (number_list(numbers=[CALLER]), number_list(numbers=[CALLER]), True),
    "another number": (number_list(numbers=[CALLED]), number_list(numbers=[CALLER]), False),
    "one too many": (
        number_list(numbers=[CALLER]),
        number_list(numbers=[CALLER, CALLED]),
        False,
    ),
    "a number of a range": (
        number_list(ranges=[("12155551200", 100)]),
        number_list(numbers=[CALLER]),
        True,
    ),
    "a number behind a range": (
        number_list(ranges=[("12155551200", 12)]),
        number_list(numbers=[CALLER]),
        False,
    ),
    "a range within a range": (
        number_list(ranges=[("12155551200", 100)]),
        number_list(ranges=[("12155551210", 90)]),
        True,
    ),
    "a range that ends behind": (
        number_list(ranges=[("12155551200", 100)]),
        number_list(ranges=[("12155551210", 91)]),
        False,
    ),
    "a range within two that meet": (
        number_list(ranges=[("12155551200", 10), ("12155551210", 10)]),
        number_list(ranges=[("12155551205", 10)]),
        True,
    ),
    "a code of the issuer": (number_list(code="709J"), number_list(code="709J"), True),
    "a code of another": (number_list(code="709J"), number_list(code="1234"), False),
    "a code under numbers": (number_list(numbers=[CALLER]), number_list(code="709J"), False),
    "a number under a code": (number_list(code="709J"), number_list(numbers=[CALLER]), True),
    "no list under a list": (number_list(numbers=[CALLER]), None, False),
    "a list under none": (None, number_list(numbers=[CALLER]), True),
}


@pytest.mark.parametrize("is_critical", [False, True], ids=["plain", "critical"])
@pytest.mark.parametrize(("above", "below", "is_within"), LISTS.values(), ids=LISTS)
def test_a_certificate_names_no_numbers_outside_of_its_issuers(
    sti_authority: Authority,
    key: ec.EllipticCurvePrivateKey,
    trusted: Callable[[bytes], Any],
    above: bytes | None,
    below: bytes | None,
    is_within: bool,
    is_critical: bool,
) -> None:
    issuer = sti_authority.delegate(above, is_critical=is_critical)
    leaf = issuer.issue(key, numbers=below, are_critical=is_critical)
    chain = pem(leaf, issuer.certificate)
    if is_within:
        assert trusted(chain).certificate == leaf
    else:
        with pytest.raises(CredentialError, match="numbers"):
            trusted(chain)


def test_a_certificate_without_a_list_does_not_hide_the_one_above(
    sti_authority: Authority, key: ec.EllipticCurvePrivateKey, trusted: Callable[[bytes], Any]
) -> None:
    top = sti_authority.delegate(number_list(numbers=[CALLED]))
    middle = top.delegate()
    leaf = middle.issue(key, numbers=number_list(numbers=[CALLER]))
    with pytest.raises(CredentialError, match="outside"):
        trusted(pem(leaf, middle.certificate, top.certificate))


def test_which_numbers_the_issuers_code_covers_is_asked_for_each_call(
    engine: str,
    sti_authority: Authority,
    key: ec.EllipticCurvePrivateKey,
    repository: Repository,
) -> None:
    issuer = sti_authority.delegate(number_list(code="709J"))
    leaf = issuer.issue(key, numbers=number_list(numbers=[CALLER, STRANGER]))
    url = repository.put("/delegated.pem", pem(leaf, issuer.certificate))
    signer = Signer(key, url, clock=lambda: CLOCK)
    verifier = Verifier(
        TrustStore([sti_authority.certificate]),
        rules=LOCAL,
        clock=lambda: CLOCK,
        authorise=lambda code, number: number == CALLER,
    )
    verifier.verify(signer.sign(CALLER, CALLED), orig=CALLER, dest=CALLED)
    with pytest.raises(CredentialError, match="issuer does not cover"):
        verifier.verify(signer.sign(STRANGER, CALLED), orig=STRANGER, dest=CALLED)


numbers = st.integers(100, 160)


@given(
    st.lists(st.tuples(numbers, st.integers(1, 20)), max_size=4),
    st.sets(numbers, max_size=4),
    numbers,
    st.integers(1, 20),
)
def test_a_range_lies_within_a_list_when_each_of_its_numbers_does(
    ranges: list[tuple[int, int]], singles: set[int], start: int, count: int
) -> None:
    above = NumberAuthority(
        ranges=tuple((str(begin), many) for begin, many in ranges),
        numbers=frozenset(map(str, singles)),
    )
    below = NumberAuthority(ranges=((str(start), count),))
    each = all(above.names(str(number)) for number in range(start, start + count))
    assert above.may_cover(below) is each


# Critical extensions.


def test_critical_extensions_that_are_understood_are_accepted(
    sti_authority: Authority, key: ec.EllipticCurvePrivateKey, trusted: Callable[[bytes], Any]
) -> None:
    leaf = sti_authority.issue(key, numbers=number_list(numbers=[CALLER]), are_critical=True)
    assert trusted(pem(leaf)).certificate == leaf


def test_a_critical_extension_that_is_not_known_is_refused(
    sti_authority: Authority, key: ec.EllipticCurvePrivateKey, trusted: Callable[[bytes], Any]
) -> None:
    unknown = (x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    for more in ([], [(TN_AUTH_LIST, number_list(numbers=[CALLER]))]):
        leaf = sti_authority.issue(key, extensions=[unknown, *more], are_critical=True)
        with pytest.raises(CredentialError, match=r"1\.2\.3\.4"):
            trusted(pem(leaf))


@pytest.mark.parametrize("is_expired", [False, True])
def test_with_critical_extensions_the_other_rules_hold(
    sti_authority: Authority,
    key: ec.EllipticCurvePrivateKey,
    trusted: Callable[[bytes], Any],
    is_expired: bool,
) -> None:
    listed = number_list(numbers=[CALLER])
    if is_expired:
        leaf = sti_authority.issue(key, numbers=listed, are_critical=True, expires_in_s=-1)
        with pytest.raises(CredentialError, match="not valid at this time"):
            trusted(pem(leaf))
        return
    impostor = Authority()  # of the same name
    with pytest.raises(CredentialError, match="issuer is not known"):
        trusted(pem(impostor.issue(key, numbers=listed, are_critical=True)))
    top = sti_authority.delegate(path_length=0)
    below = top.delegate()
    leaf = below.issue(key, numbers=listed, are_critical=True)
    with pytest.raises(CredentialError, match="path length"):
        trusted(pem(leaf, below.certificate, top.certificate))
    not_an_authority = sti_authority.issue(impostor.key, common_name="STI-CA")
    with pytest.raises(CredentialError):
        trusted(pem(impostor.issue(key, numbers=listed, are_critical=True), not_an_authority))


# Who the caller is, however it is written.


@pytest.mark.parametrize(
    "uri",
    [
        "sip:+1215555121%32@example.com;user=phone",
        "sip:%2B12155551212@example.com;user=phone",
        "sip:%31%32%31%35%35%35%35%31%32%31%32@example.com;user=phone",
        "sip:+12155551212%3Bx@example.com",
        "tel:+1215555121%32",
        "tel:5551212;phone-context=+1215",
        "sip:5551212;phone-context=+1215@example.com;user=phone",
    ],
)
def test_a_number_is_a_number_however_it_is_escaped(uri: str) -> None:
    assert Party.from_header(f"<{uri}>;tag=1") == Party(tn=CALLER)


def test_a_local_number_belongs_to_its_domain() -> None:
    one = Party.from_uri("tel:7042;phone-context=example.com")
    other = Party.from_uri("tel:7042;phone-context=example.org")
    assert one != other
    assert (one.domain, other.domain) == ("example.com", "example.org")
    assert Party.from_uri("tel:7042;phone-context=example.com", lambda _: "12155557042") == Party(
        tn="12155557042"
    )


# Headers of strangers beside the call's own.


def _beside(signer: Signer) -> dict[str, str]:
    good = signer.sign_shaken(CALLER, CALLED, "A")
    forged = good.replace(good.split(".")[2].split(";")[0], "A" * 86)
    return {
        "another algorithm": good.replace("alg=ES256", "alg=RS256"),
        "an old one": signer.sign(CALLER, CALLED, iat=1),
        "garbage": "x",
        "another call's": signer.sign("1", "2"),
        "a forged one": forged,
        "one whose certificate is not there": good.replace("/signer.pem", "/gone.pem"),
    }


BESIDE = (
    *("another algorithm", "an old one", "garbage", "another call's", "a forged one"),
    "one whose certificate is not there",
)


@pytest.mark.parametrize("comes_first", [False, True])
@pytest.mark.parametrize("kind", BESIDE)
def test_a_bad_header_beside_a_good_one_refuses_nothing(
    signer: Signer, verifier: Verifier, kind: str, comes_first: bool
) -> None:
    headers = [signer.sign_shaken(CALLER, CALLED, "A"), _beside(signer)[kind]]
    if comes_first:
        headers.reverse()
    way = verifier.verify_diverted(headers, orig=CALLER, dest=CALLED)
    assert [one.ppt for one in way] == ["shaken"]


@pytest.mark.parametrize("kind", BESIDE)
def test_a_bad_header_alone_is_refused_for_what_is_wrong_with_it(
    signer: Signer, verifier: Verifier, kind: str
) -> None:
    header = _beside(signer)[kind]
    with pytest.raises(IdentityError) as alone:
        verifier.verify(header, orig=CALLER, dest=CALLED)
    with pytest.raises(type(alone.value)) as among:
        verifier.verify_diverted([header], orig=CALLER, dest=CALLED)
    assert str(among.value) == str(alone.value)


def test_the_message_of_a_token_from_the_future_says_so(signer: Signer, verifier: Verifier) -> None:
    identity = signer.sign(CALLER, CALLED, iat=CLOCK + 61)
    with pytest.raises(IdentityError, match="61 s in the future"):
        verifier.verify(identity, orig=CALLER, dest=CALLED)
