"""``KSR.sl``, ``KSR.maxfwd``, ``KSR.sanity``: answers without a transaction, and checks before."""

from __future__ import annotations

import re
from typing import Final

from onehttp_compat.script.kemi.functions import FALSE, TRUE, Functions, as_code
from onehttp_compat.script.routed_message import FIRST
from onehttp_compat.sip.uri import parse_uri

_NUMBER = re.compile(r"\d+").fullmatch
_REQUIRED: Final = ("to", "from", "cseq", "call-id", "via")
MAX_FORWARDS: Final = 256
HIGHEST: Final = 70
"""``max_limit`` of the module: no request goes on with more."""


class SlFunctions(Functions):
    """``KSR.sl``."""

    def send_reply(self, code: int, reason: str) -> int:
        if self._sip.method == "ACK" or not 100 <= code <= 699:
            return FALSE
        return self._scene.reply_with(f"{code} {reason}")

    def send_reply_mode(self, code: int, reason: str, _mode: str) -> int:
        return self.send_reply(code, reason)

    def sl_send_reply(self, code: int, reason: str) -> int:
        return self.send_reply(code, reason)

    def sl_reply_error(self) -> int:
        return self.send_reply(500, "I'm terribly sorry, server error occurred (1/SL)")

    def sl_forward_reply(self, code: str, reason: str) -> int:
        return self._scene.act(f"forward reply {code} {reason}".rstrip())


class MaxfwdFunctions(Functions):
    """``KSR.maxfwd``."""

    def process_maxfwd(self, limit: int) -> int:
        routed = self._routed
        found = routed.indices("max-forwards")
        if not found:
            routed.add(f"Max-Forwards: {limit}\r\n", FIRST)
            return 2
        number = _NUMBER(routed.replaced.get(found[0], self._sip.headers[found[0]][1]))
        if number is None:
            return FALSE
        value = int(number[0])
        if value == 0:
            return FALSE
        routed.replaced[found[0]] = str(value - 1 if value <= HIGHEST else HIGHEST)
        return TRUE

    def is_maxfwd_lt(self, limit: int) -> int:
        number = _NUMBER(self._sip.header("max-forwards") or "")
        if not 0 <= limit <= MAX_FORWARDS or number is None:
            return FALSE if self._sip.header("max-forwards") else FALSE - 1
        return as_code(int(number[0]) < limit)


class SanityFunctions(Functions):
    """``KSR.sanity``: the checks that are on by default."""

    def sanity_check(self, checks: int, uri_checks: int) -> int:
        return self._check()

    def sanity_check_defaults(self) -> int:
        return self._check()

    def sanity_reply(self) -> int:
        return TRUE

    def _check(self) -> int:
        sip = self._sip
        problem = ""
        if sip.is_request and parse_uri(sip.uri) is None:
            problem = "400 Bad Request URI"
        elif any(sip.header(name) is None for name in _REQUIRED):
            problem = "400 Missing Required Header in Request"
        elif sip.address("from") is None:
            problem = "400 Bad From header"
        elif sip.is_request and sip.cseq[1] != sip.method:
            problem = "400 CSEQ method does not match request method"
        elif (length := sip.header("content-length")) is not None and (
            not _NUMBER(length) or int(length) != len(sip.body)
        ):
            problem = "400 Content-Length mis-match"
        if problem:
            self._scene.reply_with(problem)
        return as_code(not problem and not sip.is_broken and sip.is_request)
