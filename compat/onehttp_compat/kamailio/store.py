"""Variables of the real server, read and written through ``KSR.pv``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from onehttp_compat.pv import (
    MAX_KNOWN_VARIABLES,
    READ_ONLY_CLASSES,
    WRITABLE_CLASSES,
    Expression,
    PvStore,
    ReadOnlyVariableError,
    UnknownVariableError,
    Value,
    Variable,
    as_bytes,
)
from onehttp_compat.sip.request import SipRequest

WRITTEN_BY_SERVER: Final = frozenset(
    ("ru", "rU", "rd", "rp", "du", "fu", "fU", "fd", "fn", "tu", "tU", "td", "tn",
     "br", "branch", "fs", "fsn", "bf", "bF", "mf", "mF", "sf", "sF",
     "dlg_ctx", "shtex", "uac_req")
)  # fmt: skip
"""What a script of the server may set besides, though some read otherwise than they were set."""
_WRITABLE: Final = WRITABLE_CLASSES | WRITTEN_BY_SERVER
_HEXA: Final = "$var(onehttp_hexa)"
_FITS_ALWAYS: Final = 4096
"""Bytes that the server's buffer has room for."""
_log = logging.getLogger("onehttp_compat")


class KsrStore(PvStore):
    """Variables of the real server, read and written through ``KSR.pv``.

    Text crosses as NUL-terminated UTF-8; other bytes go by way of a hexadecimal copy.
    """

    def __init__(self, real: Any) -> None:
        super().__init__()
        self.has_queries = True
        """Whether ``$http_req`` and its like are ours, and not the server's own module's."""
        self._pv = real.pv
        self._sets: Callable[[str, str], object] = real.pv.sets
        self._texts: dict[Variable, str] = {}
        """Of the server's own variables, as it is asked for them."""
        self._append: Callable[[str], object] = lambda line: real.hdr.append(line)
        self._evalx: Callable[[str, str], int] = real.pvx.evalx
        self._message_number: object = None
        self._message_identity = object()

    def message_identity(self) -> object:
        """The same for as long as this process works on the same message."""
        number = self._pv.get("$mi")
        if number != self._message_number:
            self._message_number, self._message_identity = number, object()
        return self._message_identity

    @property
    def request(self) -> SipRequest | None:
        """The request the server is working on; headers are added through ``KSR.hdr``."""
        raw = self.get("$mb")
        if raw is None:
            return None
        data = raw if isinstance(raw, bytes) else as_bytes(str(raw))
        return SipRequest(data, on_add=self._append)

    @request.setter
    def request(self, request: SipRequest | Callable[[], SipRequest] | None) -> None:
        raise TypeError("the server itself says which request is at hand")

    def is_own(self, kind: str) -> bool:
        """Whether variables of a class are the emulated modules'."""
        return kind in self._readers and (self.has_queries or not kind.startswith("http_"))

    def read(self, variable: Variable) -> Value:
        """The value; bytes where it is not UTF-8."""
        if self.is_own(variable.kind):
            return super().read(variable)
        try:
            value: Value = self._pv.get(str(variable))
        except UnicodeDecodeError:
            value = self._octets(variable)
        return value

    def _octets(self, variable: Variable) -> bytes | None:
        """Its bytes as digits, a piece at a time since they pass through the server's buffer."""
        length = 2 * int(self._pv.get(str(Expression(variable, ("s.len",)))))
        digits = ""
        for at in range(0, length, _FITS_ALWAYS):
            # In this order: a value that is cut first ends at its first NUL.
            steps = ("s.encode.hexa", f"s.substr,{at},{min(_FITS_ALWAYS, length - at)}")
            if self._evalx(_HEXA, str(Expression(variable, steps))) < 0:
                break
            digits += self._pv.get(_HEXA)
        if len(digits) < length:
            _log.error("%s: %d bytes that are no text cannot be read", variable, length // 2)
            return None
        return bytes.fromhex(digits)

    def check_writable(self, variable: Variable) -> None:
        """Raises as `PvStore.set` where the server cannot write it."""
        kind = variable.kind
        if kind in self._writers and self.is_own(kind):
            return
        if kind in _WRITABLE:
            self._check_known(variable)
        elif kind in READ_ONLY_CLASSES or self.is_own(kind) or not self._takes(variable):
            raise ReadOnlyVariableError(f"${kind} cannot be written")

    def _check_known(self, variable: Variable) -> None:
        """Raises UnknownVariableError unless the server can read it: its class may be of a module
        that is not loaded, its name none."""
        # Its length, since not every value fits the buffer that this goes through.
        if self._evalx(_HEXA, str(Expression(variable, ("s.len",)))) < 0:
            raise UnknownVariableError(f"the server has no {variable}")

    def _takes(self, variable: Variable) -> bool:
        """Whether the server takes an empty text for a variable, as a result has before its call.

        Raises:
            UnknownVariableError: it knows no such variable.
        """
        text = str(variable)
        if not self._pv.sets(text, ""):
            raise UnknownVariableError(f"the server has no {text}, or it takes no text")
        # What cannot be written says that it was, and keeps its value.
        is_empty: bool = self._pv.get(text) == ""
        return is_empty

    def write(self, variable: Variable, value: Value) -> None:
        """Write a value byte for byte."""
        text = self._texts.get(variable)
        if text is None:
            if variable.kind in self._writers and self.is_own(variable.kind):
                super().write(variable, value)
                return
            text = str(variable)
            if len(self._texts) < MAX_KNOWN_VARIABLES:
                self._texts[variable] = text
        if value is None:
            self._pv.unset(text)
        elif isinstance(value, int):
            self._pv.seti(text, value)
        else:
            self._write_text(variable, text, value)

    def _write_text(self, variable: Variable, text: str, value: bytes | str) -> None:
        raw = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
        if raw.find(b"\0") < 0:  # `in` asks for a number first, and makes an error of that
            try:
                self._sets(text, raw.decode())
            except UnicodeDecodeError:
                pass  # not UTF-8: by way of the hexadecimal copy below
            else:
                return
        self._sets(_HEXA, raw.hex())
        is_whole = self._evalx(text, f"$({_HEXA[1:]}{{s.decode.hexa}})") >= 0
        if is_whole and len(raw) > _FITS_ALWAYS:
            is_whole = self._pv.get(str(Expression(variable, ("s.len",)))) == len(raw)
        if not is_whole:
            self._sets(text, "")  # and not what it was before, of another request perhaps
            _log.error(
                "%s: %d bytes that are no text do not fit the server's pv_buffer_size: it is empty",
                text,
                len(raw),
            )
