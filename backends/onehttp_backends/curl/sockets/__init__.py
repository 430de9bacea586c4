"""libcurl's sockets as the kernel sees them."""

from onehttp_backends.curl.sockets.socket import Socket
from onehttp_backends.curl.sockets.watch import SocketWatch

__all__ = ["Socket", "SocketWatch"]
