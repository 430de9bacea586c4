"""Calls without a connection: the sections ``requests`` and ``queries`` of the document."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from onehttp import TransferOptions
from onehttp_compat.convert.declared import Declarations
from onehttp_compat.convert.http_modules import CONNECTING
from onehttp_compat.convert.keys import SSL, Keys, Tell, escaped, limited, sending_keys
from onehttp_compat.convert.outcomes import Became
from onehttp_compat.modules.http_async_client.module import ASYNC_CAP_S
from onehttp_compat.modules.http_async_client.settings import AsyncSettings
from onehttp_compat.modules.httpcon.options import query_options
from onehttp_compat.modules.utils import transfer_options as utils_options
from onehttp_compat.parameters import CONNECTION, PARAMETERS
from onehttp_compat.registry import FUNCTIONS
from onehttp_compat.wire.transfer import RefusedOptionError

MODULES: Final = (*CONNECTING, "utils")
"""Modules whose calls by URL become ``requests``. If they differ, the first one counts."""
OF_CONNECTIONS: Final = frozenset(
    ("maxdatasize", "authmethod", "keep_connections", "config_file", CONNECTION)
)
"""Settings that do not apply to calls by URL."""
_UNNAMED: Final = {
    module: frozenset(
        function.name
        for function in FUNCTIONS
        if function.module == module
        and any(argument.name == "url" for argument in function.arguments)
    )
    for module in (*MODULES, "http_async_client")
}


class Requests(NamedTuple):
    """The settings of calls by URL."""

    module: str
    """The module that makes these calls."""
    keys: Keys
    differing: Mapping[str, frozenset[str]]
    """Keys for which calls of other modules had another value."""


def requests_of(declared: Declarations) -> Requests | None:
    """Return the settings of calls by URL; None if there are no such calls."""
    made = {
        module: escaped(sending_keys(_request_options(declared, module), _tell(declared, module)))
        for module in MODULES
        if _is_used(declared, module)
    }
    if not made:
        return None
    (module, keys), *others = made.items()
    differing = {
        other: frozenset(key for key in {**keys, **its} if keys.get(key) != its.get(key))
        for other, its in others
    }
    return Requests(module, keys, differing)


def queries_keys(declared: Declarations) -> Keys | None:
    """Return the settings of queries, and the number of workers for their answers; None if there
    are no queries."""
    if not _is_used(declared, "http_async_client"):
        return None
    parameters = declared.asynchronous
    settings = AsyncSettings.of(parameters)
    if not settings.timeout_ms:
        text = "0 ends every query at once, and is no limit here"
        declared.tell_of(("http_async_client", "", "connection_timeout"), "lost", text)
    try:
        options = settings.options("idle", ASYNC_CAP_S)
    except RefusedOptionError:
        _tell(declared, "http_async_client")("tls_version", "lost", SSL)
        options = dataclasses.replace(settings, tls_version=0).options("idle", ASYNC_CAP_S)
    limits = {"workers": parameters.workers, "queue_length": 0}
    return {**limits, **escaped(sending_keys(options, _tell(declared, "http_async_client")))}


def _request_options(declared: Declarations, module: str) -> TransferOptions:
    if module == "utils":
        return utils_options(declared.utils)
    values = declared.configurations[module].values
    try:
        options = query_options(values, is_faithful=False)
    except RefusedOptionError:
        _tell(declared, module)("tlsversion", "lost", SSL)
        options = query_options(dataclasses.replace(values, tlsversion=0), is_faithful=False)
    return limited(options, values.query_maxdatasize)


def _is_used(declared: Declarations, module: str) -> bool:
    """Whether calls by URL are configured, or occur in the routes that were read."""
    if any(call.name in _UNNAMED[module] for call in declared.config.calls()):
        return True
    return any(name not in OF_CONNECTIONS for name in _settings(declared, module))


def _settings(declared: Declarations, module: str) -> Iterator[str]:
    for line in declared.lines:
        if line.module == module:
            yield PARAMETERS[module][line.name].setting


def _tell(declared: Declarations, module: str) -> Tell:
    def tell(setting: str, became: Became, text: str) -> None:
        names = [line.name for line in declared.lines if line.module == module]
        name = next(
            (name for name in names if PARAMETERS[module][name].setting == setting), setting
        )
        declared.tell_of((module, "", name), became, text)

    return tell
