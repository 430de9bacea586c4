"""Pseudo-variables: their syntax, the storage of their values, and their expansion in texts.

``$var(x)`` lives as long as the process, and all other variables as long as the message. Each
thread stands for a process of the server, so it has its own message and its own ``$var``. Values
are bytes, text or numbers. Bytes are never changed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple, TypeAlias

from onehttp import OnehttpError
from onehttp_compat.near_names import did_you_mean
from onehttp_compat.pseudo_variables.syntax import Expression as Expression
from onehttp_compat.pseudo_variables.syntax import UnknownVariableError as UnknownVariableError
from onehttp_compat.pseudo_variables.syntax import Variable as Variable
from onehttp_compat.pseudo_variables.syntax import (
    expression_at,
    parse_expression,
    parse_text,
)
from onehttp_compat.pseudo_variables.transformations import NoValueError, transformation
from onehttp_compat.sip.request import SipRequest
from onehttp_compat.sip.value import Value as Value

Reader: TypeAlias = "Callable[[Variable], Value]"
"""Reads a variable of a class."""
Writer: TypeAlias = "Callable[[Variable, Value], None]"
"""Writes a variable of a class. Raises `RefusedValueError` for a value that it does not accept."""

MAX_KNOWN_VARIABLES: Final = 4096
NULL_TEXT: Final = "<null>"
PROCESS_CLASSES: Final = frozenset({"var"})
SHARED_CLASSES: Final = frozenset({"shv"})
"""Classes of variables that all processes share."""
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
"""Classes whose names may contain variables, as in ``$sht(t=>$rU)``. All others take their names
literally."""


class ReadOnlyVariableError(OnehttpError, TypeError):
    """The variable cannot be written."""


class RefusedValueError(OnehttpError, ValueError):
    """The variable does not accept this value, or no value of this type."""


Message: TypeAlias = "dict[Variable, Value]"
"""The values that belong to one message."""


def parse(text: str) -> Variable:
    """Return the variable at the start of ``text``. Its transformations, and text behind it, are
    ignored, as in the server.

    Raises:
        UnknownVariableError: ``text`` does not start with a variable, or there is no such
            transformation.
    """
    expression, _ = expression_at(text, 0)
    for body in expression.transformations:
        transformation(body)
    return expression.variable


class Form(NamedTuple):
    """How the variables of a class are written."""

    needs_name: bool
    """They have a name in parentheses; otherwise they have none."""
    names: Collection[str] | None = None
    """The names that are allowed, if there are only a few."""
    has_elements: bool = True
    """An element may follow in brackets."""

    def check(self, variable: Variable) -> None:
        """Raise an error for a variable of another form.

        Raises:
            UnknownVariableError: it has another form.
        """
        kind, name, element = variable
        if not self.needs_name and name:
            raise UnknownVariableError(f"${kind}({name}): ${kind} takes no name")
        if self.needs_name and not name:
            raise UnknownVariableError(f"${kind} needs a name: ${kind}(name)")
        if element and not self.has_elements:
            raise UnknownVariableError(f"{variable}: ${kind} takes nothing in brackets")
        if self.names is not None and name not in self.names:
            near = did_you_mean(name, self.names) or f"; there are {', '.join(sorted(self.names))}"
            raise UnknownVariableError(f"no ${kind}({name}){near}")


class _ProcessValues(threading.local):
    """The values that belong to one process of the server."""

    def __init__(self) -> None:
        self.variables: dict[Variable, Value] = {}
        self.message: Message = {}
        self.request: SipRequest | Callable[[], SipRequest] | None = None
        self.return_code = 0


class PvStore:
    """The values of variables outside the server. `KsrStore` is the same for the inside."""

    def __init__(self) -> None:
        self.process = _ProcessValues()
        self._shared: dict[Variable, Value] = {}
        self._readers: dict[str, Reader] = {"null": lambda _: None}
        self._writers: dict[str, Writer] = {}
        self._forms: dict[str, Form] = {}
        self.known_writable: dict[str, Variable] = {}
        """Results of `writable` by text. A frequent caller looks here first."""

    @property
    def request(self) -> SipRequest | None:
        """The SIP request of this message, for modules that need the whole of it.

        It may be set to a function, which is called on the first access, because few scripts need
        it.
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
        form: Form | None = None,
    ) -> None:
        """Let ``reader`` read the variables of class ``kind``, and ``writer`` write them if it is
        given. ``form`` is how they must be written; None if that is unknown."""
        self._readers[kind] = reader
        if writer is not None:
            self._writers[kind] = writer
        if form is not None:
            self._forms[kind] = form

    def is_registered(self, kind: str) -> bool:
        """Whether variables of that class have a reader."""
        return kind in self._readers

    def new_message(self, variables: Mapping[str, Value] | None = None) -> None:
        """Forget the values of the last message; ``variables`` are those of the new one."""
        self.process.message = {parse(name): value for name, value in (variables or {}).items()}

    @property
    def message(self) -> Message:
        """The values that belong to the message that this thread works on."""
        return self.process.message

    def message_identity(self) -> object:
        """An object that stays the same as long as this thread works on the same message."""
        return self.process.message

    def get(self, text: str) -> Value:
        """Return the value of a variable, with its transformations applied. None means null. A
        ``$var`` that was never set is 0.

        Raises:
            UnknownVariableError: this is not a variable.
        """
        try:
            return self.evaluate(parse_expression(text))
        except NoValueError:
            return None

    def evaluate(self, expression: Expression) -> Value:
        """Return the value of an expression.

        Raises:
            UnknownVariableError: there is no such class of variables, or no such transformation.
            NoValueError: a transformation has no result, for example because its input is null.
        """
        value = self.read(self.named(expression.variable))
        for body in expression.transformations:
            value = transformation(body)(value, self.get)
        return value

    def named(self, variable: Variable) -> Variable:
        """Replace the variables in the name of a variable, as in ``$sht(t=>$rU)``, and the one that
        is its element, as in ``$(avp(a)[$var(i)])``.

        Raises:
            NoValueError: that one is no number.
        """
        if variable.element.startswith("$"):
            place = self.get(variable.element)
            if not isinstance(place, int):
                raise NoValueError(variable.element)
            variable = variable._replace(element=str(place))
        is_kept_here = variable.kind in WRITABLE_CLASSES and variable.kind not in self._readers
        if variable.element and is_kept_here:  # each of them has one value there
            variable = variable._replace(element="")
        if "$" not in variable.name or variable.kind not in _EVALUATES_NAME:
            return variable
        return variable._replace(name=self.expand(variable.name))

    def read(self, variable: Variable) -> Value:
        """The same as `get`, for a variable that was parsed already."""
        kind = variable.kind
        reader = self._readers.get(kind)
        if reader is not None:
            if kind in self._forms:
                self._forms[kind].check(variable)
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
            UnknownVariableError: this is not a variable.
            ReadOnlyVariableError: the variable cannot be written.
            RefusedValueError: the variable does not accept this value.
        """
        self.write(self.writable(text), value)

    def writable(self, text: str) -> Variable:
        """Return the variable that ``text`` names if it can be written. Raises the errors of
        `set`."""
        known = self.known_writable.get(text)
        if known is not None:
            return known
        variable = parse(text)
        self.check_writable(variable)
        if len(self.known_writable) < MAX_KNOWN_VARIABLES:
            self.known_writable[text] = variable
        return variable

    def check_writable(self, variable: Variable) -> None:
        """Raise the error of `set` if the variable cannot be written."""
        kind = variable.kind
        if kind in self._forms:
            self._forms[kind].check(variable)
        if kind not in WRITABLE_CLASSES and kind not in self._writers:
            if kind in READ_ONLY_CLASSES or kind in self._readers:
                raise ReadOnlyVariableError(f"${kind} cannot be written")
            raise self._unknown(kind)

    def write(self, variable: Variable, value: Value) -> None:
        """The same as `set`, for a variable that was parsed already."""
        try:
            variable = self.named(variable)
        except NoValueError:
            raise RefusedValueError(f"{variable}: the element is no number") from None
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

    def fast_writer(self, variable: Variable) -> Callable[[bytes], None] | None:
        """Return a function that does what `write` does with bytes, faster. It never refuses any.
        None: there is none for this variable."""
        return None

    def expand(self, text: str) -> str:
        """Replace the variables in ``text``. Null becomes ``<null>``, and ``$$`` a dollar sign.

        Bytes that are not UTF-8 become lone surrogates (``surrogateescape``), so that encoding the
        result restores them.

        Raises:
            UnknownVariableError: a dollar sign does not start a variable.
        """
        if "$" not in text:
            return text
        return "".join(
            part if isinstance(part, str) else self._printed(part) for part in parse_text(text)
        )

    def _unknown(self, kind: str) -> UnknownVariableError:
        known = {*self._readers, *READ_ONLY_CLASSES, *WRITABLE_CLASSES}
        return UnknownVariableError(f"no variables of class ${kind}{did_you_mean(kind, known)}")

    def _printed(self, expression: Expression) -> str:
        try:
            return as_text(self.evaluate(expression))
        except NoValueError:
            return ""  # as in the server: a variable without any value adds nothing to a text


def as_text(value: Value) -> str:
    """Return the text that the server makes of a value inside a string."""
    if value is None:
        return NULL_TEXT
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def as_bytes(text: str) -> bytes:
    """Return the bytes that `as_text` has made its text from."""
    return text.encode("utf-8", "surrogateescape")
