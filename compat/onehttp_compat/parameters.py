"""The parameters of the legacy modules: their names, types, defaults, and how they are set.

All values of a module are one frozen object (`ModuleDefaults` for ``curl`` and ``http_client``),
which ``modparam`` replaces. A connection keeps the object that was current when it was defined,
because in the legacy modules a connection has only the defaults that stand above it.
"""

from __future__ import annotations

import dataclasses
import difflib
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

from onehttp import ConfigurationError

LegacyBugs: TypeAlias = Literal["fixed", "faithful"]
"""Obvious bugs of the legacy modules: ``fixed`` repairs them (the default), ``faithful`` reproduces
them."""

BUILTIN_TIMEOUT_S = 4
TLS_VERSION_LIMIT = 8
"""CURL_SSLVERSION_LAST of libcurl. Smaller numbers are TLS versions."""
INT_MIN, INT_MAX = -(2**31), 2**31 - 1

_log = logging.getLogger("onehttp_compat.parameters")


def _user_agent() -> str:
    return f"kamailio (5.6.3 ({os.uname().machine}/linux))"


@dataclass(frozen=True, slots=True, kw_only=True)
class UtilsParameters:
    """The parameters of ``utils``, under their own names."""

    http_query_timeout: int = BUILTIN_TIMEOUT_S
    """Seconds; 0 means no limit."""
    http_response_trim: int = 0
    http_response_mode: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class XcapParameters:
    """The parameters of ``xcap_client``, under their own names."""

    db_url: str = "sqlite://xcap.sqlite"
    """An address in the notation of the SIP server or of SQLAlchemy. The module's own default was a
    MySQL database."""
    xcap_table: str = "xcap"
    periodical_query: int = 1
    query_period: int = 100
    """Seconds, with a random deviation of up to a tenth. 0 means no periodic update."""
    connection_timeout: int = BUILTIN_TIMEOUT_S
    """Seconds for a whole transfer, 0 means no limit. The module had neither this parameter nor a
    limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthIdentityParameters:
    """The parameters of ``auth_identity``, under their own names, and five that we have added."""

    privatekey_path: str = ""
    certificate_path: str = ""
    certificate_url: str = ""
    msg_timeout: int = 600
    """Seconds that a Date may differ from now when signing, and (fixed) lie in the future when
    verifying."""
    auth_validity_time: int = 3600
    """Seconds that a Date may be old, and that a Call-ID is remembered."""
    callid_cache_limit: int = 262144
    certificate_cache_limit: int = 32768
    cainfo_path: str = ""
    accept_pem_certs: int = 0
    allow_sha1: int = 0
    allow_private: int = 0
    """If not 0, certificates are also fetched from addresses that are not on the public
    internet."""
    download_timeout: int = BUILTIN_TIMEOUT_S
    """Seconds."""
    failure_cache_time: int = 30
    """Seconds for which the module does not try again to fetch a certificate that it could not
    get."""
    user_agent: str = "kamailio-Agent/1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferSettings:
    """The parameters that connections of ``curl`` and ``http_client`` inherit, by these names."""

    useragent: str | None = None
    maxdatasize: int = 0
    """Bytes; 0 means no limit."""
    httpredirect: int = 0
    verify_peer: int = 1
    verify_host: int = 2
    tlsversion: int = 0
    client_cert: str | None = None
    client_key: str | None = None
    cipher_suites: str | None = None
    authmethod: int = 3
    httpproxy: str | None = None
    httpproxyport: int = 0
    keep_connections: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleDefaults(TransferSettings):
    """The parameters of ``curl`` and ``http_client``, under the names of ``http_client``.

    ``module`` also selects the spelling of the keys in a connection definition.
    """

    module: str = "http_client"
    connection_timeout: int | None = None
    """In the unit of ``timeout_mode``. None if it was never set; the limit is then 4 seconds."""
    timeout_mode: int = 1
    """The unit of timeouts: 1 for seconds, 2 for milliseconds. With all other values there is no
    limit."""
    config_file: str | None = None
    cacert: str | None = None
    useragent: str | None = dataclasses.field(default_factory=_user_agent)
    query_result: int = 1
    query_maxdatasize: int = 0
    netinterface: str | None = None
    response_headers: int = 0

    @property
    def builtin_timeout(self) -> int:
        """Four seconds, in the unit of ``timeout_mode``."""
        return BUILTIN_TIMEOUT_S * (1000 if self.timeout_mode == 2 else 1)

    def seconds(self, timeout: int) -> float:
        """Convert a timeout of this module to seconds; 0 means no limit."""
        return {1: float(timeout), 2: timeout / 1000}.get(self.timeout_mode, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncParameters:
    """The parameters of ``http_async_client``, under the names of its later revisions."""

    workers: int = 1
    connection_timeout: int = 500
    """Milliseconds; see `onehttp_compat.modules.http_async_client`."""
    hash_size: int = 2048
    tls_version: int = 0
    tls_verify_host: int = 1
    tls_verify_peer: int = 1
    tls_client_cert: str | None = None
    tls_client_key: str | None = None
    tls_ca_path: str | None = None
    curl_verbose: int = 0
    curl_follow_redirect: int = 0
    memory_manager: str = "shm"
    authmethod: int = 3
    tcp_keepalive: int = 0
    tcp_ka_idle: int = 0
    tcp_ka_interval: int = 0


ParameterValues: TypeAlias = (
    UtilsParameters | ModuleDefaults | XcapParameters | AuthIdentityParameters | AsyncParameters
)
_Values = TypeVar(
    "_Values",
    UtilsParameters,
    ModuleDefaults,
    XcapParameters,
    AuthIdentityParameters,
    AsyncParameters,
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a module, as ``modparam`` names it.

    ``setting`` is the field that it sets, or ``CONNECTION`` if it defines a connection.
    ``outdated`` is the newer name of a parameter that belongs to an earlier revision.
    """

    setting: str
    kind: type[int] | type[str]
    default: int | str | None = None
    outdated: str | None = None


CONNECTION = "connection"


def _parameters(values: ParameterValues, names: Mapping[str, str]) -> dict[str, Parameter]:
    kinds = {field.name: str if "str" in str(field.type) else int for field in _fields(values)}
    return {
        name: Parameter(setting, kinds[setting], getattr(values, setting))
        for name, setting in names.items()
    }


def _fields(values: ParameterValues) -> tuple[dataclasses.Field[object], ...]:
    return dataclasses.fields(values)


_UNIFORM = ("connection_timeout", "tlsversion", "httpproxy", "httpproxyport", "httpredirect")
_CURL_NAMES = {name: name for name in (*_UNIFORM, "useragent", "maxdatasize")} | {
    "tlscacert": "cacert",
    "tlsclientcert": "client_cert",
    "tlsclientkey": "client_key",
    "tlscipherlist": "cipher_suites",
    "tlsverifypeer": "verify_peer",
    "tlsverifyhost": "verify_host",
}
_HTTP_CLIENT_NAMES = {
    field.name: field.name for field in _fields(ModuleDefaults()) if field.name != "module"
}

_ASYNC_NAMES = {field.name: field.name for field in _fields(AsyncParameters())}
_FIRST_ASYNC_NAMES = {
    name: name
    for name in ("workers", "connection_timeout", "hash_size", "curl_verbose", "memory_manager")
} | {
    "tlsversion": "tls_version",
    "tlsverifyhost": "tls_verify_host",
    "tlsverifypeer": "tls_verify_peer",
    "tlsclientcert": "tls_client_cert",
    "tlsclientkey": "tls_client_key",
    "tlscapath": "tls_ca_path",
}
FIRST_ASYNC = "http_async_client (2016)"
"""The first revision of the module, which its README called ``async_http``."""

PARAMETERS: Mapping[str, Mapping[str, Parameter]] = {
    "utils": _parameters(
        UtilsParameters(), {field.name: field.name for field in _fields(UtilsParameters())}
    ),
    "auth_identity": _parameters(
        AuthIdentityParameters(),
        {field.name: field.name for field in _fields(AuthIdentityParameters())},
    ),
    "curl": {
        **_parameters(ModuleDefaults(module="curl"), _CURL_NAMES),
        "curlcon": Parameter(CONNECTION, str),
        "tlsverifyserver": Parameter("verify_peer", int, 1, outdated="tlsverifypeer"),
    },
    "http_client": {
        **_parameters(ModuleDefaults(), _HTTP_CLIENT_NAMES),
        "httpcon": Parameter(CONNECTION, str),
        "authmetod": Parameter("authmethod", int, 3, outdated="authmethod"),
    },
    "xcap_client": _parameters(
        XcapParameters(), {field.name: field.name for field in _fields(XcapParameters())}
    ),
    "http_async_client": {
        **_parameters(AsyncParameters(), _ASYNC_NAMES),
        **{
            old: dataclasses.replace(parameter, outdated=parameter.setting)
            for old, parameter in _parameters(AsyncParameters(), _FIRST_ASYNC_NAMES).items()
            if old not in _ASYNC_NAMES
        },
    },
    FIRST_ASYNC: _parameters(AsyncParameters(), _FIRST_ASYNC_NAMES),
}
"""The parameters by module and name. They have the names that the C code of any revision had."""


def find_parameter(module: str, name: str) -> Parameter:
    """Return the parameter called ``name``.

    Raises:
        ConfigurationError: there is no such module or parameter. The legacy server would refuse to
            start.
    """
    known = PARAMETERS.get(module)
    if known is None:
        raise refusal(module, name, f"no such module; there are: {', '.join(sorted(PARAMETERS))}")
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(sorted(known))}"
        raise refusal(module, name, f"no such parameter ({hint})")
    found = known[name]
    if found.outdated:
        _log.warning("%s: parameter %s is now spelled %s", module, name, found.outdated)
    return found


def refusal(module: str, name: str, problem: str) -> ConfigurationError:
    """Return the error for a wrong ``modparam`` line."""
    return ConfigurationError(problem, key=f'modparam("{module}", "{name}")')


def check_value(
    module: str, name: str, value: object, legacy_bugs: LegacyBugs = "fixed"
) -> int | str:
    """Return ``value`` if it has the type of the parameter and is within its range.

    Raises:
        ConfigurationError: an int is given as text, or text as an int; the number does not fit into
            a C ``int``; (fixed) libcurl does not know this ``tlsversion``.
    """
    parameter = find_parameter(module, name)
    if parameter.setting == "httpproxyport" and legacy_bugs == "fixed":
        value = _documented_port(module, value)
    if isinstance(value, bool) or not isinstance(value, parameter.kind):
        expected = f"expected {_kind(parameter.kind)}, got {_kind(type(value))}"
        raise refusal(module, name, expected)
    if isinstance(value, int):
        _check_number(module, name, parameter, value, legacy_bugs)
    return value


def set_parameter(
    values: _Values, module: str, name: str, value: object, legacy_bugs: LegacyBugs = "fixed"
) -> _Values:
    """Return a copy of ``values`` with one parameter changed. It does not define connections.

    Raises:
        ConfigurationError: as for `check_value`.
    """
    checked = check_value(module, name, value, legacy_bugs)
    changed: dict[str, Any] = {find_parameter(module, name).setting: checked}
    return dataclasses.replace(values, **changed)


def _documented_port(module: str, value: object) -> object:
    # The module's documentation says that the port is a string, but its code takes a number.
    if isinstance(value, str) and value.isascii() and value.isdigit():
        _log.warning("%s: httpproxyport: write the number %s without quotes", module, value)
        return int(value)
    return value


def _check_number(
    module: str, name: str, parameter: Parameter, value: int, legacy_bugs: LegacyBugs
) -> None:
    if not INT_MIN <= value <= INT_MAX:
        raise refusal(module, name, f"expected {INT_MIN} to {INT_MAX}, got {value}")
    is_version = parameter.setting == "tlsversion"
    if is_version and legacy_bugs == "fixed" and not 0 <= value < TLS_VERSION_LIMIT:
        expected = f"expected 0 to {TLS_VERSION_LIMIT - 1} (0 the default, 4 to 7 TLS 1.0 to 1.3)"
        raise refusal(module, name, f"{expected}, got {value}")


def _kind(kind: type) -> str:
    return {int: "a number", str: "text", bool: "true or false"}.get(kind, kind.__name__)
