"""How a client's stored documents are asked for again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from onehttp.calls.arguments import NO_ARGUMENTS, CallArguments
from onehttp.calls.named_call import NamedCall
from onehttp.errors import TransferError
from onehttp.named_connection import Connection
from onehttp.xcap.applications import UNKNOWN
from onehttp.xcap.conditional import check_document
from onehttp.xcap.errors import SelectorError
from onehttp.xcap.safe_xml import check
from onehttp.xcap.selectors import DocumentSelector
from onehttp.xcap.store import Watched
from onehttp.xcap.store.etags import usable_etag
from onehttp_backends.contract import Outcome, Response


class ClientRows:
    """Rows below the URL of a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._skip = len(connection.spec.url.rstrip("/"))

    def call(self, row: Watched) -> NamedCall:
        etag = usable_etag(row.etag)
        given: CallArguments = {"headers": (("If-None-Match", etag),)} if etag else NO_ARGUMENTS
        return NamedCall("GET", row.doc_uri[self._skip :], given)

    def perform_all(
        self,
        calls: Iterable[tuple[Watched, NamedCall]],
        width: int,
        on_done: Callable[[Watched, Outcome], None],
    ) -> None:
        self._connection.perform_all(calls, width, on_done)

    def aperform(self, call: NamedCall) -> Awaitable[Response]:
        return self._connection.aget(call.path, **call.arguments)

    def document(self, row: Watched, outcome: Outcome) -> Response:
        if isinstance(outcome, TransferError):
            raise outcome
        check_document(outcome)
        selector = self._selector(row)
        usage = UNKNOWN if selector is None else selector.application
        check(outcome.body, usage, row.doc_uri)
        return outcome

    def xid(self, row: Watched) -> str:
        selector = self._selector(row)
        return "" if selector is None else selector.xui or ""

    def _path(self, row: Watched) -> str:
        return row.doc_uri[self._skip :]

    def _selector(self, row: Watched) -> DocumentSelector | None:
        try:
            return DocumentSelector.from_path(self._path(row))
        except SelectorError:
            return None  # written by hand: fetched all the same
