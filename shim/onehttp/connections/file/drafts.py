"""Settings of how something is sent, as they were read, before they become values for calls."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, cast

from onehttp.connections.file.document import KeyPath, ParsedFile
from onehttp.connections.file.layers import at
from onehttp.connections.file.options import transfer_options
from onehttp.connections.model import ADHOC_CALLS, Adhoc, AdhocCalls, ConnectionSpec
from onehttp_backends.certificates.pem import Pem
from onehttp_backends.contract import Tls, TransferOptions
from onehttp_backends.rules.request_rules import check_options

if TYPE_CHECKING:
    from onehttp.connections.file.schema.connections import ConnectionModel
    from onehttp.connections.file.schema.transport import QueriesModel, TransportModel
    from onehttp.policies.shared.policy import SharedPolicy


class Draft(NamedTuple):
    """Settings as they were read: a model on top of its defaults, and its position."""

    path: KeyPath
    model: TransportModel
    layers: tuple[ParsedFile, ...]
    """The document it stands in, then those that include it: where its defaults may be."""

    @property
    def name(self) -> str:
        """The connection's; empty in a section for calls without one."""
        return str(self.path[1]) if len(self.path) > 1 else ""


def proxy_trust(draft: Draft) -> Tls:
    """Return the files with the authorities for the proxy of a draft."""
    proxy = draft.model.proxy
    return Tls() if isinstance(proxy, str) else Tls(ca_file=proxy.ca_file)


def options_of(draft: Draft, tls: Tls, proxy_ca: Pem | None) -> TransferOptions:
    """The options of a draft, with what was read of its files.

    Raises:
        RequestError: they cannot be sent by.
    """
    model = draft.model
    auth, unix_socket = getattr(model, "auth", None), getattr(model, "socket", None)
    made = transfer_options(draft.name, model, tls, auth, unix_socket)
    if made.proxy and proxy_ca:
        made = replace(made, proxy=replace(made.proxy, ca_pem=proxy_ca))
    check_options(made)
    return made


def adhoc_of(drafts: dict[str, Draft], options: dict[KeyPath, TransferOptions]) -> Adhoc:
    """The sections for calls without a connection, if there are any."""
    made = {
        section: AdhocCalls(options[draft.path], draft.model.redirects.max)
        for section, draft in drafts.items()
    }
    requests = made.get("requests", ADHOC_CALLS)
    queries = made.get("queries", requests)
    # Queries without other settings share the settings of calls.
    queries = requests if queries == requests else queries
    limits = cast("QueriesModel", drafts["queries"].model).limits() if "queries" in drafts else None
    return Adhoc(requests, queries, limits)


def connection_of(draft: Draft) -> ConnectionModel:
    """The model of a connection's draft."""
    return cast("ConnectionModel", draft.model)


def spec_of(draft: Draft, options: TransferOptions, shared: SharedPolicy | None) -> ConnectionSpec:
    """The connection that a draft is of."""
    model, document, path = connection_of(draft), draft.layers[0], draft.path
    line, _ = document.place(path, of_key=True)
    written = at(document.values, (*path, "url"))
    limits = model.limits.policy() if model.limits else None
    return ConnectionSpec(
        name=draft.name,
        url=model.url or "",
        address=str(written).partition("?")[0],
        headers=model.headers,
        params=model.params,
        content_type=model.content_type,
        leave_base=model.leave_base,
        cookies=model.cookies,
        alt_svc=model.alt_svc,
        max_redirects=model.redirects.max,
        options=options,
        attempt_timeout_s=model.timeout.attempt,
        failover=model.failover,
        retry=model.retry.policy() if model.retry else None,
        breaker=model.circuit_breaker.policy() if model.circuit_breaker else None,
        limits=limits,
        shared=shared if limits or model.circuit_breaker else None,
        file=document.file,
        line=line,
    )
