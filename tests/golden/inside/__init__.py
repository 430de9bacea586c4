"""Recordings once more, with the emulation where scripts have it: inside the real server."""
