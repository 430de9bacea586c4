"""``KSR.textopsx.bl_iterator_...``: iterates over the lines of a body."""

from __future__ import annotations

from onehttp_compat.script.kemi.functions import FALSE, TRUE, Functions, as_code


class BodyLineFunctions(Functions):
    """Iterators by name. Their changes affect the message that is sent."""

    def bl_iterator_start(self, name: str) -> int:
        self._routed.line_iterators[name] = -1
        return TRUE

    def bl_iterator_next(self, name: str) -> int:
        routed, count = self._routed, len(self._routed.body_lines)
        if name not in routed.line_iterators:
            return FALSE
        place = routed.line_iterators[name] = min(routed.line_iterators[name] + 1, count)
        return as_code(place < count)

    def bl_iterator_value(self, name: str) -> str | None:
        line = self._routed.line_value(name)
        return None if line is None else line.decode()

    def bl_iterator_end(self, name: str) -> int:
        if name not in self._routed.line_iterators:
            return FALSE
        return self.bl_iterator_start(name)

    def bl_iterator_rm(self, name: str) -> int:
        return self._change(name, kept=False)

    def bl_iterator_append(self, name: str, text: str) -> int:
        return self._change(name, after=text)

    def bl_iterator_insert(self, name: str, text: str) -> int:
        return self._change(name, before=text)

    def _change(self, name: str, *, kept: bool = True, before: str = "", after: str = "") -> int:
        routed = self._routed
        line = routed.line_at(name)
        if line is None:
            return FALSE
        place = routed.line_iterators[name]
        now = routed.changed_lines.get(place, line) if kept else b""
        routed.changed_lines[place] = before.encode() + now + after.encode()
        routed.body = b"".join(
            routed.changed_lines.get(number, one) for number, one in enumerate(routed.body_lines)
        )
        return TRUE
