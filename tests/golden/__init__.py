"""Replays recordings of the real legacy modules against the emulation."""
