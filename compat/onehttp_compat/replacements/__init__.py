"""The code that replaces a legacy call: with the call's own method, connection, headers and body.

`replacement` writes it for one observed call. It uses the expressions of the script if its source
shows them, or else the values of that call.
"""

from __future__ import annotations

from collections.abc import Sequence

from onehttp_compat.calls.observed_call import LegacyCall
from onehttp_compat.replacements.asynchronous import ASYNCHRONOUS, asynchronous
from onehttp_compat.replacements.call_site import CallSites, Given
from onehttp_compat.replacements.synchronous import SYNCHRONOUS, synchronous

__all__ = ["CallSites", "replacement", "written"]


def replacement(call: LegacyCall, sites: CallSites) -> str:
    """Return Python code, of one or several lines, that can replace the call."""
    return written(call, sites.arguments(call), sites.set_before(call))


def written(
    call: LegacyCall, arguments: dict[str, Given], set_before: Sequence[tuple[str, Given]] = ()
) -> str:
    """The same for arguments that are known already.

    Args:
        set_before: the settings that were made for the call with ``$http_req(key)``.
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
