"""Module ``http_client``: queries by URL, and calls over named connections with failover."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable
from typing import Any

from onehttp import Response, TransferOptions
from onehttp.lowlevel import HeaderPairs
from onehttp_compat.modules.httpcon.definition import LegacyConnection
from onehttp_compat.modules.httpcon.module import ConnectionModule, legacy_request
from onehttp_compat.modules.httpcon.options import keeping_method, prior_knowledge
from onehttp_compat.modules.httpcon.state import TransferResult
from onehttp_compat.modules.ready_call import KeptCalls, Ready, ReadyCall
from onehttp_compat.process import LegacyProcess
from onehttp_compat.pv import UnknownVariableError, Value, Variable
from onehttp_compat.wire.header_blob import HeaderBlobError, parse_blob, with_defaults_repeated
from onehttp_compat.wire.libcurl_texts import curlerror
from onehttp_compat.wire.transfer import RefusedOptionError

_is_token = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_log = logging.getLogger("onehttp_compat.http_client")


class HttpClient(ConnectionModule):
    """The state of the module in one server process."""

    module = "http_client"
    counter_group = "httpclient"

    def __init__(self, server: LegacyProcess) -> None:
        super().__init__(server)
        self.stores_headers = False
        self.stored_headers: list[tuple[str, str]] = []
        self._prepare: dict[str, Callable[..., Ready]] = {
            "query": self.ready_query,
            "connect": self.ready_connect,
        }
        self._kept: dict[tuple[str, bool], dict[tuple[object, ...], Callable[[], int]]] = {}
        server.pv.register("curlerror", _curlerror)
        server.pv.register("httprhdr", self._stored_header)

    def start(self) -> None:
        super().start()
        self.stores_headers = bool(self.parameters.response_headers)

    # ---- by URL

    def query(self, **call: Any) -> int:
        """``http_client_query``: see `ready_query`."""
        ready = self.ready_query(**call)
        return ready if isinstance(ready, int) else ready.make()

    def ready_query(
        self,
        *,
        url: str,
        result: Variable,
        method: str = "",
        body: str = "",
        headers: str = "",
        is_kemi: bool = False,
        variant: str | None = None,
    ) -> Ready:
        """Prepare a query: GET, or POST if there is a body."""
        if not url and not is_kemi:
            _log.error("http_client: empty URL")
            return -1
        data = self._server.body(body) if body else None
        try:
            options = self.options_for_queries() if variant is None else self._variant(variant)
            pairs = parse_blob(headers)
        except HeaderBlobError as error:
            _log.error("http_client: %s; nothing was sent", error)
            return -1
        except RefusedOptionError as error:
            self.write(result, b"")
            return self.refused(error).code
        if self._server.is_faithful:
            pairs = with_defaults_repeated(pairs, options.user_agent, url, data)
        method = method or ("POST" if body else "GET")
        request = legacy_request(options, method, url, pairs, data)
        values = self.configuration.values
        write = self._server.result_writer(result)
        limit, is_first_line = values.query_maxdatasize, bool(values.query_result)
        return ReadyCall(self, request, None, write, limit, is_first_line)

    get = functools.partialmethod(query, method="GET")
    """``http_client_get``: GET, which may have a body."""

    def request(
        self, *, method: str, is_kemi: bool = False, variant: str = "named", **call: Any
    ) -> int:
        """``http_client_request``: any method, with its case unchanged. -1 if it is no valid token
        (B12)."""
        is_left_out = not method and is_kemi
        if not is_left_out and not _is_token(method):
            _log.error("http_client_request: the method is not a token; nothing was sent")
            return -1
        return self.query(method=method, is_kemi=is_kemi, variant=variant, **call)

    request_v2pk = functools.partialmethod(request, variant="v2")
    """``http_client_request_v2pk``: the same over HTTP/2 with prior knowledge."""

    def _variant(self, variant: str) -> TransferOptions:
        """Options of queries that name a method, and of those over HTTP/2."""
        options = self.options_for_queries()
        made = self._options.get(("variant", variant))
        if made is None:
            made = keeping_method(options)
            made = prior_knowledge(made) if variant == "v2" else made
            self._options[("variant", variant)] = made
        return made

    # ---- by connection

    def connect(self, **call: Any) -> int:
        """``http_connect``: see `ready_connect`."""
        ready = self.ready_connect(**call)
        return ready if isinstance(ready, int) else ready.make()

    def ready_connect(self, *, connection: str, path: str, result: Variable, **other: Any) -> Ready:
        """Prepare a GET over a connection of the module's own. Make any other call."""
        known = self.configuration.connections.get(connection)
        try:
            ready = None if known is None or other.get("body") else self.ready(known)
        except RefusedOptionError:
            ready = None
        if known is None or ready is None:
            return super().connect(connection=connection, path=path, result=result, **other)
        request, write = self.request_on(ready, path), self._server.result_writer(result)
        elsewhere = None
        if known.failover:
            elsewhere = functools.partial(
                self._connect_elsewhere, connection, known.failover, path, result
            )
        return ReadyCall(self, request, ready.state, write, known.maxdatasize, False, elsewhere)

    def kept_calls(self, method: str, is_kemi: bool) -> KeptCalls | None:
        """The calls of a method that are kept by their arguments; None if it keeps none."""
        prepare = self._prepare.get(method)
        if prepare is None:
            return None
        calls = self._kept.setdefault((method, is_kemi), {})
        return KeptCalls(functools.partial(prepare, is_kemi=is_kemi), calls)

    def _forget(self) -> None:
        super()._forget()
        for kept in self._kept.values():
            kept.clear()

    def connect_with(
        self, connection: str, path: str, content_type: str, data: bytes | None, result: Variable
    ) -> int:
        """``http_connect``: with at most one step of failover."""
        answer = self.connect_answer(connection, path, content_type, data)
        return -1 if answer is None else self._finish(answer, result)

    def _finish(self, answer: TransferResult | str, result: Variable) -> int:
        if isinstance(answer, TransferResult):
            self._server.write_result(result, answer.body)
            return answer.code if answer.code else -1
        self.write(result, b"")
        return -1

    def connect_answer(
        self, name: str, path: str, content_type: str | None, data: bytes | None
    ) -> TransferResult | str | None:
        """Return the answer, or the name of a connection that does not exist, or None if nothing
        may be sent."""
        headers: HeaderPairs = ()
        if data is not None and content_type is not None:
            if "\r" in content_type or "\n" in content_type:
                _log.error("http_connect: a line break in the content type; nothing was sent")
                return None
            headers = (("Content-Type", self.content_type(content_type)),)
        connection = self.find(name)
        if connection is None:
            _log.error("http_connect: no connection named %r", name)
            return name
        answer = self._attempt(connection, path, headers, data)
        if (answer.response is None or answer.code >= 500) and connection.failover:
            return self._fail_over(name, connection.failover, path, headers, data)
        return answer

    def _fail_over(
        self, name: str, other_name: str, path: str, headers: HeaderPairs, data: bytes | None
    ) -> TransferResult | str:
        """Call over the other connection. Returns its name if it does not exist."""
        other = self.find(other_name)
        if other is None:
            _log.error("http_connect: no connection named %r to fail over to", other_name)
            return other_name
        _log.error("http_connect: %s failed; trying %s", name, other_name)
        return self._attempt(other, path, headers, data)

    def _connect_elsewhere(self, name: str, other_name: str, path: str, result: Variable) -> int:
        return self._finish(self._fail_over(name, other_name, path, (), None), result)

    def _attempt(
        self, connection: LegacyConnection, path: str, headers: HeaderPairs, data: bytes | None
    ) -> TransferResult:
        try:
            ready = self.ready(connection)
        except RefusedOptionError as error:
            return self.refused(error)
        answer = self.call(ready, path, headers, data)
        if self.stores_headers:
            self.store_headers(answer.response)
        body = self.value_of(answer, connection.maxdatasize, is_first_line=False)
        return answer if body is answer.body else answer._replace(body=body)

    def get_redirect(self, *, connection: str, result: Variable, is_kemi: bool = False) -> int:
        """``http_get_redirect``: the URL that answered last, whether it was redirected or not
        (B43)."""
        if self.find(connection) is None:
            self.write(result, b"")
            return -1
        self.write(result, self.state_of(connection).last_url.encode())
        return 1

    # ---- response headers

    def response_headers_set(self, *, mode: int, is_kemi: bool = False) -> int:
        """Store the headers of responses from now on. With 0, stop and forget the stored ones."""
        self.stores_headers = bool(mode)
        if not mode:
            self.stored_headers.clear()
        return 1

    def response_headers_clear(self, *, ignored: int = 0, is_kemi: bool = False) -> int:
        """Forget the stored headers."""
        self.stored_headers.clear()
        return 1

    def store_headers(self, response: Response | None) -> None:
        """Store the headers of all hops of an answer, in place of the earlier ones."""
        self.stored_headers.clear()
        if response is not None:
            blocks = [*response.earlier_headers, response.headers, response.trailers]
            self.stored_headers += [pair for block in blocks for pair in block.pairs]

    def _stored_header(self, variable: Variable) -> Value:
        wanted = variable.name.strip().lower()
        for known, value in reversed(self.stored_headers):
            if known.lower() == wanted:
                return value
        return None

    # ---- values

    def value_of(self, answer: TransferResult, limit: int, is_first_line: bool) -> bytes:
        """The value of the result variable."""
        return self.shown(answer.code, answer.body, limit, is_first_line)

    def shown(self, code: int, body: bytes, limit: int, is_first_line: bool) -> bytes:
        """The part of a body that a script gets: none on errors and from status 500 on."""
        if not 200 <= code < 500:
            return b""
        if is_first_line and self._server.is_faithful:
            line, newline, _ = body.partition(b"\n")
            if newline:
                return line  # the size limit does not apply to it (B14)
        if limit > 0:
            body = body[:limit]
        return body.partition(b"\n")[0] if is_first_line else body


def _curlerror(variable: Variable) -> str:
    if not variable.name:
        raise UnknownVariableError("$curlerror needs a code, as in $curlerror(7)")
    return curlerror(_atoi(variable.name))


def _atoi(text: str) -> int:
    match = re.match(r"\s*[+-]?[0-9]+", text)
    return int(match[0]) if match else 0
