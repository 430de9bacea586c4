"""Everything that ``onehttp`` itself offers."""

from __future__ import annotations

from onehttp.api import (
    arequest,
    backend,
    connection,
    connections,
    declare,
    drain,
    init,
    is_initialised,
    perform,
    query_stats,
    reload,
    reload_on_sighup,
    request,
    shutdown,
    stats,
    submit,
    submit_request,
    watch,
)
from onehttp.calls.arguments import CallArguments, Timeout
from onehttp.calls.around.hooks import Hooks
from onehttp.calls.auth.credentials import Basic, Bearer, Digest
from onehttp.calls.auth.token_source import TokenSource
from onehttp.calls.policy_state import PolicyCounters
from onehttp.connections.model import ConnectionSet, ConnectionSpec, Notice
from onehttp.connections.reload import Reload
from onehttp.cookies.jar import Cookie, CookieJar
from onehttp.errors import (
    AlreadyInitialisedError,
    BackendUnavailableError,
    CancelledError,
    CircuitOpenError,
    ClientCertificateError,
    ConfigurationError,
    ConnectError,
    CurlCode,
    DisconnectedError,
    EngineClosedError,
    HTTPStatusError,
    LegacyCallWarning,
    LimitReachedError,
    NotInitialisedError,
    OnehttpError,
    PeerRefusedError,
    Phase,
    ProtocolError,
    ProxyError,
    QueueFullError,
    QueueStoreError,
    RedirectError,
    ReentrantCallError,
    RequestError,
    RequestTypeError,
    ResolveError,
    SaveError,
    Sent,
    StreamError,
    TimeoutError,
    TLSError,
    TooLargeError,
    TooManyRedirectsError,
    TransactionError,
    TransferError,
    UnexpectedRequestError,
    UnknownConnectionError,
    UnknownRouteError,
    UploadError,
)
from onehttp.hints.names import OF_CONNECTION, OF_JAR, OF_STREAM
from onehttp.named_connection import Connection
from onehttp.policies.breaker import BreakerState
from onehttp.queries.counts import QueryStats, ShutdownReport
from onehttp.queries.limits import QueryLimits
from onehttp.queries.query import Query, QueryState
from onehttp.queries.result import Result
from onehttp.queries.task_transaction import TaskTransaction
from onehttp.queries.transaction import Token, Transaction, transaction
from onehttp.route_functions import find_route, route, routes_in
from onehttp.runtime import Runtime
from onehttp.settings import BackendSettings
from onehttp.streams.functions import astream, stream
from onehttp.streams.response import AsyncStreamedResponse, StreamedResponse
from onehttp_backends.bodies.progress import Progress
from onehttp_backends.contract import (
    Auth,
    AuthScheme,
    Backend,
    HttpVersion,
    Keepalive,
    LowSpeed,
    Peer,
    Proxy,
    Request,
    Response,
    Stats,
    Timings,
    Tls,
    TlsVersion,
    TransferOptions,
)
from onehttp_backends.headers import Headers
from onehttp_backends.hints.elsewhere import tell
from onehttp_backends.hints.keywords import explain_classes
from onehttp_backends.links import Link

__all__ = [
    "AlreadyInitialisedError",
    "AsyncStreamedResponse",
    "Auth",
    "AuthScheme",
    "Backend",
    "BackendSettings",
    "BackendUnavailableError",
    "Basic",
    "Bearer",
    "BreakerState",
    "CallArguments",
    "CancelledError",
    "CircuitOpenError",
    "ClientCertificateError",
    "ConfigurationError",
    "ConnectError",
    "Connection",
    "ConnectionSet",
    "ConnectionSpec",
    "Cookie",
    "CookieJar",
    "CurlCode",
    "Digest",
    "DisconnectedError",
    "EngineClosedError",
    "HTTPStatusError",
    "Headers",
    "Hooks",
    "HttpVersion",
    "Keepalive",
    "LegacyCallWarning",
    "LimitReachedError",
    "Link",
    "LowSpeed",
    "NotInitialisedError",
    "Notice",
    "OnehttpError",
    "Peer",
    "PeerRefusedError",
    "Phase",
    "PolicyCounters",
    "Progress",
    "ProtocolError",
    "Proxy",
    "ProxyError",
    "Query",
    "QueryLimits",
    "QueryState",
    "QueryStats",
    "QueueFullError",
    "QueueStoreError",
    "RedirectError",
    "ReentrantCallError",
    "Reload",
    "Request",
    "RequestError",
    "RequestTypeError",
    "ResolveError",
    "Response",
    "Result",
    "Runtime",
    "SaveError",
    "Sent",
    "ShutdownReport",
    "Stats",
    "StreamError",
    "StreamedResponse",
    "TLSError",
    "TaskTransaction",
    "Timeout",
    "TimeoutError",
    "Timings",
    "Tls",
    "TlsVersion",
    "Token",
    "TokenSource",
    "TooLargeError",
    "TooManyRedirectsError",
    "Transaction",
    "TransactionError",
    "TransferError",
    "TransferOptions",
    "UnexpectedRequestError",
    "UnknownConnectionError",
    "UnknownRouteError",
    "UploadError",
    "arequest",
    "astream",
    "backend",
    "connection",
    "connections",
    "declare",
    "drain",
    "find_route",
    "init",
    "is_initialised",
    "perform",
    "query_stats",
    "reload",
    "reload_on_sighup",
    "request",
    "route",
    "routes_in",
    "shutdown",
    "stats",
    "stream",
    "submit",
    "submit_request",
    "transaction",
    "watch",
]

explain_classes(globals(), __all__)

for _stream in (StreamedResponse, AsyncStreamedResponse):
    tell(_stream, OF_STREAM)
tell(Connection, OF_CONNECTION)
tell(CookieJar, OF_JAR)
