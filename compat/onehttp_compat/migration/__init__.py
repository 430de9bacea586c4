"""From the legacy calls to ``onehttp``: finds the calls, and writes what replaces them.

Needs the extra ``migrate``. It reads sources and recordings, runs neither, and knows nothing about
the engine.
"""
