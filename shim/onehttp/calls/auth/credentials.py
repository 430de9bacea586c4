"""Credentials of a single call: the values of ``auth=``."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from typing import Final, TypeAlias

from onehttp.calls.auth.token_source import TokenSource, bearer
from onehttp.policies.variants import VARIANTS
from onehttp_backends.contract import Auth, AuthScheme, TransferOptions
from onehttp_backends.errors import CurlCode, RequestError, RequestTypeError
from onehttp_backends.headers import HeaderPairs
from onehttp_backends.rules.plain_text import plain_text

AUTHORIZATION: Final = "Authorization"
_control = re.compile(r"[\x00-\x1f\x7f]").search


class Basic(Auth):
    """A name and a password (RFC 7617), sent with the first request."""

    __slots__ = ()

    def __init__(self, username: str, password: str) -> None:
        super().__init__(schemes=AuthScheme.BASIC, username=username, secret=password)


class Bearer(Auth):
    """A token (RFC 6750). For one that expires, use a `TokenSource`."""

    __slots__ = ()

    def __init__(self, token: str) -> None:
        super().__init__(schemes=AuthScheme.BEARER, secret=token)


class Digest(Auth):
    """A name and a password for a server that asks for proof of them (RFC 7616)."""

    __slots__ = ()

    def __init__(self, username: str, password: str) -> None:
        super().__init__(schemes=AuthScheme.DIGEST, username=username, secret=password)


def at_once(auth: Auth | None) -> str | None:
    """The ``Authorization`` to send before a server has asked; None if there is none."""
    goes_at_once = auth is not None and auth.schemes in (AuthScheme.BASIC, AuthScheme.BEARER)
    return _header(auth) if goes_at_once and auth is not None and not auth.each_time else None


AuthSource: TypeAlias = "Auth | tuple[str, str] | TokenSource | None"
"""A name and a password as a pair are `Basic`."""


def with_auth(
    own: HeaderPairs, given: HeaderPairs, options: TransferOptions, auth: AuthSource
) -> tuple[HeaderPairs, HeaderPairs, TransferOptions]:
    """The headers of a connection and of a call, and the options, such that ``auth`` is what the
    request says, and nothing of the connection's own credentials.

    As a header where that is all of it: it is dropped with the others where a redirect leads to
    another origin, and calls for many users share what engines keep by their options.

    Raises:
        RequestError: it cannot be sent, or the call has an Authorization header, too.
        RequestTypeError: no credentials.
    """
    if any(isinstance(name, str) and name.lower() == "authorization" for name, _ in given):
        raise RequestError(
            CurlCode.BAD_FUNCTION_ARGUMENT,
            "auth: the call has an Authorization header, too; give one of them",
        )
    value, schemes = _header(auth), None
    if value is None:
        assert isinstance(auth, Auth)
        _check_text(auth.username, "name")
        _check_text(auth.secret, "password")
        schemes = auth
    if options.auth != schemes:
        options = VARIANTS.of(options, ("auth", schemes), lambda: replace(options, auth=schemes))
    own = tuple(pair for pair in own if pair[0].lower() != "authorization")
    return own, given if value is None else (*given, (AUTHORIZATION, value)), options


def _header(auth: object) -> str | None:
    """The value of ``Authorization``; None: that is for the engine to say."""
    if isinstance(auth, TokenSource):
        return auth.header
    if isinstance(auth, tuple):
        if len(auth) != 2:
            raise _no_credentials("a tuple that is no pair")
        return _basic(*auth)
    if not isinstance(auth, Auth):
        if callable(auth):
            raise _no_credentials("a function; onehttp.TokenSource(function) asks it for tokens")
        raise _no_credentials(type(auth).__name__)
    if auth.schemes == AuthScheme.BASIC:
        return _basic(auth.username, auth.secret)
    if auth.schemes == AuthScheme.BEARER:
        return bearer(auth.secret)
    return None


def _basic(username: object, password: object) -> str:
    name, secret = _check_text(username, "name"), _check_text(password, "password")
    if ":" in name:
        raise RequestError(
            CurlCode.BAD_FUNCTION_ARGUMENT, "auth: of basic, no name may have a colon in it"
        )
    pair = f"{name}:{secret}".encode("utf-8", "surrogateescape")
    return f"Basic {base64.b64encode(pair).decode()}"


def _check_text(text: object, what: str) -> str:
    if not isinstance(text, str):
        raise RequestTypeError(
            CurlCode.BAD_FUNCTION_ARGUMENT,
            f"auth: expected the {what} as str, got {type(text).__name__}",
        )
    if _control(text):
        raise RequestError(
            CurlCode.BAD_FUNCTION_ARGUMENT, f"auth: the {what} has a control character in it"
        )
    return plain_text(text)


def _no_credentials(what: str) -> RequestTypeError:
    return RequestTypeError(
        CurlCode.BAD_FUNCTION_ARGUMENT,
        "auth: expected (name, password), onehttp.Basic, Bearer, Digest or TokenSource, "
        f"got {what}",
    )
