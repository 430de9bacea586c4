"""``KSR.textops``: bodies, whole and in parts."""

from __future__ import annotations

import itertools
import re

from onehttp_compat.pseudo_variables.syntax import UnknownVariableError
from onehttp_compat.pseudo_variables.transformations.regular_expressions import (
    Read,
    posix,
    substitution,
)
from onehttp_compat.pseudo_variables.transformations.rule import NoValueError
from onehttp_compat.script.kemi.bodies.multipart import (
    BOUNDARY,
    boundary_of,
    content_of,
    find_part,
    new_part,
    with_boundaries_put_right,
)
from onehttp_compat.script.kemi.functions import FALSE, TRUE, as_code
from onehttp_compat.script.kemi.headers.functions import TextopsHeaders
from onehttp_compat.script.routed_message import Edit, edited


class BodyFunctions(TextopsHeaders):
    """The functions of a script that read or change the body."""

    @property
    def _body(self) -> bytes:
        return b"" if self._sip.is_broken else self._sip.body

    def has_body(self) -> int:
        length = self._sip.header("content-length")
        return as_code(self._body and length and length != "0")

    def has_body_type(self, kind: str) -> int:
        # The server treats a body without a type as a session description.
        said = (self._sip.header("content-type") or "application/sdp").partition(";")[0].strip()
        return as_code(self.has_body() > 0 and said.lower() == kind.lower())

    def set_body(self, text: str, kind: str) -> int:
        if not text or not kind:
            return FALSE
        self._set_type(kind)
        return self._put(text.encode(), kind)

    def set_reply_body(self, text: str, kind: str) -> int:
        if self._routed.has_reply_body or not text or not kind:
            return FALSE
        self._routed.has_reply_body = True
        self._routed.for_replies.append(f"Content-Type: {kind}\r\n")
        return self._scene.act(f"reply body of {len(text.encode())} bytes, {kind}")

    def replace_body(self, pattern: str, text: str) -> int:
        return as_code(self._replace_body(_any_case(pattern), text, 1))

    def replace_body_all(self, pattern: str, text: str) -> int:
        return as_code(self._replace_body(_any_case(pattern), text, None))

    replace_body_atonce = replace_body_all

    def replace_body_str(self, old: str, new: str, mode: str) -> int:
        """Returns 1 for a body without that text, too."""
        pattern = re.compile(re.escape(old.encode()))
        self._replace_body(pattern, new, 1 if mode[:1] == "f" else None)
        return as_code(self._body)

    def subst_body(self, expression: str) -> int:
        edits = edits_of(expression, self._routed.body_to_edit, self._world.server.pv.get)
        self._routed.edit_body(edits)
        return as_code(edits)

    def _replace_body(self, pattern: re.Pattern[bytes], text: str, count: int | None) -> int:
        """Replace the first ``count`` matches; None: all of them. Returns how many."""
        found = itertools.islice(pattern.finditer(self._routed.body_to_edit), count)
        edits = [Edit(*match.span(), text.encode()) for match in found]
        self._routed.edit_body(edits)
        return len(edits)

    # ---- multipart bodies

    def filter_body(self, kind: str) -> int:
        """Remove all other parts. The message that is sent still has the type multipart."""
        known = self._boundary if self._is_mixed else ""
        part = find_part(self._body, known, kind) if known else None
        if part is None:
            return FALSE
        self._put(content_of(self._body, part), self._type)
        return as_code(part.end >= 0)

    def remove_body_part(self, kind: str) -> int:
        part = find_part(self._body, self._boundary, kind) if self._boundary else None
        if part is None or part.end < 0:
            return FALSE
        rest = self._body[: part.start] + self._body[part.next :]
        return self._put(with_boundaries_put_right(rest, self._boundary), self._type)

    def get_body_part(self, kind: str, target: str) -> int:
        return self._get_part(kind, target, is_raw=False)

    def get_body_part_raw(self, kind: str, target: str) -> int:
        return self._get_part(kind, target, is_raw=True)

    def append_body_part(self, text: str, kind: str) -> int:
        return self._append(text.encode(), kind, "")

    def append_body_part_cd(self, text: str, kind: str, disposition: str) -> int:
        return self._append(text.encode(), kind, disposition)

    def append_body_part_hex(self, digits: str, kind: str) -> int:
        return self.append_body_part_hex_cd(digits, kind, "")

    def append_body_part_hex_cd(self, digits: str, kind: str, disposition: str) -> int:
        try:
            return self._append(bytes.fromhex(digits), kind, disposition)
        except ValueError:
            return FALSE

    def set_body_multipart(self, text: str, kind: str, boundary: str) -> int:
        boundary = boundary or BOUNDARY
        self._say_multipart(boundary)
        start = f"--{boundary}\r\n".encode()
        return self._put(start + new_part(text.encode(), kind, "", boundary), kind)

    def set_body_multipart_content(self, text: str, kind: str) -> int:
        return self.set_body_multipart(text, kind, BOUNDARY)

    def set_body_multipart_mode(self) -> int:
        return self.set_body_multipart_boundary(BOUNDARY)

    def set_body_multipart_boundary(self, boundary: str) -> int:
        """Make the body the first of several parts, unless it is multipart already."""
        boundary = boundary or BOUNDARY
        if self._type.lower().startswith("multipart/"):
            self._say_multipart(boundary)
            return TRUE
        if not self._type or not self._body:
            return FALSE
        self._say_multipart(boundary)
        start = f"--{boundary}\r\n".encode()
        return self._put(start + new_part(self._body, self._type, "", boundary), self._type)

    def _get_part(self, kind: str, target: str, *, is_raw: bool) -> int:
        body = self._body
        if not body:
            return FALSE
        found = body
        if self._boundary:
            part = find_part(body, self._boundary, kind)
            if part is None or part.end < 0:
                return FALSE
            found = body[part.start : part.next] if is_raw else body[part.content : part.end]
        self._world.server.pv.set(target, found.decode("utf-8", "surrogateescape"))
        return TRUE

    def _append(self, content: bytes, kind: str, disposition: str) -> int:
        before = self._body if self._routed.body is None else self._routed.body
        if not self._boundary or not self._body:
            return FALSE
        whole = before + new_part(content, kind, disposition, self._boundary)
        return self._put(with_boundaries_put_right(whole, self._boundary), kind)

    def _say_multipart(self, boundary: str) -> None:
        if not self._is_mixed:
            self._set_type(f'multipart/mixed;boundary="{boundary}"')
            self._routed.add("Mime-Version: 1.0\r\n")

    def _set_type(self, kind: str) -> None:
        if self._type == kind:
            return
        self._routed.remove(self._routed.indices("content-type"))
        self._routed.add(f"Content-Type: {kind}\r\n")

    def _put(self, body: bytes, kind: str) -> int:
        routed = self._routed
        routed.body = body
        if not routed.indices("content-length"):
            routed.add(f"Content-Length: {len(body)}\r\n")
        return self._scene.act(f"body of {len(body)} bytes, {kind}")

    @property
    def _type(self) -> str:
        return self._sip.header("content-type") or ""

    @property
    def _is_mixed(self) -> bool:
        return self._type.lower().startswith("multipart/mixed")

    @property
    def _boundary(self) -> str:
        return boundary_of(self._type)


def edits_of(expression: str, data: bytes, read: Read) -> list[Edit]:
    """Return what ``/pattern/replacement/flags`` changes; nothing if it is not valid."""
    try:
        return [Edit(*one) for one in substitution(expression.encode())(data, read)]
    except (UnknownVariableError, NoValueError):
        return []


def replaced(expression: str, data: bytes, read: Read) -> tuple[bytes, int]:
    """Return the result of ``/pattern/replacement/flags``, and the number of replacements."""
    edits = edits_of(expression, data, read)
    return edited(data, edits), len(edits)


def _any_case(pattern: str) -> re.Pattern[bytes]:
    return posix(pattern.encode(), re.IGNORECASE | re.MULTILINE)
