"""A look at a server: a fresh connection with everything that libcurl can tell of it."""

from __future__ import annotations

import dataclasses
import ssl
from collections import deque

import pycurl

from onehttp_backends.contract import Peer, Request, Response
from onehttp_backends.curl.libcurl import LIBCURL, Easy
from onehttp_backends.curl.names.lookups import Names
from onehttp_backends.curl.one_shot.performing import OneShotCounts, perform_one_shot
from onehttp_backends.curl.pool import HandlePool
from onehttp_backends.curl.sockets.reports import SocketReports
from onehttp_backends.errors import CurlCode
from onehttp_backends.optional.probing import Certificate, Probe
from onehttp_backends.rules.request_rules import check_request


class NoSockets:
    """A probe watches none: its connection does not outlive it."""

    def __init__(self) -> None:
        self.may_share = False
        self.peers: dict[int, Peer] = {}
        self.raised: list[BaseException] = []
        self.unseen: dict[int, int] = {}
        self.opening = SocketReports(lambda _what, _fd: None, lambda _fd: None).on_open

    def socket(self, _fd: int) -> None:
        return None

    def kept_on(self, _own_port: int) -> None:
        return None

    def is_dead(self, _own_port: int) -> bool:
        return False

    def carries(self, _known: object) -> bool:
        return False


def probe(request: Request, sends_request: bool, names: Names) -> Probe:
    """See `onehttp_backends.optional.probing.Prober`."""
    found = _probe(request, sends_request, names)
    if found.error is None or found.error.code != CurlCode.PEER_FAILED_VERIFICATION:
        return found
    # What is refused is worth a look: nothing is sent to it.
    tls = dataclasses.replace(request.options.tls, verify_peer=False, verify_host=False)
    options = dataclasses.replace(request.options, tls=tls, auth=None)
    unverified = _probe(request._replace(options=options), False, names)
    return dataclasses.replace(found, certificate=unverified.certificate)


def _probe(request: Request, sends_request: bool, names: Names) -> Probe:
    LIBCURL.initialise()
    origin = check_request(request)
    pool = HandlePool(NoSockets(), deque())
    handle = pool.take(request.options, origin)
    try:
        handle.prepare(request)
        handle.easy.setopt(pycurl.OPT_CERTINFO, 1)
        handle.easy.setopt(pycurl.CONNECT_ONLY, int(not sends_request))
        outcome = perform_one_shot(handle, request, OneShotCounts(), names, sends_request)
        certificate = _certificate(handle.easy)
    finally:
        handle.close()
    if not isinstance(outcome, Response):
        return Probe(error=outcome, certificate=certificate)
    return Probe(
        status=outcome.status,
        http_version=outcome.http_version if sends_request else "",
        timings=outcome.timings,
        peer=outcome.peer,
        certificate=certificate,
    )


def _certificate(easy: Easy) -> Certificate | None:
    chain = easy.getinfo(pycurl.INFO_CERTINFO)
    if not chain:
        return None
    fields = dict(chain[0])
    try:
        expires = float(ssl.cert_time_to_seconds(fields["Expire date"]))
    except (KeyError, ValueError):  # libcurl with another TLS library says it in another way
        return None
    return Certificate(subject=fields.get("Subject", ""), expires=expires)
