"""The environment variables in which libcurl looks for proxies."""

from __future__ import annotations

import os
from typing import Final

_NAMES: Final = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def proxy_variables() -> dict[str, str]:
    """Those that are set and not empty, with their names in lower case.

    They are asked for one by one, for each new handle: iterating over the environment takes a
    hundred times as long, since it decodes all the names.
    """
    get = os.environ.get
    return {name: value for name in _NAMES if (value := get(name) or get(name.upper()))}
