"""The code that a warning suggests, in the expressions of the script and without secrets."""

from __future__ import annotations

from onehttp_compat.calls.observed_call import LegacyCall
from onehttp_compat.calls.secrets import without_secrets
from onehttp_compat.replacements import CallSites, replacement


class Advice:
    """Writes replacements for warnings. Warnings go to logs, so the code must not contain values of
    calls."""

    def __init__(self) -> None:
        self._sites = CallSites()

    def __call__(self, call: LegacyCall) -> str:
        """Return code for the call, or general code for its function if the source does not show
        which call it is."""
        if self._sites.knows(call):
            return without_secrets(replacement(call, self._sites))
        return call.function.replacement
