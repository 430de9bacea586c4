"""What only looks like an address or a name: libcurl would say so on the way, others otherwise."""

from __future__ import annotations

import re

_suspect = re.compile(r"\[([^\]%]*)|\.\.(?::|$)|//\.(?::|$)").search


def is_no_host(origin: str) -> bool:
    """Whether ``scheme://host[:port]`` names no host that there could be."""
    found = _suspect(origin)
    if found is None:
        return False
    import socket  # not for every process, nor for every URL

    try:
        socket.inet_pton(socket.AF_INET6, found[1] or "")
    except OSError:
        return True
    return False
