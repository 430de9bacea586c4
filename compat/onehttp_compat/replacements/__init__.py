"""The code that replaces a legacy call: with the call's own method, connection, headers and body.

`replacement` writes it for one call as it was observed: in the expressions of the script where its
source tells them, otherwise with the values of that call.
"""

from __future__ import annotations

from collections.abc import Sequence

from onehttp_compat.calls.observed_call import LegacyCall
from onehttp_compat.replacements.asynchronous import ASYNCHRONOUS, asynchronous
from onehttp_compat.replacements.call_site import CallSites, Given
from onehttp_compat.replacements.synchronous import SYNCHRONOUS, synchronous

__all__ = ["CallSites", "replacement", "written"]


def replacement(call: LegacyCall, sites: CallSites) -> str:
    """Python code, of one or several lines, that can stand in place of the call."""
    return written(call, sites.arguments(call), sites.set_before(call))


def written(
    call: LegacyCall, arguments: dict[str, Given], set_before: Sequence[tuple[str, Given]] = ()
) -> str:
    """The same for arguments that are known already.

    Args:
        set_before: what was set for the call in ``$http_req(key)``.
    """
    module = call.function.module
    before = [given.before for given in arguments.values() if given.before]
    if module in SYNCHRONOUS:
        code = synchronous(call, arguments)
    elif module in ASYNCHRONOUS:
        code = asynchronous(call, arguments, list(set_before))
    else:
        code = call.function.replacement
    return "\n".join([*before, code])
