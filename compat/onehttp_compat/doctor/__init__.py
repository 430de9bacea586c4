"""What a process is made of, and whether that is safe: ``onehttp doctor``.

Reads /proc and the environment, and changes nothing; must not know of calls.
"""
