"""Public suffixes, such as ``co.uk``: domains under which anybody may register names."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from onehttp_backends.hints.extras import brought_by

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

MISSING: Final = f"a jar of cookies needs the public suffix list: {brought_by('cookies')}"


def is_public_suffix(domain: str) -> bool:
    """Whether ``domain`` (in lower case) is a public suffix, as every top-level domain is."""
    return bool(_list().is_public(domain))


def is_known() -> bool:
    """Whether the list of public suffixes is installed."""
    try:
        _list()
    except ImportError:
        return False
    return True


@functools.cache
def _list() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()
