"""The replies of functions that answer a request themselves, if their success is assumed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from onehttp_compat.script.world.assumptions import Answer
from onehttp_compat.sip.message import SipMessage

FINDS_TARGETS: Final = frozenset((
    "alias_db", "carrierroute", "dialplan", "dispatcher", "drouting", "enum", "lcr", "mtree", "pdt",
    "prefix_route", "registrar", "speeddial", "uac",
))  # fmt: skip
"""Modules whose successful functions write a target that the request can be sent to."""
_NO_REPLY: Final = 2
"""The flag of ``save`` for no reply."""


def _saved(_: SipMessage, _table: str = "", flags: int | str = 0, *_others: object) -> str:
    """The reply of ``save``, whose native form takes its flags as text, or leaves them out."""
    try:
        known = int(flags, 0) if isinstance(flags, str) else flags
    except ValueError:
        return ""
    return "" if known & _NO_REPLY else "200 OK"


def _said(_: SipMessage, code: int, reason: str, *_others: object) -> str:
    return f"{code} {reason}"


_REPLIES: Final[Mapping[str, Callable[..., str]]] = {
    "registrar.save": _saved,
    "registrar.save_uri": _saved,
    "presence.handle_publish": lambda _, *_given: "200 OK",
    "presence.handle_publish_uri": lambda _, *_given: "200 OK",
    "presence.handle_subscribe": lambda _, *_given: "202 OK",
    "presence.handle_subscribe_uri": lambda _, *_given: "202 OK",
    "xhttp.xhttp_reply": _said,
    "xmlrpc.xmlrpc_reply": _said,
}


def reply_of(label: str, message: SipMessage, arguments: tuple[Any, ...], answer: Answer) -> str:
    """Return the reply to a request; empty if there is none."""
    make = _REPLIES.get(label)
    is_done = isinstance(answer, int) and answer > 0 and message.is_request
    return make(message, *arguments) if make is not None and is_done else ""
