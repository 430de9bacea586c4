"""One multi handle and all that is in flight on it; who may drive it is said in `ownership`."""

from onehttp_backends.curl.engine.engine import Engine

__all__ = ["Engine"]
