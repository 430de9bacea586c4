"""Runs a script in a real Kamailio on this machine: messages over UDP on loopback, and HTTP calls
by our engine.

The files in `inside/` run in the server's own Python with only the standard library. They send
the requests of the script over a socket to this process, which makes the HTTP calls and writes the
report.
"""
