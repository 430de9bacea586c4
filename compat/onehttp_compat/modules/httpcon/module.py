"""The common part of ``curl`` and ``http_client``: connections, their state, counters, RPC."""

from __future__ import annotations

import dataclasses
import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Final

import onehttp
from onehttp import (
    Auth,
    ConnectionSpec,
    Request,
    RequestError,
    Response,
    TransferError,
    TransferOptions,
)
from onehttp.lowlevel import HeaderPairs, check_url, plain_request
from onehttp_compat.modules.httpcon.configuration import ModuleConfiguration
from onehttp_compat.modules.httpcon.definition import LegacyConnection
from onehttp_compat.modules.httpcon.options import connection_options, query_options
from onehttp_compat.modules.httpcon.shared_call import SharedCall
from onehttp_compat.modules.httpcon.state import (
    ConnectionState,
    ReadyLegacyConnection,
    TransferResult,
)
from onehttp_compat.parameters import ModuleDefaults
from onehttp_compat.process import LegacyProcess
from onehttp_compat.pv import Variable
from onehttp_compat.wire.transfer import RefusedOptionError, code_of, transfer, with_auth
from onehttp_compat.wire.urls import legacy_url

_log = logging.getLogger("onehttp_compat")


LONGEST_TYPE: Final = 241
"""Bytes of a content type that fit into the modules' buffer (B45)."""


class ConnectionModule(ABC):
    """The state of one module in one server process."""

    module: str
    counter_group: str

    def __init__(self, server: LegacyProcess) -> None:
        self._server = server
        self.configuration = ModuleConfiguration(self.module, server.legacy_bugs)
        self.states: dict[str, ConnectionState] = {}
        self._options: dict[object, TransferOptions] = {}
        self._ready: dict[str, ReadyLegacyConnection] = {}
        self._adapted: dict[str, tuple[ConnectionSpec, LegacyConnection]] = {}
        self.count: Callable[[str], None] = server.counters.add
        self.ok_counter = f"{self.counter_group}.connok"
        self._fail_counter = f"{self.counter_group}.connfail"
        server.counters[f"{self.counter_group}.connections"] = 0
        server.counters[self.ok_counter] = server.counters[self._fail_counter] = 0

    @property
    def parameters(self) -> ModuleDefaults:
        return self.configuration.values

    def set(self, name: str, value: object) -> None:
        """Set a parameter, as ``modparam(module, name, value)`` does."""
        self.configuration.set(name, value)
        self._forget()

    def start(self) -> None:
        """Start with the server: check the configuration, read the file, set the counter."""
        self.configuration.start()
        self._forget()
        counted = self.configuration.counted_connections
        self._server.counters[f"{self.counter_group}.connections"] = counted

    def _forget(self) -> None:
        """Forget what was made for parameters that may have changed."""
        self._options.clear()
        self._ready.clear()

    def specs(self) -> Iterator[ConnectionSpec]:
        """The module's own connections as `onehttp.connection` gives them. They have the options of
        legacy calls, so they share their handles and sockets. Connections that no engine can reach
        are left out."""
        for name, connection in self.configuration.connections.items():
            try:
                ready = self.ready(connection)
                check_url(ready.address)
            except (RefusedOptionError, RequestError):
                continue  # a legacy call reports the reason
            yield ConnectionSpec(
                name=name,
                url=ready.address,
                address=ready.address.partition("?")[0],
                options=ready.options,
                file=f"modparam {self.module}",
            )

    def find(self, name: str) -> LegacyConnection | None:
        """Return the connection of that name: a legacy definition, or else one of
        ``connections.yaml``.

        Names are case-sensitive.
        """
        known = self.configuration.connections.get(name)
        if known is not None or not onehttp.is_initialised():
            return known
        spec = onehttp.connections().get(name)
        if spec is None or self._server.has_declared(spec):
            return None
        adapted = self._adapted.get(name)
        if adapted is None or adapted[0] is not spec:
            schema, _, url = spec.url.partition("://")
            adapted = (spec, LegacyConnection(name=name, schema=schema, url=url))
            self._adapted[name] = adapted
        return adapted[1]

    def _is_shared(self, connection: LegacyConnection) -> bool:
        adapted = self._adapted.get(connection.name)
        return adapted is not None and adapted[1] is connection

    def connect(
        self,
        *,
        connection: str,
        path: str,
        result: Variable,
        content_type: str = "",
        body: str = "",
        is_kemi: bool = False,
    ) -> int:
        """Call over a connection: GET, or POST if there is a body."""
        data = self._server.body(body) if body else None
        return self.connect_with(connection, path, content_type, data, result)

    @abstractmethod
    def connect_with(
        self, connection: str, path: str, content_type: str, data: bytes | None, result: Variable
    ) -> int:
        """The same with an encoded body. Returns the return code."""

    def exchange(
        self,
        options: TransferOptions,
        method: str,
        url: str,
        headers: HeaderPairs,
        body: bytes | None,
    ) -> TransferResult:
        """Do one transfer and count it."""
        request = legacy_request(options, method, url, headers, body)
        return self._answer(transfer(request), None)

    def call(
        self,
        ready: ReadyLegacyConnection,
        path: str,
        headers: HeaderPairs,
        body: bytes | None,
    ) -> TransferResult:
        """Do one transfer over a connection: GET, or POST if there is a body."""
        if ready.is_shared:
            outcome = SharedCall(path, headers, body).outcome(ready.connection.name)
        else:
            outcome = transfer(self.request_on(ready, path, headers, body))
        return self._answer(outcome, ready.state)

    def request_on(
        self,
        ready: ReadyLegacyConnection,
        path: str,
        headers: HeaderPairs = (),
        body: bytes | None = None,
    ) -> Request:
        """The request of a call over a connection of the module's own."""
        method = "GET" if body is None else "POST"
        if path[:1] == "/" and path.isascii() and ready.address:
            # The path cannot change how libcurl parses the text before it.
            return plain_request(method, ready.address + path, headers, ready.options, body=body)
        connection = ready.connection
        options = self.options_for(connection)
        return legacy_request(options, method, joined_url(connection, path), headers, body)

    def _answer(
        self, outcome: Response | TransferError, state: ConnectionState | None
    ) -> TransferResult:
        code = self.counted(outcome, state)
        if isinstance(outcome, TransferError):
            return TransferResult(code)
        return TransferResult(code, outcome.body, outcome)

    def counted(self, outcome: Response | TransferError, state: ConnectionState | None) -> int:
        """Count a transfer, and return its code. Only status 200 is a success (B7)."""
        if isinstance(outcome, TransferError):
            self.count(self._fail_counter)
            _log.warning("%s: %s", self.module, outcome)
            if state is not None:
                state.response = None
            return code_of(outcome)
        status = outcome.status
        self.count(self.ok_counter if status == 200 else self._fail_counter)
        if state is not None:
            state.response = outcome
        return status

    def options_for_queries(self) -> TransferOptions:
        """The options of calls without a connection. They are made once for the current
        parameters."""
        options = self._options.get(None)
        if options is None:
            server = self._server
            options = query_options(self.parameters, server.is_faithful, server.reuse)
            self._options[None] = options
        return options

    def options_for(self, connection: LegacyConnection) -> TransferOptions:
        """The options of a connection. They are made once, because the engine keeps handles by
        options."""
        adapted = self._adapted.get(connection.name)
        if adapted and adapted[1] is connection:
            return adapted[0].options
        options = self._options.get(connection.name)
        if options is None:
            server = self._server
            options = connection_options(
                connection, self.parameters, server.is_faithful, server.reuse
            )
            self._options[connection.name] = options
        return options

    def ready(self, connection: LegacyConnection) -> ReadyLegacyConnection:
        """Return what all calls over a connection need. It is made once.

        Raises:
            RefusedOptionError: libcurl would refuse an option.
        """
        ready = self._ready.get(connection.name)
        if ready is None or ready.connection is not connection:
            options = self.options_for(connection)
            base = f"{connection.schema}://{connection.url}"
            address, auth = legacy_url(base)
            if not _has_host(address):
                address = ""
            ready = self._ready[connection.name] = ReadyLegacyConnection(
                connection,
                address,
                _with_credentials(options, auth) if auth else options,
                self.state_of(connection.name),
                self._is_shared(connection),
            )
        return ready

    def state_of(self, name: str) -> ConnectionState:
        state = self.states.get(name)
        if state is None:
            state = self.states[name] = ConnectionState(self._server.is_faithful)
        return state

    def content_type(self, given: str) -> str:
        """A content type as the modules return it: truncated in faithful mode (B45)."""
        return given[:LONGEST_TYPE] if self._server.is_faithful else given

    def write(self, result: Variable, body: bytes) -> None:
        self._server.write_result(result, body)

    def refused(self, error: RefusedOptionError) -> TransferResult:
        """The answer to a call whose options libcurl refuses. Nothing is sent, but it counts as
        failed."""
        _log.error("%s: an option is refused by libcurl", self.module)
        self.count(self._fail_counter)
        return TransferResult(error.code)

    def listcon(self) -> list[dict[str, Any]]:
        """``listcon``: the connections in the order of the module, without passwords (B1)."""
        absent = "" if self.module == "curl" else None
        values = self.parameters
        return [
            {
                "NAME": one.name,
                "SCHEMA": one.schema,
                "URI": one.url.rpartition("@")[2],
                "USERNAME": one.username or absent,
                "PASSWORD": absent,
                "FAILOVER": one.failover or absent,
                "TIMEOUT": values.builtin_timeout if one.timeout is None else one.timeout,
            }
            for one in self.configuration.connections.values()
        ]


def legacy_request(
    options: TransferOptions,
    method: str,
    url: str,
    headers: HeaderPairs,
    body: bytes | None,
) -> Request:
    """A request for a URL as libcurl reads it, which may have credentials."""
    address, auth = legacy_url(url)
    if auth is not None:
        options = _with_credentials(options, auth)
    return plain_request(method, address, headers, options, body=body)


_has_host = re.compile(r"https?://[^/?#]").match


def _with_credentials(options: TransferOptions, auth: Auth) -> TransferOptions:
    """``options`` with the credentials of a URL, for the schemes that the connection allows."""
    if options.auth is not None:
        auth = dataclasses.replace(auth, schemes=options.auth.schemes)
    return with_auth(options, auth)


def joined_url(connection: LegacyConnection, path: str) -> str:
    """``scheme://base`` and ``path``, with a slash between them only if ``path`` starts with none
    (B46)."""
    base = f"{connection.schema}://{connection.url}"
    if not path:
        return base
    return f"{base}{path}" if path[0] == "/" else f"{base}/{path}"
