"""Domains under which anybody may have a name: no cookie is for all of ``co.uk``."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from onehttp_backends.hints.extras import brought_by

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

MISSING: Final = f"a jar of cookies needs the public suffix list: {brought_by('cookies')}"


def is_public_suffix(domain: str) -> bool:
    """Whether nobody owns the whole of ``domain``, a name in lower case; so is any top level."""
    return bool(_list().is_public(domain))


def is_known() -> bool:
    """Whether there is a list to ask."""
    try:
        _list()
    except ImportError:
        return False
    return True


@functools.cache
def _list() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()
