"""The requests that callers of ``xcap_client`` make, and the URLs of them.

``fixed`` follows RFC 4825. ``faithful`` writes URLs as the module did: nothing is encoded, no slash
follows ``~~``, a query is truncated, and the wildcard is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

PRES_RULES: Final = 2
RESOURCE_LIST: Final = 4
RLS_SERVICE: Final = 8
PIDF_MANIPULATION: Final = 16
XCAP_CAPS: Final = 32
USER_PROFILE: Final = 64
PRES_CONTENT: Final = 128
SEARCH: Final = 256
DIRECTORY: Final = 512

USERS_TYPE: Final = 1
GLOBAL_TYPE: Final = 2
IF_MATCH: Final = 1
IF_NONE_MATCH: Final = 2
INTEGRATED_SERVER: Final = 0
XCAP_CL_MOD: Final = 1

MAX_PORT: Final = 65535

_PREFIXES: Final = "abcdefghijklmnopqrstuvwxyz"


@dataclass(slots=True)
class XcapDocSel:
    """Selects a document. ``doc_type`` is a bit as in the callbacks, ``type`` is a tree."""

    auid: str
    doc_type: int
    type: int = USERS_TYPE
    xid: str = ""
    filename: str = "index"


@dataclass(slots=True)
class XcapNodeSel:
    """Selects a node in the document. `add_step` fills it."""

    steps: list[str] = field(default_factory=list)
    namespaces: list[str] = field(default_factory=list)
    """The namespaces of the prefixes ``a``, ``b``, ... in this order."""


@dataclass(slots=True)
class XcapGetReq:
    """A request. ``port`` overrides a port in ``xcap_root``, unless it is 0."""

    xcap_root: str
    port: int
    doc_sel: XcapDocSel
    node_sel: XcapNodeSel | None = None
    etag: str | None = None
    match_type: int = 0


class UnfitRequestError(Exception):
    """No URL can be made of the arguments."""


def add_step(
    selector: XcapNodeSel,
    name: str | None,
    namespace: str | None,
    position: int,
    attribute: Sequence[str] | None,
    extra: str | None,
    is_faithful: bool,
) -> None:
    """Append a step: prefix, name or ``*``, ``[attribute=value]``, ``[position]``, extra text.

    Raises:
        UnfitRequestError: this would be the 27th namespace.
    """
    prefix = ""
    if namespace:
        if len(selector.namespaces) == len(_PREFIXES):
            raise UnfitRequestError("more than 26 steps with a namespace")
        if name:
            prefix = _PREFIXES[len(selector.namespaces)] + ":"
        selector.namespaces.append(namespace)
    step = f"{prefix}{name}" if name else "" if is_faithful else "*"
    if attribute:
        step += f"[{attribute[0]}={attribute[1]}]"
    if position > 0:
        step += f"[{position}]"
    if extra:
        step = step[: len(extra)] if is_faithful else step + extra
    selector.steps.append(step)


def request_url(request: XcapGetReq, is_faithful: bool) -> str:
    """Return the URL.

    Raises:
        UnfitRequestError: a node selector has no steps (the module crashed then); (fixed) a part
            cannot stand in a URL.
    """
    return _faithful_url(request) if is_faithful else _fixed_url(request)


def _faithful_url(request: XcapGetReq) -> str:
    document, node = request.doc_sel, request.node_sel
    tree = f"users/{document.xid}/" if document.type == USERS_TYPE else "global/"
    url = f"{request.xcap_root}/{document.auid}/{tree}{document.filename}"
    return url if node is None else f"{url}/~~{'/'.join(_steps(node))}?xmlns("


def _fixed_url(request: XcapGetReq) -> str:
    # Imported here, because they come with an extra, and every legacy server imports this module.
    from onehttp.xcap import SelectorError, bindings, encoded_step

    document, node = request.doc_sel, request.node_sel
    parts = [document.auid]
    parts += ["users", document.xid] if document.type == USERS_TYPE else ["global"]
    parts += document.filename.split("/") if document.filename else []
    try:
        url = f"{request.xcap_root}/{'/'.join(map(encoded_step, parts))}"
        url += "" if document.filename else "/"  # a folder, which rls requests
        if node is None:
            return url
        url += f"/~~/{'/'.join(map(encoded_step, _steps(node)))}"
    except SelectorError as error:
        raise UnfitRequestError(str(error)) from error
    bound = bindings(tuple(zip(node.namespaces, _PREFIXES, strict=False)))
    return f"{url}?{bound}" if bound else url


def _steps(node: XcapNodeSel) -> list[str]:
    if not node.steps:
        raise UnfitRequestError("a node selector without steps")
    return node.steps
