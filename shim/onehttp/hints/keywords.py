"""Keywords of calls in other libraries, and the way to do the same here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_CONNECTION = "of a named connection (docs/connections.md)"
_ONLY_SUBMIT = "only submit() takes it: the route gets the result"
_FOLLOW = "follow_redirects=True; how many is `redirects: {max: 5}` " + _CONNECTION
_BODY = "give bytes, str, a file or an iterator as body=, a mapping as form= or json="
_TLS = "trust, certificates and checks are `tls:` " + _CONNECTION
_PROXY = "`proxy:` " + _CONNECTION + "; the environment is not asked unless it says so"
_TIMEOUT = "timeout=seconds for everything, or timeout=onehttp.Timeout(total_s=..., idle_s=...)"
_RETRY = "`retry:` " + _CONNECTION
_VERSION = "`http_version:` " + _CONNECTION
_BASE = "`url:` " + _CONNECTION + "; calls on it give the path"
_HEADER = "give it in headers="
_WHOLE = "onehttp.stream(...) and connection.stream(...) read a response piece by piece"

CALL_HINTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # requests, httpx, aiohttp, urllib3
        "data": _BODY,
        "content": _BODY,
        "file": "files={name: file}",
        "multipart": "files={name: file}, fields as form=",
        "fields": _BODY,
        "payload": _BODY,
        "verify": _TLS,
        "cert": _TLS,
        "ssl": _TLS,
        "ssl_context": _TLS,
        "cert_reqs": _TLS,
        "ca_certs": _TLS,
        "verify_ssl": _TLS,
        "token": "auth=onehttp.Bearer(token), or auth=onehttp.TokenSource(fetch)",
        "username": "auth=(name, password)",
        "password": "auth=(name, password)",
        "cookie": "cookies={name: value}",
        "cookie_jar": "`cookies: true` " + _CONNECTION,
        "cookiejar": "`cookies: true` " + _CONNECTION,
        "proxies": _PROXY,
        "proxy": _PROXY,
        "proxy_auth": _PROXY,
        "trust_env": "`proxy: env` " + _CONNECTION,
        "allow_redirects": _FOLLOW,
        "redirect": _FOLLOW,
        "redirects": _FOLLOW,
        "max_redirects": _FOLLOW,
        "stream": _WHOLE,
        "preload_content": _WHOLE,
        "max_body_bytes": "max_body=bytes",
        "hooks": "init(hooks=onehttp.Hooks(...)), of one connection too",
        "callback": "submit(..., route=function) hands the result to a function",
        "route": _ONLY_SUBMIT,
        "xdata": _ONLY_SUBMIT,
        "timeouts": _TIMEOUT,
        "timeout_s": _TIMEOUT,
        "connect_timeout": _TIMEOUT,
        "read_timeout": _TIMEOUT,
        "total_timeout": _TIMEOUT,
        "total_s": _TIMEOUT,
        "connect_s": _TIMEOUT,
        "retries": _RETRY,
        "retry": _RETRY,
        "max_retries": _RETRY,
        "failover": "`failover:` " + _CONNECTION,
        "http1": _VERSION,
        "http2": _VERSION,
        "http3": _VERSION,
        "http_version": _VERSION,
        "base_url": _BASE,
        "user_agent": _HEADER,
        "content_type": _HEADER,
        "raise_for_status": "a status is no error here: ask for one by response.raise_for_status()",
        "query": "query parameters are params=",
        "path_params": "values for the {names} in a path are path={...}",
        "extensions": "there are none here; see docs/connections.md for what can be set",
    }
)
