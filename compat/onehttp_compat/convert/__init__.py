"""Converts the legacy modules' declarations of connections into a ``connections.yaml``.

It reads them with the code of the emulation, and knows nothing about the emulated calls.
"""
