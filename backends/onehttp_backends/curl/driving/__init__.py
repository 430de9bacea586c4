"""Who drives the engine: one owner at a time, never none while work remains.

`helm.py` is what the backend calls; `blocking.py`, `event_loop.py`, `crew.py` and `streams.py` are
the drivers: blocking callers, event loops, the engine's own threads, readers of streams. The
theory, the states and their table are in `engine/ownership.py`. A call that hangs waits in this
folder.
"""

from onehttp_backends.curl.driving.helm import Helm
from onehttp_backends.errors import ReentrantCallError

__all__ = ["Helm", "ReentrantCallError"]
