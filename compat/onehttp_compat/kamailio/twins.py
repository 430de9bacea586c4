"""Copies the variables of an answer, or of an error, to variables that the server's functions can
read.

Only ``KSR.pv`` of this package reads ``$http_rs`` and similar variables. The modules of the server
(``KSR.xlog``, ``KSR.pvx.evalx``, routes of a configuration) do not know them. With
``setup(twins=True)`` the most common ones are copied to variables of the server before a callback
runs. That costs as much as the rest of the work for an answer.
"""

from __future__ import annotations

from typing import Final

from onehttp import Result
from onehttp_compat.calls.observed_call import LegacyCall, Observer
from onehttp_compat.kamailio.proxy import ASYNCHRONOUS
from onehttp_compat.pv import PvStore, Variable
from onehttp_compat.wire.libcurl_texts import curlerror

TWINS: Final = {
    name: Variable("var", name)
    for name in ("http_ok", "http_err", "http_rs", "http_rr", "http_rb", "http_bs")
}
"""The server reads ``$http_rs`` as ``$var(http_rs)``, until the next callback of the process."""
_OF_RESPONSES: Final = ("http_rs", "http_rr", "http_rb", "http_bs")


ERROR_TWIN: Final = Variable("var", "curlerror")
"""The text of ``$curlerror(code)`` for the result of the last synchronous call; empty after a
success."""
_LOWEST_STATUS: Final = 100


def error_twin(pv: PvStore) -> Observer:
    """Return an observer that writes it after each synchronous call."""

    def tell(call: LegacyCall) -> None:
        if call.function.module != ASYNCHRONOUS:
            has_failed = 0 < call.code < _LOWEST_STATUS
            pv.write(ERROR_TWIN, curlerror(call.code) if has_failed else "")

    return tell


def write_twins(pv: PvStore, result: Result) -> None:
    """Write the copies; null if there is no response."""
    pv.write(TWINS["http_ok"], int(result.ok))
    error = None if result.ok else pv.read(Variable("http_err", ""))
    pv.write(TWINS["http_err"], error)
    for name in _OF_RESPONSES:
        pv.write(TWINS[name], pv.read(Variable(name, "")) if result.ok else None)
