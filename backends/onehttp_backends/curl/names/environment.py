"""The variables of the environment that libcurl finds proxies in."""

from __future__ import annotations

import os
from typing import Final

_NAMES: Final = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def proxy_variables() -> dict[str, str]:
    """Those that are set and not empty, by their names in lower case.

    Asked one by one, for each new handle: going through the environment takes a hundred times as
    long, since each of its names is decoded on the way.
    """
    get = os.environ.get
    return {name: value for name in _NAMES if (value := get(name) or get(name.upper()))}
