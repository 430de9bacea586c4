"""What a warning says instead of a call: code in the script's own expressions, without secrets."""

from __future__ import annotations

from onehttp_compat.calls.observed_call import LegacyCall
from onehttp_compat.calls.secrets import without_secrets
from onehttp_compat.replacements import CallSites, replacement


class Advice:
    """Writes replacements for warnings: those go to logs, so values of calls do not stand there."""

    def __init__(self) -> None:
        self._sites = CallSites()

    def __call__(self, call: LegacyCall) -> str:
        """Code for the call, or for its function where the script's source does not tell which
        call it is."""
        if self._sites.knows(call):
            return without_secrets(replacement(call, self._sites))
        return call.function.replacement
