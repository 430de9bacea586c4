"""One small program for each client and feature; run in the environment of that client.

Imports the standard library and one client. A probe returns what it saw, or raises what the client
raised; what that comes to is for `features` to say, in the process that asked.
"""
