"""What a running process tells its operator: counts of its calls, and a socket to ask by.

Imports what calls are made on, never the process itself: that hands in what may be asked of it.
"""
