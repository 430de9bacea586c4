"""Pseudo-variables: how they are written, where their values are kept, how text is expanded.

``$var(x)`` lives as long as the process, everything else as long as the message. A thread stands
for one of the server's processes: each has its own message and its own ``$var``. Values are bytes,
text or numbers, and bytes stay exactly as they came.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from typing import Final, TypeAlias

from onehttp import OnehttpError
from onehttp_compat.near_names import did_you_mean
from onehttp_compat.pseudo_variables.syntax import Expression as Expression
from onehttp_compat.pseudo_variables.syntax import UnknownVariableError as UnknownVariableError
from onehttp_compat.pseudo_variables.syntax import Variable as Variable
from onehttp_compat.pseudo_variables.syntax import (
    expression_at,
    parse_expression,
    parse_text,
    shown,
)
from onehttp_compat.pseudo_variables.transformations import NoValueError, transformation
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
READ_ONLY_CLASSES: Final = frozenset((
    "null", "rc", "retcode", "rm", "ru", "rU", "rd", "rp", "rb", "rs", "rr", "fu", "fU", "fd",
    "ft", "fn", "tu", "tU", "td", "tt", "tn", "ci", "cs", "ua", "ct", "cT", "cl", "si", "sp",
    "Ri", "Rp", "du", "ai", "pr", "proto", "hdr", "mi", "mb", "ml", "TS", "Ts", "Tf", "hu",
    "T_reply_code",
))  # fmt: skip
_EVALUATES_NAME: Final = frozenset((
    "avp", "hdr", "hdrc", "hfl", "hflc", "sht", "shtex", "shtinc", "shtdec", "shtcn", "shtcv",
    "xavp", "xavi", "xavu",
))  # fmt: skip
"""Classes whose names may hold variables, as in ``$sht(t=>$rU)``; all others take theirs as it is
written."""


class ReadOnlyVariableError(OnehttpError, TypeError):
    """The variable cannot be written."""


class RefusedValueError(OnehttpError, ValueError):
    """The variable does not take this value, or none of its type."""


Message: TypeAlias = "dict[Variable, Value]"
"""What belongs to one message."""


def parse(text: str) -> Variable:
    """The variable at the start of ``text``; what follows it is ignored, as in the server.

    Raises:
        UnknownVariableError: there is none, or it is one with transformations.
    """
    expression, _ = expression_at(text, 0)
    if expression.transformations:
        raise UnknownVariableError(f"{shown(text)}: a transformed variable cannot be written")
    return expression.variable


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
        self._needs_name: dict[str, Collection[str] | None] = {}
        self.known_writable: dict[str, Variable] = {}
        """What `writable` has said, by text: who is asked often looks here first."""

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

    def register(
        self,
        kind: str,
        reader: Reader,
        writer: Writer | None = None,
        *,
        needs_name: bool = False,
        names: Collection[str] | None = None,
    ) -> None:
        """Have variables of class ``kind`` read by ``reader``, and written by ``writer`` if any;
        ``names`` are all that may stand in its parentheses, where it is a few."""
        self._readers[kind] = reader
        if writer is not None:
            self._writers[kind] = writer
        if needs_name:
            self._needs_name[kind] = names

    def is_registered(self, kind: str) -> bool:
        """Whether somebody has said how variables of that class are read."""
        return kind in self._readers

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

    def set_message(self, text: str, value: Value) -> None:
        """Change what the message itself says, such as ``$ru``."""
        self.process.message[parse(text)] = value

    def get(self, text: str) -> Value:
        """The value of a variable, with its transformations; None is null. A ``$var`` never set
        is 0.

        Raises:
            UnknownVariableError: not a variable.
        """
        try:
            return self.evaluate(parse_expression(text))
        except NoValueError:
            return None

    def evaluate(self, expression: Expression) -> Value:
        """The value of an expression.

        Raises:
            UnknownVariableError: no such class of variables, no such transformation.
            NoValueError: a transformation has no result: that of null, say.
        """
        value = self.read(self.named(expression.variable))
        for body in expression.transformations:
            value = transformation(body)(value, self.get)
        return value

    def named(self, variable: Variable) -> Variable:
        """The variable meant where its name holds others, as in ``$sht(t=>$rU)``."""
        is_kept_here = variable.kind in WRITABLE_CLASSES and variable.kind not in self._readers
        if variable.element and is_kept_here:  # where each has one value
            variable = variable._replace(element="")
        if "$" not in variable.name or variable.kind not in _EVALUATES_NAME:
            return variable
        return variable._replace(name=self.expand(variable.name))

    def read(self, variable: Variable) -> Value:
        """`get`, parsed."""
        kind = variable.kind
        reader = self._readers.get(kind)
        if reader is not None:
            if kind in self._needs_name:
                self._check_name(variable)
            return reader(variable)
        if kind in PROCESS_CLASSES:
            return self.process.variables.get(variable, 0)
        if kind in SHARED_CLASSES:
            return self._shared.get(variable, 0)
        if kind not in MESSAGE_CLASSES and kind not in READ_ONLY_CLASSES:
            raise self._unknown(kind)
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
        known = self.known_writable.get(text)
        if known is not None:
            return known
        variable = parse(text)
        self.check_writable(variable)
        if len(self.known_writable) < MAX_KNOWN_VARIABLES:
            self.known_writable[text] = variable
        return variable

    def check_writable(self, variable: Variable) -> None:
        """Raises as `set` where it cannot be written."""
        kind = variable.kind
        if kind in self._needs_name:
            self._check_name(variable)
        if kind not in WRITABLE_CLASSES and kind not in self._writers:
            if kind in READ_ONLY_CLASSES or kind in self._readers:
                raise ReadOnlyVariableError(f"${kind} cannot be written")
            raise self._unknown(kind)

    def write(self, variable: Variable, value: Value) -> None:
        """`set`, parsed."""
        variable = self.named(variable)
        kind = variable.kind
        writer = self._writers.get(kind)
        if writer is not None:
            writer(variable, value)
        elif kind in PROCESS_CLASSES:
            self.process.variables[variable] = value
        elif kind in MESSAGE_CLASSES:
            self.process.message[variable] = value
        else:
            self._shared[variable] = value

    def expand(self, text: str) -> str:
        """``text`` with its variables replaced; null reads ``<null>``, ``$$`` is a dollar sign.

        Bytes that are not UTF-8 come out as lone surrogates (``surrogateescape``), so that
        encoding the result gives them back.

        Raises:
            UnknownVariableError: a dollar sign that begins no variable.
        """
        if "$" not in text:
            return text
        return "".join(
            part if isinstance(part, str) else self._printed(part) for part in parse_text(text)
        )

    def _check_name(self, variable: Variable) -> None:
        kind, name = variable.kind, variable.name
        if not name:
            raise UnknownVariableError(f"${kind} needs a name: ${kind}(name)")
        names = self._needs_name[kind]
        if names is not None and name not in names:
            near = did_you_mean(name, names) or f"; there are {', '.join(sorted(names))}"
            raise UnknownVariableError(f"no ${kind}({name}){near}")

    def _unknown(self, kind: str) -> UnknownVariableError:
        known = {*self._readers, *READ_ONLY_CLASSES, *WRITABLE_CLASSES}
        return UnknownVariableError(f"no variables of class ${kind}{did_you_mean(kind, known)}")

    def _printed(self, expression: Expression) -> str:
        try:
            return as_text(self.evaluate(expression))
        except NoValueError:
            return ""  # as the server: what has no value at all leaves no trace in a text


def as_text(value: Value) -> str:
    """A value as the server prints it into a string."""
    if value is None:
        return NULL_TEXT
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def as_bytes(text: str) -> bytes:
    """The bytes that `as_text` was made from."""
    return text.encode("utf-8", "surrogateescape")
