"""What those who wait for a transfer have in common: a bound, and errors that say what was met."""

from __future__ import annotations

from typing import Protocol

from onehttp_backends.contract import Request
from onehttp_backends.curl.engine.ownership import LOOK_AGAIN_S, Ownership
from onehttp_backends.curl.engine.transfer import Transfer
from onehttp_backends.curl.reading.outcome import cancelled
from onehttp_backends.errors import CurlCode, Sent, TransferError, transfer_error
from onehttp_backends.shown import shown


class Due(Protocol):
    """What should have ended by some time of the monotonic clock."""

    @property
    def deadline(self) -> float: ...


def overdue_at(due: Due) -> float:
    """When whoever waits for it ends by itself, by the monotonic clock."""
    return due.deadline + LOOK_AGAIN_S


def overdue(transfer: Transfer) -> TransferError:
    """The error of one that nobody has ended in time."""
    return transfer_error(
        CurlCode.OPERATION_TIMEDOUT,
        f"{shown(transfer.request)}: no answer in time, and nothing has come of it in the engine "
        "(the thread that drives it may be held up)",
        sent=Sent.MAYBE,
    )


class EngineGoneError(Exception):
    """The engine is closed or has failed, and the call has not begun: there may be another."""


def gone(transfer: Transfer, failure: BaseException | None) -> TransferError:
    """The error of one whose engine has failed under it; None: was closed, or is the parent's."""
    sent = Sent.MAYBE if transfer.was_admitted else Sent.NO
    if failure is not None:
        return failed(transfer.request, failure, sent)
    return cancelled(transfer.request, "the engine is gone", sent)


def failed_under(ownership: Ownership, request: Request, error: BaseException) -> TransferError:
    """The error of one that ``error`` has met: an engine that was let go of has not failed."""
    if ownership.is_gone and ownership.failure is None:
        return cancelled(request, "the engine is gone", Sent.MAYBE)
    return failed(request, error)


def failed(request: Request, error: BaseException, sent: Sent = Sent.MAYBE) -> TransferError:
    """The error of one whose engine has failed."""
    is_out_of_memory = isinstance(error, MemoryError)
    outcome = transfer_error(
        CurlCode.OUT_OF_MEMORY if is_out_of_memory else CurlCode.FAILED_INIT,
        f"{shown(request)}: the engine has failed ({type(error).__name__}: {error}); "
        "the next call starts another",
        sent=sent,
    )
    outcome.__cause__ = error
    return outcome
