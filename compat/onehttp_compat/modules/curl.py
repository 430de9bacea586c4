"""Module ``curl`` (2015, before it was renamed ``http_client``)."""

from __future__ import annotations

import logging

from onehttp.lowlevel import HeaderPairs
from onehttp_compat.modules.httpcon.module import ConnectionModule
from onehttp_compat.modules.httpcon.state import TransferResult
from onehttp_compat.pv import Variable
from onehttp_compat.wire.transfer import RefusedOptionError

_log = logging.getLogger("onehttp_compat.curl")


class Curl(ConnectionModule):
    """The state of the module in one server process. Failures return -1 and clear the result."""

    module = "curl"
    counter_group = "curl"

    def query(self, *, url: str, result: Variable, is_kemi: bool = False) -> int:
        """``curl_http_query(url, result)``: GET; the result is the first line of the body."""
        return self._query("GET", url, (), None, result)

    def query_post(self, *, url: str, body: str, result: Variable, is_kemi: bool = False) -> int:
        """``curl_http_query(url, post, result)``: POST, even if ``post`` is empty."""
        headers = (("Content-Type", "text/plain"),)
        return self._query("POST", url, headers, self._server.body(body), result)

    def connect_with(
        self, connection: str, path: str, content_type: str, data: bytes | None, result: Variable
    ) -> int:
        """``curl_connect``: the result is the whole body of the response."""
        known = self.find(connection)
        if known is None:
            _log.error("curl_connect: no connection named %r", connection)
            self.write(result, b"")
            return -1
        if "\r" in content_type or "\n" in content_type:
            _log.error("curl_connect: a line break in the content type; nothing was sent")
            return -1
        headers: HeaderPairs = ()
        if data is not None:
            headers = (("Content-Type", self.content_type(content_type)),)
        try:
            ready = self.ready(known)
        except RefusedOptionError as error:
            answer = self.refused(error)
        else:
            answer = self.call(ready, path, headers, data)
        limit = known.maxdatasize
        return self._finish(answer, result, answer.body[:limit] if limit > 0 else answer.body)

    def _query(
        self, method: str, url: str, headers: HeaderPairs, data: bytes | None, result: Variable
    ) -> int:
        try:
            options = self.options_for_queries()
        except RefusedOptionError as error:
            answer = self.refused(error)
        else:
            answer = self.exchange(options, method, url, headers, data)
        return self._finish(answer, result, answer.body.partition(b"\n")[0])

    def _finish(self, answer: TransferResult, result: Variable, value: bytes) -> int:
        is_shown = 200 <= answer.code < 500
        self.write(result, value if is_shown else b"")
        return answer.code if answer.response is not None else -1
