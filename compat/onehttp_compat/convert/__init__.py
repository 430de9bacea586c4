"""From the legacy modules' declarations of connections to a ``connections.yaml``.

Reads with what the emulation reads with; must not know of the emulated calls.
"""
