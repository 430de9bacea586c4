"""Reads and writes variables of the real server through ``KSR.pv``."""

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
"""Other classes that a script can set in the server. Some of them read back differently."""
_WRITABLE: Final = WRITABLE_CLASSES | WRITTEN_BY_SERVER
_HEXA: Final = "$var(onehttp_hexa)"
_FITS_ALWAYS: Final = 4096
"""A number of bytes for which the server's buffer always has room."""
_log = logging.getLogger("onehttp_compat")


class KsrStore(PvStore):
    """Reads and writes variables of the real server through ``KSR.pv``.

    Text is passed as NUL-terminated UTF-8. Other bytes are passed as a hexadecimal copy.
    """

    def __init__(self, real: Any) -> None:
        super().__init__()
        self.has_queries = True
        """Whether ``$http_req`` and similar variables are ours, and not those of the server's
        module."""
        self._pv = real.pv
        self._sets: Callable[[str, str], object] = real.pv.sets
        self._texts: dict[Variable, str] = {}
        """The texts of the server's own variables, in the notation that the server expects."""
        self._append: Callable[[str], object] = lambda line: real.hdr.append(line)
        self._evalx: Callable[[str, str], int] = real.pvx.evalx
        self._message_number: object = None
        self._message_identity = object()

    def message_identity(self) -> object:
        """An object that stays the same as long as this process works on the same message."""
        number = self._pv.get("$mi")
        if number != self._message_number:
            self._message_number, self._message_identity = number, object()
        return self._message_identity

    @property
    def request(self) -> SipRequest | None:
        """The request that the server works on. Headers are added through ``KSR.hdr``."""
        raw = self.get("$mb")
        if raw is None:
            return None
        data = raw if isinstance(raw, bytes) else as_bytes(str(raw))
        return SipRequest(data, on_add=self._append)

    @request.setter
    def request(self, request: SipRequest | Callable[[], SipRequest] | None) -> None:
        raise TypeError("the server itself sets the current request")

    def is_own(self, kind: str) -> bool:
        """Whether variables of a class belong to the emulated modules."""
        return kind in self._readers and (self.has_queries or not kind.startswith("http_"))

    def read(self, variable: Variable) -> Value:
        """Return the value, as bytes if it is not UTF-8."""
        if self.is_own(variable.kind):
            return super().read(variable)
        try:
            value: Value = self._pv.get(str(variable))
        except UnicodeDecodeError:
            value = self._octets(variable)
        return value

    def _octets(self, variable: Variable) -> bytes | None:
        """Read its bytes as hexadecimal digits, in pieces that fit the server's buffer."""
        length = 2 * int(self._pv.get(str(Expression(variable, ("s.len",)))))
        digits = ""
        for at in range(0, length, _FITS_ALWAYS):
            # In this order, because a value that is cut first ends at its first NUL.
            steps = ("s.encode.hexa", f"s.substr,{at},{min(_FITS_ALWAYS, length - at)}")
            if self._evalx(_HEXA, str(Expression(variable, steps))) < 0:
                break
            digits += self._pv.get(_HEXA)
        if len(digits) < length:
            _log.error("%s: its %d bytes are not text and cannot be read", variable, length // 2)
            return None
        return bytes.fromhex(digits)

    def check_writable(self, variable: Variable) -> None:
        """Raise the error of `PvStore.set` if the server cannot write it."""
        kind = variable.kind
        if kind in self._writers and self.is_own(kind):
            return
        if kind in _WRITABLE:
            self._check_known(variable)
        elif kind in READ_ONLY_CLASSES or self.is_own(kind) or not self._takes(variable):
            raise ReadOnlyVariableError(f"${kind} cannot be written")

    def _check_known(self, variable: Variable) -> None:
        """Raise UnknownVariableError if the server cannot read it: its class may belong to a module
        that is not loaded, or its name may not exist."""
        # Its length is read, because not every value fits the buffer.
        if self._evalx(_HEXA, str(Expression(variable, ("s.len",)))) < 0:
            raise UnknownVariableError(f"the server has no {variable}")

    def _takes(self, variable: Variable) -> bool:
        """Whether the variable accepts an empty text, which a result variable gets before the call.

        Raises:
            UnknownVariableError: the server does not know the variable.
        """
        text = str(variable)
        if not self._pv.sets(text, ""):
            raise UnknownVariableError(f"the server has no {text}, or it cannot hold text")
        # The server reports success for variables that cannot be written, and does not change them.
        is_empty: bool = self._pv.get(text) == ""
        return is_empty

    def write(self, variable: Variable, value: Value) -> None:
        """Write a value without changing its bytes."""
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

    def fast_writer(self, variable: Variable) -> Callable[[bytes], None] | None:
        """See `PvStore.fast_writer`."""
        if variable.kind in self._writers:
            return None
        text, sets, write_other = str(variable), self._sets, self._write_text

        def write(raw: bytes) -> None:
            try:
                value = raw.decode()
            except UnicodeDecodeError:
                value = "\0"
            if "\0" in value:
                write_other(variable, text, raw)
            else:
                sets(text, value)

        return write

    def _write_text(self, variable: Variable, text: str, value: bytes | str) -> None:
        raw = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
        if raw.find(b"\0") < 0:  # `in` would ask for a number first, and log an error about it
            try:
                self._sets(text, raw.decode())
            except UnicodeDecodeError:
                pass  # not UTF-8: written by the hexadecimal copy below
            else:
                return
        self._sets(_HEXA, raw.hex())
        is_whole = self._evalx(text, f"$({_HEXA[1:]}{{s.decode.hexa}})") >= 0
        if is_whole and len(raw) > _FITS_ALWAYS:
            is_whole = self._pv.get(str(Expression(variable, ("s.len",)))) == len(raw)
        if not is_whole:
            self._sets(text, "")  # the earlier value may belong to another request
            _log.error(
                "%s: %d bytes that are not text exceed the server's pv_buffer_size: set to empty",
                text,
                len(raw),
            )
