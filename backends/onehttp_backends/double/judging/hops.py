"""The target of a redirect, as libcurl reads its Location, and errors of later hops."""

from __future__ import annotations

import re
from typing import Final, NoReturn
from urllib.parse import quote, urljoin

from onehttp_backends.contract import Request, Response
from onehttp_backends.errors import (
    CurlCode,
    Phase,
    RequestError,
    Sent,
    TransferError,
    at_least,
    transfer_error,
)
from onehttp_backends.rules.request_rules import check_url

_REDIRECTS: Final = range(300, 400)
"""libcurl goes wherever a Location of these points, whatever the status means."""
_SECRET_HEADERS: Final = frozenset({"authorization", "cookie"})
_VISIBLE: Final = "".join(map(chr, range(0x21, 0x7F)))
_without_a_host = re.compile(r"(?:https?:)?//(?:[?#]|$)").match
_scheme = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):").match


def onward(request: Request, response: Response) -> Request | None:
    """The next request; None: this answer is the last.

    Raises:
        RequestError: it leads where no request may go.
    """
    location = response.headers.get("location")
    if not request.options.max_redirects or response.status not in _REDIRECTS or not location:
        return None
    target = _target(request.url, location)
    method, body, headers = request.method, request.body, request.headers
    if response.status in (301, 302, 303) and body is not None:
        body = None
        if method == "POST" and not request.options.redirects_keep_method:
            method = "GET"
    if check_url(request.url).lower() != check_url(target).lower():
        headers = tuple(pair for pair in headers if pair[0].lower() not in _SECRET_HEADERS)
    return request._replace(method=method, url=target, body=body, headers=headers)


def of_a_later_hop(error: TransferError) -> TransferError:
    """``error`` where an answer has led on before: a server has seen a request."""
    found = at_least(error, Sent.YES)
    if found.phase is Phase.CONNECT:
        found.phase = Phase.BODY  # libcurl's times are those of the hop before
    return found


def _target(base: str, location: str) -> str:
    # As bytes: a head is latin-1, whatever its server has meant.
    location = quote(location.encode("latin-1", "replace"), safe=_VISIBLE)
    if location[0] not in "/?#" and not _scheme(location):
        location = f"./{location}"  # before Python 3.11 a scheme may begin with a digit
    try:
        target = urljoin(base, location).partition("#")[0]
    except ValueError:
        _refuse(CurlCode.URL_MALFORMAT, location)
    scheme = _scheme(target)
    # libcurl finds a file URL with a host malformed before it finds it forbidden.
    has_host = target.startswith("file://") and not target.startswith("file:///")
    if scheme and scheme[1].lower() not in ("http", "https") and not has_host:
        _refuse(CurlCode.UNSUPPORTED_PROTOCOL, target)
    if has_host or _without_a_host(location):
        _refuse(CurlCode.URL_MALFORMAT, location)
    try:
        check_url(target)
    except RequestError as error:
        _refuse(error.code, target)
    return target


def _refuse(code: int, target: str) -> NoReturn:
    raise transfer_error(code, f"redirect to {target}", sent=Sent.YES, phase=Phase.BODY)
