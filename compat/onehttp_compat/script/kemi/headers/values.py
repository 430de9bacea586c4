"""The functions of ``textopsx`` for headers that are lists: ``Supported: a, b``."""

from __future__ import annotations

import re
from typing import NamedTuple

from onehttp_compat.script.kemi.functions import FALSE, TRUE, as_code
from onehttp_compat.script.kemi.headers.functions import HeaderFunctions
from onehttp_compat.script.routed_message import LAST

_is_name = re.compile(r"[A-Za-z0-9+._~-]+").fullmatch
_with_place = re.compile(r"(?P<name>[^\[]*)(?:\[(?P<place>-?[0-9]+|\*)\])?").fullmatch


class ListedValue(NamedTuple):
    """A value in a header, with the spaces around it."""

    header: int
    """The index of the header."""
    place: int
    """The index in this header."""
    text: str


class HeaderValueFunctions(HeaderFunctions):
    """``KSR.textopsx``: values in lists."""

    def hf_value_exists(self, name: str, value: str) -> int:
        return as_code(any(one.text.strip() == value for one in self._listed(name)))

    def include_hf_value(self, name: str, value: str) -> int:
        if not _is_name(name):
            return FALSE
        if self.hf_value_exists(name, value) == TRUE:
            return TRUE
        found = self._routed.indices(name)
        if not found:
            return self.append_hf_value(name, value)
        self._routed.replaced[found[0]] = f"{self._text_at(found[0])},{value}"
        return TRUE

    def exclude_hf_value(self, name: str, value: str) -> int:
        if not _is_name(name):
            return FALSE
        self._take_out([one for one in self._listed(name) if one.text.strip() == value])
        return TRUE

    def append_hf_value(self, name: str, value: str) -> int:
        if not _is_name(name):
            return FALSE
        return self._add(f"{name}: {value}\r\n")

    def insert_hf_value(self, name: str, value: str) -> int:
        if not _is_name(name):
            return FALSE
        found = self._routed.indices(name)
        return self._add(f"{name}: {value}\r\n", found[0] if found else LAST)

    def remove_hf_value(self, name: str) -> int:
        """Remove the first value, or the one whose place is in brackets."""
        written = _with_place(name)
        found = self._listed(written["name"]) if written and _is_name(written["name"]) else []
        if written is None or not found:
            return FALSE
        place = written["place"] or "0"
        if place == "*":
            return self._remove(name, [one.header for one in found]) and TRUE
        if not -len(found) <= int(place) < len(found):
            return FALSE
        self._take_out([found[int(place)]])
        return TRUE

    def _text_at(self, index: int) -> str:
        return self._routed.replaced.get(index, self._sip.headers[index][1])

    def _listed(self, name: str) -> list[ListedValue]:
        return [
            ListedValue(index, place, text)
            for index in self._routed.indices(name)
            for place, text in enumerate(self._text_at(index).split(","))
            if text.strip()
        ]

    def _take_out(self, values: list[ListedValue]) -> None:
        for index in {one.header for one in values}:
            gone = {one.place for one in values if one.header == index}
            texts = enumerate(self._text_at(index).split(","))
            kept = [text for place, text in texts if place not in gone]
            if any(text.strip() for text in kept):
                self._routed.replaced[index] = ",".join(kept)
            else:
                self._routed.remove([index])
