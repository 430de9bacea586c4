"""Calls of ``http_client`` in any order: one that was made before is as if it were the first."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import onehttp
from onehttp.lowlevel import Observer, leave, observe
from onehttp_compat.ksr import Ksr
from onehttp_compat.parameters import LegacyBugs
from onehttp_compat.server import LegacyServer
from servers.raw import OK, Peer, RawServer
from stand_ins.legacy.legacy_calls import response

pytestmark = pytest.mark.filterwarnings("ignore::onehttp.LegacyCallWarning")

CHUNKED: Final = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"
ANSWERS: Final = {
    "ok": OK,
    "ok too": response(200, b"first\nsecond"),
    "of a type": response(200, b"{}", "Content-Type: application/json", "X-A: b"),
    "with a cookie": response(200, b"ok", "Set-Cookie: a=b", "X-A: c"),
    "bytes": response(200, b"\xff\x00\n\xfe"),
    "large": response(200, b"l" * 5000),
    "a large head": response(200, b"ok", f"X-A: {'l' * 5000}"),
    "nothing": response(200),
    "other length": b"HTTP/1.1 200 OK\r\nContent-Length: 02\r\n\r\nok",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    "chunked": CHUNKED + b"\r\n",
    "trailers": CHUNKED + b"X-A: t\r\n\r\n",
    "two heads": b"HTTP/1.1 103 Early\r\nX-A: e\r\n\r\n" + OK,
    "created": response(201, b"made"),
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "not modified": b"HTTP/1.1 304 Not Modified\r\n\r\n",
    "moved": response(302, b"see", "Location: /elsewhere"),
    "not found": response(404, b"none"),
    "unavailable": response(503, b"busy"),
    "coded": response(200, b"no gzip", "Content-Encoding: gzip"),
    "of 1.0": b"HTTP/1.0 200 OK\r\n\r\nold",
    "no head": b"what is this\r\n\r\n",
    "closing": response(200, b"ok", "Connection: close"),
    "cut off": b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok",
    "none": b"",
}  # fmt: skip
LAST: Final = frozenset(("of 1.0", "no head", "closing", "cut off", "none"))
"""After these the server closes the connection."""


CALLS: Final[dict[str, Callable[[Ksr, str], int]]] = {
    "query": lambda ksr, url: ksr.http_client.query(f"{url}/p", "$var(x)"),
    "query elsewhere": lambda ksr, url: ksr.http_client.query(f"{url}/p", "$avp(y)"),
    "query badly": lambda ksr, url: ksr.http_client.query(f"{url}/p", "$ru"),
    "query nothing": lambda ksr, _: ksr.http_client.query("", "$var(x)"),
    "post nothing": lambda ksr, url: ksr.http_client.query_post(f"{url}/p", "", "$var(x)"),
    "post": lambda ksr, url: ksr.http_client.query_post(f"{url}/p", "b", "$var(x)"),
    "headers": lambda ksr, url: ksr.http_client.query_post_hdrs(
        f"{url}/p", "", "A: b\r\nC: d", "$var(x)"
    ),
    "get": lambda ksr, url: ksr.http_client.get_hdrs(f"{url}/p", "", "A: b", "$var(x)"),
    "plain": lambda ksr, _: ksr.http_client.curl_connect("plain", "/p", "$var(x)"),
    "plain elsewhere": lambda ksr, _: ksr.http_client.curl_connect("plain", "p?q", "$avp(y)"),
    "plain post": lambda ksr, _: ksr.http_client.curl_connect_post(
        "plain", "/p", "text/plain", "b", "$var(x)"
    ),
    "short": lambda ksr, _: ksr.http_client.curl_connect("short", "/p", "$var(x)"),
    "following": lambda ksr, _: ksr.http_client.curl_connect("following", "/p", "$var(x)"),
    "failing": lambda ksr, _: ksr.http_client.curl_connect("failing", "/p", "$var(x)"),
    "unknown": lambda ksr, _: ksr.http_client.curl_connect("unknown", "/p", "$var(x)"),
}
NATIVE: Final = {
    f"native {' '.join(call)}": call
    for call in (
        ("http_client_query", "URL/p", "$var(x)"),
        ("http_client_query", "URL/$var(p)", "$var(x)"),
        ("http_client_query", "URL/p", "$(avp(y)[$var(n)])"),
        ("http_client_query", "URL/$nothing(p)", "$var(x)"),
        ("http_client_query", "URL/p", "$ru"),
        ("http_client_query", "URL/p", "$avp(none)", "$var(x)"),
        ("http_client_query", "URL/p", "$var(p)", "$var(x)"),
        ("http_client_query", "URL/p", "", "A: $var(p)", "$var(x)"),
        ("http_connect", "plain", "/p", "$var(x)"),
        ("http_connect", "plain", "/$var(p)", "$avp(y)"),
        ("http_connect", "$var(p)", "/p", "$var(x)"),
        ("http_connect", "plain", "/$$var(p)", "$var(x)"),
        ("http_connect", "plain", "/p", "text/plain", "$var(p)", "$var(x)"),
        ("http_connect", "plain", "/p", "text/plain", "", "$var(x)"),
        ("http_connect_raw", "plain", "/p", "text/plain", "$var(p)", "$var(x)"),
        ("http_connect_raw", "plain", "/p", "text/plain", "", "$var(x)"),
        ("http_connect", "failing", "/$var(p)", "$var(x)"),
    )
}
"""Calls of native scripts; URL stands for that of the server."""
CHANGES: Final[dict[str, Callable[[LegacyServer], object]]] = {
    "store headers": lambda legacy: legacy.http_client.response_headers_set(mode=1),
    "store none": lambda legacy: legacy.http_client.response_headers_set(mode=0),
    "forget headers": lambda legacy: legacy.http_client.response_headers_clear(),
    "whole results": lambda legacy: legacy.modparam("http_client", "query_result", 0),
    "first lines": lambda legacy: legacy.modparam("http_client", "query_result", 1),
    "small results": lambda legacy: legacy.modparam("http_client", "query_maxdatasize", 3),
    "a user agent": lambda legacy: legacy.modparam("http_client", "useragent", "other"),
    "a message": lambda legacy: legacy.pv.new_message(),
    "a value": lambda legacy: legacy.pv.set("$var(x)", "of the script"),
    "a path": lambda legacy: legacy.pv.set("$var(p)", "p"),
    "an empty path": lambda legacy: legacy.pv.set("$var(p)", ""),
    "a path with a variable": lambda legacy: legacy.pv.set("$var(p)", "$var(p)"),
    "a number for a path": lambda legacy: legacy.pv.set("$var(p)", 0),
    "bytes for a path": lambda legacy: legacy.pv.set("$var(p)", b"\xff\0a"),
    "a name for a path": lambda legacy: legacy.pv.set("$var(p)", "plain"),
    "watch calls": lambda legacy: legacy.observers.append(lambda _: None),
    "watch no calls": lambda legacy: legacy.observers.clear(),
}
PROCESS: Final = ("watch engine", "watch no engine", "another engine")
"""Changes of the whole process."""
NAMES: Final = ("plain", "short", "following", "failing")
STEPS: Final = st.one_of(
    st.tuples(
        st.just("call"),
        st.sampled_from(sorted((*CALLS, *NATIVE))),
        st.sampled_from(sorted(ANSWERS)),
    ),
    st.tuples(st.just("call"), st.just("plain"), st.sampled_from(sorted(ANSWERS))),
    st.tuples(st.just("call"), st.just("query"), st.sampled_from(("ok", "ok too", "of a type"))),
    st.tuples(st.just("change"), st.sampled_from(sorted(CHANGES)), st.just("")),
    st.tuples(st.just("process"), st.sampled_from(PROCESS), st.just("")),
)


class World:
    """A legacy server, and the HTTP server that it calls."""

    def __init__(self, keeps: bool, legacy_bugs: LegacyBugs, reuse: bool) -> None:
        self.keeps = keeps
        self.answer = OK
        self.is_last = False
        self.web = RawServer(self._behave)
        self.legacy = LegacyServer(legacy_bugs, reuse=reuse)
        place = self.web.url.removeprefix("http://")
        for line in (
            f"plain=>http://{place}",
            f"short=>http://{place};maxdatasize=3",
            f"following=>http://{place};httpredirect=1",
            f"failing=>http://{place};failover=plain",
        ):
            self.legacy.modparam("http_client", "httpcon", line)
        self.ksr = Ksr(self.legacy)

    def _behave(self, peer: Peer) -> None:
        while peer.request():
            is_last = self.is_last
            peer.send(self.answer)
            if is_last:
                return

    def call(self, name: str, answer: str) -> list[object]:
        """What a script can see after a call."""
        if not self.keeps:
            for method, is_kemi in itertools.product(("query", "connect"), (True, False)):
                if (kept := self.legacy.http_client.kept_calls(method, is_kemi)) is not None:
                    kept.by_arguments.clear()
        self.answer, self.is_last = ANSWERS[answer], answer in LAST
        before = len(self.web.requests)
        if name in NATIVE:
            function, *arguments = (one.replace("URL", self.web.url) for one in NATIVE[name])
            code = self.legacy.call(function, arguments)
        else:
            code = CALLS[name](self.ksr, self.web.url)
        client, get = self.legacy.http_client, self.legacy.pv.get
        seen = [
            code,
            self.legacy.return_code,
            *(get(text) for text in ("$var(x)", "$avp(y)", "$httprhdr(X-A)")),
            *((client.state_of(one).last_url, client.state_of(one).content_type) for one in NAMES),
            list(client.stored_headers),
            dict(self.legacy.counters),
            [site.calls for site in self.legacy.warnings.seen.values()],
            self.web.requests[before:],
        ]
        return [_without(one, self.web.port) for one in seen]


def _without(value: object, port: int) -> object:
    """A value without the port of its server."""
    return repr(value).replace(str(port), "PORT")


@contextmanager
def logged() -> Iterator[list[str]]:
    """What is logged about calls in this block."""
    lines: list[str] = []
    logger, handler = logging.getLogger("onehttp_compat"), logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)


def _change_process(name: str, engine: str, observer: Observer) -> None:
    leave(observer)
    if name == "watch engine":
        observe(observer)
    elif name == "another engine":
        onehttp.shutdown()
        onehttp.init(backend=engine)


def _check(
    engine: str, steps: list[tuple[str, str, str]], legacy_bugs: LegacyBugs, reuse: bool
) -> None:
    observer = Observer()
    onehttp.init(backend=engine)
    with ExitStack() as stack:
        stack.callback(onehttp.shutdown)
        stack.callback(leave, observer)
        worlds = [World(keeps, legacy_bugs, reuse) for keeps in (True, False)]
        for world in worlds:
            stack.enter_context(world.web)
        for kind, name, answer in steps:
            if kind == "process":
                _change_process(name, engine, observer)
                continue
            if kind == "change":
                for world in worlds:
                    CHANGES[name](world.legacy)
                continue
            found = []
            for world in worlds:
                with logged() as lines:
                    seen = world.call(name, answer)
                found.append([*seen, _without(lines, world.web.port)])
            assert found[0] == found[1], (name, answer)


OF_A_CALL_BEFORE: Final = [
    ("call", "plain", "of a type"), ("call", "plain", "of a type"), ("call", "plain", "of a type"),
]  # fmt: skip


@pytest.mark.parametrize("engine", ["pycurl", "httpx"])
@given(st.lists(STEPS, max_size=25), st.sampled_from(("fixed", "faithful")), st.booleans())
@example([*OF_A_CALL_BEFORE, ("call", "plain", "none"), OF_A_CALL_BEFORE[0]], "fixed", False)
@example(
    [
        *OF_A_CALL_BEFORE,
        ("change", "store headers", ""),
        ("call", "plain", "ok"),
        ("change", "store none", ""),
        OF_A_CALL_BEFORE[0],
    ],
    "fixed",
    True,
)
@example(
    [
        *OF_A_CALL_BEFORE,
        ("process", "watch engine", ""),
        ("call", "plain", "ok"),
        ("process", "watch no engine", ""),
        OF_A_CALL_BEFORE[0],
    ],
    "fixed",
    True,
)
@settings(max_examples=40)
def test_a_call_that_was_made_before_is_as_if_it_were_the_first(
    engine: str, steps: list[tuple[str, str, str]], legacy_bugs: LegacyBugs, reuse: bool
) -> None:
    _check(engine, steps, legacy_bugs, reuse)
