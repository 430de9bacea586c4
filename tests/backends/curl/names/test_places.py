"""Which names have to be known before libcurl can connect."""

from __future__ import annotations

import pytest

from onehttp_backends.contract import Proxy
from onehttp_backends.curl.names.feeder import entry
from onehttp_backends.curl.names.lookup import Addresses
from onehttp_backends.curl.names.places import Place, places

URL = "http://a.example/x"
TARGET, PROXY = Place("a.example", 80), Place("proxy.example", 3128)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (URL, [TARGET]),
        ("https://a.example", [Place("a.example", 443)]),
        ("HTTP://A.Example:8080/", [Place("a.example", 8080)]),
        ("http://a.example.", [Place("a.example.", 80)]),
        ("http://127.0.0.1/", []),
        ("http://127.1/", []),
        ("http://2130706433/", []),
        ("http://0x7f000001/", []),
        ("http://[::1]:80/", []),
        ("http://[fe80::1%25eth0]/", []),
        ("http://localhost/", []),
        ("http://LOCALHOST./", []),
        ("http://api.localhost/", []),
        ("http://notlocalhost/", [Place("notlocalhost", 80)]),
        ("http://08.8.8.8/", [Place("08.8.8.8", 80)]),
    ],
)
def test_the_host_of_the_url_unless_it_is_an_address_or_this_host(
    url: str, expected: list[Place]
) -> None:
    assert places(url, None) == expected


@pytest.mark.parametrize(
    ("proxy", "expected"),
    [
        ("http://proxy.example:3128", [PROXY]),
        ("proxy.example:3128", [PROXY]),
        ("proxy.example", [Place("proxy.example", 1080)]),
        ("https://proxy.example", [Place("proxy.example", 443)]),
        ("socks5h://proxy.example:3128", [PROXY]),
        ("socks4a://proxy.example:3128", [PROXY]),
        ("socks5://proxy.example:3128", [PROXY, TARGET]),
        ("socks4://127.0.0.1:3128", [Place("127.0.0.1", 3128), TARGET]),
        ("socks5://[::1]:3128", [Place("::1", 3128), TARGET]),
        ("http://127.0.0.1:3128", []),
    ],
)
def test_behind_a_proxy_its_name_and_the_other_only_where_we_look_it_up(
    proxy: str, expected: list[Place]
) -> None:
    assert places(URL, Proxy(url=proxy)) == expected


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, [TARGET]),
        ({"http_proxy": "http://proxy.example:3128"}, [PROXY]),
        ({"ALL_PROXY": "proxy.example:3128"}, [PROXY]),
        ({"https_proxy": "http://proxy.example:3128"}, [TARGET]),
        ({"http_proxy": "http://proxy.example:3128", "no_proxy": "b"}, [PROXY, TARGET]),
    ],
)
def test_proxies_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: list[Place]
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert places(URL, Proxy(from_environment=True)) == expected


def test_addresses_of_both_families_in_libcurls_notation() -> None:
    addresses = Addresses(("2001:db8::1", "192.0.2.1"))
    assert entry(TARGET, addresses) == "+a.example:80:[2001:db8::1],192.0.2.1"
    assert entry(Place("::1", 80), Addresses(("::1",))) == "+[::1]:80:[::1]"
