"""A refresh: every stored document asked for on condition, many at once, the newer ones kept.

Rows are read in pages, and no transaction is open while requests are in flight. A newer document is
written only where its row still has the etag that the request was made with, so that refreshes
and writers may overlap: of several that bring the same change one wins, and tells of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, TypeAlias

from onehttp.errors import OnehttpError, TransferError
from onehttp.xcap.changes import DocumentChange, Listeners
from onehttp.xcap.conditional import NOT_MODIFIED, etag_of
from onehttp.xcap.errors import RowRefusedError, StoreError
from onehttp.xcap.store import Change, Watched, XcapStore
from onehttp_backends.contract import Outcome, Response

DEFAULT_WIDTH: Final = 64
"""Requests in flight at once."""
MAX_BATCH_BYTES: Final = 8 * 1024 * 1024
"""Documents held until they are written."""
_log = logging.getLogger("onehttp.xcap")


Wait: TypeAlias = Callable[[], Outcome]


class Rows(Protocol):
    """How the document of a row is fetched, and what is taken for one."""

    def start(self, row: Watched) -> Wait:
        """Ask for it; what is returned waits for the outcome."""

    def astart(self, row: Watched) -> Awaitable[Response]: ...

    def document(self, row: Watched, outcome: Outcome) -> Response:
        """The response that is a document; raises an OnehttpError where the outcome is none."""

    def xid(self, row: Watched) -> str:
        """Whose it is, as callbacks are told."""


@dataclass(slots=True)
class RefreshReport:
    """What one refresh came to, in documents."""

    unchanged: int = 0
    changed: int = 0
    failed: int = 0
    """No answer, or one that is no document; the stored one stays."""
    overtaken: int = 0
    """Changed or removed in the store meanwhile: the answer was not used."""

    @property
    def total(self) -> int:
        return self.unchanged + self.changed + self.failed + self.overtaken

    def add(self, other: RefreshReport) -> None:
        """Count what another part came to."""
        self.unchanged += other.unchanged
        self.changed += other.changed
        self.failed += other.failed
        self.overtaken += other.overtaken


class Newer(NamedTuple):
    """A document that has changed on the server."""

    row: Watched
    etag: str
    body: bytes


class Batch:
    """Newer documents to be written together, as long as they are few bytes."""

    def __init__(self) -> None:
        self._newer: list[Newer] = []
        self._size_bytes = 0

    @property
    def is_full(self) -> bool:
        return self._size_bytes >= MAX_BATCH_BYTES

    def add(self, newer: Newer) -> None:
        self._newer.append(newer)
        self._size_bytes += len(newer.body)

    def take(self) -> list[Newer]:
        taken, self._newer, self._size_bytes = self._newer, [], 0
        return taken


class Refresh:
    """One way to refresh the rows of a store whose ``doc_uri`` starts with ``prefix``."""

    def __init__(
        self,
        store: XcapStore,
        rows: Rows,
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
            for row, outcome in self._outcomes(page):
                self._judge(row, outcome, report, batch)
                if batch.is_full:
                    report.add(self._keep(batch.take()))
            report.add(self._keep(batch.take()))
        return report

    async def arun(self) -> RefreshReport:
        """The same as a task: the loop drives the requests, the store is used on a thread."""
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

    async def _aoutcome(self, row: Watched) -> Outcome:
        try:
            return await self._rows.astart(row)
        except TransferError as error:
            return error

    def _outcomes(self, page: Sequence[Watched]) -> Iterator[tuple[Watched, Outcome]]:
        """Each row with its outcome, `width` requests ahead of the one waited for."""
        ahead: deque[tuple[Watched, Wait]] = deque()
        for row in page:
            if len(ahead) >= self._width:
                first, wait = ahead.popleft()
                yield first, wait()
            ahead.append((row, self._started(row)))
        while ahead:
            first, wait = ahead.popleft()
            yield first, wait()

    def _started(self, row: Watched) -> Wait:
        try:
            return self._rows.start(row)
        except TransferError as error:
            refusal = error
            return lambda: refusal

    def _judge(self, row: Watched, outcome: Outcome, report: RefreshReport, batch: Batch) -> None:
        if isinstance(outcome, Response) and outcome.status == NOT_MODIFIED:
            report.unchanged += 1
            return
        try:
            newer = self._newer(row, outcome)
        except OnehttpError as error:
            report.failed += 1
            _log.warning("%s: not refreshed: %s", row.doc_uri, error)
            return
        if newer is None:
            report.unchanged += 1
        else:
            batch.add(newer)

    def _newer(self, row: Watched, outcome: Outcome) -> Newer | None:
        response = self._rows.document(row, outcome)
        etag = etag_of(response)
        if etag is None:
            raise StoreError("the answer has no etag by which it could be asked for again")
        # Some servers do not know conditions, and send the same document again.
        return None if etag == row.etag else Newer(row, etag, response.body)

    def _keep(self, newer: Sequence[Newer]) -> RefreshReport:
        kept = RefreshReport()
        for one, is_written in zip(newer, self._written(newer) if newer else (), strict=True):
            if is_written is None:
                kept.failed += 1
            elif not is_written:
                kept.overtaken += 1
            else:
                kept.changed += 1
                self._tell(one)
        return kept

    def _written(self, newer: Sequence[Newer]) -> Sequence[bool | None]:
        """For each whether it was written; None where the store failed."""
        changes = [Change(one.row.doc_uri, one.row.etag, one.etag, one.body) for one in newer]
        try:
            return self._store.replace(changes)
        except RowRefusedError as error:
            if len(newer) > 1:  # one bad document must not hold up the others
                return [self._written([one])[0] for one in newer]
            _log.error("%s: not stored: %s", newer[0].row.doc_uri, error)
        except StoreError as error:
            _log.error("%d changed documents are not stored: %s", len(newer), error)
        return [None] * len(newer)

    def _tell(self, one: Newer) -> None:
        self._listeners.tell(
            DocumentChange(
                doc_type=one.row.doc_type,
                xid=self._rows.xid(one.row),
                url=one.row.doc_uri,
                etag=one.etag,
                body=one.body,
            )
        )
