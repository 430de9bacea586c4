"""Credentials as libcurl uses them: basic and bearer go out at once, others when asked for."""

from __future__ import annotations

from collections.abc import Generator

from onehttp_backends.contract import Auth, AuthScheme
from onehttp_backends.double.library import httpx
from onehttp_backends.errors import CurlCode, transfer_error

_KNOWN = AuthScheme.BASIC | AuthScheme.DIGEST | AuthScheme.DIGEST_IE | AuthScheme.BEARER


class Credentials(httpx.Auth):
    """An httpx auth flow for an `Auth`.

    Args:
        asks_first: send an empty body before the real one, where the scheme is digest alone.
    """

    def __init__(self, auth: Auth, asks_first: bool) -> None:
        if auth.schemes and not auth.schemes & _KNOWN:
            raise transfer_error(
                CurlCode.NOT_BUILT_IN, "the httpx double knows basic, digest and bearer only"
            )
        self._auth = auth
        self._asks_first = asks_first and auth.schemes == AuthScheme.DIGEST
        pair = [text.encode("utf-8", "surrogateescape") for text in (auth.username, auth.secret)]
        self._token = pair[1]
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
            request.headers = httpx.Headers(
                [*request.headers.raw, (b"Authorization", b"Bearer " + self._token)]
            )
            yield request
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


def _without_body(request: httpx.Request) -> httpx.Request:
    headers = [
        (name, value) for name, value in request.headers.raw if name.lower() != b"content-length"
    ]
    return httpx.Request(
        request.method, request.url, headers=headers, content=b"", extensions=request.extensions
    )
