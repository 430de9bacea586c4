"""What tests of code on top of onehttp need; docs/testing.md shows it.

The fixtures are in `plugin`, the only module here that imports pytest. `FakeTransactionLayer`
stands for the SIP server around a script. Nothing here is imported by the rest of the library, and
nothing of the library by a run of pytest that uses no fixture of it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onehttp.testing.public import *  # noqa: F403 - for type checkers
    from onehttp.testing.public import __all__ as __all__
else:

    def __getattr__(name: str) -> Any:
        return getattr(import_module("onehttp.testing.public"), name)
