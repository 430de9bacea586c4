"""XCAP documents (RFC 4825): read, written and kept up to date over a named connection.

Needs the extra ``xcap``. Imports the API above the engine only.
"""

from __future__ import annotations

from onehttp_backends.hints.extras import brought_by
from onehttp_backends.hints.keywords import explain_classes

try:
    import lxml  # noqa: F401 - is it there?
    import sqlalchemy  # noqa: F401 - likewise
except ImportError as missing:
    raise ImportError(
        f"onehttp.xcap needs {missing.name}: {brought_by('xcap')}", name=missing.name
    ) from missing

from onehttp.xcap.applications import APPLICATIONS, Application, DocType
from onehttp.xcap.changes import DocumentChange, Listeners
from onehttp.xcap.client import XcapClient
from onehttp.xcap.conditional import conditions, etag_of
from onehttp.xcap.documents import Document, Node
from onehttp.xcap.errors import (
    ConflictError,
    NotFoundError,
    PreconditionFailedError,
    RowRefusedError,
    SelectorError,
    StatusError,
    StoreError,
    Taken,
    WrongNamespaceError,
    XcapError,
    XmlError,
)
from onehttp.xcap.refresh import Refresh, Rows
from onehttp.xcap.refresh_report import RefreshReport
from onehttp.xcap.selectors import DocumentSelector, NodeSelector, Step, bindings, encoded_step
from onehttp.xcap.store import Owner, StoredDocument, Watched, XcapStore
from onehttp.xcap.updates import PeriodicUpdates, jittered, update_periodically

__all__ = [
    "APPLICATIONS",
    "Application",
    "ConflictError",
    "DocType",
    "Document",
    "DocumentChange",
    "DocumentSelector",
    "Listeners",
    "Node",
    "NodeSelector",
    "NotFoundError",
    "Owner",
    "PeriodicUpdates",
    "PreconditionFailedError",
    "Refresh",
    "RefreshReport",
    "RowRefusedError",
    "Rows",
    "SelectorError",
    "StatusError",
    "Step",
    "StoreError",
    "StoredDocument",
    "Taken",
    "Watched",
    "WrongNamespaceError",
    "XcapClient",
    "XcapError",
    "XcapStore",
    "XmlError",
    "bindings",
    "conditions",
    "encoded_step",
    "etag_of",
    "jittered",
    "update_periodically",
]

explain_classes(globals(), __all__)
