"""What became of each parameter of a module: which connections take it, which section has it, or
what stands for it in code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from onehttp_compat.convert.adhoc import OF_CONNECTIONS, Requests
from onehttp_compat.convert.connections import Connections
from onehttp_compat.convert.declared import Declared, Line
from onehttp_compat.http_modules import CONNECTING
from onehttp_compat.modules.httpcon.value import INHERITED, LegacyConnection
from onehttp_compat.parameters import PARAMETERS

KEY_OF: Final = {
    "connection_timeout": "timeout",
    "timeout_mode": "timeout",
    "timeout": "timeout",
    "http_query_timeout": "timeout",
    "useragent": "user_agent",
    "username": "auth",
    "password": "auth",
    "authmethod": "auth",
    "maxdatasize": "max_body",
    "query_maxdatasize": "max_body",
    "httpredirect": "redirects",
    "curl_follow_redirect": "redirects",
    "httpproxy": "proxy",
    "httpproxyport": "proxy",
    "keep_connections": "reuse",
    "keepconnections": "reuse",
    "netinterface": "interface",
    "failover": "failover",
    "url": "url",
    "workers": "workers",
    "tcp_keepalive": "keepalive",
    "tcp_ka_idle": "keepalive",
    "tcp_ka_interval": "keepalive",
    **dict.fromkeys(
        (
            *("cacert", "client_cert", "client_key", "cipher_suites", "tlsversion"),
            *("verify_peer", "verify_host", "tls_version", "tls_verify_host", "tls_verify_peer"),
            *("tls_client_cert", "tls_client_key", "tls_ca_path"),
        ),
        "tls",
    ),
}
"""Legacy setting -> the key that says it now."""
_AT_THE_CALL: Final = frozenset(("cacert", "netinterface", "timeout_mode"))
"""Settings that hold for connections that stand above them, too."""
_NEEDLESS: Final = {
    "hash_size": "nothing like it is needed: there is no table",
    "memory_manager": "nothing like it is needed: there is no shared memory",
    "response_headers": "nothing like it is needed: response.headers has them all",
    "curl_verbose": "the logger onehttp.trace, or ONEHTTP_DEBUG=1, tells each step",
}
_FIRST_LINE: Final = 'the first line is taken by the caller: response.text.partition("\\n")[0]'
_OF_CODE: Final = {
    "xcap_client": {
        "db_url": "onehttp.xcap.XcapStore(URL), a URL of SQLAlchemy",
        "xcap_table": 'onehttp.xcap.XcapStore(URL, table="...")',
        "periodical_query": "onehttp.xcap.PeriodicUpdates begins them, or nothing does",
        "query_period": "onehttp.xcap.PeriodicUpdates(refresh, jittered(SECONDS))",
        "connection_timeout": "timeout: of the connection of the XCAP server",
    },
    "auth_identity": {
        "privatekey_path": "onehttp.identity.Signer.from_file(PATH, x5u), a key of curve P-256",
        "certificate_path": "only its URL is shown to others: see certificate_url",
        "certificate_url": "onehttp.identity.Signer.from_file(path, URL)",
        "msg_timeout": "onehttp.identity.Verifier(trust, max_age_s=...), RFC 8224 says 60",
        "auth_validity_time": "onehttp.identity.Verifier(trust, max_age_s=...), RFC 8224 says 60",
        "callid_cache_limit": "nothing like it: RFC 8224 keeps no Call-IDs",
        "certificate_cache_limit": "onehttp.identity.Verifier(trust, max_certificates=...)",
        "cainfo_path": "onehttp.identity.TrustStore.from_files(PATH)",
        "accept_pem_certs": "nothing like it is needed: certificates of RFC 8224 are PEM",
        "allow_sha1": "nothing like it: RFC 8224 signs with ES256",
        "allow_private": "onehttp.identity.FetchRules(allow_private=True)",
        "download_timeout": "onehttp.identity.FetchRules(timeout_s=...)",
        "failure_cache_time": "onehttp.identity.Verifier(trust, keep_failures_s=...)",
        "user_agent": "onehttp.identity.FetchRules(user_agent=...)",
    },
}
"""What is no matter of connections, and where code says it."""


class ParameterReport:
    """Tells of each line that sets a parameter."""

    def __init__(
        self, declared: Declared, connections: Connections, requests: Requests | None
    ) -> None:
        self._declared = declared
        self._connections = connections
        self._requests = requests

    def tell(self) -> None:
        """Of all of them, those left out that were told of before."""
        told = {(finding.place, finding.what) for finding in self._declared.findings}
        for line in self._declared.lines:
            if line.connection is not None:
                continue
            if (line.place, f"{line.module} {line.name}") not in told:
                self._tell(line)

    def _tell(self, line: Line) -> None:
        setting = PARAMETERS[line.module][line.name].setting
        became, text = "converted", _NEEDLESS.get(setting, "")
        if text:
            became = "changed" if setting == "curl_verbose" and line.value else "converted"
        elif line.module in _OF_CODE:
            became, text = "changed", _OF_CODE[line.module][setting]
        elif setting == "config_file":
            text = "its connections are below" if line.value else "no file"
        elif setting in ("query_result", "http_response_mode", "http_response_trim"):
            became, text = _shape(setting, int(line.value))
        elif not self._declared.is_final(line) and not self._takers(line, setting):
            became, text = "lost", "set again below, before anything takes it"
        else:
            became, text = self._destination(line, setting)
        self._declared.tell(line.place, f"{line.module} {line.name}", became, text)  # type: ignore[arg-type]

    def _destination(self, line: Line, setting: str) -> tuple[str, str]:
        """Who goes by it, by the key that says it."""
        key = KEY_OF.get(setting)
        if line.module == "http_async_client":
            return self._of_queries(line, setting, key)
        takers = self._takers(line, setting)
        is_other = self._requests is not None and key in self._requests.differing.get(
            line.module, ()
        )
        if self._goes_to_requests(line, setting) and not is_other:
            takers.append("calls by URL")
        if takers:
            return "converted", f"{key} of {_listed(takers)}"
        if is_other and self._requests is not None:
            text = f"requests: has the {key} of {self._requests.module}"
            return "lost", f"{text}; give this one with each call of {line.module}"
        if line.value == PARAMETERS[line.module][line.name].default:
            return "converted", "what is so anyway"
        if self._declared.configurations[line.module].connections:
            text = "no effect: connections take what stands above them, and have this from there"
            return "lost", f"{text}; move it up if it is meant for them"
        return "lost", "no effect: there is no connection to take it"

    def _goes_to_requests(self, line: Line, setting: str) -> bool:
        if setting in OF_CONNECTIONS or not self._declared.is_final(line):
            return False
        requests = self._requests
        return requests is not None and (
            requests.module == line.module or line.module in requests.differing
        )

    def _of_queries(self, line: Line, setting: str, key: str | None) -> tuple[str, str]:
        if setting == "authmethod":
            if line.value == 3:
                return "converted", "what is so anyway"
            return "changed", "queries without a connection have no credentials: auth: of one says"
        values = self._declared.asynchronous
        is_off = setting in ("tcp_ka_idle", "tcp_ka_interval") and not values.tcp_keepalive
        if is_off and line.value:
            return "lost", "no effect: tcp_keepalive is 0"
        if setting == "tls_client_key" and not values.tls_client_cert:
            return "lost", "no effect without tls_client_cert"
        return "converted", f"{key} of queries"

    def _takers(self, line: Line, setting: str) -> list[str]:
        """The connections that are as this line says, by their names in the document."""
        if line.module not in CONNECTING:
            return []
        connections = self._declared.configurations[line.module].connections
        return [
            new_name
            for (module, name), new_name in self._connections.names.items()
            if module == line.module and self._takes(line, setting, connections[name])
        ]

    def _takes(self, line: Line, setting: str, connection: LegacyConnection) -> bool:
        if setting in _AT_THE_CALL:
            return self._declared.is_final(line)
        has = _of_connection(setting)
        if has is None or not _alike(setting, has(connection), line.value):
            return False
        if setting == "connection_timeout" and self._declared.is_final(line):
            return True  # what has none gets it at the start
        return self._stands_above(line, connection.name)

    def _stands_above(self, line: Line, name: str) -> bool:
        """Whether the line is the last of its kind above the connection. Those of a file are read
        when all lines have been."""
        lines = self._declared.lines
        at = next(
            (
                i
                for i, one in enumerate(lines)
                if (one.module, one.connection) == (line.module, name)
            ),
            len(lines),
        )
        above = [one for one in lines[:at] if (one.module, one.name) == (line.module, line.name)]
        return bool(above) and above[-1] is line


def _of_connection(setting: str) -> Callable[[LegacyConnection], object] | None:
    if setting == "connection_timeout":
        return lambda connection: connection.timeout
    if setting in INHERITED:
        return lambda connection: getattr(connection, setting)
    return None


def _alike(setting: str, value: object, declared: int | str) -> bool:
    if setting == "verify_host":
        return bool(value) == bool(declared)
    return value == declared or (not value and not declared)


def _shape(setting: str, value: int) -> tuple[str, str]:
    """What becomes of the text that a call gave its script."""
    if setting == "http_response_trim":
        return ("changed", "the caller strips: response.text.strip()") if value else (
            "converted", "responses are not trimmed")  # fmt: skip
    is_whole = not value if setting == "query_result" else bool(value)
    return ("converted", "responses are whole") if is_whole else ("changed", _FIRST_LINE)


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown
