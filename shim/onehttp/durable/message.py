"""The stored form of a query, from which another process can make the call."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from onehttp.calls.arguments import CallArguments, Timeout
from onehttp_backends.headers import HeaderPairs

FORMAT: Final = 1
IDEMPOTENCY_KEY: Final = "Idempotency-Key"
"""Source: draft-ietf-httpapi-idempotency-key-header. The value is a quoted string."""
POSSIBLE_REPEAT: Final = "Onehttp-Possible-Repeat"
"""A header with the value ``yes`` if an earlier attempt may have reached the server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A query to be sent. ``id`` is the same for all attempts."""

    id: str
    queue: str
    key: str | None
    """Messages with the same key are sent one after the other, in their order."""
    connection: str
    """The name of the connection. If it is empty, ``url`` is a whole URL."""
    method: str
    url: str
    headers: HeaderPairs
    """The headers of the call; those of the connection are added when it is sent."""
    body: bytes | None
    params: HeaderPairs = ()
    path: Mapping[str, str | int | float] | None = None
    """Values of the names in the path of the URL."""
    total_s: float | None = None
    connect_s: float | None = None
    max_body: int | None = None
    follow_redirects: bool | None = None

    def call(self, may_repeat: bool) -> CallArguments:
        """The keywords of the call that sends it.

        Args:
            may_repeat: whether it may have reached the server before.
        """
        headers = self.headers
        if not any(name.lower() == IDEMPOTENCY_KEY.lower() for name, _ in headers):
            headers = (*headers, (IDEMPOTENCY_KEY, f'"{self.id}"'))
        if may_repeat:
            headers = (*headers, (POSSIBLE_REPEAT, "yes"))
        call: CallArguments = {"headers": headers}
        if self.params:
            call["params"] = self.params
        if self.path is not None:
            call["path"] = self.path
        if self.body is not None:
            call["body"] = self.body
        if self.total_s is not None or self.connect_s is not None:
            call["timeout"] = Timeout(total_s=self.total_s, connect_s=self.connect_s)
        if self.max_body is not None:
            call["max_body"] = self.max_body
        if self.follow_redirects is not None:
            call["follow_redirects"] = self.follow_redirects
        return call

    def described(self) -> str:
        """Return everything but the body and the fields of the store as JSON."""
        told: dict[str, Any] = {
            "format": FORMAT,
            "connection": self.connection,
            "method": self.method,
            "url": self.url,
            "headers": self.headers,
            "params": self.params,
            "path": self.path,
            "limits": [self.total_s, self.connect_s, self.max_body, self.follow_redirects],
        }
        return _encoder()(told)


@functools.cache
def _encoder() -> Callable[[object], str]:
    import json

    return json.JSONEncoder(separators=(",", ":")).encode


def message_of(id: str, queue: str, key: str | None, described: str, body: bytes | None) -> Message:
    """Return the message from the result of `Message.described`.

    Raises:
        ValueError: it is invalid, or a later version of this library has stored it.
    """
    import json

    told = json.loads(described)
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise ValueError(f"message {id}: its format is not {FORMAT}")
    total_s, connect_s, max_body, follow = told["limits"]
    return Message(
        id=id,
        queue=queue,
        key=key,
        connection=told["connection"],
        method=told["method"],
        url=told["url"],
        headers=_pairs(told["headers"]),
        params=_pairs(told["params"]),
        path=told["path"],
        body=body,
        total_s=total_s,
        connect_s=connect_s,
        max_body=max_body,
        follow_redirects=follow,
    )


def _pairs(told: list[list[str]]) -> HeaderPairs:
    return tuple((name, value) for name, value in told)
