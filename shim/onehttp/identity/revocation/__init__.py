"""Whether a certificate was taken back early: lists (RFC 5280) and responders (RFC 6960)."""

from onehttp.identity.revocation.checking import Revocation
from onehttp.identity.revocation.verdicts import RevokedError

__all__ = ["Revocation", "RevokedError"]
