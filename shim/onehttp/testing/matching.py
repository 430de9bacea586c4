"""Which requests a route of the double matches, and how another request differs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from string import ascii_letters, digits
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

from onehttp.calls.arguments import header_pairs
from onehttp.testing.differing import differing
from onehttp.urls import ParamSource, ascii_url, query_pairs
from onehttp_backends.contract import Request
from onehttp_backends.rules.request_rules import check_url
from onehttp_backends.rules.url_paths import asked_url

HeaderSource: TypeAlias = "Mapping[str, str] | Iterable[tuple[str, str]] | None"
ANY: Final[Any] = object()
"""Stands for an argument that was not given, since None is a value of JSON."""
SECRET: Final = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})
_PLAIN: Final = frozenset(f"{ascii_letters}{digits}-._~!$&'()*+,;=:@")
"""The characters that RFC 3986 allows in a segment of a path."""
_escape = re.compile("%([0-9A-Fa-f]{2})")
_name = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(\.\.\.)?\}")
_PORTS: Final = {"http": ":80", "https": ":443"}


class Matcher:
    """Decides whether a request is of the kind described.

    Args:
        method: its HTTP method, in capitals.
        url: its URL. ``{name}`` matches one segment of the path, or a part of one; ``{name...}``
            matches any number of segments, or none.
        params: query parameters that it must have, in any form that a call takes.
        headers: headers that it must have.
        body: its whole body.
        match_json: its body as JSON.
        is_exact: whether it must not have other query parameters.

    Raises:
        RequestError, TypeError, ValueError: an argument has no sensible value.
    """

    def __init__(
        self,
        method: str,
        url: str,
        params: ParamSource = None,
        headers: HeaderSource = None,
        body: bytes | str | None = None,
        match_json: object = ANY,
        is_exact: bool = False,
    ) -> None:
        if not isinstance(url, str):
            raise TypeError(
                f"url: expected text, got {type(url).__name__}; {{name}} in it is any segment"
            )
        if method != method.upper():
            raise ValueError(f"method {method!r}: methods are in capitals: {method.upper()!r}")
        address, _, query = url.partition("#")[0].partition("?")
        stray = _name.sub("", address)
        if not is_exact and ("{" in stray or "}" in stray):
            raise ValueError(
                f"URL {url!r}: '{{' and '}}' stand around a name, as in {{number}}, or {{rest...}}"
            )
        self.method = method
        self.url = url
        self._pattern = _pattern(address)
        self._params = [*parse_qsl(query, keep_blank_values=True), *_pairs(params)]
        self._headers = [(name.lower(), value) for name, value in header_pairs(headers)]
        if body is not None and not isinstance(body, (bytes, str)):
            is_json = isinstance(body, (Mapping, list))
            way_out = "; match_json= compares what it is as JSON" if is_json else ""
            raise TypeError(f"body: expected bytes or text, got {type(body).__name__}{way_out}")
        self._body = body.encode() if isinstance(body, str) else body
        self._json = match_json
        self._is_exact = is_exact

    def __repr__(self) -> str:
        return f"{self.method} {self.url}"

    def names(self, url: str) -> dict[str, str] | None:
        """The parts of ``url`` that the names stand for, decoded; None if it does not match."""
        found = self._pattern.fullmatch(without_query(url))
        if found is None:
            return None
        return {name: unquote(value) for name, value in found.groupdict().items()}

    def is_for(self, request: Request) -> bool:
        """Whether ``request`` matches."""
        return next(self.differences(request), None) is None

    def differences(self, request: Request) -> Iterator[str]:
        """How ``request`` differs from what is described, most important first."""
        if self.names(request.url) is None:
            is_wild = "*" in self.url.partition("?")[0]
            yield "another URL" + ("; '*' is one, {name} any segment" if is_wild else "")
        if request.method != self.method:
            yield f"another method, {request.method}"
        yield from self._in_params(request)
        yield from self._in_headers(request)
        if self._body is not None and self._body != (request.body or b""):
            yield differing("body", shown_body(self._body), shown_body(request.body))
        if self._json is not ANY:
            yield from self._in_json(request)

    def _in_params(self, request: Request) -> Iterator[str]:
        found = params_of(request)
        for name, value in self._params:
            if (name, value) not in found:
                others = [each for key, each in found if key == name]
                there = f", there {' and '.join(map(repr, others))}" if others else ", missing"
                yield f"param {name}: expected {value!r}{there}"

        if self._is_exact:
            for name, value in found:
                if (name, value) not in self._params:
                    yield f"param {name}: {value!r}, which is not expected"

    def _in_headers(self, request: Request) -> Iterator[str]:
        for name, value in self._headers:
            found = [each for key, each in request.headers if key.lower() == name]
            if value in found:
                continue
            if name in SECRET:
                yield f"header {name}: {'another value' if found else 'missing'}"
            else:
                there = f", there {' and '.join(map(repr, found))}" if found else ", missing"
                yield f"header {name}: expected {value!r}{there}"

    def _in_json(self, request: Request) -> Iterator[str]:
        try:
            found = json.loads(request.body or b"")
        except ValueError:
            yield f"body: expected JSON, got {shown_body(request.body)}"
            return
        if found != self._json:
            yield differing("JSON", self._json, found)


def params_of(request: Request) -> list[tuple[str, str]]:
    """The query parameters of a request, decoded."""
    return parse_qsl(urlsplit(request.url).query, keep_blank_values=True)


def shown_body(body: bytes | None) -> str:
    """A body as a test's report shows it."""
    if not body:
        return "none"
    text = body.decode("utf-8", "backslashreplace")
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}... ({len(body)} bytes)"


MAX_SHOWN: Final = 2000


def _pairs(params: ParamSource) -> list[tuple[str, str]]:
    return [(_text(name), _text(value)) for name, value in query_pairs(params or (), "params")]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else value


def without_query(url: str) -> str:
    """``url`` in the one spelling that is compared: scheme and host in small letters, no port
    that goes without saying, a path, no query, and no escapes but for what ends a segment or is
    no character of a URL: ``%2B`` and ``+`` are one to whoever writes a test."""
    address = asked_url(re.split("[?#]", url, maxsplit=1)[0])
    scheme, _, rest = address.partition("://")
    place, _, path = rest.partition("/")
    scheme, place = scheme.lower(), place.lower()
    place = place.removesuffix(_PORTS.get(scheme, "-"))
    return f"{scheme}://{place}/{_escape.sub(_needed, path)}"


def _needed(escape: re.Match[str]) -> str:
    """The character that an escape stands for, where a path may have it as it is."""
    character = chr(int(escape[1], 16))
    return character if character in _PLAIN else escape[0].upper()


def _pattern(address: str) -> re.Pattern[str]:
    check_url(ascii_url(_name.sub("name", address)))
    what = dict(_name.findall(address))
    marks = list(what)
    if len(marks) != len(_name.findall(address)):
        raise ValueError(f"URL {address!r}: a name stands for one segment, and there twice")
    # A name becomes what no URL is changed in, and the expression for it last.
    plain = ascii_url(_name.sub(lambda mark: f"onehttp-name-{marks.index(mark[1])}-", address))
    expression = re.escape(without_query(plain))
    for at, mark in enumerate(marks):
        group = f"(?P<{mark}>{'.*' if what[mark] else '[^/]+'})"
        expression = expression.replace(re.escape(f"onehttp-name-{at}-"), group)
    return re.compile(expression)
