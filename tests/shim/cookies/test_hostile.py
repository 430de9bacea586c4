"""Servers that mean ill set cookies in any order; what a jar sends afterwards keeps its promises.

Each value holds a number, by which the tests know which server has set it, whatever else it says.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from publicsuffixlist import PublicSuffixList

from onehttp.cookies.jar import (
    MOST,
    MOST_PER_ANSWER,
    MOST_PER_DOMAIN,
    MOST_SENT,
    MOST_SENT_BYTES,
    CookieJar,
)
from onehttp.cookies.parsing import MAX_AGE_S, MAX_ATTRIBUTE_BYTES, MAX_COOKIE_BYTES
from onehttp_backends.rules.request_rules import check_headers

NOW = 1_800_000_000.0
SUFFIXES = PublicSuffixList()
ADDRESSES = [
    "10.0.0.1", "127.0.0.1", "127.0.0.1.", "10.0.0.0x1", "127.0.0.0x1", "127.0.0.0X1", "0x7f.0.0x1",
    "1.0.0x", "2.0.0x", "10.1", "127.1", "2130706433", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]",
]  # fmt: skip
SITES = ["example.com", "a.example.com", "b.example.com", "k.example.com", "A.Example.COM."]
OTHERS = ["badexample.com", "evil.net", "example.com.evil.net", "com", "localhost", "a.localhost"]
SUFFIXED = [
    "co.uk", "shop.co.uk", "bank.co.uk", "a.shop.co.uk", "github.io", "me.github.io",
    "you.github.io", "kobe.jp", "c.kobe.jp", "x.c.kobe.jp", "city.kobe.jp", "www.city.kobe.jp",
]  # fmt: skip
ODD = ["xn--bcher-kva.example", "a..example.com", "a_b.example.com", "x.a.example.com"]
HEXADECIMAL = ["10.0.0.0x1", "127.0.0.0x1", "0x7f.0.0.0x1", "1.0.0x", "2.0.0x"]
WORLDS = [
    SITES,
    ADDRESSES,
    HEXADECIMAL,
    SUFFIXED,
    [*SITES, *OTHERS, *ODD],
    [*SITES, *ADDRESSES, *SUFFIXED],
]
PATHS = ["", "/", "/x", "/x/", "/x/y", "/xy", "/x/../y", "/x/%2e%2e/y", "/x;y", "//x", "/x?/y/z"]
DATES = [
    "Sun, 06 Nov 1994 08:49:37 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "1 Jan 2100 0:0:0", "-1",
    "1:1:1 1 1 1", "99999999999999999999", "29 Feb 2100 00:00:00",
]  # fmt: skip
AGES = ["0", "-1", "-", "", "1", "+1", "1.5", "1e9", "9" * 30, "-" + "9" * 5000]

lines_of_bytes = st.text(st.characters(max_codepoint=255, exclude_characters="{}"), max_size=20)
odd = st.sampled_from(
    ["", " ", "\t", "=", "==", ";", '"', ",", "\0", "\r\n", "\x7f", "\x85", "é", "Ã©", "â\x84ª",
     "x" * MAX_ATTRIBUTE_BYTES, "x" * MAX_COOKIE_BYTES]
)  # fmt: skip
names = st.sampled_from(
    ["", "a", "A", " a ", "=a", "==a", "__Host-a", "__host-a", "=__Host-a", "__Secure-a"]
)


class Setting(NamedTuple):
    """What a server sets: from where, and its lines, with ``{}`` for the number of each."""

    url: str
    lines: list[str]


def urls_of(hosts: list[str], scheme: str | None = None) -> st.SearchStrategy[str]:
    """URLs of these hosts."""
    schemes = st.sampled_from([scheme] if scheme else ["http", "https"])
    ports, paths = st.sampled_from(["", ":8"]), st.sampled_from(PATHS)
    return st.builds("{}://{}{}{}".format, schemes, st.sampled_from(hosts), ports, paths)


def lines_of(host: str, others: list[str]) -> st.SearchStrategy[str]:
    """Lines that a server of this host may send, with its neighbours in mind."""
    labels = host.removesuffix(".").split(".")
    above = [".".join(labels[n:]) for n in range(len(labels))]
    domains = st.builds(
        "{}{}{}".format,
        st.sampled_from(["", "", "", ".", "..", " "]),
        st.sampled_from(above) | st.sampled_from([*above, *others]) | odd | lines_of_bytes,
        st.sampled_from(["", "", "", ".", "\t", ":8"]),
    )
    attributes = st.one_of(
        st.builds("{}={}".format, st.sampled_from(["Domain", " DOMAIN "]), domains),
        st.builds("Path={}".format, st.sampled_from(PATHS) | odd | lines_of_bytes),
        st.builds("Expires={}".format, st.sampled_from(DATES) | lines_of_bytes),
        st.builds("Max-Age={}".format, st.sampled_from(AGES) | odd),
        st.sampled_from(["Secure", "secure=no", "HttpOnly", "SameSite=None", "Domain", "Path"]),
        lines_of_bytes,
    )
    return st.builds(
        lambda name, before, after, domain, said: (
            f"{name}={before}#{{}}#{after};{domain};{';'.join(said)}"
        ),
        names | names | odd | lines_of_bytes,
        st.just("") | odd | lines_of_bytes,
        st.sampled_from(["", "", " ", '"']),
        st.just("") | st.sampled_from(above).map("Domain={}".format),
        st.lists(attributes, max_size=2),
    )


def settings_of(hosts: list[str], scheme: str | None = None) -> st.SearchStrategy[list[Setting]]:
    """What servers of these hosts set, one after the other."""
    of_host = st.sampled_from(hosts).flatmap(
        lambda host: st.builds(
            Setting,
            urls_of([host], scheme),
            st.lists(lines_of(host, hosts), min_size=1, max_size=4),
        )
    )
    return st.lists(of_host, min_size=1, max_size=6)


def _host(url: str) -> str:
    host = url.partition("://")[2].partition("/")[0].partition("?")[0]
    return host.removesuffix(":8").removesuffix(".").lower()


def may_share(one: str, other: str) -> bool:
    """Whether two hosts may have a cookie in common: they are one, or of one registrable domain."""
    if one == other:
        return True
    if {one, other} & {each.lower() for each in [*ADDRESSES, *HEXADECIMAL]}:
        return False
    registrable = registrable_of(one)
    return registrable is not None and registrable == registrable_of(other)


def registrable_of(host: str) -> str | None:
    """The registrable domain; an empty label, which no resolver takes, says nothing of whose it
    is."""
    return SUFFIXES.privatesuffix(".".join(filter(None, host.split("."))))


def pairs(header: str) -> list[tuple[str, str]]:
    """Names and values, as a server reads them."""
    split = [pair.partition("=") for pair in header.split("; ")] if header else []
    return [(name.lower() if equals else "", value or name) for name, equals, value in split]


@given(
    st.sampled_from(WORLDS).flatmap(
        lambda hosts: st.tuples(settings_of(hosts), st.lists(urls_of(hosts), min_size=1))
    )
)
def test_a_jar_keeps_its_promises_whoever_sets_what(
    world: tuple[list[Setting], list[str]],
) -> None:
    settings, asked = world
    jar = CookieJar()
    set_by: list[str] = []
    for url, lines in settings:
        numbered = []
        for line in lines:
            numbered.append(line.format(len(set_by)))
            set_by.append(url)
        jar.note(url, numbered, NOW)
    for url in asked:
        header = jar.header(url, NOW)
        if header:
            check_headers((("Cookie", header),))
        for number in re.findall("#([0-9]+)#", header):
            origin = set_by[int(number)]
            assert may_share(_host(origin), _host(url)), (origin, url)
        for name, _ in pairs(header):
            assert url.startswith("https:") or not name.startswith(("__secure-", "__host-"))
    for cookie in jar:
        assert cookie.domain.isascii()
        assert len(f"{cookie.name}{cookie.value}".encode()) <= MAX_COOKIE_BYTES
        assert len(cookie.path.encode()) <= MAX_ATTRIBUTE_BYTES
        assert cookie.expires is None or NOW < cookie.expires <= NOW + MAX_AGE_S


@given(st.sampled_from(["", "; Domain=example.com"]), settings_of([*SITES, *ODD], "http"))
def test_nothing_that_comes_by_http_stands_beside_what_came_by_https(
    domain: str, settings: list[Setting]
) -> None:
    url = "https://a.example.com/x/y"
    jar = CookieJar()
    jar.note(url, [f"a=good; Secure; Path=/{domain}"], NOW)
    for place, lines in settings:
        jar.note(place, [line.format(0) for line in lines], NOW)
    assert ("a", "good") in (sent := pairs(jar.header(url, NOW)))
    # A cookie's name has a case, even if few servers look at it.
    named = [pair for pair in jar.header(url, NOW).split("; ") if pair.partition("=")[0] == "a"]
    assert named == ["a=good"], sent


@given(
    st.lists(
        st.tuples(
            urls_of([*SITES, *OTHERS]),
            st.text(st.characters(max_codepoint=255), min_size=1, max_size=3),
            st.integers(1, 200),
        ),
        max_size=10,
    )
)
def test_a_jar_is_bounded_whoever_fills_it(floods: list[tuple[str, str, int]]) -> None:
    jar = CookieJar()
    for url, name, count in floods:
        before = len(jar)
        jar.note(url, [f"{name}{n}={'x' * n}; Path=/{n}" for n in range(count)], NOW)
        assert len(jar) - before <= MOST_PER_ANSWER
        sent = jar.header(url, NOW)
        assert len(sent.encode()) <= MOST_SENT_BYTES
        assert sent.count("; ") < MOST_SENT
    domains = [cookie.domain for cookie in jar]
    assert len(domains) <= MOST
    assert all(domains.count(domain) <= MOST_PER_DOMAIN for domain in set(domains))
