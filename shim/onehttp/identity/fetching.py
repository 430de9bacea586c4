"""Fetches certificates with the engine of this process. Their URLs are chosen by strangers."""

from __future__ import annotations

from dataclasses import dataclass

import onehttp
from onehttp.calls.drivers import aperform_following, perform_following
from onehttp.errors import RequestError, TransferError
from onehttp.identity.errors import IdentityInfoError
from onehttp.version import USER_AGENT
from onehttp_backends.contract import Request, Response, Tls, TransferOptions

HEADERS = (("Accept", "application/pem-certificate-chain, application/pkix-cert, */*;q=0.1"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRules:
    """Limits on what is fetched: from where, how long it may take, how large it may be."""

    timeout_s: float = 2.0
    """The time limit for a whole fetch."""
    connect_timeout_s: float = 1.0
    """The time limit for connecting, as a part of it."""
    max_bytes: int = 32 * 1024
    """The maximum size of a response."""
    max_redirects: int = 0
    """How many redirects are followed; never from https to http, or to another scheme."""
    allow_http: bool = False
    """Whether plain http is allowed; RFC 7515 (4.1.5) requires TLS."""
    allow_private: bool = False
    """Whether addresses outside the public internet are allowed."""
    ca_file: str | None = None
    """The authorities for the *web server* that serves certificates; None for the system's."""
    user_agent: str = USER_AGENT

    def options(self) -> TransferOptions:
        """Return the settings as options of the engine. Call this once: engines pool by
        identity."""
        return TransferOptions(
            total_timeout_s=self.timeout_s,
            connect_timeout_s=self.connect_timeout_s,
            max_body_bytes=self.max_bytes,
            tls=Tls(ca_file=self.ca_file),
            peers="any" if self.allow_private else "public",
            user_agent=self.user_agent,
        )


class CertificateFetcher:
    """Fetches certificates, without a cache."""

    def __init__(
        self,
        rules: FetchRules,
        headers: tuple[tuple[str, str], ...] = HEADERS,
        what: str = "certificate",
    ) -> None:
        self._rules = rules
        self._what = what
        self._headers = headers
        self._options = rules.options()

    def fetch(self, url: str) -> bytes:
        """Fetch ``url``: the body of a response that has status 2xx and is not empty.

        Raises:
            IdentityInfoError: the URL is not allowed, or the server gave no such response.
        """
        request = self._request(url)
        try:
            answer = perform_following(onehttp.backend(), request, self._rules.max_redirects)
        except TransferError as error:
            raise self._unreachable(url, error) from error
        return self._body(url, answer)

    async def afetch(self, url: str) -> bytes:
        """`fetch`, awaitable."""
        request = self._request(url)
        try:
            answer = await aperform_following(onehttp.backend(), request, self._rules.max_redirects)
        except TransferError as error:
            raise self._unreachable(url, error) from error
        return self._body(url, answer)

    def _request(self, url: str) -> Request:
        scheme = url.partition(":")[0].lower()
        if scheme != "https" and not (scheme == "http" and self._rules.allow_http):
            allowed = "http and https" if self._rules.allow_http else "https"
            raise IdentityInfoError(f"{self._what} URL: scheme {scheme[:20]!r}; only {allowed}")
        if "#" in url:
            raise IdentityInfoError(f"{self._what} URL: a fragment names none")
        return Request("GET", url, self._headers, None, self._options)

    def _body(self, url: str, answer: Response) -> bytes:
        if not answer.is_success:
            raise IdentityInfoError(f"{_origin(url)}: answered {answer.status}, no {self._what}")
        if not answer.body:
            raise IdentityInfoError(f"{_origin(url)}: answered {answer.status} with nothing")
        return answer.body

    def _unreachable(self, url: str, error: TransferError) -> IdentityInfoError:
        if isinstance(error, RequestError):
            return IdentityInfoError(f"{self._what} URL refused: {error.message}")
        return IdentityInfoError(f"{_origin(url)}: no {self._what}: {error}")


def _origin(url: str) -> str:
    return "/".join(url.split("/", 3)[:3])
