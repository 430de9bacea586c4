"""Options of a single call that differ from those of its connection."""

from __future__ import annotations

from dataclasses import replace

from onehttp.policies.variants import VARIANTS
from onehttp_backends.bodies.upload import too_much
from onehttp_backends.contract import TransferOptions
from onehttp_backends.errors import CurlCode, RequestTypeError, Sent


def with_max_body(options: TransferOptions, max_body: int) -> TransferOptions:
    """``options`` with another limit for the size of the response body.

    Raises:
        RequestTypeError: ``max_body`` is no number of bytes.
    """
    if type(max_body) is not int or max_body < 0:
        raise RequestTypeError(
            CurlCode.BAD_FUNCTION_ARGUMENT,
            f"max_body: expected bytes as a whole number, 0 for no limit, got {max_body!r}",
        )
    if max_body == options.max_body_bytes:
        return options
    return VARIANTS.of(
        options, ("max_body", max_body), lambda: replace(options, max_body_bytes=max_body)
    )


def with_idle(options: TransferOptions, idle_s: object) -> TransferOptions:
    """``options`` with another idle limit; the engine checks that it is a number of seconds.

    Raises:
        RequestTypeError: it is no number.
    """
    if not isinstance(idle_s, int | float):
        raise RequestTypeError(
            CurlCode.BAD_FUNCTION_ARGUMENT,
            f"timeout: idle_s: expected seconds, got {type(idle_s).__name__}",
        )
    return VARIANTS.of(options, ("idle", idle_s), lambda: replace(options, idle_timeout_s=idle_s))


def check_size(body: bytes, max_upload: int) -> None:
    """Raise UploadError if the body is larger than the limit of its call."""
    limit = checked_limit(max_upload)
    if limit and len(body) > limit:
        raise too_much(limit, Sent.NO)


def checked_limit(max_upload: object) -> int:
    """``max_upload`` of a call, once it is checked; 0 = no limit.

    Raises:
        RequestTypeError: it is no number of bytes.
    """
    if max_upload is None:
        return 0
    if type(max_upload) is not int or max_upload < 0:
        raise RequestTypeError(
            f"max_upload: expected bytes as a whole number, 0 for no limit, got {max_upload!r}"
        )
    return max_upload
