"""``KSR`` for scripts outside the server, with one file for each group of modules.

The results are those that a routing script would see in the server. If a result does not follow
from the message, it is assumed and reported.
"""
