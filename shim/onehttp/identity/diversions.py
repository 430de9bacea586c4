"""Diverted calls (RFC 8946): follows their ``Identity`` headers from the called party back.

Sans-I/O: says by URL which certificate it needs next, and is given it, so that threads and tasks
use the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from onehttp.identity.claims import Claims
from onehttp.identity.errors import IdentityError, InvalidIdentityError
from onehttp.identity.header import IdentityHeader
from onehttp.identity.parties import Party
from onehttp.identity.passport import Passport
from onehttp.identity.trust import TrustedCertificate


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedIdentity:
    """The content of a verified header."""

    claims: Claims
    ppt: str | None
    x5u: str
    certificate: TrustedCertificate


@dataclass(frozen=True, slots=True)
class Candidate:
    """A header that makes the right claims, not yet checked against its certificate."""

    header: IdentityHeader
    passport: Passport
    claims: Claims


Believe: TypeAlias = Callable[[Candidate, TrustedCertificate], VerifiedIdentity]


class DiversionChain:
    """The chain of headers from the called party back to the original call. Where several headers
    claim the same link, the first that is believed counts.

    Args:
        candidates: the headers that make the right claims.
        dest: the called party.
        believe: checks a header by its certificate; raises IdentityError.
        problem: what was wrong with a header that is not among the candidates.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        dest: Party,
        believe: Believe,
        problem: IdentityError | None,
    ) -> None:
        self._check_leads(candidates, dest, problem)
        self._left = list(candidates)
        self._believe = believe
        self._problem = problem
        self._found: list[VerifiedIdentity] = []
        self._target: Party | None = dest
        self._trying: Candidate | None = None
        self._try_next()

    @property
    def wanted(self) -> str | None:
        """The URL of the certificate that is needed next; None: the way has ended."""
        return None if self._trying is None else self._trying.header.info

    def go_on(self, certificate: TrustedCertificate) -> None:
        """The certificate is there.

        Raises:
            IdentityError: the header is not believed under it; to be handed to `refuse`.
        """
        assert self._trying is not None
        believed = self._believe(self._trying, certificate)
        self._found.append(believed)
        self._target = believed.claims.div
        self._trying = None
        if self._target is not None:
            self._try_next()

    def refuse(self, problem: IdentityError) -> None:
        """The header that is tried does not count; another may."""
        self._problem = problem
        self._try_next()

    def found(self) -> tuple[VerifiedIdentity, ...]:
        """The original first, then each diversion.

        Raises:
            IdentityError: a link is missing or not to be believed.
        """
        if self._target is not None:
            raise self._problem or InvalidIdentityError(
                f"no Identity header leads to {self._target}"
            )
        return tuple(reversed(self._found))

    def _try_next(self) -> None:
        self._trying = _link(self._left, self._target)
        if self._trying is not None:
            self._left.remove(self._trying)

    @staticmethod
    def _check_leads(
        candidates: Sequence[Candidate], dest: Party, problem: IdentityError | None
    ) -> None:
        """Before any certificate is asked for: the headers say they lead here."""
        left = list(candidates)
        target: Party | None = dest
        while target is not None:
            link = _link(left, target)
            if link is None:
                raise problem or InvalidIdentityError(f"no Identity header leads to {target}")
            left.remove(link)
            target = link.claims.div


def _link(candidates: Sequence[Candidate], target: Party | None) -> Candidate | None:
    # An original before a diversion: one that names the target itself needs no more links.
    return min(
        (one for one in candidates if target in one.claims.dest),
        key=lambda one: one.claims.div is not None,
        default=None,
    )
