"""Module ``curl`` (2015, before it was renamed ``http_client``)."""

from __future__ import annotations

from onehttp_compat.modules.curl import Curl as Curl
from onehttp_compat.server import default_server


def curl_http_query(*arguments: str) -> int:
    """``curl_http_query(url[, post], result)`` of a native script, on the default server."""
    return default_server().call("curl_http_query", arguments)


def curl_connect(*arguments: str) -> int:
    """``curl_connect(con, url[, ctype, data], result)`` of a native script."""
    return default_server().call("curl_connect", arguments)
