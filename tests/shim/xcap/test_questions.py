"""What a refresh asks for is what a call with the same condition would."""

from __future__ import annotations

import itertools

import pytest

import onehttp
from onehttp.calls.named_call import NamedCall
from onehttp.calls.revision import ReadyConnection
from onehttp.xcap.client_refresh import ClientRows
from onehttp.xcap.conditional import conditions
from onehttp.xcap.store import Watched
from onehttp_backends.contract import Request
from onehttp_backends.errors import RequestError

ROOT = "http://xcap.example/root"
OWN = [
    {},
    {"X-Own": "1"},
    {"If-None-Match": '"own"', "X-Own": "1"},
    {"if-NONE-match": '"own"'},
    {"If-Match": "*"},
]
ETAGS = ["", '"1"', 'W/"1"', "bare", "*", '"a", "b"', "a\r\nX: 1", "\u00e9", "e" * 129]
PATHS = ["/a", "/sip:b%40c@d.example/index", "/\u00e9", "/a/%2e%2e/b", "/a?x=1", "/a b", ""]


def made(call: NamedCall, ready: ReadyConnection) -> Request | str:
    try:
        return call.on(ready)
    except RequestError as error:
        return str(error)


@pytest.mark.parametrize("own", OWN)
@pytest.mark.parametrize("params", [{}, {"key": "1"}])
def test_a_question_is_the_request_of_a_call(own: dict[str, str], params: dict[str, str]) -> None:
    connections = {"xcap": {"url": ROOT, "headers": own, "params": params}}
    onehttp.init({"version": 1, "connections": connections})
    connection = onehttp.connection("xcap")
    ready = ReadyConnection(connection.spec)
    rows = ClientRows(connection)
    for number, (etag, path) in enumerate(itertools.product(ETAGS, PATHS)):
        question = rows.call(Watched(number, etag, ROOT + path, 80))
        headers = conditions(if_none_match=question.etag)
        call = NamedCall("GET", path, {"headers": headers})
        assert made(question, ready) == made(call, ready), (etag, path)
