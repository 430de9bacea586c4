"""The double says what the engine says: codes, phases, ``sent``, heads, and the bytes of requests.

Both are asked, so that the table holds for whatever libcurl is there.
"""

from __future__ import annotations

from typing import Any

import pytest

from onehttp_backends.contract import Auth, AuthScheme, TransferOptions
from servers.raw import OK, Peer, answering
from stand_ins.both_engines import challenging, leading_to, on_both, through_both

LINE = b"HTTP/1.1 200 OK\r\n"
LENGTH = b"Content-Length: 2\r\n\r\nok"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
FIELDS = b"".join(b"X%d: %s\r\n" % (at, b"a" * 1000) for at in range(400))

ANSWERS: dict[str, bytes] = {
    "HTTP/0.9": b"hello there\r\n",
    "HTTP/0.9, a page": b"<html>hi</html>",
    "another protocol": b"SSH-2.0-OpenSSH\r\n",
    "RTSP": b"RTSP/1.0 200 OK\r\n" + LENGTH,
    "an empty line": b"\r\n\r\n",
    "an empty line first": b"\r\n" + OK,
    "junk first": b"junk\r\n" + OK,
    "HTTP/1.2": b"HTTP/1.2 200 OK\r\n" + LENGTH,
    "HTTP/1.9": b"HTTP/1.9 200 OK\r\n" + LENGTH,
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n" + LENGTH,
    "HTTP/2 in HTTP/1": b"HTTP/2 200 OK\r\n" + LENGTH,
    "HTTP/2.0 in HTTP/1": b"HTTP/2.0 200 OK\r\n" + LENGTH,
    "HTTP/3 in HTTP/1": b"HTTP/3 200 OK\r\n" + LENGTH,
    **{
        f"{line!r} in HTTP/1": line + b"\r\n" + LENGTH
        for line in (
            b"HTTP/2 200",
            b"HTTP/3 404",
            b"HTTP/2\t200 OK",
            b"HTTP/3\t200",
            b"HTTP/2 ",
            b"HTTP/2",
            b"HTTP/2 20 OK",
            b"HTTP/2 2000 OK",
            b"HTTP/3 100 Continue",
            b"HTTP/2.0 200 OK",
        )
    },
    "HTTP/4": b"HTTP/4 200 OK\r\n" + LENGTH,
    "small letters": b"http/1.1 200 OK\r\n" + LENGTH,
    "status 99": b"HTTP/1.1 99 X\r\n" + LENGTH,
    "status 999": b"HTTP/1.1 999 X\r\n" + LENGTH,
    "status 2000": b"HTTP/1.1 2000 X\r\n" + LENGTH,
    "status abc": b"HTTP/1.1 abc X\r\n" + LENGTH,
    "no reason": b"HTTP/1.1 200\r\n" + LENGTH,
    "NUL in a value": LINE + b"X: a\0b\r\n" + LENGTH,
    "NUL in a name": LINE + b"X\0: ab\r\n" + LENGTH,
    "NUL in the status line": b"HTTP/1.1 200 O\0K\r\n" + LENGTH,
    "CR in a value": LINE + b"X: a\rb\r\n" + LENGTH,
    "a header of 90 kB": LINE + b"X: " + b"a" * 90_000 + b"\r\n" + LENGTH,
    "a header of 120 kB": LINE + b"X: " + b"a" * 120_000 + b"\r\n" + LENGTH,
    "headers of 200 kB": LINE + FIELDS[:200_000].rpartition(b"X")[0] + LENGTH,
    "headers of 400 kB": LINE + FIELDS + LENGTH,
    "6000 headers": LINE + b"".join(b"X%d: a\r\n" % at for at in range(6000)) + LENGTH,
    "an unknown transfer coding": LINE + b"Transfer-Encoding: foo\r\n\r\nok",
    "one before chunked": LINE + b"Transfer-Encoding: foo, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "gzip as a transfer coding": LINE + b"Transfer-Encoding: gzip\r\n\r\nok",
    "identity": LINE + b"Transfer-Encoding: identity\r\n" + LENGTH,
    "chunked twice": LINE + CHUNKED[:-2] + CHUNKED + b"2\r\nok\r\n0\r\n\r\n",
    "head, then the end": LINE + b"Content-Length: 2\r\n\r\n",
    "half a head": LINE + b"Content-Len",
    "a head without an end": LINE + b"Content-Length: 2\r\n",
    "a status line": LINE,
    "half a status line": b"HTTP/1.1 20",
    "one letter": b"H",
    "nothing": b"",
    "two lengths": LINE + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    "one length twice": LINE + b"Content-Length: 2\r\n" + LENGTH,
    "a length below 0": LINE + b"Content-Length: -2\r\n\r\nok",
    "a length with a sign": LINE + b"Content-Length: +2\r\n\r\nok",
    "a length in words": LINE + b"Content-Length: two\r\n\r\nok",
    "no length": LINE + b"Content-Length: \r\n\r\nok",
    "a length beyond all": LINE + b"Content-Length: 99999999999999999999999\r\n\r\nok",
    "a length of 5000 noughts and 2": LINE + b"Content-Length: " + b"0" * 5000 + b"2\r\n\r\nok",
    "a length of 5000 digits": LINE + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nok",
    "a chunk size of 5000 noughts": LINE + CHUNKED + b"0" * 5000 + b"2\r\nok\r\n0\r\n\r\n",
    "a chunk size in words": LINE + CHUNKED + b"zz\r\nok\r\n",
    "half a chunk": LINE + CHUNKED + b"5\r\nok",
    "chunks without an end": LINE + CHUNKED + b"2\r\nok\r\n",
    "stray bytes after a body": OK + b"stray",
    "a stray answer": OK + OK,
    "204 with a body": b"HTTP/1.1 204 X\r\n" + LENGTH,
    "304 with a length": b"HTTP/1.1 304 X\r\nContent-Length: 2\r\n\r\n",
    "205": b"HTTP/1.1 205 X\r\n" + LENGTH,
    "100 first": b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
    "103 first": b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" + OK,
    "101, unasked": b"HTTP/1.1 101 Other\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
    "101, unasked, and more": b"HTTP/1.1 101 Other\r\n\r\nmore",
    "LF alone": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "no colon": LINE + b"nocolon\r\n" + LENGTH,
    "no name": LINE + b": x\r\n" + LENGTH,
    "a blank before the colon": LINE + b"X : x\r\n" + LENGTH,
    "a blank before the colon of a length": LINE + b"Content-Length : 9\r\n" + LENGTH,
    "a blank before the colon of a coding": LINE + b"Transfer-Encoding : chunked\r\n" + LENGTH,
    "a blank in a name": LINE + b"X Y: x\r\n" + LENGTH,
    "a folded line": LINE + b"X: a\r\n b\r\n" + LENGTH,
    "a folded line first": LINE + b" a: b\r\n" + LENGTH,
    "latin-1": LINE + b"X: \xe9\r\n" + LENGTH,
    "two Locations": b"HTTP/1.1 302 F\r\nLocation: /a\r\nLocation: /b\r\n" + LENGTH,
    "a Location twice": b"HTTP/1.1 302 F\r\nLocation: /a\r\nLocation: /a\r\n" + LENGTH,
    "a malformed Location": b"HTTP/1.1 302 F\r\nLocation: http://[::1\r\n" + LENGTH,
    "a Location of another scheme": b"HTTP/1.1 302 F\r\nLocation: data:,x\r\n" + LENGTH,
    "until the end": LINE + b"Connection: close\r\n\r\nok",
}
LOCATIONS = [
    *(b"http://[::1", b"data:,x", b"http://a:99999/", b"//", b"http://", b"ftp://x/"),
    *(b"file:///etc/passwd", b"file://h/etc", b"http://a b/", b"?x=1", b"/\xc3\xa9", b"/\xe9"),
    *(b"/a b", b"HTTP://127.0.0.1:9/", b"127.0.0.1:1/x", b"\t/x", b"mailto:x", b"../x", b""),
]
NONCE = b'Digest realm="r", nonce="abc", qop="auth"'
STALE = b'Digest realm="r", nonce="def", qop="auth", stale=true'
PLAIN = b'Basic realm="r"'
DIGEST, BASIC, BEARER = AuthScheme.DIGEST, AuthScheme.BASIC, AuthScheme.BEARER
OWN = (("X-A", "1"), ("Authorization", "Bearer mine"))
CHALLENGES: dict[str, tuple[AuthScheme, list[list[bytes]], dict[str, Any]]] = {
    "basic": (BASIC, [], {}),
    "basic beside the caller's own": (BASIC, [], {"headers": OWN}),
    "bearer beside the caller's own": (BEARER, [], {"headers": OWN}),
    "digest beside the caller's own": (DIGEST, [[NONCE]], {"headers": OWN}),
    "digest, not asked for": (DIGEST, [], {"headers": OWN}),
    "any beside the caller's own": (DIGEST | BASIC, [[NONCE]], {"headers": OWN}),
    "digest": (DIGEST, [[NONCE]], {}),
    "digest with a body": (DIGEST, [[NONCE]], {"method": "POST", "body": b"x=1"}),
    "a stale nonce": (DIGEST, [[NONCE], [STALE]], {}),
    "two stale nonces": (DIGEST, [[NONCE], [STALE], [STALE]], {}),
    "five stale nonces": (DIGEST, [[NONCE], *[[STALE]] * 4], {}),
    "stale nonces without end": (DIGEST, [[NONCE], *[[STALE]] * 40], {"method": "POST"}),
    "behind another, in one line": (DIGEST, [[PLAIN + b", " + NONCE]], {}),
    "before another, in one line": (DIGEST, [[NONCE + b", " + PLAIN]], {}),
    "another scheme's words in quotes": (DIGEST, [[b'Basic realm="a, Digest realm=b"']], {}),
    "between others": (DIGEST, [[b'A b="c",Digest  nonce="n" , realm="r",D e="f, g"']], {}),
    "refused": (DIGEST, [[NONCE], [NONCE]], {}),
    "userhash": (DIGEST, [[NONCE + b", userhash=true, algorithm=SHA-256"]], {}),
    "two challenges": (DIGEST, [[NONCE + b", algorithm=SHA-256", NONCE]], {}),
    "both schemes": (DIGEST | BASIC, [[PLAIN, NONCE]], {}),
    "basic alone": (DIGEST | BASIC, [[PLAIN]], {}),
    "basic, refused": (DIGEST | BASIC, [[PLAIN], [PLAIN]], {}),
    "basic for digest": (DIGEST, [[PLAIN]], {}),
    "no qop": (DIGEST, [[b'Digest realm="r", nonce="abc"']], {}),
    "auth-int": (DIGEST, [[b'Digest realm="r", nonce="abc", qop="auth-int"']], {}),
    "either qop": (DIGEST, [[b'Digest realm="r", nonce="abc", qop="auth,auth-int"']], {}),
    "MD5-sess": (DIGEST, [[NONCE + b", algorithm=MD5-sess"]], {}),
    "SHA-512-256": (DIGEST, [[NONCE + b", algorithm=SHA-512-256"]], {}),
    "an unknown algorithm": (DIGEST, [[NONCE + b", algorithm=FOO"]], {}),
    "opaque": (DIGEST, [[NONCE + b', opaque="x y"']], {}),
    "no nonce": (DIGEST, [[b'Digest realm="r"']], {}),
}
SERIES: dict[str, list[list[bytes] | None]] = {
    "asked once": [[NONCE]],
    "never asked": [],
    "asked again for a nonce too old": [[NONCE], None, [STALE]],
    "asked again": [[NONCE], None, [NONCE]],
    "refused at first": [[NONCE], [NONCE]],
}
REQUESTS: dict[str, dict[str, Any]] = {
    "order": {"headers": (("X-B", "1"), ("Accept", "a/b"), ("X-C", "2"))},
    "user agent": {"headers": (("User-Agent", "x"),)},
    "post": {"method": "POST", "body": b"x"},
    "post, empty": {"method": "POST", "body": b""},
    "post, none": {"method": "POST"},
    "put, none": {"method": "PUT"},
    "delete with a body": {"method": "DELETE", "body": b"x"},
    "get with a body": {"body": b"x"},
    "content type": {"method": "POST", "body": b"x", "headers": (("Content-Type", "a/b"),)},
    "no content type": {"method": "POST", "body": b"x", "headers": (("Content-Type", ""),)},
    "utf-8": {"headers": (("X-B", "é"),)},
    "host": {"headers": (("Host", "x.example"),)},
    "twice": {"headers": (("X-B", "1"), ("X-B", "2"))},
    "no accept": {"headers": (("Accept", ""),)},
    "closing": {"headers": (("Connection", "close"),)},
    "closing behind a body": {
        "method": "POST",
        "body": b"x",
        "headers": (("Connection", "close"),),
    },
    "no coding": {"method": "POST", "body": b"x", "headers": (("Transfer-Encoding", " "),)},
    "options": {"method": "OPTIONS"},
    "small letters": {"method": "get"},
    "dots and a fragment": {"path": "/a/../b/./c?d=%2f#e"},
}
TUNNELS: dict[str, bytes] = {
    "403": b"HTTP/1.1 403 No\r\n" + LENGTH,
    "407": b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\n" + LENGTH,
    "302": b"HTTP/1.1 302 No\r\nLocation: /x\r\n" + LENGTH,
    "500": b"HTTP/1.1 500 No\r\n\r\n",
    "garbage": b"hello\r\n\r\n",
    "nothing": b"",
    "half": b"HTTP/1.1 2",
    "200, then the end": b"HTTP/1.1 200 OK\r\n\r\n",
    "200 with a body": LINE + b"Content-Length: 5\r\n\r\nhello",
    "200 and what is no TLS": b"HTTP/1.0 200 OK\nX: y\n\nhello",
    "an interim one first": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    "another interim one first": b"HTTP/1.1 103 Hints\r\n\r\n" + b"HTTP/1.1 403 No\r\n" + LENGTH,
    "a length beyond all": b"HTTP/1.1 403 No\r\nContent-Length: 9999999999999999999999\r\n\r\n",
    "a head without an end": LINE + FIELDS * 4,
    "a line without an end": b"x" * 200_000,
}
HEADS_OF_TUNNELS: dict[str, bytes] = {
    "a long line": LINE + b"X: " + b"a" * 16_378 + b"\r\n\r\n",
    "a longer line": LINE + b"X: " + b"a" * 16_379 + b"\r\n\r\n",
    **{
        f"{number} fields": LINE + b"".join(b"X%d: y\r\n" % at for at in range(number)) + b"\r\n"
        for number in (5000, 5001)
    },
    "a refusal with too many": b"HTTP/1.1 403 No\r\n" + b"A: b\r\n" * 5001 + b"\r\n",
    **{
        f"{line!r}": line + b"\r\nX: y\r\n\r\n"
        for line in (
            *(b"HTTP/1.1 101 Other", b"HTTP/1.1 099 X", b"HTTP/1.1 000 X", b"HTTP/1.1 99 X"),
            *(b"HTTP/1.1 200x X", b"HTTP/1.1 200\tOK", b"HTTP/1.1\t200 OK", b"HTTP/1.1  200 OK"),
            *(b"HTTP/1.1 2000 X", b"HTTP/1.1 200", b"HTTP/1.1 299 X", b"HTTP/1.1 300 X"),
            *(b"HTTP/1.2 200 OK", b"HTTP/2 200 OK", b"http/1.1 200 OK", b"ICY 200 OK", b""),
            *(b"HTTP/1.1 200 O\0K", b"HTTP/1.1 200 OK\r", b"junk\r\nHTTP/1.1 200 OK", b"A: b"),
        )
    },
    **{
        f"{status.decode()}, {field!r}": b"HTTP/1.1 %s X\r\n%s\r\n\r\n" % (status, field)
        for status in (b"200", b"403")
        for field in (
            *(b"no colon", b": no name", b" folded", b"X: a\r\n b", b"X : y", b"X: \0", b"X: a\rb"),
            *(b"Content-Length: -2", b"Content-Length: two", b"Content-Length:", b"X: \xe9"),
            *(b"Content-Length: 1\r\nContent-Length: 2", b"Content-Length: 2, 3"),
            *(b"Transfer-Encoding: foo", b"Transfer-Encoding: chunked", b"HTTP/1.1 200 OK"),
            *(b"HTTP/1.1 200 a:b", b"WWW-Authenticate: Digest realm=x", b"Connection: close"),
        )
    },
}
UNENDED = ("500", "nothing", "half", "200, then the end", "a line without an end")
"""Behind which more may come."""


@pytest.mark.parametrize("what", ANSWERS)
def test_both_engines_give_the_same_outcome_for_an_answer(what: str) -> None:
    engine, double = on_both(lambda: answering(ANSWERS[what]))
    assert double == engine


@pytest.mark.parametrize("location", LOCATIONS)
def test_a_redirect_that_the_engine_follows(location: bytes) -> None:
    engine, double = on_both(lambda: leading_to(location), options=TransferOptions(max_redirects=3))
    assert double == engine


@pytest.mark.parametrize("name", ["u", 'u"q\\x', "ü"])
@pytest.mark.parametrize("what", CHALLENGES)
def test_credentials(what: str, name: str) -> None:
    schemes, challenges, call = CHALLENGES[what]
    options = TransferOptions(auth=Auth(schemes=schemes, username=name, secret="p:w"))
    engine, double = on_both(lambda: challenging(*challenges), options=options, **call)
    assert double == engine


@pytest.mark.parametrize("each_time", [False, True])
@pytest.mark.parametrize("schemes", [DIGEST, DIGEST | BASIC])
@pytest.mark.parametrize("what", SERIES)
def test_calls_one_after_the_other(what: str, schemes: AuthScheme, each_time: bool) -> None:
    auth = Auth(schemes=schemes, username="u", secret="p", each_time=each_time)
    engine, double = on_both(
        lambda: challenging(*SERIES[what]), options=TransferOptions(auth=auth), times=3
    )
    assert double == engine


@pytest.mark.parametrize("what", REQUESTS)
def test_both_engines_send_the_same_request(what: str) -> None:
    engine, double = on_both(lambda: answering(OK), **REQUESTS[what])
    assert double == engine


@pytest.mark.parametrize("size", [65_000, 70_000, 1_000_000, 1_050_000, 7_000_000])
@pytest.mark.parametrize("where", ["path", "query", "header"])
def test_a_large_head(where: str, size: int) -> None:
    large = "a" * size
    calls: dict[str, dict[str, Any]] = {
        "path": {"path": f"/{large}"},
        "query": {"path": f"/?{large}"},
        "header": {"headers": (("X-B", large),)},
    }
    engine, double = on_both(lambda: answering(OK), **calls[where])
    assert double == engine


@pytest.mark.parametrize("what", TUNNELS)
@pytest.mark.parametrize("is_closing", [True, False])
def test_a_proxy_that_is_asked_for_a_way(what: str, is_closing: bool) -> None:
    def answers(peer: Peer) -> None:
        if peer.request():
            peer.send(TUNNELS[what])
        if not is_closing:
            peer.wait_for_close()

    if is_closing or what not in UNENDED:
        engine, double = through_both(answers)
        assert double == engine


@pytest.mark.parametrize("what", HEADS_OF_TUNNELS)
def test_the_head_of_its_answer(what: str) -> None:
    (engine,), (double,) = through_both(answering(HEADS_OF_TUNNELS[what]))
    assert double == engine
    assert engine[0] in ("ProxyError", "TLSError")  # type: ignore[index]
