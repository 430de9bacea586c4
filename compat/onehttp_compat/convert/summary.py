"""A summary of a configuration: how it uses HTTP, and its other contents."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from onehttp_compat.convert.declared import Declarations
from onehttp_compat.convert.http_modules import MODULES
from onehttp_compat.registry import FUNCTIONS
from onehttp_compat.server_config import (
    Defined,
    GlobalSetting,
    Included,
    LoadModule,
    Modparam,
    RouteBlock,
    RouteCall,
    SwitchedOff,
)

_CALLS = frozenset(function.name for function in FUNCTIONS)
_ENGINES = {
    "app_jsdt": "JavaScript",
    "app_lua": "Lua",
    "app_perl": "Perl",
    "app_python": "Python",
    "app_python3": "Python",
    "app_python3s": "Python",
    "app_ruby": "Ruby",
    "app_sqlang": "Squirrel",
}


@dataclass(slots=True)
class Summary:
    """Counts, and the most important names."""

    files: list[str]
    missing: list[str]
    """Files that are included but do not exist here."""
    modules: list[str]
    parameters: int
    routes: int
    listens: list[str]
    engines: list[str]
    """Languages in which its routes may be written, besides its own."""
    calls: dict[str, int]
    """Functions of the HTTP modules that its routes call, and the number of calls."""
    conditions: dict[str, int]
    """Conditions that exclude a part, and the size of that part."""
    defines: list[str]
    http: list[str]
    """The HTTP modules for which there is any declaration."""

    @classmethod
    def of(cls, declared: Declarations) -> Summary:
        """Summarise everything that was read."""
        found = declared.config.declarations
        conditions = Counter(one.condition for one in found if isinstance(one, SwitchedOff))
        modules = [one.name for one in found if isinstance(one, LoadModule)]
        calls = Counter(
            one.name for one in found if isinstance(one, RouteCall) and one.name in _CALLS
        )
        return cls(
            files=list(dict.fromkeys(declared.config.files)),
            missing=[one.name for one in found if isinstance(one, Included) and one.path is None],
            modules=modules,
            parameters=sum(isinstance(one, Modparam) for one in found),
            routes=sum(isinstance(one, RouteBlock) for one in found),
            listens=[
                one.value
                for one in found
                if isinstance(one, GlobalSetting) and one.name in ("listen", "socket")
            ],
            engines=sorted({_ENGINES[name] for name in modules if name in _ENGINES}),
            calls=dict(calls.most_common()),
            conditions=dict(conditions.most_common()),
            defines=[one.name for one in found if isinstance(one, Defined)],
            http=[name for name in MODULES if name in declared.concerns],
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}
