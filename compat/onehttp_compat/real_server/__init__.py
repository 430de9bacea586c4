"""Runs a script in a real Kamailio on this machine: messages over UDP on loopback, and HTTP calls
by our engine.

`inside.py` runs in the server's own Python with only the standard library. It sends its requests
over a socket to this process, which makes the HTTP calls and writes the report.
"""
