"""An answer in process that breaks off within its body."""

from __future__ import annotations

from onehttp_backends.contract import Request, Response
from onehttp_backends.errors import CurlCode, Phase, Sent, TransferError, transfer_error
from onehttp_backends.response import REDIRECTS
from onehttp_backends.shown import shown, too_large


class CutResponse(Response):
    """A head, and of the body that it announces what came before the connection broke.

    Attributes:
        missing: how many bytes never came.
    """

    __slots__ = ("missing",)

    def __init__(self, status: int, head: list[bytes], body: bytes, url: str, missing: int) -> None:
        super().__init__(status, head, body, url)
        self.missing = missing

    def __copy__(self) -> CutResponse:
        return CutResponse(self.status, self._head, self.body, self.url, self.missing)


def cut_response(whole: Response, after: object, place: str) -> CutResponse:
    """``whole`` without what comes after so many bytes of its body.

    Raises:
        TypeError, ValueError: so many cannot be meant; begins with ``place``.
    """
    if not isinstance(after, int) or isinstance(after, bool):
        raise TypeError(f"{place}: cut_after: expected a number of bytes, got {after!r}")
    if not 0 <= after < len(whole.body):
        raise ValueError(
            f"{place}: cut_after: expected from 0 on, and fewer than the {len(whole.body)} bytes "
            f"that the body has, got {after}"
        )
    head, missing = whole.head.splitlines(keepends=True), len(whole.body) - after
    return CutResponse(whole.status, head, whole.body[:after], "", missing)


def checked_whole(response: Response, request: Request) -> Response:
    """``response``, all of which whoever made ``request`` waits for.

    Raises:
        TransferError: it breaks off before (18), or is announced to be larger than allowed (63).
    """
    error = break_of(response, request)
    if error is None or response.truncated:
        return response
    leads_on = response.status in REDIRECTS and response.headers.get("location")
    if request.passes_redirects_by and leads_on:
        return response
    assert isinstance(response, CutResponse)
    options, announced = request.options, len(response.body) + response.missing
    is_told = options.body_policy == "fail" and "content-length" in response.headers
    if is_told and not options.decompress and 0 < options.max_body_bytes < announced:
        raise too_large(request)
    raise error


def break_of(response: Response, request: Request) -> TransferError | None:
    """What follows the bytes of the body instead of its end; None: it is whole."""
    if not isinstance(response, CutResponse) or request.method == "HEAD":
        return None
    return transfer_error(
        CurlCode.PARTIAL_FILE,
        f"{shown(request)}: the connection broke with {response.missing} bytes of the body to come",
        sent=Sent.YES,
        phase=Phase.BODY,
    )
