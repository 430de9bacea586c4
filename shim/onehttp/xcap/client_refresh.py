"""The requests that refresh a client's stored documents."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache
from typing import Final

from onehttp.calls.arguments import NO_ARGUMENTS, CallArguments
from onehttp.calls.named_call import NamedCall, request_on
from onehttp.calls.revision import ReadyConnection
from onehttp.errors import TransferError
from onehttp.named_connection import Connection
from onehttp.xcap.applications import UNKNOWN
from onehttp.xcap.conditional import UNCHANGED, check_document, conditions
from onehttp.xcap.errors import SelectorError
from onehttp.xcap.safe_xml import check
from onehttp.xcap.selectors import DocumentSelector
from onehttp.xcap.store import Owner, Watched
from onehttp.xcap.store.etags import usable_etag
from onehttp_backends.contract import Outcome, Request, Response, plain_request
from onehttp_backends.headers import HeaderPairs

_CONDITION: Final = "If-None-Match"


class Question(NamedCall):
    """The conditional GET of one document."""

    __slots__ = ("etag",)

    def __init__(self, path: str, etag: str | None) -> None:
        self.method, self.path, self.arguments = "GET", path, NO_ARGUMENTS
        self.etag = etag

    def on(self, ready: ReadyConnection) -> Request:
        spec, url, etag = ready.spec, ready.url(self.path), self.etag
        if not etag or not url.isascii() or _has_condition(spec.headers):
            given: CallArguments = {"headers": conditions(if_none_match=etag)}
            return request_on(ready, self.method, self.path, given)
        # The same request, built faster: a refresh has thousands of them.
        return plain_request("GET", url, (*spec.headers, (_CONDITION, etag)), spec.options)


class ClientRows:
    """Rows below the URL of a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._skip = len(connection.spec.url.rstrip("/"))

    def call(self, row: Watched) -> Question:
        return Question(row.doc_uri[self._skip :], usable_etag(row.etag))

    def perform_all(
        self,
        calls: Iterable[tuple[Watched, Question]],
        width: int,
        on_done: Callable[[Watched, Outcome], None],
    ) -> None:
        self._connection.perform_all(calls, width, on_done, UNCHANGED)

    def aperform(self, call: Question) -> Awaitable[Response]:
        return self._connection.aget(call.path, headers=conditions(if_none_match=call.etag))

    def document(self, row: Watched, outcome: Outcome) -> Response:
        if isinstance(outcome, TransferError):
            raise outcome
        check_document(outcome)
        selector = self._selector(row)
        usage = UNKNOWN if selector is None else selector.application
        check(outcome.body, usage, row.doc_uri)
        return outcome

    def xid(self, row: Watched, owner: Owner) -> str:
        selector = self._selector(row)
        return "" if selector is None else selector.xui or ""

    def _path(self, row: Watched) -> str:
        return row.doc_uri[self._skip :]

    def _selector(self, row: Watched) -> DocumentSelector | None:
        try:
            return DocumentSelector.from_path(self._path(row))
        except SelectorError:
            return None  # written by hand: fetched all the same


@lru_cache(maxsize=16)
def _has_condition(own: HeaderPairs) -> bool:
    """Whether a connection's own headers include the condition, which a call's would replace."""
    return any(name.lower() == _CONDITION.lower() for name, _ in own)
