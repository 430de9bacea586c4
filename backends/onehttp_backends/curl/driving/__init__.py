"""Who drives the engine: one owner at a time, never none while work remains.

`ownership.py` has the theory, the states and their table; `helm.py` is what the backend calls;
the other files are those who may drive: blocking callers, event loops, the engine's own threads.
"""

from onehttp_backends.curl.driving.helm import Helm
from onehttp_backends.errors import ReentrantCallError

__all__ = ["Helm", "ReentrantCallError"]
