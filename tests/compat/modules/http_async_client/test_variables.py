"""What a callback reads of an answer."""

from __future__ import annotations

import os

import pytest

from onehttp_compat.pv import UnknownVariableError
from servers.raw import Peer, RawServer, answering
from stand_ins.legacy.asking import Script

pytestmark = pytest.mark.filterwarnings("ignore::onehttp.LegacyCallWarning")


HEADS = (
    b"HTTP/1.1 404 Not Here\r\nX-Kind: one\r\nx-kind: two\r\nVia: a\r\nVia: b\r\n"
    b"Content-Length: 4\r\n\r\nbody"
)


def test_headers_have_numbers(script: Script) -> None:
    script.names = (
        "$http_hdr(X-Kind)",
        "$(http_hdr(x-kind)[1])",
        "$(http_hdr(X-KIND)[-1])",
        "$(http_hdr(X-Kind)[-2])",
        "$(http_hdr(X-Kind)[2])",
        "$(http_hdr(X-Kind)[*])",
        "$(http_hdr(Via)[*])",
        "$http_hdr(l)",
        "$http_hdr(X-None)",
    )
    with RawServer(answering(HEADS)) as server:
        script.ask(server.url)
    assert script.seen == [(b"one", b"two", b"two", b"one", None, b"one,two", b"a,b", b"4", None)]


def test_the_parts_of_an_answer(script: Script) -> None:
    script.names = ("$http_ok", "$http_rs", "$http_rr", "$http_rb", "$http_bs", "$http_ml")
    with RawServer(answering(HEADS)) as server:
        script.ask(server.url)
    assert script.seen == [(1, 404, b"Not Here", b"body", 4, len(HEADS))]


def test_a_number_that_is_none_is_a_mistake_of_the_script(
    script: Script, web: RawServer, caplog: pytest.LogCaptureFixture
) -> None:
    script.names = ("$(http_hdr(Content-Length)[first])",)
    script.ask(web.url)
    assert "[first] is not a number or *" in caplog.text
    assert script.transaction.responses == ["500"]


def test_without_response_there_is_nothing_of_one(
    script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    response = ("rs", "rr", "hdr(A)", "mb", "ml", "rb", "bs")
    script.names = (*(f"$http_{one}" for one in response), "$http_time(total)", "$http_xdata")
    script.ask("http://127.0.0.1:1/")
    assert script.seen == [(*[None] * 7, 0, None)]
    assert caplog.text.count("there is no response") == 7


def test_outside_of_a_callback_there_is_nothing_to_read(
    script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    pv = script.server.pv
    assert pv.get("$http_rs") is None
    assert "$http_rs is read outside of a callback" in caplog.text
    assert pv.get("$http_time(total)") == 0


def test_times_are_microseconds_and_have_names(script: Script, web: RawServer) -> None:
    order = ("lookup", "connect", "pretransfer", "starttransfer", "total")
    script.names = tuple(f"$http_time({name})" for name in (*order, "appconnect", "redirect"))
    script.ask(web.url)
    *steps, appconnect, redirect = (int(value or 0) for value in script.seen[0])
    assert steps == sorted(steps)
    assert steps[-1] > 0
    assert (appconnect, redirect) == (0, 0)
    with pytest.raises(UnknownVariableError, match="there are: total, lookup"):
        script.server.pv.get("$http_time(first)")


def test_a_query_has_an_id_that_its_callback_knows(script: Script, web: RawServer) -> None:
    script.names = ("$http_req_id",)
    pv = script.server.pv
    assert pv.get("$http_req_id") == ""
    script.ask(web.url)
    first = pv.get("$http_req_id")
    assert first == f"{os.getpid()}-1"
    script.ask(web.url)
    assert script.ask("") == -1
    assert pv.get("$http_req_id") == f"{os.getpid()}-2"
    assert script.seen == [(first,), (f"{os.getpid()}-2",)]


def test_redirects_and_challenges_end_with_the_last_response(script: Script) -> None:
    script.names = ("$http_rs", "$http_rb")
    final = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nfinal"

    def behave(peer: Peer) -> None:
        peer.request()
        moved = b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 5\r\n\r\nmoved"
        peer.send(moved)
        peer.request()
        peer.send(final)

    with RawServer(behave) as server:
        script.new_message()
        script.set("follow_redirect", 1)
        script.go_on(server.url)
    assert script.seen == [(200, b"final")]
