"""What all waiters share: a bound for their wait, and errors that say what has happened."""

from __future__ import annotations

from typing import Protocol

from onehttp_backends.contract import Request
from onehttp_backends.curl.engine.ownership import LOOK_AGAIN_S, Ownership
from onehttp_backends.curl.engine.transfer import Transfer
from onehttp_backends.curl.reading.outcome import cancelled
from onehttp_backends.errors import CurlCode, Sent, TransferError, transfer_error
from onehttp_backends.shown import shown


class Due(Protocol):
    """Something that should end by a certain time."""

    @property
    def deadline(self) -> float: ...


def overdue_at(due: Due) -> float:
    """When a waiter ends its transfer itself, by the monotonic clock."""
    return due.deadline + LOOK_AGAIN_S


def overdue(transfer: Transfer) -> TransferError:
    """The error of a transfer that no driver has ended in time."""
    return transfer_error(
        CurlCode.OPERATION_TIMEDOUT,
        f"{shown(transfer.request)}: no answer in time, and nothing has come of it in the engine "
        "(the thread that drives it may be held up)",
        sent=Sent.MAYBE,
    )


class EngineGoneError(Exception):
    """The engine was closed or has failed before the call began; another may be made."""


def gone(transfer: Transfer, failure: BaseException | None) -> TransferError:
    """The error of a transfer whose engine has failed, or (None) was closed or left to the
    parent."""
    sent = Sent.MAYBE if transfer.was_admitted else Sent.NO
    if failure is not None:
        return failed(transfer.request, failure, sent)
    return cancelled(transfer.request, "the engine is gone", sent)


def failed_under(ownership: Ownership, request: Request, error: BaseException) -> TransferError:
    """The error of a transfer that ``error`` has ended; an engine that was closed has not
    failed."""
    if ownership.is_gone and ownership.failure is None:
        return cancelled(request, "the engine is gone", Sent.MAYBE)
    return failed(request, error)


def failed(request: Request, error: BaseException, sent: Sent = Sent.MAYBE) -> TransferError:
    """The error of a transfer whose engine has failed."""
    is_out_of_memory = isinstance(error, MemoryError)
    outcome = transfer_error(
        CurlCode.OUT_OF_MEMORY if is_out_of_memory else CurlCode.FAILED_INIT,
        f"{shown(request)}: the engine has failed ({type(error).__name__}: {error}); "
        "the next call starts another",
        sent=sent,
    )
    outcome.__cause__ = error
    return outcome
