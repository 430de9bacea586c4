"""Redirects, followed here and not by the engine, so that one deadline covers all hops and what
belongs to an origin stays there.

libcurl, like its peers, sends an ``X-Api-Key`` on to wherever a redirect points. Here only
headers that say nothing about the caller cross an origin, and credentials never do. Nor does a
public server lead into a private network: whoever answers there would take the request for one
from within.
"""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from collections.abc import Generator
from typing import Final

from onehttp.policies.location import origin, target
from onehttp.policies.variants import VARIANTS
from onehttp_backends.contract import Outcome, Request, Response, TransferOptions
from onehttp_backends.errors import (
    CurlCode,
    PeerRefusedError,
    Phase,
    RedirectError,
    Sent,
    TransferError,
    UploadError,
    at_least,
    transfer_error,
)
from onehttp_backends.observed import step
from onehttp_backends.response import REDIRECTS
from onehttp_backends.rules.proxies import proxy_of
from onehttp_backends.rules.public_addresses import is_private_host, is_public
from onehttp_backends.secret_values import shown_url
from onehttp_backends.time_limits import total_s

DEFAULT_MAX_REDIRECTS: Final = 10
_ORIGIN_FREE: Final = frozenset({"accept", "accept-language", "content-type", "user-agent",
                                 "range", "if-range"})  # fmt: skip
"""Who asked for a part would else be given the whole; without `If-Range`, it might be put behind
another version."""
_OF_THE_BODY: Final = frozenset({"transfer-encoding", "trailer", "expect", "digest", "repr-digest",
                                 "last-modified"})  # fmt: skip
"""And all of ``Content-*`` (RFC 9110, 15.4)."""
_SHOWN: Final = 3
"""The number of hops that the error about a redirect loop shows."""


class Trail:
    """The redirects of one call: which request comes next, and when to stop."""

    def __init__(self, request: Request, max_redirects: int) -> None:
        self._request = request
        self._options = request.options
        """The options of the last hop."""
        self._max_redirects = max_redirects
        self._count = 0
        self._history: list[Response] = []
        self._shown: deque[str] = deque(maxlen=_SHOWN)
        limit_s = total_s(request)
        self._deadline = time.monotonic() + limit_s if limit_s else None

    def onward(self, response: Response) -> Request | None:
        """The request that ``response`` redirects to; None when it is the answer.

        Raises:
            TooManyRedirectsError: code 47.
            RedirectError: the target is malformed (3), or of another scheme, or plain http
                coming from https (1), or a private host coming from a public one (7).
            TimeoutError: the time for all hops together is over.
        """
        locations = response.headers.get_all("location") if response.status in REDIRECTS else ()
        if not locations or not locations[0]:
            response.redirect_count = self._count
            response.history = tuple(self._history)
            return None
        if self._count >= self._max_redirects:
            raise transfer_error(
                CurlCode.TOO_MANY_REDIRECTS,
                f"more than {self._max_redirects} redirects, at last to {', '.join(self._shown)}",
                sent=Sent.YES,
            )
        self._count += 1
        self._request = self._redirected(self._request, response, locations[0])
        # Whether anything of it has come is a matter of size and time, and differs by engine.
        response.body, response.truncated = b"", False
        self._history.append(response)
        self._shown.append(shown_url(self._request.url))
        return self._request

    def failed(self, error: TransferError) -> TransferError:
        """The outcome of the call, given the ``error`` of its latest hop."""
        if not self._count:
            return error
        if isinstance(error, PeerRefusedError):
            refusal = RedirectError(
                error.code, f"redirect refused: {error.message}", sent=Sent.YES, phase=error.phase
            )
            refusal.__cause__ = error
            return refusal
        return at_least(error, Sent.YES)

    def _redirected(self, request: Request, response: Response, location: str) -> Request:
        url = target(request.url, location)
        before, after = origin(request.url), origin(url)
        if before.startswith("https:") and after.startswith("http:"):
            raise RedirectError(
                CurlCode.UNSUPPORTED_PROTOCOL,
                f"redirect from https to plain http refused ({after})",
                sent=Sent.YES,
            )
        method, headers, body = request.method, request.headers, request.body
        upload = request.upload
        status = response.status
        if (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST"):
            method, body, upload = "GET", None, None
            headers = tuple(pair for pair in headers if not _is_of_the_body(pair[0].lower()))
        elif upload is not None and not upload.may_begin:
            raise UploadError(
                CurlCode.SEND_FAIL_REWIND,
                f"redirect ({status}) not followed: the body has to be sent again, and what it "
                "comes from can be read only once; give a file or a list",
                sent=Sent.YES,
            )
        if before != after:
            headers = tuple(pair for pair in headers if pair[0].lower() in _ORIGIN_FREE)
            self._options = elsewhere(self._options)
        return request._replace(
            method=method,
            url=url,
            headers=headers,
            body=body,
            upload=upload,
            options=_kept_outside(self._options, response, before, after),
            total_timeout_s=self._time_left_s(),
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
    """The course (see `onehttp.calls.course`) of ``request`` and the redirects it meets."""
    request = request._replace(passes_redirects_by=request.method != "HEAD")
    trail = Trail(request, max_redirects)
    while True:
        outcome = yield request
        assert outcome is not None
        if not isinstance(outcome, Response):
            return trail.failed(outcome)
        try:
            onward = trail.onward(outcome)
        except TransferError as error:
            return error.with_traceback(None)  # whose frames hold URLs
        if onward is None:
            return outcome
        step("redirected", reason="redirect")
        request = onward


def _kept_outside(
    options: TransferOptions, response: Response, before: str, after: str
) -> TransferOptions:
    """``options`` for a hop from one origin to another, or the same once more, whose name may stand
    for another address by now: coming from a public server, the engine connects to public addresses
    only.

    Raises:
        RedirectError: a proxy will connect, and the target names a private host.
    """
    if options.private_redirects:
        return options
    is_direct = proxy_of(options.proxy, after) is None
    if proxy_of(options.proxy, before) is None:
        is_from_outside = is_public(response.peer.host)
    else:
        is_from_outside = not is_private_host(_host(before))
    if not is_from_outside or (is_direct and options.peers == "public"):
        return options
    if is_direct:
        return VARIANTS.of(
            options, "outside", lambda: dataclasses.replace(options, peers="public", proxy=None)
        )
    # The proxy connects, so only the names can be checked here.
    if is_private_host(_host(after)):
        raise RedirectError(
            CurlCode.COULDNT_CONNECT,
            f"redirect refused: {after} is private, and {before} is not",
            sent=Sent.YES,
        )
    return options


def _host(place: str) -> str:
    authority = place.partition("://")[2]
    return (
        authority.partition("]")[0].lstrip("[")
        if "]" in authority
        else (authority.partition(":")[0])
    )


def elsewhere(options: TransferOptions) -> TransferOptions:
    """``options`` for another origin: without credentials, client certificate and unix socket."""
    return VARIANTS.of(
        options,
        "elsewhere",
        lambda: dataclasses.replace(
            options, auth=None, unix_socket=None, tls=options.tls.without_identity()
        ),
    )


def _is_of_the_body(lowered: str) -> bool:
    return lowered.startswith("content-") or lowered in _OF_THE_BODY
