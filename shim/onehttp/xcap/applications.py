"""Application usages: the type and the XML namespaces that belong to an AUID."""

from __future__ import annotations

import enum
from typing import Final, NamedTuple


class DocType(enum.IntFlag):
    """Kinds of documents, one bit each, with the numbers of the column ``doc_type``."""

    PRES_RULES = 2
    RESOURCE_LIST = 4
    RLS_SERVICE = 8
    PIDF_MANIPULATION = 16
    XCAP_CAPS = 32
    USER_PROFILE = 64
    PRES_CONTENT = 128
    SEARCH = 256
    DIRECTORY = 512


class Application(NamedTuple):
    """An application usage."""

    doc_type: DocType
    content_type: str
    namespace: str | None = None
    """The default one: of names without a prefix in a node selector; None where not known."""
    root: str | None = None
    """The namespace of the root element, if it is a different one."""
    also: tuple[str, ...] = ()
    """Other values that some servers use. They are accepted and logged."""

    @property
    def root_namespace(self) -> str | None:
        """The namespace that the root element of its documents should have."""
        return self.root or self.namespace

    @property
    def accepted(self) -> frozenset[str]:
        """Every namespace that is accepted for elements of its documents; if empty, any is."""
        return frozenset(filter(None, (self.namespace, self.root, *self.also)))


_IETF: Final = "urn:ietf:params:xml:ns:"
# RFC 5025, 9.1 and 9.3: the document is a common-policy ruleset, names without a prefix are of
# pres-rules. Servers that take one namespace for both are common, and OMA's documents have its own.
_RULES: Final = Application(
    DocType.PRES_RULES,
    "application/auth-policy+xml",
    _IETF + "pres-rules",
    _IETF + "common-policy",
    ("urn:oma:xml:xdm:common-policy", "urn:oma:xml:prs:pres-rules"),
)
_LISTS: Final = "application/resource-lists+xml"

APPLICATIONS: Final[dict[str, Application]] = {
    "pres-rules": _RULES,
    "org.openmobilealliance.pres-rules": _RULES,
    "resource-lists": Application(DocType.RESOURCE_LIST, _LISTS, _IETF + "resource-lists"),
    "rls-services": Application(
        DocType.RLS_SERVICE, "application/rls-services+xml", _IETF + "rls-services"
    ),
    "pidf-manipulation": Application(
        DocType.PIDF_MANIPULATION, "application/pidf+xml", _IETF + "pidf"
    ),
    "xcap-caps": Application(DocType.XCAP_CAPS, "application/xcap-caps+xml", _IETF + "xcap-caps"),
    "org.openmobilealliance.user-profile": Application(
        DocType.USER_PROFILE, "application/vnd.oma.user-profile+xml"
    ),
    "org.openmobilealliance.pres-content": Application(
        DocType.PRES_CONTENT, "application/vnd.oma.pres-content+xml"
    ),
    "org.openmobilealliance.search": Application(DocType.SEARCH, "application/vnd.oma.search+xml"),
    "org.openmobilealliance.xcap-directory": Application(
        DocType.DIRECTORY, "application/vnd.oma.xcap-directory+xml"
    ),
}
"""AUID -> usage. RFC 5025, 4826, 4827, 4825; OMA XDM."""

UNKNOWN: Final = Application(DocType(0), "application/xml")


def application(auid: str) -> Application:
    """The usage called ``auid``; one without type and namespace if it is not known."""
    return APPLICATIONS.get(auid, UNKNOWN)
