"""Module ``auth_identity`` (until 5.7): SIP Identity by RFC 4474.

The import is cheap. The extra ``identity`` is needed once the module is configured or one of its
functions is called.
"""

from __future__ import annotations

from collections.abc import Callable

from onehttp_compat.modules.auth_identity.module import (
    RECOMMENDED_REPLIES,
    WITHOUT_IDENTITY,
    AuthIdentity,
    NoRequestError,
)
from onehttp_compat.server import default_server
from onehttp_compat.sip.request import SipRequest

__all__ = [
    "RECOMMENDED_REPLIES",
    "WITHOUT_IDENTITY",
    "AuthIdentity",
    "NoRequestError",
    "auth_add_identity",
    "auth_date_proc",
    "receive",
    "vrfy_check_callid",
    "vrfy_check_certificate",
    "vrfy_check_date",
    "vrfy_check_msgvalidity",
    "vrfy_get_certificate",
]


def receive(raw: bytes) -> SipRequest:
    """Make ``raw`` the request that the functions of the default server work on.

    Returns:
        The request. Its ``to_bytes()`` contains the headers that functions have added.

    Raises:
        SipRequestError: it is not a SIP request.
    """
    request = default_server().pv.request = SipRequest(raw)
    return request


def _function(name: str) -> Callable[[], int]:
    def function() -> int:
        return default_server().call(name, ())

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"``{name}()`` of a native script, on the default server."
    return function


auth_date_proc = _function("auth_date_proc")
auth_add_identity = _function("auth_add_identity")
vrfy_check_date = _function("vrfy_check_date")
vrfy_get_certificate = _function("vrfy_get_certificate")
vrfy_check_certificate = _function("vrfy_check_certificate")
vrfy_check_msgvalidity = _function("vrfy_check_msgvalidity")
vrfy_check_callid = _function("vrfy_check_callid")
