"""Credentials as libcurl uses them: one scheme goes out at once, several wait for the challenge."""

from __future__ import annotations

from collections.abc import Generator

from onehttp_backends.contract import Auth, AuthScheme
from onehttp_backends.double.library import httpx
from onehttp_backends.errors import CurlCode, transfer_error

_KNOWN = AuthScheme.BASIC | AuthScheme.DIGEST | AuthScheme.DIGEST_IE | AuthScheme.BEARER


class Credentials(httpx.Auth):
    """An httpx auth flow for an `Auth`."""

    def __init__(self, auth: Auth) -> None:
        if auth.schemes and not auth.schemes & _KNOWN:
            raise transfer_error(
                CurlCode.NOT_BUILT_IN, "the httpx double knows basic, digest and bearer only"
            )
        self._auth = auth
        pair = [text.encode("utf-8", "surrogateescape") for text in (auth.username, auth.secret)]
        self._basic = httpx.BasicAuth(*pair)
        self._digest = httpx.DigestAuth(*pair)

    def _allows(self, scheme: AuthScheme) -> bool:
        return bool(self._auth.schemes & scheme)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send, and once more with credentials when the server asks for a scheme we may use."""
        if self._auth.schemes == AuthScheme.BASIC:
            yield from self._basic.auth_flow(request)
            return
        if self._allows(AuthScheme.BEARER):
            request.headers["Authorization"] = f"Bearer {self._auth.secret}"
            yield request
            return
        response = yield request
        if response.status_code != httpx.codes.UNAUTHORIZED:
            return
        offered = " ".join(response.headers.get_list("www-authenticate")).lower()
        if "digest" in offered and self._allows(AuthScheme.DIGEST | AuthScheme.DIGEST_IE):
            flow = self._digest.auth_flow(request)
            next(flow)  # the request without credentials, which was sent above
            try:
                answered = flow.send(response)
            except StopIteration:
                return
            if "algorithm" not in offered:  # httpx names the default, libcurl does not
                header = answered.headers["Authorization"].replace("algorithm=MD5, ", "")
                answered.headers["Authorization"] = header
            yield answered
        elif "basic" in offered and self._allows(AuthScheme.BASIC):
            yield from self._basic.auth_flow(request)
