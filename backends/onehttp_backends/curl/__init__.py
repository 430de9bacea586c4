"""The pycurl engine: one libcurl multi handle per process, and whoever waits drives it."""

from onehttp_backends.curl.backend import PycurlBackend

__all__ = ["PycurlBackend"]
