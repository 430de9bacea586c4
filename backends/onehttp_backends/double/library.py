"""The library under the double: ``httpx2`` where it is there, else ``httpx``.

Both have the same API; the elder has had no release since 2024. Nobody else imports either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import httpcore
    import httpx
else:
    try:
        import httpcore2 as httpcore
        import httpx2 as httpx
    except ImportError:
        import httpcore
        import httpx

__all__ = ["LIBRARIES", "LIBRARY", "httpcore", "httpx"]

LIBRARIES: Final = ("httpx2", "httpx")
LIBRARY: Final = f"{httpx.__name__} {httpx.__version__}"
