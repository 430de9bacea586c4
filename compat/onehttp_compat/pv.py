"""Pseudo-variables: how they are written, where their values are kept, how text is expanded.

``$var(x)`` lives as long as the process, everything else as long as the message. A thread stands
for one of the server's processes: each has its own message and its own ``$var``. Values are bytes,
text or numbers, and bytes stay exactly as they came.
"""

from __future__ import annotations

import contextlib
import functools
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from onehttp import OnehttpError
from onehttp_compat.sip.request import SipRequest
from onehttp_compat.sip.value import Value as Value

Reader: TypeAlias = "Callable[[Variable], Value]"
"""Reads a variable of a class."""
Writer: TypeAlias = "Callable[[Variable, Value], None]"
"""Writes one; raises `RefusedValueError` for a value that it does not take."""

MAX_KNOWN_VARIABLES: Final = 4096
NULL_TEXT: Final = "<null>"
PROCESS_CLASSES: Final = frozenset({"var"})
SHARED_CLASSES: Final = frozenset({"shv"})
"""Of all processes together."""
MESSAGE_CLASSES: Final = frozenset({"avp", "xavp", "xavu", "xavi", "sht", "vn", "dbr"})
WRITABLE_CLASSES: Final = PROCESS_CLASSES | SHARED_CLASSES | MESSAGE_CLASSES
READ_ONLY_CLASSES: Final = frozenset(
    (
        *(
            "null",
            "rc",
            "retcode",
            "rm",
            "ru",
            "rU",
            "rd",
            "rp",
            "rb",
            "rs",
            "rr",
            "fu",
            "fU",
            "fd",
        ),
        *("ft", "fn", "tu", "tU", "td", "tt", "tn", "ci", "cs", "ua", "ct", "cT", "cl", "si", "sp"),
        *(
            "Ri",
            "Rp",
            "du",
            "ai",
            "pr",
            "proto",
            "hdr",
            "mi",
            "mb",
            "ml",
            "TS",
            "Ts",
            "Tf",
            "hu",
            "T_reply_code",
        ),
    )
)

_start = re.compile(r"\$(?:(\()?([A-Za-z_][A-Za-z0-9_]*))")


class Variable(NamedTuple):
    """A variable as written: ``$avp(s:x)`` is class ``avp``, name ``x``."""

    kind: str
    name: str
    element: str = ""
    """What stands in brackets, as in ``$(http_hdr(Via)[0])``; for classes that know what to do
    with it."""


class UnknownVariableError(OnehttpError, LookupError):
    """No such class of variables, or not written as one."""


class ReadOnlyVariableError(OnehttpError, TypeError):
    """The variable cannot be written."""


class RefusedValueError(OnehttpError, ValueError):
    """The variable does not take this value, or none of its type."""


Message: TypeAlias = "dict[Variable, Value]"
"""What belongs to one message."""


def parse(text: str) -> Variable:
    """The variable at the start of ``text``; what follows it is ignored, as in the server.

    Raises:
        UnknownVariableError: there is none.
    """
    found = _parsed(text)
    if found is None:
        raise UnknownVariableError(f"{text[:40]!r} is not a variable; write it like $var(name)")
    return found[0]


@functools.lru_cache(maxsize=4096)
def _parsed(text: str) -> tuple[Variable, int] | None:
    """The variable at the start of ``text`` and where it ends."""
    match = _start.match(text)
    if match is None:
        return None
    kind, end = match[2], match.end()
    name = ""
    if text[end : end + 1] == "(":
        close = _closing(text, end)
        if close < 0:
            return None
        name, end = text[end + 1 : close], close + 1
    element = ""
    if match[1]:  # $(var(x)) or $(var(x)[0]): the class in parentheses of its own
        close = text.find(")", end)
        if close < 0 or "{" in text[end:close]:
            return None
        if kind not in WRITABLE_CLASSES:
            element = text[end:close].strip("[]")
        end = close + 1
    if kind == "avp" and name[:2] in ("s:", "i:"):
        name = name[2:]
    return Variable(kind, name, element), end


def _closing(text: str, start: int) -> int:
    depth = 0
    for i in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        if depth == 0:
            return i
    return -1


class _Process(threading.local):
    """What one process of the server has for itself."""

    def __init__(self) -> None:
        self.variables: dict[Variable, Value] = {}
        self.message: Message = {}
        self.request: SipRequest | Callable[[], SipRequest] | None = None
        self.return_code = 0


class PvStore:
    """Values of variables outside the server; see `KsrStore` for those inside."""

    def __init__(self) -> None:
        self.process = _Process()
        self._shared: dict[Variable, Value] = {}
        self._readers: dict[str, Reader] = {"null": lambda _: None}
        self._writers: dict[str, Writer] = {}
        self._writable: dict[str, Variable] = {}

    @property
    def request(self) -> SipRequest | None:
        """The SIP request at hand, for modules that work on it whole.

        Set to a function it is what that returns when it is first asked for: few scripts do.
        """
        request = self.process.request
        if callable(request):
            request = self.process.request = request()
        return request

    @request.setter
    def request(self, request: SipRequest | Callable[[], SipRequest] | None) -> None:
        self.process.request = request

    def register(self, kind: str, reader: Reader, writer: Writer | None = None) -> None:
        """Have variables of class ``kind`` read by ``reader``, and written by ``writer`` if any."""
        self._readers[kind] = reader
        if writer is not None:
            self._writers[kind] = writer

    def new_message(self, variables: Mapping[str, Value] | None = None) -> None:
        """Forget what belonged to the last message; ``variables`` are those of the new one."""
        self.process.message = {parse(name): value for name, value in (variables or {}).items()}

    @property
    def message(self) -> Message:
        """What belongs to the message that this thread works on."""
        return self.process.message

    def message_identity(self) -> object:
        """The same for as long as this thread works on the same message."""
        return self.process.message

    @contextlib.contextmanager
    def working_on(self, message: Message) -> Iterator[None]:
        """This thread works on another message meanwhile."""
        process = self.process
        before, process.message = process.message, message
        try:
            yield
        finally:
            process.message = before

    def set_message(self, text: str, value: Value) -> None:
        """Change what the message itself says, such as ``$ru``."""
        self.process.message[parse(text)] = value

    def get(self, text: str) -> Value:
        """The value of a variable; None is null. A ``$var`` never set is 0.

        Raises:
            UnknownVariableError: not a variable.
        """
        return self.read(parse(text))

    def read(self, variable: Variable) -> Value:
        """`get`, parsed."""
        kind = variable.kind
        reader = self._readers.get(kind)
        if reader is not None:
            return reader(variable)
        if kind in PROCESS_CLASSES:
            return self.process.variables.get(variable, 0)
        if kind in SHARED_CLASSES:
            return self._shared.get(variable, 0)
        if kind not in MESSAGE_CLASSES and kind not in READ_ONLY_CLASSES:
            raise UnknownVariableError(f"no variables of class ${kind}")
        return self.process.message.get(variable)

    def set(self, text: str, value: Value) -> None:
        """Write a variable.

        Raises:
            UnknownVariableError: not a variable.
            ReadOnlyVariableError: cannot be written.
            RefusedValueError: does not take this value.
        """
        self.write(self.writable(text), value)

    def writable(self, text: str) -> Variable:
        """The variable ``text`` names, if it can be written; raises as `set`."""
        known = self._writable.get(text)
        if known is not None:
            return known
        variable = parse(text)
        kind = variable.kind
        if kind not in WRITABLE_CLASSES and kind not in self._writers:
            if kind in READ_ONLY_CLASSES or kind in self._readers:
                raise ReadOnlyVariableError(f"${kind} cannot be written")
            raise UnknownVariableError(f"no variables of class ${kind}")
        if len(self._writable) < MAX_KNOWN_VARIABLES:
            self._writable[text] = variable
        return variable

    def write(self, variable: Variable, value: Value) -> None:
        """`set`, parsed."""
        kind = variable.kind
        if kind in PROCESS_CLASSES:
            self.process.variables[variable] = value
        elif kind in MESSAGE_CLASSES:
            self.process.message[variable] = value
        elif kind in SHARED_CLASSES:
            self._shared[variable] = value
        else:
            self._writers[kind](variable, value)

    def expand(self, text: str) -> str:
        """``text`` with its variables replaced; null reads ``<null>``, ``$$`` is a dollar sign.

        Bytes that are not UTF-8 come out as lone surrogates (``surrogateescape``), so that
        encoding the result gives them back.

        Raises:
            UnknownVariableError: a dollar sign that begins no variable.
        """
        if "$" not in text:
            return text
        parts: list[str] = []
        at = 0
        while (dollar := text.find("$", at)) >= 0:
            parts.append(text[at:dollar])
            if text.startswith("$$", dollar):
                parts.append("$")
                at = dollar + 2
                continue
            found = _parsed(text[dollar:])
            if found is None:
                raise UnknownVariableError(f"{text[dollar : dollar + 20]!r} begins no variable")
            parts.append(as_text(self.read(found[0])))
            at = dollar + found[1]
        parts.append(text[at:])
        return "".join(parts)


def as_text(value: Value) -> str:
    """A value as the server prints it into a string."""
    if value is None:
        return NULL_TEXT
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def as_bytes(text: str) -> bytes:
    """The bytes that `as_text` was made from."""
    return text.encode("utf-8", "surrogateescape")
