"""An answer in process whose body breaks off, or comes in pieces with pauses."""

from __future__ import annotations

import copy

from onehttp_backends.contract import Request, Response
from onehttp_backends.double.coming.pace import Pace
from onehttp_backends.errors import CurlCode, Phase, Sent, TransferError, transfer_error
from onehttp_backends.response import REDIRECTS
from onehttp_backends.rules.request_rules import check_seconds
from onehttp_backends.shown import shown, too_large


class ComingResponse(Response):
    """A head, and how the body that it announces comes.

    Attributes:
        missing: how many of its bytes never come, because the connection breaks before.
        pace: how the others come; None: at once.
    """

    __slots__ = ("missing", "pace")

    def __init__(
        self,
        status: int,
        head: list[bytes],
        body: bytes,
        url: str,
        missing: int = 0,
        pace: Pace | None = None,
    ) -> None:
        super().__init__(status, head, body, url)
        self.missing = missing
        self.pace = pace

    def __copy__(self) -> ComingResponse:
        pace = self.pace and self.pace.anew()
        made = ComingResponse(self.status, self._head, self.body, self.url, self.missing, pace)
        made.truncated = self.truncated
        return made


def coming(whole: Response, cut_after: object, drip: object, place: str) -> ComingResponse:
    """``whole`` without what comes after ``cut_after`` bytes of its body, if that is given, and
    the rest as ``drip`` has it, if that is.

    Raises:
        TypeError, ValueError: they cannot be meant; begins with ``place``.
    """
    size = len(whole.body)
    after = size if cut_after is None else _checked_cut(cut_after, size, place)
    pace = None if drip is None else _checked_pace(drip, size, place)
    head = whole.head.splitlines(keepends=True)
    return ComingResponse(whole.status, head, whole.body[:after], "", size - after, pace)


def _checked_cut(after: object, size: int, place: str) -> int:
    if not isinstance(after, int) or isinstance(after, bool):
        raise TypeError(f"{place}: cut_after: expected a number of bytes, got {after!r}")
    if not 0 <= after < size:
        raise ValueError(
            f"{place}: cut_after: expected from 0 on, and fewer than the {size} bytes "
            f"that the body has, got {after}"
        )
    return after


def _checked_pace(drip: object, size: int, place: str) -> Pace:
    if not isinstance(drip, tuple) or len(drip) != 2:
        raise TypeError(f"{place}: drip: expected (bytes, seconds), got {drip!r}")
    piece_bytes, pause_s = drip
    if not isinstance(piece_bytes, int) or isinstance(piece_bytes, bool):
        raise TypeError(f"{place}: drip: expected a number of bytes first, got {piece_bytes!r}")
    if piece_bytes < 1:
        raise ValueError(f"{place}: drip: expected a byte at a time or more, got {piece_bytes}")
    check_seconds(f"{place}: drip", pause_s)
    if not size:
        raise ValueError(f"{place}: drip: there is no body that could come in pieces")
    return Pace(piece_bytes, pause_s)


def checked_whole(response: Response, request: Request) -> Response:
    """``response``, all of which whoever made ``request`` waits for.

    Raises:
        TransferError: it breaks off before (18), or is announced to be larger than allowed (63).
    """
    error = break_of(response, request)
    if error is None or response.truncated or is_passed_by(response, request):
        return response
    check_announced(response, request)
    raise error


def is_passed_by(response: Response, request: Request) -> bool:
    """Whether nobody waits for its body: it leads on."""
    leads_on = response.status in REDIRECTS and response.headers.get("location")
    return request.passes_redirects_by and bool(leads_on)


def check_announced(response: Response, request: Request) -> None:
    """Raises TooLargeError if its head tells of more bytes than are allowed."""
    assert isinstance(response, ComingResponse)
    options, announced = request.options, len(response.body) + response.missing
    is_told = options.body_policy == "fail" and "content-length" in response.headers
    if is_told and not options.decompress and 0 < options.max_body_bytes < announced:
        raise too_large(request)


def break_of(response: Response, request: Request) -> TransferError | None:
    """The error that follows the bytes of the body; None if the body is complete."""
    is_cut = isinstance(response, ComingResponse) and response.missing
    if not is_cut or request.method == "HEAD":
        return None
    assert isinstance(response, ComingResponse)
    return transfer_error(
        CurlCode.PARTIAL_FILE,
        f"{shown(request)}: the connection broke with {response.missing} bytes of the body to come",
        sent=Sent.YES,
        phase=Phase.BODY,
    )


def limited(response: Response, request: Request) -> Response:
    """``response``, or a copy of it, under ``max_body_bytes``. What nobody wants has no limit."""
    limit = 0 if is_passed_by(response, request) else request.options.max_body_bytes
    if limit and len(response.body) > limit:
        if request.options.body_policy == "fail":
            raise too_large(request)
        response = copy.copy(response)
        response.body, response.truncated = response.body[:limit], True
    return response
