"""What a challenge may say: the double reads it as libcurl does, mistakes and limits included."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onehttp_backends.contract import Auth, AuthScheme, TransferOptions
from stand_ins.both_engines import challenging, on_both

DIGEST, BASIC = AuthScheme.DIGEST, AuthScheme.BASIC
NONCE = b"Digest nonce=a"
HEADERS: dict[str, list[bytes]] = {
    **{
        f"{header!r}": [header]
        for header in (
            *(
                b"",
                b",",
                b"Digest",
                b"Digest ",
                b"Digest=nonce",
                b"Digest-x nonce=a",
                b"Digestnonce=a",
            ),
            *(
                b"Digest nonce",
                b"Digest nonce=",
                b'Digest nonce="',
                b'Digest nonce=""x',
                b"Digest =x",
            ),
            *(
                b"BASIC",
                b"Basicx realm=a",
                b"Basic-x",
                b"Basic realm=x Digest nonce=a",
                b"digest nonce=a",
            ),
            *(
                b"Foo Digest nonce=a",
                b"Foo, Digest nonce=a",
                b", ,Digest nonce=a",
                b"Digest\t\tnonce=a",
            ),
            *(
                b'Basic realm="a, Digest nonce=c, x"',
                b"Bearer, Digest nonce=a",
                b"NTLM, Digest nonce=a",
            ),
            *(
                b'Digest nonce="a";realm=b',
                b'Digest nonce="a" realm=b',
                b'Digest nonce="a"b,realm=b',
            ),
            *(
                b"Digest nonce=a b,realm=c",
                b"Digest realm = r, nonce = a",
                b'Digest realm="r",, nonce=a',
            ),
            *(b'Digest nonce="a\\b\\\\c"', b"Digest nonce=a\\b", b'Digest nonce=a, realm="r\\"'),
            *(
                b"Digest nonce=\xc3\xbc\xff",
                b'Digest nonce="a\tb"',
                b'Digest nonce=a, "x=y", qop=auth',
            ),
            *(
                b"Digest nonce=a, x, qop=auth",
                b"Digest nonce=a, =x, qop=auth",
                b"Digest nonce=a, opaque",
            ),
        )
    },
    **{
        f"{parameter!r}": [NONCE + b", " + parameter]
        for parameter in (
            *(b"nonce=b", b"NONCE=b", b"realm=x, realm=y", b"opaque=", b'opaque=""', b"stale=TRUE"),
            *(
                b"qop=auth",
                b'qop="auth-int,auth"',
                b"qop=auth-int,auth",
                b'qop=" auth "',
                b"qop=foo",
            ),
            *(b'qop="auth ;x"', b"qop=AUTH", b"qop=auth, qop=auth-int", b"qop=auth, qop=foo"),
            *(
                b"algorithm=",
                b"algorithm=foo",
                b"algorithm=md5",
                b'algorithm="md5 "',
                b"userhash=yes",
            ),
            *(b"algorithm=MD5-sess", b"algorithm=MD5-SESS, qop=auth", b"algorithm=SHA-512-256"),
            *(
                b"algorithm=SHA-256",
                b"algorithm=SHA-512",
                b'userhash="TRUE"',
                b"userhash=true, qop=auth",
            ),
        )
    },
    "a wrong one, then a right one": [b"Digest foo", NONCE],
    "a right one, then a wrong one": [NONCE, b"Digest foo"],
    "an unknown algorithm, then a known one": [NONCE + b", algorithm=foo", NONCE],
    "basic, then digest": [b"Basic realm=x", NONCE],
    "basic, then a wrong one": [b"Basic realm=x", b"Digest foo"],
    **{
        f"{name} of {size}": [NONCE + b", " + name.encode() + b'="' + b"x" * size + b'", qop=auth']
        for size in (0, 1022, 1023, 1024, 5000)
        for name in ("realm", "nonce", "opaque", "other")
    },
    **{
        f"a value of {size}": [NONCE + b", y=" + b"x" * size + b", qop=auth"]
        for size in (1023, 1024)
    },
    **{f"a name of {size}": [NONCE + b", " + b"x" * size + b"=y, qop=auth"] for size in (256, 257)},
    **{
        f"{size} escapes": [NONCE + b', y="' + b'\\"' * size + b'", qop=auth']
        for size in (511, 512)
    },
    "a realm that is too long in quotes": [NONCE + b', realm="' + b"\xff" * 683 + b'"'],
}
TOKENS = [
    *(
        b"Digest ",
        b"digest",
        b"Basic ",
        b"Foo ",
        b"realm",
        b"nonce",
        b"opaque",
        b"qop",
        b"stale",
        b"=",
    ),
    *(
        b'="',
        b'"',
        b",",
        b", ",
        b" ",
        b"\t",
        b"\\",
        b"auth",
        b"auth-int",
        b"true",
        b"MD5",
        b"MD5-sess",
    ),
    *(
        b"a",
        b"x y",
        b"\xc3\xbc",
        b"\xff",
        b";",
        b'nonce="n"',
        b"nonce=n",
        b'realm="r"',
        b'qop="auth"',
    ),
    *(b"algorithm=", b"algorithm=SHA-256-sess", b"userhash=", b"x" * 1020),
]


def is_same(schemes: AuthScheme, headers: list[bytes], name: str = "u", secret: str = "p") -> None:
    options = TransferOptions(auth=Auth(schemes=schemes, username=name, secret=secret))
    engine, double = on_both(lambda: challenging(headers, headers), options=options)
    assert double == engine


@pytest.mark.parametrize("schemes", [DIGEST, DIGEST | BASIC])
@pytest.mark.parametrize("what", HEADERS)
def test_a_challenge(what: str, schemes: AuthScheme) -> None:
    is_same(schemes, HEADERS[what])


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.lists(st.sampled_from(TOKENS), max_size=14).map(b"".join), min_size=1, max_size=3),
    st.sampled_from([DIGEST, DIGEST | BASIC]),
    st.sampled_from(["", "u", 'u"', "ü"]),
    st.sampled_from(["", "p"]),
)
def test_any_challenge(headers: list[bytes], schemes: AuthScheme, name: str, secret: str) -> None:
    is_same(schemes, [b"Digest " + headers[0], *headers[1:]], name, secret)


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("path", ["/" + "a" * 2046, "/" + "a" * 2047, '/"' + "a" * 2044, "/é"])
def test_a_target_that_is_too_long(path: str, times: int) -> None:
    """It is quoted as well."""
    options = TransferOptions(auth=Auth(schemes=DIGEST, username="u", secret="p"))
    engine, double = on_both(lambda: challenging([NONCE]), options=options, path=path, times=times)
    assert double == engine
