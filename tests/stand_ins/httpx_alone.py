"""``pytest -p stand_ins.httpx_alone``: as where the library under the double is the elder one."""

from __future__ import annotations

import sys

sys.modules["httpx2"] = None  # type: ignore[assignment]  # its import fails
