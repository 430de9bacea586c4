"""Members of enumerations as arguments: what they stand for goes out, and never their name."""

from __future__ import annotations

import asyncio
import base64
import decimal
import enum
from collections.abc import Callable
from typing import Any

import pytest

import onehttp
from servers.patience import PATIENCE_S
from servers.raw import RawServer, keep_answering


class Text(str, enum.Enum):
    """As people wrote it before there was `enum.StrEnum`."""

    METHOD = "REPORT"
    NAME = "X-Name"
    VALUE = "value"
    QUERY = "/asked"


class Octets(bytes, enum.Enum):
    VALUE = b"value"


class Whole(int, enum.Enum):
    VALUE = 5


class Part(float, enum.Enum):
    VALUE = 1.5


class Exact(decimal.Decimal, enum.Enum):
    VALUE = "2.50"


VALUES = {"t": Text.VALUE, "w": Whole.VALUE, "p": Part.VALUE, "e": Exact.VALUE}
PAIRS = "t=value&w=5&p=1.5&e=2.50"
BASIC = base64.b64encode(b"value:value").decode()
CASES: dict[str, tuple[dict[str, Any], str]] = {
    "params": ({"params": {Text.VALUE: Octets.VALUE, **VALUES}}, f"?value=value&{PAIRS} HTTP"),
    "form": ({"form": {Text.VALUE: Text.VALUE, **VALUES}}, f"\r\n\r\nvalue=value&{PAIRS}"),
    "path": ({"path": VALUES}, "/asked/value-5-1.5-2.50 HTTP"),
    "cookies": ({"cookies": {Text.VALUE: Text.VALUE, **VALUES}},
                f"Cookie: value=value; {PAIRS.replace('&', '; ')}\r\n"),
    "headers": ({"headers": {Text.NAME: Text.VALUE}}, "\r\nX-Name: value\r\n"),
    "body": ({"body": Text.VALUE}, "\r\n\r\nvalue"),
    "json": ({"json": {Text.VALUE: Text.VALUE}}, '{"value":"value"}'),
    "files": ({"files": {Text.VALUE: (Text.VALUE, Text.VALUE)}, "form": {Text.VALUE: Text.VALUE}},
              '; name="value"; filename="value"\r\n'),
    "a pair": ({"auth": (Text.VALUE, Text.VALUE)}, f"Authorization: Basic {BASIC}\r\n"),
    "Basic": ({"auth": onehttp.Basic(Text.VALUE, Text.VALUE)}, f"Authorization: Basic {BASIC}\r\n"),
    "Bearer": ({"auth": onehttp.Bearer(Text.VALUE)}, "Authorization: Bearer value\r\n"),
    "a token": ({"auth": onehttp.TokenSource(lambda: (Text.VALUE, 60))},
                "Authorization: Bearer value\r\n"),
}  # fmt: skip


def submitted(*arguments: Any, **keywords: Any) -> onehttp.Response:
    result = onehttp.submit(*arguments, **keywords).result(PATIENCE_S)
    assert result.response is not None, result.error
    return result.response


WAYS: dict[str, Callable[..., onehttp.Response]] = {
    "request": onehttp.request,
    "arequest": lambda *given, **named: asyncio.run(onehttp.arequest(*given, **named)),
    "submit": submitted,
}


@pytest.mark.parametrize("argument", CASES)
@pytest.mark.parametrize("way", WAYS)
def test_what_goes_out_is_what_a_member_stands_for(way: str, argument: str, engine: str) -> None:
    arguments, expected = CASES[argument]
    with RawServer(keep_answering) as server:
        onehttp.init(backend=engine)
        places = "/{t}-{w}-{p}-{e}" if argument == "path" else ""
        urls = enum.Enum("urls", {"OF": f"{server.url}{Text.QUERY.value}{places}"}, type=str)
        url: Any = urls.OF
        assert WAYS[way](Text.METHOD, url, **arguments).status == 200
        sent = server.requests[-1].decode()
    assert sent.startswith("REPORT /asked")
    assert expected in sent
    assert "Text." not in sent


def test_members_of_enumerations_are_sent_by_value_on_a_connection(engine: str) -> None:
    with RawServer(keep_answering) as server:
        onehttp.init({"version": 1, "connections": {"value": {"url": server.url}}}, backend=engine)
        api = onehttp.connection(Text.VALUE)
        assert api.request(Text.METHOD, Text.QUERY, params=VALUES).status == 200
        assert server.targets == [f"REPORT /asked?{PAIRS}"]
