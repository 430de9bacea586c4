"""What the server does, chosen by the path: well-behaved answers.

Every answer is a function of the request alone, except ``/sequence``, which takes one
step a request. The ill-behaved ones are in `golden.server.misbehaviours`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

from golden.server.bodies import BODIES, HEADERS, TYPES, XCAP_DOCUMENT, lines, pattern
from golden.server.exchange import HOST, Exchange
from golden.server.paths import _with_query, behaviour, dispatch


@behaviour(
    "/status/{code}",
    "That status, text/plain body `status CODE` and a line feed (no body for 1xx, 204, 304).",
)
def _status(x: Exchange, code: str) -> None:
    x.reply(int(code), f"status {code}\n".encode())


@behaviour("/status/{code}/{kind}", "That status with the body (and type) of `/body/KIND`.")
def _status_body(x: Exchange, code: str, kind: str) -> None:
    content_type, body = BODIES[kind]
    x.reply(int(code), body, content_type)


@behaviour("/body/{kind}", "200 with a fixed body; the kinds are listed under `bodies`.")
def _body(x: Exchange, kind: str) -> None:
    content_type, body = BODIES[kind]
    x.reply(200, body, content_type)


@behaviour("/size/{count}", "200 with COUNT bytes of `0123456789abcdef` repeated, no line break.")
def _size(x: Exchange, count: str) -> None:
    x.reply(200, pattern(int(count)))


@behaviour("/lines/{count}", "200 with COUNT bytes of lines `line NNNNN`, LF ended.")
def _lines(x: Exchange, count: str) -> None:
    x.reply(200, lines(int(count)))


@behaviour(
    "/type/{kind}",
    "200, body `typed`, Content-Type: none, empty, json, charset, long, twice or upper.",
)
def _type(x: Exchange, kind: str) -> None:
    x.reply(200, b"typed", None, list(TYPES[kind]))


@behaviour("/redirect/{code}/{next*}", "CODE with `Location: /NEXT`, body `moved`.")
def _redirect(x: Exchange, code: str, next: str) -> None:
    x.reply(int(code), b"moved\n", headers=[("Location", "/" + _with_query(x, next))])


@behaviour(
    "/redirect-abs/{code}/{listener}/{next*}",
    "CODE with an absolute Location on another listener, e.g. /redirect-abs/302/HTTP_B/status/200.",
)
def _redirect_abs(x: Exchange, code: str, listener: str, next: str) -> None:
    scheme = "https" if listener.startswith("HTTPS") else "http"
    location = f"{scheme}://{HOST}:{x.server.ports[listener]}/{_with_query(x, next)}"
    x.reply(int(code), b"moved\n", headers=[("Location", location)])


@behaviour("/redirect-refused/{code}", "CODE with a Location on a port that refuses connections.")
def _redirect_refused(x: Exchange, code: str) -> None:
    location = f"http://{HOST}:{x.server.ports['REFUSED']}/"
    x.reply(int(code), b"moved\n", headers=[("Location", location)])


@behaviour("/redirect-chain/{count}/{code}/{next*}", "CODE, COUNT hops, then /NEXT.")
def _redirect_chain(x: Exchange, count: str, code: str, next: str) -> None:
    left = int(count) - 1
    location = f"/redirect-chain/{left}/{code}/{next}" if left > 0 else f"/{next}"
    x.reply(int(code), b"moved\n", headers=[("Location", location)])


@behaviour("/redirect-loop/{code}", "CODE with a Location to itself, for ever.")
def _redirect_loop(x: Exchange, code: str) -> None:
    x.reply(int(code), b"moved\n", headers=[("Location", f"/redirect-loop/{code}")])


@behaviour("/redirect-nowhere/{code}", "CODE without a Location header.")
def _redirect_nowhere(x: Exchange, code: str) -> None:
    x.reply(int(code), b"moved\n")


@behaviour(
    "/redirect-scheme/{code}/{scheme}",
    "CODE with a Location of another scheme: SCHEME://127.0.0.1:9/x.",
)
def _redirect_scheme(x: Exchange, code: str, scheme: str) -> None:
    x.reply(int(code), b"moved\n", headers=[("Location", f"{scheme}://{HOST}:9/x")])


@behaviour("/delay/{ms}/{next*}", "Wait MS milliseconds after the request, then behave as /NEXT.")
def _delay(x: Exchange, ms: str, next: str) -> None:
    x.server.pause(int(ms) / 1000 * x.server.slowness)
    dispatch(x, "/" + next)


@behaviour(
    "/encoding/{kind}",
    "200, body `compressed text` as gzip, deflate, identity or bogus (says gzip, is not), "
    "whatever Accept-Encoding says.",
)
def _encoding(x: Exchange, kind: str) -> None:
    text = b"compressed text\nsecond line\n"
    # Not gzip.compress: what it says of the system in the head depends on Python's version.
    compressor = zlib.compressobj(level=9, wbits=31)
    body = {
        "gzip": compressor.compress(text) + compressor.flush(),
        "deflate": zlib.compress(text),
        "identity": text,
        "bogus": text,
    }[kind]
    x.reply(200, body, headers=[("Content-Encoding", "gzip" if kind == "bogus" else kind)])


@behaviour("/interim/{code}/{next*}", "An interim response with that 1xx code, then /NEXT.")
def _interim(x: Exchange, code: str, next: str) -> None:
    x.head(int(code), [("Link", "</style.css>; rel=preload")] if code == "103" else [])
    dispatch(x, "/" + next)


@behaviour(
    "/expect/{kind}",
    "How `Expect: 100-continue` is met: `continue` (100 at once), `refuse` (417, body unread), "
    "`ignore` (no 100, waits for the body). The body length is the answer.",
    before_body=True,
)
def _expect(x: Exchange, kind: str) -> None:
    x.request.notes["expect"] = x.request.header("expect")
    if kind == "refuse":
        x.close_after = True
        x.reply(417, b"no\n")
        return
    if kind == "continue" and x.request.header("expect"):
        x.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    x.stream.read_body(x.request)
    x.reply(200, f"{len(x.request.body)}\n".encode())


@behaviour(
    "/early/{code}",
    "That status sent before the request body is read, then close.",
    before_body=True,
)
def _early(x: Exchange, code: str) -> None:
    x.close_after = True
    x.reply(int(code), b"early\n")
    x.stream.read_body(x.request)


@behaviour(
    "/echo/{what}",
    "200, body is part of the request: method, target, query, version, body, "
    "body-length, headers (names in order, one a line), content-type, host, user-agent, all.",
)
def _echo(x: Exchange, what: str) -> None:
    r = x.request
    answers: dict[str, Callable[[], bytes]] = {
        "method": lambda: r.method.encode(),
        "target": lambda: r.target.encode("latin-1"),
        "query": lambda: r.query.encode("latin-1"),
        "version": lambda: r.http_version.encode(),
        "body": lambda: r.body,
        "body-length": lambda: str(len(r.body)).encode(),
        "headers": lambda: "".join(f"{n}\n" for n, _ in r.headers).encode(),
        "content-type": lambda: (r.header("content-type") or "(none)").encode("latin-1"),
        "host": lambda: (r.header("host") or "(none)").encode("latin-1"),
        "user-agent": lambda: (r.header("user-agent") or "(none)").encode("latin-1"),
        "all": lambda: r.raw_head + r.body,
    }
    x.reply(200, answers[what](), "application/octet-stream" if what == "body" else "text/plain")


@behaviour("/echo/header/{name}", "200, body is every value of that request header, one a line.")
def _echo_header(x: Exchange, name: str) -> None:
    rows = [v for n, v in x.request.headers if n.lower() == name.lower()]
    x.reply(200, "".join(f"{v}\n" for v in rows).encode("latin-1"))


@behaviour(
    "/headers/{kind}",
    "200, body `headers KIND`, with extra response headers: one, many (100), duplicate, "
    "folded, empty, long (8000 bytes), case, utf8, cookies, via, via-twice, sip, etag.",
)
def _headers(x: Exchange, kind: str) -> None:
    x.reply(200, f"headers {kind}\n".encode(), headers=list(HEADERS[kind]))


@behaviour(
    "/connection/{kind}",
    "200 with `Connection: close` and a close (`close`), with keep-alive headers (`keep`), "
    "or a silent close after an answer that promised keep-alive (`lie`).",
)
def _connection(x: Exchange, kind: str) -> None:
    body = b"ok\n"
    if kind == "close":
        x.close_after = True
        x.reply(200, body)
    elif kind == "keep":
        x.reply(200, body, headers=[("Connection", "keep-alive"), ("Keep-Alive", "timeout=60")])
    elif kind == "lie":
        x.reply(200, body, headers=[("Connection", "keep-alive")])
        x.hang_up()
    else:
        raise KeyError(kind)


@behaviour(
    "/sequence/{key}/{codes}",
    "Statuses of the comma-separated list in turn, one a request with the same KEY; "
    "the last one repeats. `close` in the list means: close without an answer.",
)
def _sequence(x: Exchange, key: str, codes: str) -> None:
    steps = codes.split(",")
    with x.server.lock:
        position = x.server.sequences.get(key, 0)
        x.server.sequences[key] = position + 1
    step = steps[min(position, len(steps) - 1)]
    if step == "close":
        x.hang_up()
    x.reply(int(step), f"step {position + 1} status {step}\n".encode())


@behaviour(
    "/xcap/{kind}/{document*}",
    'An XCAP document: `etag` (200 with ETag "v1", 304 for If-None-Match "v1", '
    "412 for another If-Match), `noetag` (200 without), `missing` (404), `error` (500), "
    "`moved` (302).",
)
def _xcap(x: Exchange, kind: str, document: str) -> None:
    etag = '"v1"'
    content_type = "application/auth-policy+xml"
    if kind == "missing":
        x.reply(404, b"no such document\n")
    elif kind == "error":
        x.reply(500, b"broken\n")
    elif kind == "moved":
        x.reply(302, b"moved\n", headers=[("Location", "/xcap/etag/" + document)])
    elif kind == "noetag":
        x.reply(200, XCAP_DOCUMENT, content_type)
    elif kind != "etag":
        raise KeyError(kind)
    elif x.request.header("if-none-match") == etag:
        x.reply(304, headers=[("ETag", etag)])
    elif x.request.header("if-match") not in (None, etag):
        x.reply(412, b"changed\n")
    else:
        x.reply(200, XCAP_DOCUMENT, content_type, [("ETag", etag)])
