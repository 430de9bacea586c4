"""The state of one emulated server process: modules, variables, counters, and who calls them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from onehttp import ConfigurationError, OnehttpError
from onehttp_compat.curl import Curl
from onehttp_compat.http_client import HttpClient
from onehttp_compat.modparam import LegacyBugs
from onehttp_compat.pv import (
    PvStore,
    ReadOnlyVariableError,
    UnknownVariableError,
    Value,
    Variable,
    as_bytes,
)
from onehttp_compat.registry import KEMI, NATIVE, Kind, LegacyFunction
from onehttp_compat.utils import Utils
from onehttp_compat.warning import LegacyWarnings, calling_frame

_log = logging.getLogger("onehttp_compat")


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyCall:
    """One legacy call, for those who watch."""

    function: LegacyFunction
    name: str
    """As the script wrote it: ``http_query``, ``KSR.http_client.query``."""
    file: str
    line: int
    url: str
    """As given; may hold secrets."""
    code: int
    result_bytes: int | None
    time_s: float


Observer: TypeAlias = Callable[[LegacyCall], None]


class NoSuchFunctionError(OnehttpError, AttributeError, LookupError):
    """No legacy function of that name with that many arguments."""


class LegacyServer:
    """One server process as its scripts see it.

    ``modparam`` before `start`, calls after it, as in the configuration of the real server; a
    call starts the server where nobody has.
    """

    def __init__(self, legacy_bugs: LegacyBugs = "fixed", store: PvStore | None = None) -> None:
        self.legacy_bugs: LegacyBugs = legacy_bugs
        self.is_faithful = legacy_bugs == "faithful"
        self.pv = store or PvStore()
        self.counters: dict[str, int] = {}
        self.warnings = LegacyWarnings()
        self.observers: list[Observer] = []
        self.return_code = 0
        self.pv.register("rc", lambda _: self.return_code)
        self.pv.register("retcode", lambda _: self.return_code)
        self.utils = Utils(self)
        self.curl = Curl(self)
        self.http_client = HttpClient(self)
        self._modules: dict[str, Utils | Curl | HttpClient] = {
            "utils": self.utils,
            "curl": self.curl,
            "http_client": self.http_client,
        }
        self._has_started = False

    def modparam(self, module: str, name: str, value: object) -> None:
        """One ``modparam`` line.

        Raises:
            ConfigurationError: where the real server would refuse to start.
        """
        known = self._modules.get(module)
        if known is None:
            raise ConfigurationError(
                f"modparam: no module {module!r}; there are: {', '.join(self._modules)}", key=module
            )
        known.set(name, value)

    def start(self) -> None:
        """Check the configuration as a whole and read what it names.

        Raises:
            ConfigurationError: where the real server would refuse to start.
        """
        for module in self._modules.values():
            module.start()
        self._has_started = True

    def call(self, name: str, arguments: Sequence[Any], interface: str = "native") -> int:
        """A function as a native script calls it: pseudo-variables in its arguments are replaced.

        Returns:
            The return code, also kept as ``$rc``.

        Raises:
            NoSuchFunctionError: no such name with so many arguments.
        """
        if interface == "kemi":
            module, _, function = name.rpartition(".")
            return self.kemi(module, function, arguments)
        function_form = NATIVE.get((name, len(arguments)))
        if function_form is None:
            raise NoSuchFunctionError(_missing(name, len(arguments)))
        code = self._run(function_form, arguments, is_kemi=False)
        self.return_code = code
        return code

    def kemi(self, module: str, function: str, arguments: Sequence[Any]) -> int:
        """``KSR.<module>.<function>(...)``: every argument is taken literally.

        Raises:
            NoSuchFunctionError: KEMI has no such function.
            TypeError: too few or many arguments, or one that is not text.
            ValueError: a NUL in an argument.
        """
        form = KEMI.get((module, function))
        if form is None:
            raise NoSuchFunctionError(f"KSR.{module} has no function {function!r}")
        if len(arguments) != len(form.arguments):
            raise TypeError(
                f"KSR.{module}.{function} takes {len(form.arguments)} arguments, "
                f"got {len(arguments)}"
            )
        for argument, value in zip(form.arguments, arguments, strict=True):
            if not isinstance(value, str):
                raise TypeError(
                    f"KSR.{module}.{function}: {argument.name}: expected text, "
                    f"got {type(value).__name__}"
                )
            if "\0" in value:
                raise ValueError(f"KSR.{module}.{function}: {argument.name}: contains a NUL")
        return self._run(form, arguments, is_kemi=True)

    def rpc(self, name: str, arguments: Sequence[Any] = ()) -> dict[str, Any]:
        """A command of the modules: ``{"result": ...}`` or ``{"error": {"code", "message"}}``."""
        listing = {"curl.listcon": self.curl, "httpclient.listcon": self.http_client}.get(name)
        if listing is not None:
            rows = listing.listcon()
            if not rows:
                return _fault(500, "No Connection Definitions")
            return {"result": {"CONNECTION": rows[0] if len(rows) == 1 else rows}}
        if name == "cnt.get" and len(arguments) == 2:
            value = self.counters.get(".".join(map(str, arguments)))
            return _fault(400, "Counter not found") if value is None else {"result": value}
        return _fault(500, f"command {name} not found")

    def body(self, text: str) -> bytes:
        """A body as the modules hand it on: to the first NUL in faithful mode (B37)."""
        data = as_bytes(text)
        return data.partition(b"\0")[0] if self.is_faithful else data

    def _run(self, form: LegacyFunction, arguments: Sequence[Any], is_kemi: bool) -> int:
        if not self._has_started:
            self.start()
        self.warnings.note(form, is_kemi)
        try:
            values = self._evaluated(form, arguments, is_kemi)
        except (UnknownVariableError, ReadOnlyVariableError, TypeError) as error:
            _log.error("%s: %s; nothing was sent", form.label(is_kemi), error)
            return -1
        started = time.perf_counter() if self.observers else 0.0
        code: int = getattr(self._modules[form.module], form.method)(is_kemi=is_kemi, **values)
        if self.observers:
            self._observe(form, is_kemi, values, code, time.perf_counter() - started)
        return code

    def _evaluated(
        self, form: LegacyFunction, arguments: Sequence[Any], is_kemi: bool
    ) -> dict[str, Any]:
        values: dict[str, Any] = {}
        expand = self.pv.expand
        for (name, kind), given in zip(_shape(form), arguments, strict=True):
            if kind is Kind.RESULT:
                values[name] = self.pv.writable(given)
            elif kind is Kind.NUMBER:
                values[name] = self._number(given)
            elif not isinstance(given, str):
                raise TypeError(f"{name}: expected text, got {type(given).__name__}")
            elif kind is Kind.TEXT and not is_kemi and "$" in given:
                values[name] = self._cut(expand(given), name)
            else:
                values[name] = self._cut(given, name) if "\0" in given else given
        return values

    def _cut(self, text: str, name: str) -> str:
        # URLs and headers are C strings to the real modules (B37); an engine refuses a NUL.
        if "\0" in text and name != "body" and self.is_faithful:
            return text.partition("\0")[0]
        return text

    def _number(self, given: object) -> int:
        value: object = self.pv.get(given) if isinstance(given, str) and "$" in given else given
        if isinstance(value, bytes):
            value = value.decode("latin-1")
        if isinstance(value, str) and value.lstrip("+-").isdecimal():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"expected a number, got {type(given).__name__}")
        return value

    def _observe(
        self,
        form: LegacyFunction,
        is_kemi: bool,
        values: dict[str, Any],
        code: int,
        time_s: float,
    ) -> None:
        frame = calling_frame()
        result = values.get("result")
        size = _size(self.pv.read(result)) if isinstance(result, Variable) else None
        url = values.get("url") or f"{values.get('connection', '')} {values.get('path', '')}"
        record = LegacyCall(
            function=form,
            name=form.label(is_kemi),
            file=frame.f_code.co_filename,
            line=frame.f_lineno,
            url=url,
            code=code,
            result_bytes=size,
            time_s=time_s,
        )
        for observer in self.observers:
            observer(record)


_shapes: Final[dict[int, tuple[tuple[str, Kind], ...]]] = {}


def _shape(form: LegacyFunction) -> tuple[tuple[str, Kind], ...]:
    shape = _shapes.get(id(form))
    if shape is None:
        shape = tuple((argument.name, argument.kind) for argument in form.arguments)
        _shapes[id(form)] = shape
    return shape


def _size(value: Value) -> int:
    return 0 if value is None else len(value if isinstance(value, bytes) else str(value))


def _missing(name: str, count: int) -> str:
    counts = sorted(known for known_name, known in NATIVE if known_name == name)
    if counts:
        takes = " or ".join(map(str, counts))
        return f"{name} takes {takes} arguments, got {count}"
    return f"no legacy function named {name!r}"


def _fault(code: int, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


class _Default:
    """The server behind the module-level functions: made at first use."""

    server: LegacyServer | None = None


def default_server() -> LegacyServer:
    """The server that the functions of this package work on."""
    if _Default.server is None:
        _Default.server = LegacyServer()
    return _Default.server


def use_server(server: LegacyServer | None) -> None:
    """Make another server the default; None: a fresh one at the next use."""
    _Default.server = server
