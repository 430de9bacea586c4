"""Migrates scripts from the legacy calls to ``onehttp``: finds the calls and writes their
replacements.

It needs the extra ``migrate``. It reads sources and recordings but runs neither, and does not know
the engine.
"""
