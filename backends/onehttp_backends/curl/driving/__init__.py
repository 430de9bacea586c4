"""Who drives the engine: one owner at a time, never none while work remains.

`helm.py` is what the backend calls, and `crew.py` what all drivers share. The drivers are blocking
callers (`blocking.py`, `window.py`), readers of streams (`stream_transfers.py`), event loops
(`event_loop.py`) and the engine's own threads (`callbacks.py`). The theory, the states and their
table are in `engine/ownership.py`. A call that hangs waits in this folder.
"""

from onehttp_backends.curl.driving.helm import Helm
from onehttp_backends.errors import ReentrantCallError

__all__ = ["Helm", "ReentrantCallError"]
