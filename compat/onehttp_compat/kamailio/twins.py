"""The variables of an answer, or of an error, where the server's own functions can see them.

``$http_rs`` and its like are read through ``KSR.pv`` of this package; a module of the server
(``KSR.xlog``, ``KSR.pvx.evalx``, a configuration's routes) knows nothing of them. Who wants to see
them there (``setup(twins=True)``) has the usual ones written to variables of the server, too,
before a callback runs; it costs as much as all the rest of an answer.
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
"""``$http_rs`` is ``$var(http_rs)`` for the server, until the next callback of the process."""
_OF_RESPONSES: Final = ("http_rs", "http_rr", "http_rb", "http_bs")


ERROR_TWIN: Final = Variable("var", "curlerror")
"""``$curlerror(code)`` of the code that the last synchronous call gave; empty after an answer."""
_LOWEST_STATUS: Final = 100


def error_twin(pv: PvStore) -> Observer:
    """Writes it after each synchronous call."""

    def tell(call: LegacyCall) -> None:
        if call.function.module != ASYNCHRONOUS:
            has_failed = 0 < call.code < _LOWEST_STATUS
            pv.write(ERROR_TWIN, curlerror(call.code) if has_failed else "")

    return tell


def write_twins(pv: PvStore, result: Result) -> None:
    """Write them; null where there is no response."""
    pv.write(TWINS["http_ok"], int(result.ok))
    error = None if result.ok else pv.read(Variable("http_err", ""))
    pv.write(TWINS["http_err"], error)
    for name in _OF_RESPONSES:
        pv.write(TWINS[name], pv.read(Variable(name, "")) if result.ok else None)
