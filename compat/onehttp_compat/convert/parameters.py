"""The result for each parameter of a module: the connections or sections that have it, or its
replacement in code."""

from __future__ import annotations

from typing import Final

from onehttp_compat.convert.adhoc import OF_CONNECTIONS, Requests
from onehttp_compat.convert.connections import ConvertedConnections
from onehttp_compat.convert.declared import AcceptedLine, Declarations
from onehttp_compat.convert.http_modules import CONNECTING
from onehttp_compat.convert.keys import KEY_OF
from onehttp_compat.convert.outcomes import Became
from onehttp_compat.modules.httpcon.definition import INHERITED, LegacyConnection
from onehttp_compat.modules.httpcon.options import legacy_proxy
from onehttp_compat.parameters import PARAMETERS

_AT_THE_CALL: Final = frozenset(("cacert", "netinterface", "timeout_mode"))
"""Settings that are read at the call, so they also apply to connections above them."""
_NEEDLESS: Final = {
    "hash_size": "nothing like it is needed: there is no table",
    "memory_manager": "nothing like it is needed: there is no shared memory",
    "response_headers": "nothing like it is needed: response.headers has them all",
    "curl_verbose": "the logger onehttp.trace, or ONEHTTP_DEBUG=1, tells each step",
}
_OF_PROXY: Final = frozenset(("httpproxy", "httpproxyport"))
_IGNORED_BY_CURL: Final = _OF_PROXY | {"useragent"}
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
"""Settings that do not belong to connections, and their replacements in code."""


class ParameterReport:
    """Reports the result for each line that sets a parameter."""

    def __init__(
        self, declared: Declarations, connections: ConvertedConnections, requests: Requests | None
    ) -> None:
        self._declared = declared
        self._connections = connections
        self._requests = requests
        self._names: dict[str, dict[str, str]] = {module: {} for module in CONNECTING}
        for (module, name), new_name in connections.names.items():
            self._names[module][name] = new_name
        self._below = self._connections_below()

    def tell(self) -> None:
        """Report on all lines, except those that were reported already."""
        told = {(finding.place, finding.what) for finding in self._declared.findings}
        for line in self._declared.lines:
            if line.connection is not None:
                continue
            if (line.place, f"{line.module} {line.name}") not in told:
                self._tell(line)

    def _tell(self, line: AcceptedLine) -> None:
        setting = PARAMETERS[line.module][line.name].setting
        became: Became = "converted"
        text = _NEEDLESS.get(setting, "")
        if text:
            became = "changed" if setting == "curl_verbose" and line.value else "converted"
        elif line.module == "curl" and setting in _IGNORED_BY_CURL:
            text = f"the module takes no notice of it; {KEY_OF[setting]}: says it where it is meant"
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
        self._declared.tell(line.place, f"{line.module} {line.name}", became, text)

    def _destination(self, line: AcceptedLine, setting: str) -> tuple[Became, str]:
        """The connections or sections that use the value, by the key that replaces it."""
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
        if setting in _OF_PROXY:
            return "lost", "no effect: a proxy is one with httpproxy and httpproxyport"
        if self._declared.configurations[line.module].connections:
            text = "no effect: connections take what stands above them, and have this from there"
            return "lost", f"{text}; move it up if it is meant for them"
        return "lost", "no effect: there is no connection to take it"

    def _goes_to_requests(self, line: AcceptedLine, setting: str) -> bool:
        if setting in OF_CONNECTIONS or not self._declared.is_final(line):
            return False
        if setting in _OF_PROXY:
            values = self._declared.configurations[line.module].values
            if legacy_proxy(values) is None:
                return False
        requests = self._requests
        return requests is not None and (
            requests.module == line.module or line.module in requests.differing
        )

    def _of_queries(self, line: AcceptedLine, setting: str, key: str | None) -> tuple[Became, str]:
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

    def _takers(self, line: AcceptedLine, setting: str) -> list[str]:
        """The connections that have the value of this line, by their names in the document."""
        if line.module not in CONNECTING:
            return []
        is_final = self._declared.is_final(line)
        if setting in _AT_THE_CALL:
            return list(self._names[line.module].values()) if is_final else []
        if setting != "connection_timeout" and setting not in INHERITED:
            return []
        below = self._below.get(line.number, [])
        if setting == "connection_timeout" and is_final:
            # a connection without a value gets it at the start
            below = list(self._names[line.module])
        connections = self._declared.configurations[line.module].connections
        names = self._names[line.module]
        return [
            names[name]
            for name in below
            if name in names and _is_as(connections[name], setting, line.value)
        ]

    def _connections_below(self) -> dict[int, list[str]]:
        """For each line, the connections below it for which it is the last line of its kind.
        Connections in a file count as below all lines."""
        found: dict[int, list[str]] = {}
        valid: dict[tuple[str, str], int] = {}
        defined: set[tuple[str, str | None]] = set()
        for line in self._declared.lines:
            if line.connection is None:
                valid[line.module, line.name] = line.number
                continue
            defined.add((line.module, line.connection))
            for (module, _), number in valid.items():
                if module == line.module:
                    found.setdefault(number, []).append(line.connection)
        for module, name in self._connections.names:
            if (module, name) not in defined:
                for (one, _), number in valid.items():
                    if one == module:
                        found.setdefault(number, []).append(name)
        return found


def _is_as(connection: LegacyConnection, setting: str, declared: int | str) -> bool:
    if setting in _OF_PROXY and not (connection.httpproxy and connection.httpproxyport > 0):
        return False  # one is nothing without the other
    is_timeout = setting == "connection_timeout"
    value = connection.timeout if is_timeout else getattr(connection, setting)
    if setting == "verify_host":
        return bool(value) == bool(declared)
    return bool(value == declared or (not value and not declared))


def _shape(setting: str, value: int) -> tuple[Became, str]:
    """The result for the text that a call returned to its script."""
    if setting == "http_response_trim":
        return ("changed", "the caller strips: response.text.strip()") if value else (
            "converted", "responses are not trimmed")  # fmt: skip
    is_whole = not value if setting == "query_result" else bool(value)
    return ("converted", "responses are whole") if is_whole else ("changed", _FIRST_LINE)


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown
