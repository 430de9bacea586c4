"""Options of one call that are others than its connection's."""

from __future__ import annotations

from dataclasses import replace

from onehttp.policies.variants import VARIANTS
from onehttp_backends.contract import TransferOptions
from onehttp_backends.errors import CurlCode, RequestTypeError


def with_max_body(options: TransferOptions, max_body: int) -> TransferOptions:
    """``options`` with another limit of the body.

    Raises:
        RequestTypeError: it is no number of bytes.
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
