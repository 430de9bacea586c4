"""From the legacy calls to ``onehttp``: what calls what, and what stands there after.

An extra: ``migrate``. Reads sources and recordings, runs neither, and must
not know of the engine.
"""
