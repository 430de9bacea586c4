"""One multi handle and all that is in flight on it.

`ownership.py` decides which thread drives it. `http2_stream_queue.py` holds the transfers that wait
until their HTTP/2 server allows another stream.
"""

from onehttp_backends.curl.engine.engine import Engine

__all__ = ["Engine"]
