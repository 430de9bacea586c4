"""A refresh: every stored document asked for on condition, many at once, the newer ones kept.

Rows are read in pages, and no transaction is open while requests are in flight. A newer document is
written only where its row still has the etag that the request was made with, so that refreshes
and writers may overlap: of several that bring the same change one wins, and tells of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Final, Generic, Protocol, TypeAlias, TypeVar

from onehttp.errors import OnehttpError, TransferError
from onehttp.xcap.changes import DocumentChange, Listeners
from onehttp.xcap.conditional import GONE, NOT_MODIFIED, etag_of
from onehttp.xcap.errors import RowRefusedError, StatusError, StoreError
from onehttp.xcap.refresh_report import Batch, Newer, RefreshReport
from onehttp.xcap.store import Change, Gone, Owner, Watched, XcapStore
from onehttp.xcap.store.etags import NO_ETAG
from onehttp_backends.contract import Outcome, Response

DEFAULT_WIDTH: Final = 64
"""Requests in flight at once."""
_NOT_STORED: Final = Owner("", "", 0)
_log = logging.getLogger("onehttp.xcap")


Fetched: TypeAlias = "Outcome | Exception"
"""An exception that is no outcome: the request could not even be made."""
CallT = TypeVar("CallT")


class Rows(Protocol[CallT]):
    """How the document of a row is fetched, and what is taken for one."""

    def call(self, row: Watched) -> CallT:
        """Return the request for a row."""

    def perform_all(
        self,
        calls: Iterable[tuple[Watched, CallT]],
        width: int,
        on_done: Callable[[Watched, Outcome], None],
    ) -> None:
        """Perform them in the calling thread, ``width`` at a time; each is taken when there is
        room for it. A response that is `UNCHANGED` may have nothing but its status."""

    def aperform(self, call: CallT) -> Awaitable[Response]: ...

    def document(self, row: Watched, outcome: Outcome) -> Response:
        """The response that is a document; raises an OnehttpError where the outcome is none."""

    def xid(self, row: Watched, owner: Owner) -> str:
        """Whose it is, as callbacks are told."""


class Refresh(Generic[CallT]):
    """One way to refresh the rows of a store whose ``doc_uri`` starts with ``prefix``."""

    def __init__(
        self,
        store: XcapStore,
        rows: Rows[CallT],
        listeners: Listeners,
        *,
        prefix: str = "",
        width: int = DEFAULT_WIDTH,
    ) -> None:
        self._store = store
        self._rows = rows
        self._listeners = listeners
        self._prefix = prefix
        self._width = width

    def run(self) -> RefreshReport:
        """Refresh all, in the calling thread.

        Raises:
            StoreError: the store cannot be read.
        """
        report, batch = RefreshReport(), Batch()
        for page in self._store.watched(self._prefix):
            left = deque(page)

            def on_done(row: Watched, outcome: Fetched) -> None:
                if type(outcome) is Response and outcome.status == NOT_MODIFIED:
                    report.unchanged += 1  # as nearly all are
                else:
                    self._judge(row, outcome, report, batch)

            while left:
                try:
                    self._rows.perform_all(self._calls(left, batch, on_done), self._width, on_done)
                except OnehttpError as error:  # there is no engine, or no such connection
                    while left:
                        on_done(left.popleft(), error)
                # When nothing is in flight: the store may take its time.
                report.add(self._keep(batch.take()))
        return report

    def _calls(
        self, left: deque[Watched], batch: Batch, on_done: Callable[[Watched, Fetched], None]
    ) -> Iterator[tuple[Watched, CallT]]:
        """Yield the remaining requests, until a batch is large enough to be written."""
        while left and not batch.is_full:
            row = left.popleft()
            try:
                call = self._rows.call(row)
            except Exception as error:  # noqa: BLE001 - of one document, told by _judge
                on_done(row, error)
            else:
                yield row, call

    async def arun(self) -> RefreshReport:
        """Like `run`, as a task: the loop drives the requests, and a thread uses the store."""
        report = RefreshReport()
        pages = self._store.watched(self._prefix)
        while (page := await asyncio.to_thread(next, pages, None)) is not None:
            await self._arun_page(page, report)
        return report

    async def _arun_page(self, page: Sequence[Watched], report: RefreshReport) -> None:
        batch, left = Batch(), iter(page)

        async def work() -> None:
            for row in left:
                self._judge(row, await self._aoutcome(row), report, batch)
                if batch.is_full:
                    report.add(await asyncio.to_thread(self._keep, batch.take()))

        workers = [asyncio.ensure_future(work()) for _ in range(min(self._width, len(page)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
        if newer := batch.take():
            report.add(await asyncio.to_thread(self._keep, newer))

    async def _aoutcome(self, row: Watched) -> Fetched:
        try:
            return await self._rows.aperform(self._rows.call(row))
        except Exception as error:  # noqa: BLE001 - of one document, told by _judge
            return error

    def _judge(self, row: Watched, outcome: Fetched, report: RefreshReport, batch: Batch) -> None:
        if isinstance(outcome, Response) and outcome.status == NOT_MODIFIED:
            report.unchanged += 1
            return
        try:
            newer = self._newer(row, outcome)
        except Exception as error:  # noqa: BLE001 - one document must not end the refresh of all
            report.failed += 1
            _report(row, error)
            return
        if newer is None:
            report.unchanged += 1
        else:
            batch.add(newer)

    def _newer(self, row: Watched, outcome: Fetched) -> Newer | None:
        if isinstance(outcome, Exception) and not isinstance(outcome, TransferError):
            raise outcome
        try:
            response = self._rows.document(row, outcome)
        except StatusError as error:
            if error.status in GONE:
                return Newer(row, NO_ETAG, None)
            raise
        etag = etag_of(response) or NO_ETAG
        # Some servers do not know conditions, and send the same document again.
        return None if etag and etag == row.etag else Newer(row, etag, response.body)

    def _keep(self, newer: Sequence[Newer]) -> RefreshReport:
        kept = RefreshReport()
        different = [one for one in newer if not self._is_stored(one)]
        kept.unchanged += len(newer) - len(different)
        changed = [one for one in different if one.body is not None]
        gone = [one for one in different if one.body is None]
        for one, owner in (
            *zip(changed, self._written(changed, self._replace), strict=True),
            *zip(gone, self._written(gone, self._discard), strict=True),
        ):
            if owner is _NOT_STORED:
                kept.failed += 1
            elif owner is None:
                kept.overtaken += 1
            else:
                kept.removed += one.body is None
                kept.changed += one.body is not None
                self._tell(one, owner)
        return kept

    def _is_stored(self, one: Newer) -> bool:
        """Whether the stored document is the same. Without etags the documents are compared."""
        if one.body is None or one.etag or one.row.etag:
            return False
        try:
            known = self._store.find(one.row.doc_uri)
        except StoreError:
            return False  # told of when it is written
        return known is not None and (known.etag, known.doc) == (one.etag, one.body)

    def _replace(self, newer: Sequence[Newer]) -> list[bool]:
        return self._store.replace(
            [Change(one.row.doc_uri, one.row.etag, one.etag, one.body or b"") for one in newer]
        )

    def _discard(self, gone: Sequence[Newer]) -> list[bool]:
        return self._store.discard([Gone(one.row.doc_uri, one.row.etag) for one in gone])

    def _written(
        self, newer: Sequence[Newer], write: Callable[[Sequence[Newer]], list[bool]]
    ) -> Sequence[Owner | None]:
        """For each whose it is if it was written, None if its row had changed or gone, and
        `_NOT_STORED` where the store failed."""
        if not newer:
            return []
        try:
            owners = self._store.owners([one.row.id for one in newer])
            there = [one for one in newer if one.row.id in owners]
            done = {one.row.id for one, is_done in zip(there, write(there), strict=True) if is_done}
            return [owners[one.row.id] if one.row.id in done else None for one in newer]
        except Exception as error:  # noqa: BLE001 - as in _judge
            is_of_all = isinstance(error, StoreError) and not isinstance(error, RowRefusedError)
            if len(newer) > 1 and not is_of_all:  # one bad document must not hold up the others
                return [self._written([one], write)[0] for one in newer]
            what = newer[0].row.doc_uri if len(newer) == 1 else f"{len(newer)} changed documents"
            _log.error("%s: not stored: %s", what, error, exc_info=_unforeseen(error))
        return [_NOT_STORED] * len(newer)

    def _tell(self, one: Newer, owner: Owner) -> None:
        self._listeners.tell(
            DocumentChange(
                doc_type=owner.doc_type,
                xid=self._rows.xid(one.row, owner),
                url=one.row.doc_uri,
                etag=one.etag or None,
                body=one.body or b"",
                is_removed=one.body is None,
            )
        )


def _report(row: Watched, error: Exception) -> None:
    unforeseen = _unforeseen(error)
    text = error if unforeseen is None else f"{type(error).__name__}: {error}"
    level = logging.WARNING if unforeseen is None else logging.ERROR
    _log.log(level, "%s: not refreshed: %s", row.doc_uri, text, exc_info=unforeseen)


def _unforeseen(error: Exception) -> Exception | None:
    """Return an unexpected error, whose traceback is logged, too; None for an expected one."""
    return None if isinstance(error, OnehttpError) else error
