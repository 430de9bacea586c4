"""Encodes a query that a SIP worker passes to the process that sends it: one flat tuple, as bytes.

Both ends use the same Python, so ``marshal`` can encode it, and a legacy query has only plain
values. Settings that equal the module's defaults are left out, because every process has these.
Queries of `onehttp.submit` have other values, which ``pickle`` encodes.
"""

from __future__ import annotations

import dataclasses
import functools
import marshal
import math
import operator
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from onehttp import TransactionError
from onehttp.lowlevel import Asked
from onehttp_compat.modules.http_async_client.calls import AsyncJob
from onehttp_compat.modules.http_async_client.settings import AsyncSettings

_SETTINGS: Final = tuple(field.name for field in dataclasses.fields(AsyncSettings))
_values_of: Final = operator.attrgetter(*_SETTINGS)


@dataclass(slots=True)  # not frozen, which makes each one cost a microsecond more
class Suspension:
    """Identifies a suspended transaction in every process of the server."""

    index: int
    label: int
    end: float = math.inf
    """When the server will have ended it, on the clock ``time.monotonic``, which all processes
    share."""
    latest: float = math.inf
    """When the server will have ended it however often it is suspended again."""


def signed32(number: int) -> int:
    """Convert an unsigned number of 32 bits to the signed one that ``KSR`` takes."""
    return number - (1 << 32) if number >= 1 << 31 else number


def suspended(ksr: Any, ends_of: Callable[[int, int], tuple[float, float]]) -> Suspension:
    """Suspend the transaction that the server works on.

    ``t_suspend`` gives 1 also for one that was cancelled before, and suspends nothing. Such a
    transaction must not be continued: ``tm`` (5.6) would keep it for 90 seconds more.

    Args:
        ends_of: when the server will have ended a transaction that is suspended now; see
            `Suspension`.

    Raises:
        TransactionError: it already has its final reply, or there is no memory.
    """
    if ksr.tmx.t_suspend() < 0:
        raise TransactionError("the server cannot suspend this transaction")
    if ksr.tm.t_is_canceled() > 0:
        raise TransactionError("this transaction was cancelled")
    get = ksr.pv.get
    index, label = int(get("$T(id_index)")), int(get("$T(id_label)"))
    return Suspension(index, signed32(label), *ends_of(index, label))


def packed(job: AsyncJob, token: Suspension | None, defaults: AsyncSettings) -> bytes:
    """Encode one query. Without a suspension, no transaction waits for it."""
    named = None if token is None else (token.index, token.label, token.end, token.latest)
    settings = None if job.settings is defaults else _encoded(job.settings)
    asked = job.asked
    xdata = str(job.xdata) if asked is None else pickle.dumps((asked, job.xdata))
    return marshal.dumps(
        (named, job.url, job.route, job.query_id, xdata, job.is_kemi, job.body, settings)
    )


def check_can_be_carried(asked: Asked, xdata: object) -> None:
    """Raise TypeError if the arguments cannot be passed to another process."""
    try:
        pickle.dumps((asked, xdata))
    except (pickle.PicklingError, AttributeError, TypeError, RecursionError) as error:
        raise TypeError(
            f"xdata, or an argument of the call, cannot be passed to another process: {error}"
        ) from None


def unpacked(frame: bytes, defaults: AsyncSettings) -> tuple[AsyncJob, Suspension | None]:
    """Decode what `packed` has encoded."""
    token, url, route, query_id, xdata, is_kemi, body, settings = marshal.loads(frame)
    asked = None
    if isinstance(xdata, bytes):
        asked, xdata = pickle.loads(xdata)
    used = defaults if settings is None else _decoded(settings)
    # By position, because names cost more in a call that each query makes.
    job = AsyncJob(url, route, query_id, xdata, is_kemi, used, body, asked)
    return job, None if token is None else Suspension(*token)


@functools.lru_cache(maxsize=256)
def _encoded(settings: AsyncSettings) -> bytes:
    return marshal.dumps(_values_of(settings))


@functools.lru_cache(maxsize=256)
def _decoded(settings: bytes) -> AsyncSettings:
    return AsyncSettings(**dict(zip(_SETTINGS, marshal.loads(settings), strict=True)))
