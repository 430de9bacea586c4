"""``KSR.hdr``, and the functions for headers of ``textops`` and ``textopsx``.

A script reads the headers as received. Its changes affect the message that is sent, and the script
sees them after ``msg_apply_changes``.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from typing import Final

from onehttp_compat.pseudo_variables.transformations.regular_expressions import posix
from onehttp_compat.pv import as_bytes
from onehttp_compat.script.kemi.functions import FALSE, NOTHING_TO_DO, TRUE, Functions, as_code
from onehttp_compat.script.routed_message import FIRST, LAST
from onehttp_compat.sip.message import asked_for, canonical, is_header_name, parse_again

NO_SUCH_ONE: Final = 2
"""The result of ``remove_hf_idx`` if there are fewer headers of the name."""
NONE_OF_THEM: Final = -2
"""The result of ``remove_hf_match`` if it has removed nothing."""


class HeaderFunctions(Functions):
    """The common part of both modules."""

    def _add(self, line: str, place: int = LAST) -> int:
        if self._sip.is_broken:
            return FALSE
        self._routed.add(line, place)
        return self._scene.append_header(line)

    def _remove(self, name: str, indices: list[int]) -> int:
        count = self._routed.remove(indices)
        if count:
            self._scene.act(f"remove header {name}")
        return count

    def _beside(self, line: str, name: str, step: int, otherwise: int) -> int:
        if not is_header_name(name):
            return FALSE
        found = self._routed.indices(name)
        return self._add(line, found[0] + step if found else otherwise)

    def _matching(self, pattern: str) -> list[int]:
        expression = posix(pattern.encode(), re.IGNORECASE)
        headers = self._sip.headers
        return [i for i, (name, _) in enumerate(headers) if expression.search(as_bytes(name))]

    def _value(self, name: str, index: int = 0) -> str | None:
        """Convert a value for Python. Text that is not UTF-8 raises UnicodeDecodeError."""
        text = self._text(name, index)
        return text if text is None or text.isascii() else as_bytes(text).decode()

    def _text(self, name: str, index: int = 0) -> str | None:
        texts = [] if self._sip.is_broken else self._sip.all(asked_for(name))
        if not -len(texts) <= index < len(texts):
            self._world.hint_if_added(name)
            return None
        return texts[index]


class HdrFunctions(HeaderFunctions):
    """``KSR.hdr``."""

    def append(self, line: str) -> int:
        return self._add(line)

    def append_after(self, line: str, name: str) -> int:
        return self._beside(line, name, 1, LAST)

    def insert(self, line: str) -> int:
        return self._add(line, FIRST)

    def insert_before(self, line: str, name: str) -> int:
        return self._beside(line, name, 0, FIRST)

    def append_to_reply(self, line: str) -> int:
        if not line:
            return FALSE
        self._routed.for_replies.append(line)
        return self._scene.append_header(line)

    def remove(self, name: str) -> int:
        if not is_header_name(name):
            return FALSE
        self._remove(name, self._routed.indices(name))
        return TRUE

    def rmappend(self, name: str, line: str) -> int:
        return self.append(line) if self.remove(name) == TRUE else FALSE

    def rminsert(self, name: str, line: str) -> int:
        return self.insert(line) if self.remove(name) == TRUE else FALSE

    def is_present(self, name: str) -> int:
        return as_code(is_header_name(name) and self._text(name) is not None)

    def get(self, name: str) -> str | None:
        return self._value(name)

    def gete(self, name: str) -> str:
        return self._value(name) or ""

    def getw(self, name: str) -> str:
        return self.getw_idx(name, 0)

    def get_idx(self, name: str, index: int) -> str | None:
        return self._value(name, index)

    def gete_idx(self, name: str, index: int) -> str:
        return self._value(name, index) or ""

    def getw_idx(self, name: str, index: int) -> str:
        value = self._value(name, index)
        return "<null>" if value is None else value

    def match_content(self, name: str, operator: str, text: str, which: str) -> bool:
        texts = [] if self._sip.is_broken else self._sip.all(name)
        chosen = {"f": texts[:1], "l": texts[-1:]}.get(which[:1].lower(), texts)
        tests: dict[str, Callable[[str], bool]] = {
            "eq": lambda value: value == text,
            "ne": lambda value: value != text,
            "sw": lambda value: value.startswith(text),
            "in": lambda value: text in value,
        }
        test = tests.get(operator)
        return test is not None and any(test(value) for value in chosen)


class TextopsHeaders(HeaderFunctions):
    """``KSR.textops``: headers."""

    def is_present_hf(self, name: str) -> int:
        return as_code(is_header_name(name) and self._text(name) is not None)

    def is_present_hf_re(self, pattern: str) -> int:
        return as_code(self._matching(pattern))

    def remove_hf(self, name: str) -> int:
        self._remove(name, self._routed.indices(name))
        return as_code(not self._sip.is_broken and is_header_name(name))

    def remove_hf_re(self, pattern: str) -> int:
        """Returns 1 also for headers that were removed before."""
        found = self._matching(pattern)
        self._remove(pattern, found)
        return as_code(found)

    def remove_hf_match(self, name: str, operator: str, text: str) -> int:
        expression = posix(text.encode(), re.IGNORECASE) if operator == "re" else None
        tests: dict[str, Callable[[str], bool]] = {
            "eq": lambda value: value == text,
            "ne": lambda value: value != text,
            "in": lambda value: text in value,
            "re": lambda value: bool(expression and expression.search(as_bytes(value))),
        }
        test = tests.get(operator)
        if test is None:
            return FALSE
        headers = () if self._sip.is_broken else self._sip.headers
        found = [i for i in self._routed.indices(name) if i < len(headers) and test(headers[i][1])]
        self._remove(name, found)
        return TRUE if found else NONE_OF_THEM

    def remove_hf_exp(self, taken: str, kept: str) -> int:
        indices = sorted(set(self._matching(taken)) - set(self._matching(kept)))
        return as_code(self._remove(taken, indices))

    def remove_hf_idx(self, name: str, index: int) -> int:
        if not is_header_name(name):
            return FALSE
        found = self._routed.indices(name)
        if index < 0:  # counted from the last one; the result does not show whether there was one
            self._remove(name, found[index : index + 1 or None])
            return TRUE
        self._remove(name, found[index : index + 1])
        return TRUE if index < len(found) else NO_SUCH_ONE

    def search_hf(self, name: str, pattern: str, _flags: str) -> int:
        return as_code(self._with_text(name, pattern))

    def is_privacy(self, kind: str) -> int:
        said = (self._sip.header("privacy") or "").lower()
        return as_code(kind.lower() in [part.strip() for part in said.split(";")])

    def _with_text(self, name: str, pattern: str) -> list[int]:
        expression = posix(pattern.encode(), re.IGNORECASE | re.DOTALL)
        headers = () if self._sip.is_broken else self._sip.headers
        return [
            i
            for i in self._routed.indices(name)
            if i < len(headers) and expression.search(as_bytes(headers[i][1]))
        ]


class TextopsxHeaders(HeaderFunctions):
    """``KSR.textopsx``: applied changes, values in lists, iterators."""

    def msg_apply_changes(self) -> int:
        if (
            self._routed.record_routes and self._sip.is_request
        ):  # their values are unknown before the message is sent
            return FALSE
        return TRUE if self._routed.apply() else NOTHING_TO_DO

    def msg_set_buffer(self, text: str) -> int:
        if not text:
            return FALSE
        self._routed.use(parse_again(text.encode(), self._sip))
        return NOTHING_TO_DO if self._sip.refusal else TRUE

    def remove_body(self) -> int:
        self._routed.body = b""
        return TRUE

    def change_reply_status(self, code: int, reason: str) -> int:
        if not reason or not self._may_become(code):
            return FALSE
        return self._scene.act(f"reply status {code} {reason}")

    def change_reply_status_code(self, code: int) -> int:
        return self._scene.act(f"reply status {code}") if self._may_become(code) else FALSE

    def _may_become(self, code: int) -> bool:
        """Whether a reply can get another status: success stays success, and refusal refusal."""
        classes = range(1, 2), range(2, 3), range(3, 7)
        return any(code // 100 in one and self._sip.status // 100 in one for one in classes)

    def keep_hf_re(self, pattern: str) -> int:
        """Returns -1 also when it has removed headers, as the server does."""
        kept = set(self._matching(pattern))
        fixed = {"via", "from", "to", "call-id", "cseq", "content-length", "content-type",
                 "max-forwards", "contact", "route", "record-route"}  # fmt: skip
        headers = enumerate(self._sip.headers)
        gone = [i for i, (name, _) in headers if i not in kept and canonical(name) not in fixed]
        self._remove("others", gone)
        return FALSE

    def keep_hf(self) -> int:
        return self.keep_hf_re("^$")

    def fnmatch(self, text: str, pattern: str) -> int:
        """Returns 0 for a match, which is the result of the C function."""
        return NOTHING_TO_DO if fnmatch.fnmatchcase(text, pattern) else FALSE

    def fnmatch_ex(self, text: str, pattern: str, _flags: str) -> int:
        return self.fnmatch(text, pattern)

    # ---- iterators over all headers

    def hf_iterator_start(self, name: str) -> int:
        self._iterators()[name] = -1
        return TRUE

    def hf_iterator_next(self, name: str) -> int:
        return self._step(name, 1)

    def hf_iterator_prev(self, name: str) -> int:
        return self._step(name, -1)

    def hf_iterator_end(self, name: str) -> int:
        return FALSE if self._iterators().pop(name, None) is None else TRUE

    def hf_iterator_hname(self, name: str) -> str | None:
        header = self._at(name)
        return header[0] if header else None

    def hf_iterator_hbody(self, name: str) -> str | None:
        header = self._at(name)
        return header[1] if header else None

    def hf_iterator_rm(self, name: str) -> int:
        if self._at(name) is None:
            return FALSE
        self._routed.remove([self._iterators()[name]])
        return TRUE

    def hf_iterator_append(self, name: str, line: str) -> int:
        return FALSE if self._at(name) is None else self._add(line, self._iterators()[name] + 1)

    def hf_iterator_insert(self, name: str, line: str) -> int:
        return FALSE if self._at(name) is None else self._add(line, self._iterators()[name])

    def _iterators(self) -> dict[str, int]:
        return self._routed.iterators

    def _at(self, name: str) -> tuple[str, str] | None:
        place = self._iterators().get(name, -1)
        headers = self._sip.headers
        return headers[place] if 0 <= place < len(headers) else None

    def _step(self, name: str, by: int) -> int:
        places = self._iterators()
        if name not in places:
            return FALSE
        places[name] += by
        return as_code(self._at(name))
