"""Redirects, followed here and not by the engine, so that one deadline covers all hops and what
belongs to an origin stays there.

libcurl, like its peers, sends an ``X-Api-Key`` on to wherever a redirect points. Here only
headers that say nothing about the caller cross an origin, and credentials never do.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator

from onehttp_backends.contract import Outcome, Request, Response, Tls, TransferOptions
from onehttp_backends.errors import CurlCode, Phase, Sent, TransferError, transfer_error
from onehttp_backends.request_rules import check_url
from onehttp_backends.trace import step

DEFAULT_MAX_REDIRECTS = 10

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ORIGIN_FREE = frozenset({"accept", "accept-language", "content-type", "user-agent"})
_OF_THE_BODY = frozenset({"content-type", "content-length", "content-encoding"})
_MAX_STRIPPED = 256


class Trail:
    """The way of one call through its redirects: what to ask next, and when to stop."""

    def __init__(self, request: Request, max_redirects: int) -> None:
        self._request = request
        self._max_redirects = max_redirects
        self._count = 0
        total_s = request.total_timeout_s
        if total_s is None:
            total_s = request.options.total_timeout_s
        self._deadline = time.monotonic() + total_s if total_s else None

    def onward(self, response: Response) -> Request | None:
        """The request that ``response`` redirects to; None when it is the answer.

        Raises:
            TooManyRedirectsError: code 47.
            RequestError: the target is malformed (3), or of another scheme, or plain http
                coming from https (1).
            TimeoutError: the time for all hops together is over.
        """
        location = response.headers.get("location") if response.status in _REDIRECTS else None
        if not location:
            response.redirect_count = self._count
            return None
        if self._count >= self._max_redirects:
            raise transfer_error(
                CurlCode.TOO_MANY_REDIRECTS,
                f"more than {self._max_redirects} redirects",
                sent=Sent.YES,
            )
        self._count += 1
        self._request = self._redirected(self._request, response.status, location)
        return self._request

    def _redirected(self, request: Request, status: int, location: str) -> Request:
        from urllib.parse import urljoin

        from onehttp.urls import ascii_url

        target = urljoin(request.url, location)
        target = (target if target.isascii() else ascii_url(target)).partition("#")[0]
        before, after = check_url(request.url).lower(), check_url(target).lower()
        if before.startswith("https:") and after.startswith("http:"):
            raise transfer_error(
                CurlCode.UNSUPPORTED_PROTOCOL,
                f"redirect from https to plain http refused ({after})",
                sent=Sent.YES,
            )
        method, headers, body = request.method, request.headers, request.body
        if (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST"):
            method, body = "GET", None
            headers = tuple(pair for pair in headers if pair[0].lower() not in _OF_THE_BODY)
        options = request.options
        if before != after:
            headers = tuple(pair for pair in headers if pair[0].lower() in _ORIGIN_FREE)
            options = without_credentials(options)
        return Request(
            method, target, headers, body, options, self._time_left_s(), request.connect_timeout_s
        )

    def _time_left_s(self) -> float:
        if self._deadline is None:
            return 0.0
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise transfer_error(
                CurlCode.OPERATION_TIMEDOUT,
                f"out of time after {self._count} redirects",
                sent=Sent.YES,
                phase=Phase.QUEUE,
            )
        return left_s


def following(request: Request, max_redirects: int) -> Generator[Request, Outcome | None, Outcome]:
    """A course (see `onehttp.policies.course`): ``request`` and the redirects it meets."""
    trail = Trail(request, max_redirects)
    while True:
        outcome = yield request
        assert outcome is not None
        if not isinstance(outcome, Response):
            return outcome
        try:
            onward = trail.onward(outcome)
        except TransferError as error:
            return error
        if onward is None:
            return outcome
        step("redirected")
        request = onward


_stripped: dict[int, tuple[TransferOptions, TransferOptions]] = {}


def without_credentials(options: TransferOptions) -> TransferOptions:
    """``options`` without auth and client certificate; the same object for the same options."""
    found = _stripped.get(id(options))
    if found is not None:
        return found[1]
    tls = options.tls
    bare = dataclasses.replace(
        options,
        auth=None,
        tls=Tls(
            verify_peer=tls.verify_peer,
            verify_host=tls.verify_host,
            ca_file=tls.ca_file,
            ca_path=tls.ca_path,
            ciphers=tls.ciphers,
            min_version=tls.min_version,
            max_version=tls.max_version,
        ),
    )
    if len(_stripped) >= _MAX_STRIPPED:
        _stripped.clear()
    _stripped[id(options)] = (options, bare)
    return bare
