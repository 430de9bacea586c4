"""Selectors of RFC 4825: which document, and which node of it, written as a URL path.

What a caller gives is data: every character that means something to a URL or to the selector
grammar is encoded, and what cannot be encoded is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import quote, unquote

from onehttp.xcap.applications import Application, application
from onehttp.xcap.errors import SelectorError
from onehttp_backends.hints.keywords import explained

_SEGMENT: Final = "!$&'()*+,;=:@"
"""What a path segment may hold unencoded besides letters, digits and ``-._~`` (RFC 3986 pchar)."""
_QUERY: Final = "!$&'*+,;:@/()="
_name = re.compile(r"[^\W\d][\w.-]*").fullmatch  # an NCName, but for rare combining characters
# The prefix xml is bound everywhere (xml:lang, xml:id, xml:base).
_attribute_name = re.compile(r"(?:xml:)?[^\W\d][\w.-]*").fullmatch
_control = re.compile(r"[\0-\x1f\x7f\ud800-\udfff]").search
_escapes = str.maketrans({"&": "&amp;", "<": "&lt;"})


@explained
def encoded_step(text: str) -> str:
    """One segment of a URL path; a slash in it is data.

    Raises:
        SelectorError: a segment the server would never see (empty, ``.`` or ``..``), or one that
            it would take for the end of the document's path: ``~~``, and, since servers look for
            no more than the beginning, ``~~bob``.
    """
    if text in ("", ".", ".."):
        raise SelectorError(f"{text!r} cannot be a part of a path; HTTP drops or resolves it")
    if text.startswith("~~"):
        raise SelectorError(f"{text!r}: '~~' begins a node selector (RFC 4825, 6.1)")
    if bad := _control(text):
        raise SelectorError(f"{text!r}: character {bad.start()} is not allowed in a selector")
    return quote(text, safe=_SEGMENT)


@dataclass(frozen=True, slots=True)
class DocumentSelector:
    """Selects one document below the XCAP root.

    Attributes:
        auid: the application usage, such as ``pres-rules``.
        xui: the user that the document belongs to (``sip:alice@example.org``); None for the global
            tree.
        filename: its name, perhaps in folders: ``lists/friends``.
    """

    auid: str
    xui: str | None = None
    filename: str = "index"

    @property
    def path(self) -> str:
        """The path, relative to the root: ``pres-rules/users/sip:alice@example.org/index``.

        Raises:
            SelectorError: a part cannot be written in a path.
        """
        tree = ("global",) if self.xui is None else ("users", self.xui)
        parts = (self.auid, *tree, *self.filename.split("/"))
        if any("/~~" in part for part in parts):  # some decode a path before they look for it
            raise SelectorError(f"{parts}: '~~' begins a node selector (RFC 4825, 6.1)")
        return "/".join(map(encoded_step, parts))

    @property
    def application(self) -> Application:
        """The application usage that ``auid`` names."""
        return application(self.auid)

    @classmethod
    def from_path(cls, path: str) -> DocumentSelector:
        """Make a selector of a path as in ``path``. A node selector or query in it is ignored.

        Raises:
            SelectorError: it is neither ``AUID/users/XUI/FILE`` nor ``AUID/global/FILE``.
        """
        document = path.partition("?")[0].partition("/~~")[0]
        parts = [unquote(part) for part in document.strip("/").split("/")]
        if len(parts) > 3 and parts[1] == "users":
            return cls(parts[0], parts[2], "/".join(parts[3:]))
        if len(parts) > 2 and parts[1] == "global":
            return cls(parts[0], None, "/".join(parts[2:]))
        raise SelectorError(f"{path!r}: expected AUID/users/XUI/FILE or AUID/global/FILE")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a node selector: from an element to a child element."""

    name: str = "*"
    """The local name; ``*`` matches any element."""
    namespace: str | None = None
    """The namespace; None for the default namespace of the application usage."""
    position: int | None = None
    """The position among the siblings of that name, from 1; None for any."""
    attribute: tuple[str, str] | None = None
    """An attribute that the element must have, as (name, value)."""

    def __post_init__(self) -> None:
        if self.name != "*" and not _name(self.name):
            raise SelectorError(f"{self.name!r} is not the name of an element")
        if self.position is not None and self.position < 1:
            raise SelectorError(f"position {self.position}: they count from 1")
        if self.attribute is not None and not _attribute_name(self.attribute[0]):
            raise SelectorError(f"{self.attribute[0]!r} is not the name of an attribute")
        if self.name == "*" and self.namespace is not None:
            raise SelectorError("a step to any element has no namespace")

    def text(self, prefixes: Mapping[str, str]) -> str:
        """The step in the syntax of RFC 4825, without percent-encoding."""
        prefix = f"{prefixes[self.namespace]}:" if self.namespace is not None else ""
        position = "" if self.position is None else f"[{self.position}]"
        test = "" if self.attribute is None else _attribute_test(*self.attribute)
        return f"{prefix}{self.name}{position}{test}"


def _attribute_test(name: str, value: str) -> str:
    value = value.translate(_escapes)
    if '"' in value and "'" not in value:
        return f"[@{name}='{value}']"
    return f'[@{name}="{value.replace(chr(34), "&quot;")}"]'


@dataclass(frozen=True, slots=True)
class NodeSelector:
    """Selects a node of a document, by steps from element to element.

    After the last `step`, `attribute` or `namespaces` may select a part of the element.

    >>> NodeSelector().step("list", attribute=("name", "friends")).step("entry", position=1).path
    'list%5B@name=%22friends%22%5D/entry%5B1%5D'
    """

    steps: tuple[Step, ...] = ()
    terminal: str | None = None
    """``@NAME`` for an attribute, ``namespace::*`` for the namespaces in scope; None for
    neither."""
    prefixes: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Pairs of (namespace, prefix), in the order in which they were first used."""

    def step(
        self,
        name: str = "*",
        *,
        namespace: str | None = None,
        position: int | None = None,
        attribute: tuple[str, str] | None = None,
    ) -> NodeSelector:
        """A selector that goes one step further down; see `Step` for the arguments.

        Raises:
            SelectorError: an argument cannot be part of a selector.
        """
        if self.terminal is not None:
            raise SelectorError(f"nothing can follow {self.terminal}")
        step = Step(name, namespace, position, attribute)
        return NodeSelector((*self.steps, step), None, self._with(namespace))

    def attribute(self, name: str) -> NodeSelector:
        """A selector of this attribute of the element; names may begin with ``xml:``."""
        if not _attribute_name(name):
            raise SelectorError(f"{name!r} is not the name of an attribute")
        return NodeSelector(self.steps, f"@{name}", self.prefixes)

    def namespaces(self) -> NodeSelector:
        """A selector of the namespace bindings that are in scope at the element."""
        return NodeSelector(self.steps, "namespace::*", self.prefixes)

    def _with(self, namespace: str | None) -> tuple[tuple[str, str], ...]:
        if namespace is None or any(known == namespace for known, _ in self.prefixes):
            return self.prefixes
        if not namespace or _control(namespace):
            raise SelectorError(f"{namespace!r} is not the name of a namespace")
        return (*self.prefixes, (namespace, f"n{len(self.prefixes)}"))

    @property
    def kind(self) -> Literal["element", "attribute", "namespaces"]:
        """Whether it selects an element, an attribute, or the namespaces in scope."""
        if self.terminal is None:
            return "element"
        return "attribute" if self.terminal.startswith("@") else "namespaces"

    @property
    def path(self) -> str:
        """The part of the URL behind ``/~~/``: the steps, and namespace bindings as its query.

        Raises:
            SelectorError: there is no step.
        """
        if not self.steps:
            raise SelectorError("a node selector needs a step; without one ask for the document")
        known = dict(self.prefixes)
        parts = [step.text(known) for step in self.steps]
        if self.terminal is not None:
            parts.append(self.terminal)
        path = "/".join(map(encoded_step, parts))
        return f"{path}?{bindings(self.prefixes)}" if self.prefixes else path


@explained
def bindings(prefixes: tuple[tuple[str, str], ...]) -> str:
    """``xmlns(prefix=namespace)`` for each, as a query (XPointer xmlns scheme: ``^`` escapes)."""
    return "".join(
        f"xmlns({prefix}={quote(_pointer(namespace), safe=_QUERY)})"
        for namespace, prefix in prefixes
    )


def _pointer(namespace: str) -> str:
    return re.sub(r"[()^]", r"^\g<0>", namespace)
