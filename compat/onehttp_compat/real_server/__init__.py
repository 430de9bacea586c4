"""A script in a real Kamailio of this machine: messages by UDP on loopback, HTTP calls taken over.

`inside.py` runs in the server's own Python, with nothing but the standard library; all that it asks
goes over a socket to this process, which makes the HTTP calls and writes the report.
"""
