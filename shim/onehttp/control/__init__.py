"""What a running process tells its operator: counts of its calls, and a socket to ask by.

It never imports the process itself: that hands in the commands that may be asked of it.
"""
