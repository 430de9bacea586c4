"""A small XCAP server (RFC 4825): documents, node selectors, conditions, error documents.

Documents live in a dict; ``etags`` change with every write. ``requests`` are (method, target,
headers) of all that arrived. What tests want to go wrong is set on ``faults``: target path -> an
answer to give instead, raw.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from lxml import etree

from servers.raw import Peer, RawServer

ROOT = "/xcap-root"
DEFAULTS = {
    "pres-rules": "urn:ietf:params:xml:ns:pres-rules",
    "resource-lists": "urn:ietf:params:xml:ns:resource-lists",
}
_binding = re.compile(r"xmlns\((\w+)=((?:[^()^]|\^.)*)\)")


@dataclass
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Answer:
    status: int
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)

    def raw(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} Answer"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.status != 304:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + self.body


class XcapServer:
    """Serves on loopback while entered."""

    def __init__(self) -> None:
        self.documents: dict[str, bytes] = {}
        self.etags: dict[str, str] = {}
        self.faults: dict[str, Answer] = {}
        self.requests: list[Request] = []
        self._tags = itertools.count(1)
        self._raw = RawServer(self._serve)

    @property
    def root(self) -> str:
        return self._raw.url + ROOT

    def __enter__(self) -> XcapServer:
        self._raw.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._raw.__exit__(None, None, None)

    def store(self, path: str, body: bytes) -> str:
        """Put a document in place; returns its new etag."""
        self.documents[path] = body
        self.etags[path] = f'"tag-{next(self._tags)}"'
        return self.etags[path]

    def seen(self, method: str = "") -> list[str]:
        """``METHOD target`` of the requests, below the root."""
        return [
            f"{one.method} {one.target.removeprefix(ROOT + '/')}"
            for one in self.requests
            if one.method.startswith(method)
        ]

    def _serve(self, peer: Peer) -> None:
        while raw := peer.request():
            head, _, body = raw.partition(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")
            method, target, _ = first.split(" ")
            headers = {}
            for line in lines:
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            request = Request(method, target, headers, body)
            self.requests.append(request)
            peer.send(self._answer(request).raw())

    def _answer(self, request: Request) -> Answer:
        path, _, query = request.target.removeprefix(ROOT + "/").partition("?")
        if path in self.faults:
            return self.faults[path]
        document, separator, node = path.partition("/~~/")
        document = unquote(document)
        refused = self._refused(document, request.headers)
        if refused is not None:
            return refused
        if separator:
            return self._node(request, document, node, query)
        if request.method == "PUT":
            is_new = document not in self.documents
            etag = self.store(document, request.body)
            return Answer(201 if is_new else 200, headers=[("ETag", etag)])
        if document not in self.documents:
            return Answer(404)
        if request.method == "DELETE":
            del self.documents[document], self.etags[document]
            return Answer(200)
        return Answer(200, self.documents[document], [("ETag", self.etags[document])])

    def _refused(self, document: str, headers: dict[str, str]) -> Answer | None:
        etag = self.etags.get(document)
        match, none_match = headers.get("if-match"), headers.get("if-none-match")
        if match is not None and match != etag and not (match == "*" and etag):
            return Answer(412)
        if none_match == "*" and etag:
            return Answer(412)
        if none_match is not None and none_match == etag:
            return Answer(304, headers=[("ETag", etag)])
        return None

    def _node(self, request: Request, document: str, node: str, query: str) -> Answer:
        if document not in self.documents:
            return Answer(404)
        root = etree.fromstring(self.documents[document])
        namespaces = {
            prefix: re.sub(r"\^(.)", r"\1", uri) for prefix, uri in _binding.findall(unquote(query))
        }
        default = DEFAULTS.get(document.partition("/")[0])
        if default:
            namespaces["default"] = default
        expression = "/".join(_step(unquote(step), default) for step in node.split("/"))
        found = root.xpath(f"/{expression}", namespaces=namespaces)
        if request.method == "GET":
            return self._found(document, found)
        if request.method == "DELETE" and found:
            found[0].getparent().remove(found[0])
        elif request.method == "PUT" and found:
            found[0].getparent().replace(found[0], etree.fromstring(request.body))
        else:
            error = (
                b'<xcap-error xmlns="urn:ietf:params:xml:ns:xcap-error"><no-parent/></xcap-error>'
            )
            return Answer(409, error, [("Content-Type", "application/xcap-error+xml")])
        return Answer(200, headers=[("ETag", self.store(document, etree.tostring(root)))])

    def _found(self, document: str, found: list[object]) -> Answer:
        if len(found) != 1:
            return Answer(404)
        (one,) = found
        body = etree.tostring(one, with_tail=False) if etree.iselement(one) else str(one).encode()
        return Answer(200, body, [("ETag", self.etags[document])])


def _step(step: str, default: str | None) -> str:
    """An unprefixed name is of the default namespace of the application usage (RFC 4825, 6.4)."""
    is_plain = re.match(r"[^@*:\[]+(\[|$)", step) is not None
    return f"default:{step}" if is_plain and default else step
