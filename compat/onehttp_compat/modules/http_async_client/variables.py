"""The variables that show an asynchronous answer: ``$http_ok``, ``$http_rs``, ``$http_hdr(...)``,
..."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final, TypeAlias

from onehttp_compat.modules.http_async_client.reply import AsyncReply, known_time
from onehttp_compat.pv import PvStore, Value, Variable

Read: TypeAlias = Callable[[AsyncReply, Variable], Value]
_log = logging.getLogger("onehttp_compat.http_async_client")


def _length(reply: AsyncReply, _: Variable) -> Value:
    return len(reply.buffer or b"")


def _body_size(reply: AsyncReply, _: Variable) -> Value:
    return len(reply.parsed.body or b"")


VARIABLES: Final[dict[str, Read]] = {
    "http_ok": lambda reply, _: int(reply.result.ok),
    "http_err": lambda reply, _: reply.error_text,
    "http_rs": lambda reply, _: reply.parsed.status,
    "http_rr": lambda reply, _: reply.parsed.reason,
    "http_mb": lambda reply, _: reply.buffer,
    "http_ml": _length,
    "http_rb": lambda reply, _: reply.parsed.body,
    "http_bs": _body_size,
    "http_hdr": lambda reply, variable: reply.header(variable.name, variable.element),
    "http_xdata": lambda reply, _: reply.xdata or None,
}

OF_RESPONSES: Final = frozenset(VARIABLES) - {"http_ok", "http_err", "http_xdata"}
"""These variables are null if there is no response."""


class CurrentReply(threading.local):
    """The answer that the callback of this thread works on. A thread stands for a process."""

    def __init__(self) -> None:
        self.reply: AsyncReply | None = None
        self.query_id = ""
        """The number of the query that was last sent or answered in this process."""


def register(pv: PvStore, current: CurrentReply) -> None:
    """Register the variables of an answer with the store."""

    def of_reply(read: Read) -> Callable[[Variable], Value]:
        def reader(variable: Variable) -> Value:
            reply = current.reply
            if reply is None:
                _log.error("$%s is read outside of a callback", variable.kind)
                return None
            if reply.result.error is not None and variable.kind in OF_RESPONSES:
                _log.warning("$%s: there is no response; $http_ok is 0", variable.kind)
                return None
            return read(reply, variable)

        return reader

    def time_us(variable: Variable) -> Value:
        known_time(variable.name)
        return 0 if current.reply is None else current.reply.time_us(variable.name)

    for kind, read in VARIABLES.items():
        pv.register(kind, of_reply(read))
    pv.register("http_req_id", lambda _: current.query_id)
    pv.register("http_time", time_us)
