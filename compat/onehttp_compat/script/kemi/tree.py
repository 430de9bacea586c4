"""``KSR`` with all functions of the catalogue: emulated, of our HTTP modules, or assumed."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any, Final

from onehttp_compat.near_names import did_you_mean
from onehttp_compat.registry import KEMI
from onehttp_compat.script.catalogue import Signature, catalogue
from onehttp_compat.script.kemi.calling import assumed, callable_for, emulated
from onehttp_compat.script.kemi.core import CoreFunctions, XlogFunctions
from onehttp_compat.script.kemi.functions import Functions
from onehttp_compat.script.kemi.headers.functions import HdrFunctions
from onehttp_compat.script.kemi.kx import KxFunctions
from onehttp_compat.script.kemi.nat import NathelperFunctions
from onehttp_compat.script.kemi.replies import (
    AuthFunctions,
    MaxfwdFunctions,
    SanityFunctions,
    SlFunctions,
)
from onehttp_compat.script.kemi.routing import (
    CorexFunctions,
    DialogFunctions,
    DiversionFunctions,
    PathFunctions,
    RrFunctions,
)
from onehttp_compat.script.kemi.sdpops import SdpopsFunctions
from onehttp_compat.script.kemi.tables import (
    CfgutilsFunctions,
    HtableFunctions,
    MqueueFunctions,
    StatisticsFunctions,
    UuidFunctions,
)
from onehttp_compat.script.kemi.text import RegexFunctions, TextopsFunctions, TextopsxFunctions
from onehttp_compat.script.kemi.transactions import TmFunctions, TmxFunctions
from onehttp_compat.script.kemi.uris import IpopsFunctions, SiputilsFunctions
from onehttp_compat.script.kemi.variables import PvFunctions, PvxFunctions
from onehttp_compat.script.world import World

EMULATED: Final[dict[str, type[Functions]]] = {
    "": CoreFunctions,
    "hdr": HdrFunctions,
    "pv": PvFunctions,
    "pvx": PvxFunctions,
    "kx": KxFunctions,
    "sl": SlFunctions,
    "tm": TmFunctions,
    "tmx": TmxFunctions,
    "rr": RrFunctions,
    "path": PathFunctions,
    "corex": CorexFunctions,
    "diversion": DiversionFunctions,
    "dialog": DialogFunctions,
    "auth": AuthFunctions,
    "maxfwd": MaxfwdFunctions,
    "sanity": SanityFunctions,
    "textops": TextopsFunctions,
    "textopsx": TextopsxFunctions,
    "regex": RegexFunctions,
    "siputils": SiputilsFunctions,
    "ipops": IpopsFunctions,
    "nathelper": NathelperFunctions,
    "sdpops": SdpopsFunctions,
    "htable": HtableFunctions,
    "mqueue": MqueueFunctions,
    "statistics": StatisticsFunctions,
    "cfgutils": CfgutilsFunctions,
    "uuid": UuidFunctions,
    "xlog": XlogFunctions,
}
HTTP_MODULES: Final = frozenset(module for module, _ in KEMI)
VERSION: Final = 1002
"""``KSR.__version__`` of the interface in the catalogue."""
# The names in KSR of modules whose own names differ.
_FILES: Final = {"pvx": "pv", "hdr": "", "x": "", "": "", "kx": "kemix"}


class ScriptExit(BaseException):
    """Raised to end the route: the script has ended its work on this message."""


class KsrModule(types.ModuleType):
    """``KSR.<module>``."""

    def __init__(self, name: str, functions: FunctionTable) -> None:
        super().__init__(f"KSR.{name}" if name else "KSR", None)
        self.__dict__["_functions"] = functions

    def __getattr__(self, name: str) -> Any:
        found = self.__dict__["_functions"].named(name)
        setattr(self, name, found)  # found without `__getattr__` from now on
        return found

    def __dir__(self) -> list[str]:
        functions: FunctionTable = self.__dict__["_functions"]
        return sorted({*functions.names(), "__doc__", "__name__"})


class FunctionTable:
    """The functions of one module."""

    def __init__(self, world: World, module: str) -> None:
        self._world = world
        self._module = module
        group = EMULATED.get(module)
        self._emulated = group(world) if group else None

    def names(self) -> list[str]:
        return list(catalogue().functions.get(self._module, ()))

    def named(self, name: str) -> Any:
        """Return a function.

        Raises:
            AttributeError: neither the server nor ``--assume`` has a function of that name.
        """
        signature = catalogue().find(self._module, name)
        if signature is None:
            return self._unknown(name)
        if (self._module, name) in KEMI:
            made = self._world.server.kemi_function(self._module, name)
            return callable_for(self._world, signature, made)
        function = self._emulated.find(name) if self._emulated else None
        if function is None:
            return callable_for(
                self._world, signature, lambda *given: assumed(self._world, signature, given)
            )
        function = emulated(self._world, signature, function)
        if signature.label.removeprefix("KSR.") in self._world.assumptions.rules:
            function = self._overridden(signature, function)
        return callable_for(self._world, signature, function)

    def _overridden(self, signature: Signature, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return an emulated function, with answers of ``--assume`` for the calls that these
        match."""
        assumptions = self._world.assumptions

        def call(*arguments: Any) -> Any:
            if assumptions.rule_for(signature, arguments) is None:
                return function(*arguments)
            return assumptions.answer(signature, arguments)

        return call

    def _unknown(self, name: str) -> Any:
        module, label = self._module, f"{self._module}.{name}" if self._module else name
        if label in self._world.assumptions.rules:
            signature = Signature(module, name, "int", ())
            return lambda *given: self._world.assumptions.answer(signature, given)
        owner = f"KSR.{module}" if module else "KSR"
        raise AttributeError(
            f"module {owner!r} has no attribute {name!r}{did_you_mean(name, self.names())}"
        )


class KsrFunctions(FunctionTable):
    """``KSR`` itself: its own functions, and its modules."""

    def __init__(self, world: World, loaded: frozenset[str] | None = None) -> None:
        super().__init__(world, "")
        self._loaded = loaded
        self._modules: dict[str, KsrModule] = {}

    def names(self) -> list[str]:
        modules = [one for one in catalogue().functions if one and is_loaded(one, self._loaded)]
        return [*super().names(), *modules, "x"]

    def named(self, name: str) -> Any:
        if name.startswith("__"):
            if name == "__version__":
                return VERSION
            if name == "__all__":  # for `from KSR import *`
                return self.names()
            raise AttributeError(f"module 'KSR' has no attribute {name!r}")
        if name == "x":
            return _ending(self._world)
        is_assumed = any(label.startswith(f"{name}.") for label in self._world.assumptions.rules)
        if name in catalogue().functions or is_assumed:
            if is_loaded(name, self._loaded) or is_assumed:
                return self.module(name)
            raise not_loaded(name)
        return super().named(name)

    def module(self, name: str) -> KsrModule:
        """``KSR.<name>``."""
        if name not in self._modules:
            self._modules[name] = KsrModule(name, FunctionTable(self._world, name))
        return self._modules[name]


def module_of(name: str) -> str:
    """The module that provides ``KSR.<name>``; empty if it always exists, or never."""
    return _FILES.get(name, name) if name in catalogue().functions else ""


def is_loaded(name: str, loaded: frozenset[str] | None) -> bool:
    """Whether ``KSR.<name>`` exists if the configuration loads these modules."""
    file = _FILES.get(name, name)
    return loaded is None or not file or file in loaded or name in HTTP_MODULES


def not_loaded(name: str) -> AttributeError:
    """The error that the script gets if it does not."""
    return AttributeError(
        f"module 'KSR' has no attribute {name!r}: the configuration does not load "
        f"{_FILES.get(name, name)}.so"
    )


def ksr_module(world: World, loaded: frozenset[str] | None = None) -> KsrModule:
    """Return ``KSR`` for a script.

    Args:
        loaded: the modules of the server's configuration; None: all that exist.
    """
    return KsrModule("", KsrFunctions(world, loaded))


def _ending(world: World) -> types.SimpleNamespace:
    """``KSR.x``: ends a script, as in other languages. ``modf`` crashes the real server."""

    def leave() -> None:
        world.mistakes.hint(
            "KSR.x.exit() and KSR.x.drop() are for other languages: to the server's Python they "
            "are an AttributeError; sys.exit() ends a route"
        )
        raise ScriptExit

    def modf(*_arguments: object) -> None:
        raise AttributeError("KSR.x.modf is not emulated: it crashes the real server")

    return types.SimpleNamespace(exit=leave, drop=leave, modf=modf)
