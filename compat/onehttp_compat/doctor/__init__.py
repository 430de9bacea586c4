"""``onehttp doctor``: the libraries and settings of a process, and whether they are safe together.

It reads /proc and the environment, changes nothing, and knows nothing about calls.
"""
