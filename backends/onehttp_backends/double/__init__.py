"""The httpx double: the contract of the pycurl engine, for tests, in process or over sockets.

What it cannot do: HTTP/3; check the host name of a certificate it does not verify; bind to an
interface by name (an address works). Its idle limit is one for the whole TLS handshake, for a
lookup and its connection together, and for all streams of a connection. docs/testing.md has what
else differs.
"""

from onehttp_backends.double.answers import Answer
from onehttp_backends.double.double import HttpxBackend

__all__ = ["Answer", "HttpxBackend"]
