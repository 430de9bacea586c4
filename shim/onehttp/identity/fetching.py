"""Certificates by URL, through the engine of this process. The URL is a stranger's choice."""

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
    """What may be fetched, and how long and large it may be."""

    timeout_s: float = 2.0
    connect_timeout_s: float = 1.0
    max_bytes: int = 32 * 1024
    max_redirects: int = 0
    """Redirects never lead from https to http, nor to another scheme."""
    allow_http: bool = False
    """Plain http too; RFC 7515 (4.1.5) wants TLS."""
    allow_private: bool = False
    """Addresses that are not in the public internet too."""
    ca_file: str | None = None
    """Whom to trust as a *web server*; None: the system's authorities."""
    user_agent: str = USER_AGENT

    def options(self) -> TransferOptions:
        """The same for the engine. Make it once: engines pool by its identity."""
        return TransferOptions(
            total_timeout_s=self.timeout_s,
            connect_timeout_s=self.connect_timeout_s,
            max_body_bytes=self.max_bytes,
            tls=Tls(ca_file=self.ca_file),
            peers="any" if self.allow_private else "public",
            user_agent=self.user_agent,
        )


class CertificateFetcher:
    """Fetches, and remembers nothing."""

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
        """What ``url`` holds: the body of a 2xx answer, not empty.

        Raises:
            IdentityInfoError: the URL is refused, there is no answer, or another one.
        """
        request = self._request(url)
        try:
            answer = perform_following(onehttp.backend(), request, self._rules.max_redirects)
        except TransferError as error:
            raise self._unreachable(url, error) from error
        return self._body(url, answer)

    async def afetch(self, url: str) -> bytes:
        """The same, awaitable."""
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
