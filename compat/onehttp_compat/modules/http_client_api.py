"""The typed interface of ``http_client`` for other modules (``bind_http_client``)."""

from __future__ import annotations

from typing import NamedTuple

from onehttp_compat.modules.http_client import HttpClient
from onehttp_compat.modules.httpcon.state import TransferResult
from onehttp_compat.wire.header_blob import HeaderBlobError, parse_blob
from onehttp_compat.wire.transfer import RefusedOptionError


class HttpcResult(NamedTuple):
    """A result of this interface: a code of libcurl or an HTTP status, and the body."""

    code: int
    body: bytes


class Bindings:
    """The functions that other modules get from ``bind_http_client``, with types."""

    def __init__(self, module: HttpClient) -> None:
        self._module = module

    def http_connect(
        self,
        msg: object,
        connection: str,
        url: str | None,
        contenttype: str | None = None,
        post: bytes | None = None,
    ) -> HttpcResult:
        """Call over a named connection. The content type is ``text/plain`` if none is given."""
        answer = self._module.connect_answer(
            connection, url or "", contenttype or "text/plain", post or None
        )
        if isinstance(answer, TransferResult):
            return HttpcResult(answer.code, answer.body)
        return HttpcResult(-1, b"")

    def http_client_query(
        self, msg: object, url: str, post: bytes | None = None, hdrs: str | None = None
    ) -> HttpcResult:
        """Query a URL. An empty ``post`` makes an empty POST."""
        return self.http_client_query_c(msg, url, post, None, hdrs)

    def http_client_query_c(
        self,
        msg: object,
        url: str,
        post: bytes | None = None,
        ctype: str | None = None,
        hdrs: str | None = None,
    ) -> HttpcResult:
        """Query a URL with a content type, which is sent only if there is a body."""
        module = self._module
        try:
            pairs = parse_blob(hdrs or "")
            options = module.options_for_queries()
        except HeaderBlobError:
            return HttpcResult(-1, b"")
        except RefusedOptionError as error:
            return HttpcResult(module.refused(error).code, b"")
        if post is not None and ctype:
            pairs = (("Content-Type", ctype), *pairs)
        method = "GET" if post is None else "POST"
        answer = module.exchange(options, method, url, pairs, post)
        if module.stores_headers:
            module.store_headers(answer.response)
        values = module.parameters
        body = module.value_of(answer, values.query_maxdatasize, bool(values.query_result))
        return HttpcResult(answer.code, body)

    def http_connection_exists(self, name: str) -> bool:
        """Whether a connection of that name is configured."""
        return self._module.find(name) is not None

    def http_get_content_type(self, connection: str) -> str | None:
        """The content type of the last answer over a connection; None if there is no such
        connection."""
        if self._module.find(connection) is None:
            return None
        return self._module.state_of(connection).content_type
