"""Checks the keys that cannot be combined with a unix socket, or with a URL without TLS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from onehttp.connections.file.schema.transport import TransportModel

_WITHOUT: Final = (
    ("proxy", ("none",)),
    ("interface", (None,)),
    ("peers", ("any",)),
    ("http_version", ("auto", "1.1", "2", "2-prior-knowledge")),
    ("alt_svc", (False,)),
)
"""What each may be there."""


def that_do_not_fit(model: TransportModel) -> Iterator[tuple[str, str]]:
    """The keys of a model that do not fit its socket or its URL, and what is wrong with each."""
    url: str = getattr(model, "url", "") or ""
    if model.http_version == "3-only" and url.lower().startswith("http://"):
        yield "http_version", "HTTP/3 is spoken over TLS; give a url of https, or another version"
    if getattr(model, "socket", None) is None:
        return
    for key, fitting in _WITHOUT:
        if getattr(model, key) not in fitting:
            advice = f"give {key}: {json.dumps(fitting[0])}" if fitting[0] else "leave it out"
            yield key, f"means nothing on a unix socket (`socket`); {advice}"
