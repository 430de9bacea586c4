"""The first revisions of the asynchronous module, whose README called it ``async_http``.

Functions make its settings instead of ``$http_req(key)``, and a query may have a body as an
argument. They share their settings and queries with `onehttp_compat.http_async_client`.
"""

from __future__ import annotations

import logging

from onehttp_compat.modules.http_async_client.module import HttpAsyncClient
from onehttp_compat.modules.http_async_client.settings import method_of
from onehttp_compat.process import LegacyProcess
from onehttp_compat.pv import as_bytes

_log = logging.getLogger("onehttp_compat.async_http")


class AsyncHttp:
    """The functions that only the first revisions have."""

    counter_group = None

    def __init__(self, server: LegacyProcess, client: HttpAsyncClient) -> None:
        self._server = server
        self._client = client
        self._pending = self._client.pending

    def query_post(self, *, url: str, body: str, route: str, is_kemi: bool = False) -> int:
        """``http_async_query(url, post, route)``: a POST.

        Returns:
            0 suspended, 1 not suspended (0 in the very first revision, which always stops the
            script), -1 refused.
        """
        if not body:
            _log.error("http_async_query: empty body")
            return -1
        data = as_bytes(body)
        if self._server.is_faithful:
            data = data.partition(b"\0")[0]
        code = self._client.ask(url, route, is_kemi, body=data)
        return 0 if code == 1 and self._client.is_first else code

    def set_timeout(self, *, value: int, is_kemi: bool = False) -> int:
        """``http_set_timeout(ms)``; returns -1 for a negative number."""
        return self._pending.put("timeout", value)

    def append_header(self, *, value: str, is_kemi: bool = False) -> int:
        """``http_append_header(line)``."""
        return self._pending.put("hdr", value)

    def set_method(self, *, value: str, is_kemi: bool = False) -> int:
        """``http_set_method(name)``; returns -1 for an unknown method and keeps the earlier one."""
        code = self._pending.put("method", value)
        return code if method_of(value) else -1

    def suspend(self, *, value: int, is_kemi: bool = False) -> int:
        """``http_async_suspend(flag)``."""
        return self._pending.put("suspend", value)

    def set_client_cert(self, *, value: str, is_kemi: bool = False) -> int:
        """``http_set_ssl_cert(file)``, later ``http_set_tls_client_cert``."""
        return self._pending.put("tls_client_cert", value)

    def set_client_key(self, *, value: str, is_kemi: bool = False) -> int:
        """``http_set_ssl_key(file)``, later ``http_set_tls_client_key``."""
        return self._pending.put("tls_client_key", value)

    def set_ca_path(self, *, value: str, is_kemi: bool = False) -> int:
        """``http_set_ca_path(folder)``, later ``http_set_tls_ca_path``."""
        return self._pending.put("tls_ca_path", value)

    def verify_host(self, *, value: int, is_kemi: bool = False) -> int:
        """``http_verify_host(flag)``, later ``tls_verify_host``."""
        return self._pending.replace(verify_host=bool(value))

    def verify_peer(self, *, value: int, is_kemi: bool = False) -> int:
        """``http_verify_peer(flag)``, later ``tls_verify_peer``."""
        return self._pending.replace(verify_peer=bool(value))
