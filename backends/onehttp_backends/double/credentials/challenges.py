"""Credentials as libcurl uses them: basic and bearer go out at once, others when asked for."""

from __future__ import annotations

import base64
from collections.abc import Generator
from typing import Final

from onehttp_backends.contract import MOST_CHALLENGES, Auth, AuthScheme
from onehttp_backends.double.credentials.digest import Remembered, TooLongError
from onehttp_backends.double.credentials.offers import Offers, offers_of
from onehttp_backends.double.library import httpx
from onehttp_backends.errors import CurlCode, Phase, Sent, transfer_error
from onehttp_backends.rules.credentials import DIGEST
from onehttp_backends.shown import ENDLESS_CHALLENGES, too_long_for_digest

_KNOWN: Final = AuthScheme.BASIC | DIGEST | AuthScheme.BEARER
UNKNOWN_SCHEME: Final = "the httpx double knows basic, digest and bearer only"
Flow = Generator[httpx.Request, httpx.Response, None]


def is_known(auth: Auth) -> bool:
    """Whether the double can use one of its schemes."""
    return not auth.schemes or bool(auth.schemes & _KNOWN)


class Credentials(httpx.Auth):
    """An httpx auth flow for an `Auth`. A caller's own Authorization stays.

    Args:
        asks_first: send an empty body before the real one, where the scheme is digest alone.
        remembered: what calls before have been asked for.
    """

    def __init__(self, auth: Auth, asks_first: bool, remembered: Remembered) -> None:
        if not is_known(auth):
            raise transfer_error(CurlCode.NOT_BUILT_IN, UNKNOWN_SCHEME)
        self._auth = auth
        self._asks_first = asks_first and auth.schemes == AuthScheme.DIGEST
        self._remembered = Remembered() if auth.each_time else remembered

    def _allows(self, scheme: AuthScheme) -> bool:
        return bool(self._auth.schemes & scheme)

    def auth_flow(self, request: httpx.Request) -> Flow:
        """Send, and once more with credentials when the server asks for a scheme we may use."""
        if not (self._auth.username or self._auth.secret):
            yield request  # nobody's
            return
        own = [pair for pair in request.headers.raw if pair[0].lower() == b"authorization"]
        is_bearer = self._allows(AuthScheme.BEARER)
        if is_bearer or self._auth.schemes == AuthScheme.BASIC:
            value = f"Bearer {self._auth.secret}" if is_bearer else self._basic()
            yield request if own else _with(request, value)
            return
        if self._remembered.challenge is not None:
            yield from self._digests(request, Sent.NO)
            return
        if self._asks_first and request.headers.get("content-length", "0") != "0":
            response = yield _without_body(request)
            if response.status_code != httpx.codes.UNAUTHORIZED:
                yield request
                return
        else:
            response = yield request
        if response.status_code != httpx.codes.UNAUTHORIZED:
            return
        offers = _offers(response)
        if offers.has_digest and offers.challenge is None:
            return  # libcurl takes no other scheme then
        if self._allows(DIGEST) and offers.challenge is not None:
            self._remembered.take(offers.challenge)
            yield from self._digests(request, Sent.YES)
        elif offers.has_basic and self._allows(AuthScheme.BASIC):
            yield _with(request, self._basic())

    def _digests(self, request: httpx.Request, sent: Sent) -> Flow:
        """Answer the challenge that is remembered, and those of nonces that are only too old.
        ``sent``: how far the call has got before."""
        bare = httpx.Headers(request.headers.raw)
        target = request.extensions.get("target", request.url.raw_path).decode()
        for _ in range(MOST_CHALLENGES):
            request.headers = httpx.Headers(bare.raw)
            try:
                answer = self._remembered.answer(
                    self._auth.username, self._auth.secret, request.method, target
                )
            except TooLongError:
                raise too_long_for_digest(sent) from None
            sent = Sent.YES
            response = yield _with(request, answer)
            if response.status_code != httpx.codes.UNAUTHORIZED:
                return
            challenge = _offers(response).challenge
            self._remembered.take(challenge)
            if challenge is None or not challenge.is_stale:
                return
        raise transfer_error(
            CurlCode.TOO_MANY_REDIRECTS, ENDLESS_CHALLENGES, sent=Sent.YES, phase=Phase.BODY
        )

    def _basic(self) -> str:
        pair = f"{self._auth.username}:{self._auth.secret}"
        return f"Basic {base64.b64encode(pair.encode('utf-8', 'surrogateescape')).decode()}"


def _offers(response: httpx.Response) -> Offers:
    raw = response.headers.raw
    return offers_of([value for name, value in raw if name.lower() == b"www-authenticate"])


def _with(request: httpx.Request, value: str) -> httpx.Request:
    """``request`` with this Authorization, behind Host, where libcurl has it."""
    first, *others = request.headers.raw
    mine = (b"Authorization", value.encode("utf-8", "surrogateescape"))
    request.headers = httpx.Headers([first, mine, *others])
    return request


def _without_body(request: httpx.Request) -> httpx.Request:
    headers = [
        (name, value) for name, value in request.headers.raw if name.lower() != b"content-length"
    ]
    return httpx.Request(
        request.method, request.url, headers=headers, content=b"", extensions=request.extensions
    )
