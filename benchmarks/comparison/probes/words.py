"""What a name contains that is about a feature: where a client has none, it is without it."""

from __future__ import annotations

from typing import Final

WORDS: Final = {
    "asgi": "asgi",
    "asyncio": r"async|await|aio\b",
    "basic": "basic",
    "bearer": "bearer",
    "breaker": "circuit|breaker",
    "callback": "callback|submit",
    "digest": "digest",
    "double": "mock|double|fake|canned",
    "failover": "failover|fallback",
    "history": "history",
    "fleet": r"redis|valkey|memcached|(inter|cross)_?process|shared_?limit",
    "gevent": "gevent",
    "hooks": "hook|middleware|trace|interceptor",
    "http3": "http3|quic",
    "impersonation": "impersonat|ja3|browser",
    "links": r"\.links",
    "loops": r"async|await|aio\b",
    "metrics": "prometheus|metric",
    "multiplex": r"async|await|aio\b",
    "named": "reload|yaml|config_file|from_file",
    "path-values": "path_param|template",
    "rate": "per_second|rate_?limit|throttl",
    "recordings": "record|cassette",
    "resume": "resume|save",
    "retry": "retr(y|ies)",
    "retry-after": "retry_?after",
    "shared": r"async|await|aio\b",
    "stored": "durable|outbox|dead_?letter",
    "timings": "timing|elapsed|duration",
    "traces": "opentelemetry|otel|traceparent",
    "trio": "trio|anyio",
    "unix": "unix|uds",
    "websocket": r"websocket|\.ws[._(]",
}
