"""Removes from recordings what they must not contain: secrets, and values that change each time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from onehttp_backends.contract import Request
from onehttp_backends.headers import HeaderPairs

SCRUBBED: Final = "[scrubbed]"
_secret = re.compile(
    r"authorization|^auth$|[-_]auth$|^auth[-_]|cookie|token|secret|passw|api[-_]?key|credential"
    r"|session[-_]?id|private[-_]?key|signature",
    re.IGNORECASE,
).search
BOUNDARY: Final = "onehttp-boundary"
"""The boundary of forms in recordings, because the one of a call changes each time."""
_boundary = re.compile(r"^multipart/.*;\s*boundary=\"?([^\";]+)", re.IGNORECASE).match
_part_name = re.compile(rb'(?i)\r\ncontent-disposition:[^\r\n]*?;\s*name="([^"]*)"').search
_userinfo = re.compile(r"^((?:[a-z][a-z0-9+.-]*:)?//)[^/?#]*@", re.IGNORECASE)
_target = re.compile(r"<([^>]*)>")
_URLS: Final = frozenset({"location", "content-location", "referer"})
_IN_A_QUERY: Final = frozenset({"key", "sig"})
VOLATILE: Final = frozenset(
    {
        *(
            "age",
            "cf-ray",
            "connection",
            "content-length",
            "date",
            "keep-alive",
            "nel",
            "report-to",
        ),
        *("server-timing", "traceparent", "tracestate", "transfer-encoding", "user-agent", "via"),
        *("x-amzn-requestid", "x-correlation-id", "x-request-id", "x-runtime", "x-trace-id"),
    }
)
"""Headers that do not describe the request or the response, or that a replay sets itself."""


class Scrubber:
    """Removes secrets: by the names of headers, parameters and JSON keys, and by their values."""

    def __init__(self) -> None:
        self._further: set[str] = set()
        self._values: list[str] = []

    def add(self, names: Iterable[str], values: Iterable[str]) -> None:
        """Also treat the values of these names as secrets, and these values everywhere."""
        self._further.update(name.lower() for name in names)
        self._values += [value for value in values if value]

    def text(self, text: str) -> str:
        """Return text without the secret values."""
        for value in self._values:
            text = text.replace(value, SCRUBBED)
        return text

    def is_secret(self, name: str) -> bool:
        """Whether the value of a name is a secret."""
        return name.lower() in self._further or _secret(name) is not None

    def headers(self, pairs: HeaderPairs, keep: frozenset[str] = frozenset()) -> HeaderPairs:
        """Return headers without those that change each time, except for those in ``keep``."""
        return tuple(
            (name, SCRUBBED if self.is_secret(name) else self._header(name.lower(), value))
            for name, value in pairs
            if name.lower() not in VOLATILE - keep
        )

    def _header(self, name: str, value: str) -> str:
        if name == "link":
            return _target.sub(lambda found: f"<{self.url(found[1])}>", value)
        return self.url(value) if name in _URLS else self.text(value)

    def url(self, url: str) -> str:
        """Return a URL without credentials, and without the values of secret parameters in its
        query or fragment."""
        url = _userinfo.sub(rf"\1{SCRUBBED}@", self.text(url))
        before, hash_, fragment = url.partition("#")
        path, mark, query = before.partition("?")
        if "=" in fragment:  # else it names a place on a page
            fragment = self._query(fragment)
        return f"{path}{mark}{self._query(query)}{hash_}{fragment}"

    def _query(self, query: str) -> str:
        pairs = parse_qsl(query, keep_blank_values=True)
        return self._pairs(pairs) if any(self._is_hidden(name) for name, _ in pairs) else query

    def body(self, body: bytes | None, content_type: str) -> bytes | None:
        """Return a body without secret values, if it is JSON or a form."""
        if not body:
            return body
        for value in self._values:
            body = body.replace(value.encode(), SCRUBBED.encode())
        if "form-urlencoded" in content_type:
            pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
            return (
                self._pairs(pairs).encode() if any(self._is_hidden(n) for n, _ in pairs) else body
            )
        try:
            value = json.loads(body)
        except ValueError:
            return body
        scrubbed = self._json(value)
        return body if scrubbed == value else json.dumps(scrubbed).encode()

    def request(self, request: Request) -> Request:
        """Return a request without secrets. A form with files gets a fixed boundary."""
        given = {name.lower(): value for name, value in request.headers}
        headers, body = request.headers, request.body
        content_type = given.get("content-type", "")
        if body and (found := _boundary(content_type)):
            headers = tuple((name, value.replace(found[1], BOUNDARY)) for name, value in headers)
            body = self._form(body, found[1].encode())
        return request._replace(
            url=self.url(request.url),
            headers=self.headers(headers),
            body=self.body(body, content_type),
        )

    def _form(self, body: bytes, boundary: bytes) -> bytes:
        parts = body.split(b"--" + boundary)
        return (b"--" + BOUNDARY.encode()).join(map(self._part, parts))

    def _part(self, part: bytes) -> bytes:
        head, end, value = part.partition(b"\r\n\r\n")
        named = _part_name(head)
        if not value or named is None or not self._is_hidden(named[1].decode("utf-8", "replace")):
            return part
        return head + end + SCRUBBED.encode() + b"\r\n"

    def _pairs(self, pairs: list[tuple[str, str]]) -> str:
        return urlencode([(n, SCRUBBED if self._is_hidden(n) else value) for n, value in pairs])

    def _is_hidden(self, name: str) -> bool:
        return name.lower() in _IN_A_QUERY or self.is_secret(name)

    def _json(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._json(each) for each in value]
        if not isinstance(value, dict):
            return value
        return {
            key: SCRUBBED if self.is_secret(key) and not _is_plain(each) else self._json(each)
            for key, each in value.items()
        }


def _is_plain(value: object) -> bool:
    """Whether a value is null or a boolean, which is never a secret."""
    return value is None or isinstance(value, bool)
