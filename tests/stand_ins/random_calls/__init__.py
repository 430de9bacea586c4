"""Random calls of the functions of ``KSR``, in the emulation and in the real server."""
