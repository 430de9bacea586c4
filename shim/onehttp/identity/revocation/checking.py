"""When lists and responders are asked, what is remembered, and what happens without an answer.

It asks for URLs and is told of them, so that threads and tasks check alike.
"""

from __future__ import annotations

import dataclasses
import itertools
import logging
import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Final, TypeAlias

from cryptography import x509
from cryptography.x509 import ocsp

from onehttp.errors import ConfigurationError
from onehttp.identity.errors import CredentialError, IdentityError
from onehttp.identity.fetching import CertificateFetcher, FetchRules
from onehttp.identity.revocation.lists import ListPoint, RevocationList, points, read_list
from onehttp.identity.revocation.responders import Responder, read_response, responders
from onehttp.identity.revocation.verdicts import UnusableError
from onehttp.identity.single_flight import SingleFlight
from onehttp.identity.trust import UNREADABLE

_HEADERS: Final = (("Accept", "application/pkix-crl, application/ocsp-response, */*;q=0.1"),)
_LIST, _RESPONSE = "list ", "response "
_NO_RULES: Final = FetchRules()
_log = logging.getLogger("onehttp.identity")

Answer: TypeAlias = "RevocationList | ocsp.OCSPResponse"
Asking: TypeAlias = "Generator[str, Answer | IdentityError | None, float]"


class Revocation:
    """Checks whether certificates of a chain were revoked. One object can serve many verifiers.

    Args:
        lists: URLs of indirect lists, which cover certificates of several issuers, such as the one
            of the policy administrator of SHAKEN; used beside those that certificates name.
        signers: the certificates that may sign these lists. An issuer may always sign lists of its
            own certificates.
        use_lists: whether to fetch the lists that certificates name.
        use_responders: whether to ask the OCSP responders that certificates name, if no list gave
            an answer.
        is_hard: whether a certificate is refused if there was no answer, or if it does not say
            where to ask. By default it is accepted then, a warning is logged, and another attempt
            is made after ``keep_failures_s``.
        rules: how answers are fetched; plain http is allowed in any case, since they are signed.
        budget_s: the seconds that all questions about a chain may take together.
        keep_s: for how many seconds an answer is used at most.
        keep_failures_s: for how many seconds a source that gave no answer is not asked again.
        max_bytes: the maximum size of a list.
        max_answers: how many answers are cached.
        clock: the time in seconds since 1970; for tests.
    """

    def __init__(
        self,
        *,
        lists: Sequence[str] = (),
        signers: Sequence[x509.Certificate] = (),
        use_lists: bool = True,
        use_responders: bool = True,
        is_hard: bool = False,
        rules: FetchRules = _NO_RULES,
        budget_s: float = 2.0,
        keep_s: float = 3600.0,
        keep_failures_s: float = 60.0,
        max_bytes: int = 4 * 1024 * 1024,
        max_answers: int = 1024,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if isinstance(lists, str):
            raise ConfigurationError("lists: a sequence of URLs, not one text")
        if lists and not signers:
            raise ConfigurationError("lists: who may sign them? name their signers")
        if max_answers < 1:
            raise ConfigurationError("max_answers: at least 1")
        self._lists = tuple(lists)
        self._signers = tuple(signers)
        self._use_lists = use_lists
        self._use_responders = use_responders
        self._is_hard = is_hard
        self._budget_s = budget_s
        self._keep_s = keep_s
        self._keep_failures_s = keep_failures_s
        self._clock = clock
        own = dataclasses.replace(
            rules, allow_http=True, max_bytes=max_bytes, timeout_s=min(rules.timeout_s, budget_s)
        )
        self._fetcher = CertificateFetcher(own, _HEADERS, "revocation list or OCSP response")
        self._answers: SingleFlight[Answer] = SingleFlight(
            self._load,
            self._aload,
            self._until,
            max_items=max_answers,
            keep_s=keep_s,
            keep_failures_s=keep_failures_s,
            clock=clock,
        )

    def check(self, chain: Sequence[x509.Certificate]) -> float:
        """Check every certificate of a chain except its anchor; the signer's is the first.

        Returns:
            When to check again, in seconds since 1970.

        Raises:
            RevokedError: a certificate was revoked.
            CredentialError: there was no answer, and ``is_hard`` is set.
        """
        asking, answer = self._asking(chain), None
        try:
            while True:
                answer = self._answer(asking.send(answer))
        except StopIteration as done:
            return float(done.value)

    async def acheck(self, chain: Sequence[x509.Certificate]) -> float:
        """`check`, awaitable."""
        asking, answer = self._asking(chain), None
        try:
            while True:
                answer = await self._aanswer(asking.send(answer))
        except StopIteration as done:
            return float(done.value)

    def _answer(self, key: str) -> Answer | IdentityError:
        try:
            return self._answers.get(key)
        except IdentityError as error:
            return error

    async def _aanswer(self, key: str) -> Answer | IdentityError:
        try:
            return await self._answers.aget(key)
        except IdentityError as error:
            return error

    def _asking(self, chain: Sequence[x509.Certificate]) -> Asking:
        ends, until = time.monotonic() + self._budget_s, math.inf
        for certificate, issuer in itertools.pairwise(chain):
            until = min(until, (yield from self._asking_for(certificate, issuer, ends)))
        return until

    def _asking_for(
        self, certificate: x509.Certificate, issuer: x509.Certificate, ends: float
    ) -> Asking:
        problems: list[str] = []
        until = None
        for key, source in self._sources(certificate, issuer):
            if until is not None and key.removeprefix(_LIST) not in self._lists:
                break  # the operator's lists are all asked, of the certificate's one is enough
            if time.monotonic() > ends:
                problems.append(f"not within {self._budget_s} s")
                break
            answer = yield key
            try:
                found = self._judged(source, answer)
            except UnusableError as error:
                problems.append(f"{key.partition('?')[0][:200]}: {error}")
            else:
                until = found if until is None else min(until, found)
        return self._untold(certificate, problems) if until is None else until

    def _sources(
        self, certificate: x509.Certificate, issuer: x509.Certificate
    ) -> Iterator[tuple[str, ListPoint | Responder]]:
        for point in points(certificate, issuer, self._signers, self._lists):
            if self._use_lists or point.point is None:
                yield _LIST + point.url, point
        if self._use_responders:
            for responder in responders(certificate, issuer):
                yield _RESPONSE + responder.url, responder

    def _judged(
        self, source: ListPoint | Responder, answer: Answer | IdentityError | None
    ) -> float:
        now = self._clock()
        try:
            if isinstance(source, ListPoint) and isinstance(answer, RevocationList):
                return source.judge(answer, now, self._keep_s)
            if isinstance(source, Responder) and isinstance(answer, ocsp.OCSPResponse):
                return source.judge(answer, now, self._keep_s)
        except UNREADABLE as error:
            raise UnusableError(f"it cannot be read: {error}") from None
        raise UnusableError(str(answer))

    def _untold(self, certificate: x509.Certificate, problems: Sequence[str]) -> float:
        why = "; ".join(problems) or "it names no list and no responder"
        name = certificate.subject.rfc4514_string()
        text = f"whether the certificate of {name} was revoked cannot be told: {why}"
        if self._is_hard:
            raise CredentialError(text)
        if not problems:
            return math.inf
        _log.warning("%s; it is believed", text)
        return self._clock() + self._keep_failures_s

    def _until(self, found: Answer) -> float:
        """An answer whose time is over is asked for again, though not at once."""
        if isinstance(found, RevocationList):
            following = found.crl.next_update_utc
        else:
            following = next((one.next_update_utc for one in found.responses), None)
        soon = self._clock() + self._keep_failures_s
        return math.inf if following is None else max(following.timestamp(), soon)

    def _load(self, key: str) -> Answer:
        kind, _, url = key.partition(" ")
        return _read(kind, self._fetcher.fetch(url))

    async def _aload(self, key: str) -> Answer:
        kind, _, url = key.partition(" ")
        return _read(kind, await self._fetcher.afetch(url))


def _read(kind: str, data: bytes) -> Answer:
    return read_list(data) if f"{kind} " == _LIST else read_response(data)
