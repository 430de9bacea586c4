"""Module ``utils`` (until 4.4): ``http_query``."""

from __future__ import annotations

from onehttp_compat.modules.utils import Utils as Utils
from onehttp_compat.server import default_server


def http_query(*arguments: str) -> int:
    """``http_query(url[, post[, headers]], result)`` of a native script, on the default server."""
    return default_server().call("http_query", arguments)
