"""One emulated server process: its modules, variables and counters, and the calls of its
functions."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import onehttp
from onehttp import ConfigurationError, OnehttpError
from onehttp.lowlevel import tell_part
from onehttp_compat.calls.observed_call import LegacyCall as LegacyCall
from onehttp_compat.calls.observed_call import Observer as Observer
from onehttp_compat.dispatch import Function, kemi_function, native_function
from onehttp_compat.modules.auth_identity.module import AuthIdentity
from onehttp_compat.modules.curl import Curl
from onehttp_compat.modules.http_async_client.first_revisions import AsyncHttp
from onehttp_compat.modules.http_async_client.module import ASYNC_CAP_S, HttpAsyncClient
from onehttp_compat.modules.http_async_client.settings import TimeoutMeaning
from onehttp_compat.modules.http_client import HttpClient
from onehttp_compat.modules.ready_call import KeptCalls
from onehttp_compat.modules.utils import Utils
from onehttp_compat.modules.xcap_client.module import XcapClient
from onehttp_compat.parameters import LegacyBugs
from onehttp_compat.process import Counters, LegacyProcess
from onehttp_compat.process import ScriptRoute as ScriptRoute
from onehttp_compat.pv import PvStore, Variable
from onehttp_compat.registry import KEMI, NATIVE, LegacyFunction
from onehttp_compat.replacements.advice import Advice
from onehttp_compat.rpc import RpcCommands


class NoSuchFunctionError(OnehttpError, AttributeError, LookupError):
    """There is no legacy function of that name with that many arguments."""


class Module(Protocol):
    """A module that has parameters."""

    def set(self, name: str, value: object) -> None: ...
    def start(self) -> None: ...


class LegacyServer(LegacyProcess):
    """One server process as its scripts see it.

    Call ``modparam`` before `start`, and functions after it, in the order of a real configuration.
    The first call starts the server if it was not started.

    Args:
        legacy_bugs: repair the obvious bugs of the modules, or reproduce those that do no harm.
        store: the storage of pseudo-variables; inside the real server a `KsrStore`.
        reuse: keep connections for later calls, whatever ``keep_connections`` says. By default the
            modules close a connection after each call.
        counters: the counters of the modules; inside the real server its processes share them.
        is_first_async: emulate the very first revision of ``http_async_client`` instead of the
            later ones.
        async_timeout: what the ``timeout`` of an asynchronous query limits: each wait for the
            network, as in the real module, or the whole query.
        async_cap_s: the most seconds that an asynchronous query takes, however busy its server is.
    """

    def __init__(
        self,
        legacy_bugs: LegacyBugs = "fixed",
        store: PvStore | None = None,
        *,
        reuse: bool = False,
        counters: Counters | None = None,
        is_first_async: bool = False,
        async_timeout: TimeoutMeaning = "idle",
        async_cap_s: float = ASYNC_CAP_S,
    ) -> None:
        super().__init__(legacy_bugs, store, reuse, counters)
        self.warnings.replacement = Advice()
        if not self.is_faithful:  # the modules registered it under a truncated name
            self.pv.register("curlredirect", self._last_url)
        self.utils = Utils(self)
        self.curl = Curl(self)
        self.http_client = HttpClient(self)
        self.xcap_client = XcapClient(self)
        self.auth_identity = AuthIdentity(self)
        self.http_async_client = HttpAsyncClient(self, is_first_async, async_timeout, async_cap_s)
        self._modules: dict[str, Module] = {
            "auth_identity": self.auth_identity,
            "utils": self.utils,
            "curl": self.curl,
            "http_client": self.http_client,
            "xcap_client": self.xcap_client,
            "http_async_client": self.http_async_client,
        }
        # No module could be loaded under that name: its parameters belong to http_async_client.
        self._owners: dict[str, object] = {
            **self._modules,
            "async_http": AsyncHttp(self, self.http_async_client),
        }
        self._commands = RpcCommands(self.counters, self.curl, self.http_client, self.xcap_client)
        self._native: dict[tuple[str, int], Function] = {}

    def _last_url(self, variable: Variable) -> str | None:
        """``$curlredirect(connection)``: the URL that answered last, or null if there is none."""
        for module in (self.http_client, self.curl):
            if module.find(variable.name) is not None:
                return module.state_of(variable.name).last_url or None
        return None

    def modparam(self, module: str, name: str, value: object) -> None:
        """Set a parameter of a module, as a ``modparam`` line does.

        Raises:
            ConfigurationError: the real server would refuse to start.
        """
        known = self._modules.get(module)
        if known is None:
            raise ConfigurationError(
                f"modparam: no module {module!r}; there are: {', '.join(self._modules)}", key=module
            )
        known.set(name, value)
        self.has_started = False  # files that were read at the start are read again

    def start(self) -> None:
        """Check the configuration as a whole and read the files that it names.

        Raises:
            ConfigurationError: the real server would refuse to start.
        """
        for module in self._modules.values():
            module.start()
        self._declared = {
            spec.name: spec for module in (self.curl, self.http_client) for spec in module.specs()
        }
        onehttp.declare(self._declared.values())
        self.has_started = True

    def method(self, form: LegacyFunction) -> Callable[..., int]:
        """Return the method of a module that implements ``form``."""
        found: Callable[..., int] = getattr(self._owners[form.module], form.method)
        return found

    def call(self, name: str, arguments: Sequence[Any]) -> int:
        """Call a function as a native script does: pseudo-variables in its arguments are replaced.

        Returns:
            The return code, also kept as ``$rc``.

        Raises:
            NoSuchFunctionError: there is no function of that name with that many arguments.
        """
        function = self._native.get((name, len(arguments)))
        if function is None:
            form = NATIVE.get((name, len(arguments)))
            if form is None:
                raise NoSuchFunctionError(_missing(name, len(arguments)))
            function = self._native[name, len(arguments)] = native_function(
                self, form, self.method(form), self._kept_calls(form, is_kemi=False)
            )
        return function(*arguments)

    def kemi(self, module: str, function: str, arguments: Sequence[Any]) -> int:
        """Call ``KSR.<module>.<function>(...)``. Every argument is taken literally.

        Raises:
            NoSuchFunctionError: KEMI has no such function.
            TypeError: there are too few or too many arguments, or one is not text.
            ValueError: an argument contains a NUL.
        """
        return self.kemi_function(module, function)(*arguments)

    def kemi_function(self, module: str, function: str) -> Function:
        """Return the function ``KSR.<module>.<function>``.

        Raises:
            NoSuchFunctionError: KEMI has no such function.
        """
        form = KEMI.get((module, function))
        if form is None:
            raise NoSuchFunctionError(f"KSR.{module} has no function {function!r}")
        return kemi_function(self, form, self.method(form), self._kept_calls(form, is_kemi=True))

    def _kept_calls(self, form: LegacyFunction, is_kemi: bool) -> KeptCalls | None:
        if form.module != "http_client":
            return None
        return self.http_client.kept_calls(form.method, is_kemi)

    def rpc(self, name: str, arguments: Sequence[Any] = ()) -> dict[str, Any]:
        """Run an RPC command of the modules: ``{"result": ...}`` or ``{"error": {"code",
        "message"}}``."""
        if not self.has_started:
            self.start()
        return self._commands.run(name, arguments)


def _missing(name: str, count: int) -> str:
    counts = sorted(known for known_name, known in NATIVE if known_name == name)
    if counts:
        takes = " or ".join(map(str, counts))
        return f"{name} takes {takes} arguments, got {count}"
    return f"no legacy function named {name!r}"


def _legacy_calls() -> list[dict[str, object]]:
    """How often each place in the code of this process has made legacy calls."""
    server = _Default.server
    return [
        {"module": site.module, "function": site.function, "path": site.path, "line": site.line,
         "calls": site.calls}
        for site in (list(server.warnings.seen.values()) if server else ())
    ]  # fmt: skip


def _count_anew() -> None:
    """Reset the counts in a forked child, because the parent reports its own."""
    for site in _Default.server.warnings.seen.values() if _Default.server else ():
        site.calls = 0


tell_part("legacy_calls", _legacy_calls)
os.register_at_fork(after_in_child=_count_anew)


class _Default:
    """The server that module-level functions use. It is made at first use."""

    server: LegacyServer | None = None


def default_server() -> LegacyServer:
    """Return the server that the functions of this package use."""
    if _Default.server is None:
        _Default.server = LegacyServer()
    return _Default.server


def use_server(server: LegacyServer | None) -> None:
    """Make another server the default. None: the next use makes a new one."""
    _Default.server = server
