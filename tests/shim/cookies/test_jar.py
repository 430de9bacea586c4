"""Which cookies are kept, and where they go: RFC 6265bis, against servers that mean ill."""

from __future__ import annotations

import os
import pickle
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onehttp.cookies import jar as jar_module
from onehttp.cookies.jar import MOST, MOST_PER_ANSWER, MOST_PER_DOMAIN, MOST_SENT_BYTES, CookieJar
from onehttp_backends.rules.request_rules import check_headers

NOW = 1_800_000_000.0
SECRET = "s3cret-of-a-test"


def kept(url: str, *headers: str) -> CookieJar:
    jar = CookieJar()
    jar.note(url, headers, NOW)
    return jar


@pytest.mark.parametrize(
    ("url", "header"),
    [
        ("https://a.example.com/", "a=b; Domain=other.com"),
        ("https://a.example.com/", "a=b; Domain=b.example.com"),
        ("https://a.example.com/", "a=b; Domain=x.a.example.com"),
        ("https://a.example.com/", "a=b; Domain=ample.com"),
        ("https://a.example.com/", "a=b; Domain=com"),
        ("https://a.example.com/", "a=b; Domain=.com."),
        ("https://a.co.uk/", "a=b; Domain=co.uk"),
        ("https://me.github.io/", "a=b; Domain=github.io"),
        ("https://www.nowhere.internal/", "a=b; Domain=internal"),
        ("https://a.example.com/", "a=b; Domain=bücher.example".encode().decode("latin-1")),
        ("https://k.example.com/", "a=b; Domain=\u212a.example.com".encode().decode("latin-1")),
        ("https://127.0.0.1/", "a=b; Domain=0.0.1"),
        ("https://127.0.0.0x1/", "a=b; Domain=0.0x1"),
        ("https://127.0.0X/", "a=b; Domain=0.0x"),
        ("https://127.0.0.1/", "a=b; Domain=1"),
        ("https://[::1]/", "a=b; Domain=[::1]"),
        ("http://a.example.com/", "a=b; Secure"),
        ("http://a.example.com/", "__Secure-a=b"),
        ("https://a.example.com/", "__Secure-a=b"),
        ("https://a.example.com/", "__SECURE-a=b"),
        ("https://a.example.com/", "__Host-a=b; Secure"),
        ("https://a.example.com/x", "__Host-a=b; Secure; Path=/x"),
        ("https://a.example.com/", "__Host-a=b; Secure; Path=/; Domain=a.example.com"),
        ("https://a.example.com/", "=__Host-a=b"),
        ("https://a.example.com/", "=a=b"),
        ("https://a.example.com/", "a=b; Max-Age=0"),
        ("https://a.example.com/", "a=b; Expires=Thu, 01 Jan 1970 00:00:00 GMT"),
    ],
)
def test_what_a_server_may_not_set_is_not_kept(url: str, header: str) -> None:
    assert len(kept(url, header)) == 0


@pytest.mark.parametrize(
    ("set_by", "header", "asked", "sent"),
    [
        ("https://a.example.com/", "a=b", "https://a.example.com/x?q", "a=b"),
        ("https://a.example.com/", "a=b", "https://A.EXAMPLE.com./x", "a=b"),
        ("https://a.example.com/", "a=b", "https://x.a.example.com/", ""),
        ("https://a.example.com/", "a=b", "https://example.com/", ""),
        ("https://a.example.com/", "a=b", "http://a.example.com/", "a=b"),
        ("https://a.example.com:8443/", "a=b", "https://a.example.com/", "a=b"),
        ("https://a.example.com/", "a=b; Domain=example.com", "https://b.example.com/", "a=b"),
        ("https://a.example.com/", "a=b; Domain=example.com", "https://example.com/", "a=b"),
        ("https://a.example.com/", "a=b; Domain=example.com", "https://badexample.com/", ""),
        ("https://a.example.com/", "a=b; Domain=example.com", "https://example.com.evil.net/", ""),
        ("https://co.uk/", "a=b; Domain=co.uk", "https://co.uk/", "a=b"),
        ("https://co.uk/", "a=b; Domain=co.uk", "https://a.co.uk/", ""),
        ("http://localhost:8080/", "a=b; Domain=localhost", "http://localhost/", "a=b"),
        ("http://127.0.0.1/", "a=b; Domain=127.0.0.1", "http://127.0.0.1/", "a=b"),
        ("http://127.0.0.1/", "a=b", "http://1.127.0.0.1/", ""),
        ("http://[::1]/", "a=b", "http://[::1]:8/", "a=b"),
        ("https://a.example.com/", "a=b; Secure", "http://a.example.com/", ""),
        ("https://a.example.com/", "a=b; Secure", "https://a.example.com/", "a=b"),
        ("https://a.example.com/", "__Host-a=b; Secure; Path=/", "https://a.example.com/",
         "__Host-a=b"),
        ("https://a.example.com/x/y", "a=b", "https://a.example.com/x/z", "a=b"),
        ("https://a.example.com/x/y", "a=b", "https://a.example.com/x", "a=b"),
        ("https://a.example.com/x/y", "a=b", "https://a.example.com/xy", ""),
        ("https://a.example.com/x", "a=b; Path=/q", "https://a.example.com/q/r?s", "a=b"),
        ("https://a.example.com/x", "a=b; Path=/q", "https://a.example.com/qr", ""),
        ("https://a.example.com/x", "a=b; Path=q", "https://a.example.com/", "a=b"),
        ("https://a.example.com", "a=b", "https://a.example.com", "a=b"),
        ("https://a.example.com/", "b", "https://a.example.com/", "b"),
        ("https://a.example.com/x", "a=b; Path=/q", "https://a.example.com/q/../r", ""),
        ("https://a.example.com/x", "a=b; Path=/q", "https://a.example.com/r/%2e%2e/q", "a=b"),
        ("https://a.example.com/", "a=grün".encode().decode("latin-1"), "https://a.example.com/",
         "a=grün"),
    ],
)  # fmt: skip
def test_where_a_cookie_goes(set_by: str, header: str, asked: str, sent: str) -> None:
    assert kept(set_by, header).header(asked, NOW) == sent


def test_longer_paths_and_older_cookies_go_first() -> None:
    url = "https://a.example.com/x/y"
    jar = kept(url, "a=1; Path=/", "b=2; Path=/x", "c=3; Path=/", "d=4; Path=/x", "a=5; Path=/")
    assert jar.header(url, NOW) == "b=2; d=4; a=5; c=3"
    assert jar.header(url, NOW, taken=["b", "c"]) == "d=4; a=5"


def test_a_server_replaces_and_removes_its_cookie() -> None:
    url = "https://a.example.com/"
    jar = kept(url, "a=1", "a=2; Domain=a.example.com")
    assert len(jar) == 2
    jar.note(url, ["a=3", "a=; Domain=a.example.com; Max-Age=0"], NOW)
    assert jar.header(url, NOW) == "a=3"
    jar.clear()
    assert jar.header(url, NOW) == ""


def test_an_expired_cookie_is_not_sent() -> None:
    url = "https://a.example.com/"
    jar = kept(url, "a=1; Max-Age=10", "b=2")
    assert jar.header(url, NOW + 9) == "a=1; b=2"
    assert jar.header(url, NOW + 10) == "b=2"


def test_nobody_overwrites_by_http_what_came_by_https() -> None:
    jar = kept("https://a.example.com/x/y", "a=good; Secure; Domain=example.com; Path=/x")
    jar.note("http://b.example.com/x/y", ["a=evil; Domain=example.com; Path=/x/y"], NOW)
    jar.note("http://a.example.com/x/y", ["a=evil; Path=/x"], NOW)
    assert len(jar) == 1
    jar.note("http://a.example.com/", ["a=other; Path=/"], NOW)
    assert jar.header("https://a.example.com/x", NOW) == "a=good; a=other"


def flood(jar: CookieJar, url: str, count: int) -> None:
    """Set so many, an answer for each."""
    for number in range(count):
        jar.note(url, [f"c{number}=x"], NOW)


def test_one_response_cannot_exceed_the_limit_of_its_domain() -> None:
    jar = kept("https://a.example.com/", *(f"c{n}=x" for n in range(30_000)))
    assert [cookie.name for cookie in jar] == [f"c{n}" for n in range(MOST_PER_ANSWER)]


def test_a_server_that_sets_many_fills_its_own_place_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A jar that holds fewer than usual is full sooner: each cookie is compared with all others."""
    most = 4 * MOST_PER_DOMAIN
    assert most < MOST
    monkeypatch.setattr(jar_module, "MOST", most)
    jar = kept("https://good.example.com/", "a=1; Secure", "b=2")
    jar.header("https://good.example.com/", NOW)
    flood(jar, "https://evil.net/", 4 * MOST_PER_DOMAIN)
    assert len(jar) == MOST_PER_DOMAIN + 2
    jar.note("https://evil.net/", ["safe=1; Secure"], NOW)
    flood(jar, "https://evil.net/", 4 * MOST_PER_DOMAIN)
    assert "safe=1" in jar.header("https://evil.net/", NOW)
    assert jar.header("https://good.example.com/", NOW) == "a=1; b=2"
    for number in range(most // MOST_PER_DOMAIN + 2):
        flood(jar, f"https://h{number}.evil.net/", MOST_PER_DOMAIN)
    assert len(jar) == most


def test_what_is_sent_stays_small_enough_for_servers() -> None:
    url = "https://a.example.com/"
    jar = kept(url, *(f"c{n}={'x' * 4000}" for n in range(10)))
    assert 4000 < len(jar.header(url, NOW)) <= MOST_SENT_BYTES


@given(st.lists(st.text(st.characters(max_codepoint=255)) | st.text("a=b;\t\"'\x80\xff")))
def test_whatever_a_server_sets_the_next_request_can_be_sent(headers: list[str]) -> None:
    jar = kept("https://a.example.com/", *headers)
    sent = jar.header("https://a.example.com/", NOW)
    if sent:
        check_headers((("Cookie", sent),))


def test_a_jar_shows_names_and_no_values() -> None:
    jar = kept("https://a.example.com/", f"a={SECRET}")
    (cookie,) = jar
    assert (cookie.name, cookie.value) == ("a", SECRET)
    assert SECRET not in f"{jar!r}{cookie!r}"
    with pytest.raises(TypeError, match="is not pickled"):
        pickle.dumps(jar)


def test_a_forked_child_has_a_copy_whoever_held_the_lock() -> None:
    jar = kept("https://a.example.com/", "a=1")
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with jar._changing:
            held.set()
            go_on.wait()

    holding = threading.Thread(target=hold)
    holding.start()
    held.wait()
    child = os.fork()
    if child == 0:
        jar.note("https://a.example.com/", ["b=2"], NOW)
        os._exit(0 if len(jar) == 2 else 1)
    go_on.set()
    holding.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(jar) == 1


def test_a_jar_is_asked_by_name_as_other_clients_have_it() -> None:
    jar = kept("https://a.example.com/", "session=x", "twice=1; Path=/a", "twice=2; Path=/b")
    assert ("session" in jar, "other" in jar, next(iter(jar)) in jar, len(jar)) == (
        True, False, True, 3,
    )  # fmt: skip
    assert (jar["session"], jar.get("session"), jar.get("other"), jar.get("other", "-")) == (
        "x", "x", None, "-",
    )  # fmt: skip
    with pytest.raises(KeyError, match="other"):
        jar["other"]
    for ask in (jar.__getitem__, jar.get):
        with pytest.raises(LookupError, match=r"'twice' \(a.example.com/a, a.example.com/b\)"):
            ask("twice")
