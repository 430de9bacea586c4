"""``KSR.pv`` and ``KSR.pvx``: pseudo-variables."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final

from onehttp_compat.pseudo_variables.reading import NULL, NullReading
from onehttp_compat.pseudo_variables.syntax import parse_expression
from onehttp_compat.pv import (
    ReadOnlyVariableError,
    RefusedValueError,
    UnknownVariableError,
    Value,
    as_bytes,
    as_text,
)
from onehttp_compat.script.kemi.functions import FALSE, TRUE, Functions, as_code
from onehttp_compat.script.routed_message import Branch

_XAVP_KINDS: Final = ("xavp", "xavi", "xavu")
_SHORT: Final = ("avp", "var", "shv")


class PvFunctions(NullReading, Functions):
    """``KSR.pv``. Null and unknown variables differ: an unknown variable is reported."""

    def get(self, name: str) -> int | str | None:
        try:
            value = self._world.server.pv.get(_whole(name))
        except (UnknownVariableError, RefusedValueError) as error:
            self._world.mistakes.note(str(error))
            return None
        return crossing(value)

    def sets(self, name: str, value: str) -> bool:
        return self._set(name, value)

    def seti(self, name: str, value: int) -> bool:
        return self._set(name, value)

    def unset(self, name: str) -> bool:
        return self._set(name, None)

    def _set(self, name: str, value: Value) -> bool:
        store = self._world.server.pv
        try:
            store.set(_whole(name), value)
        except ReadOnlyVariableError as error:
            # The server reports success, and sets nothing.
            self._world.mistakes.hint(f"{error}; the server reports success")
            return True
        except RefusedValueError as error:
            self._world.mistakes.hint(f"{error}; the variable stays as it was")
            return False
        return True


class PvxFunctions(Functions):
    """``KSR.pvx``: variables by class and name."""

    def find(self, name: str) -> Callable[..., Any] | None:
        own = super().find(name)
        if own is not None:
            return own
        kind, _, action = name.partition("_")
        if kind in _SHORT:
            return self._of_class(kind, action)
        if kind in _XAVP_KINDS:
            if action.startswith("child_"):
                return self._of_child(kind, action.removeprefix("child_"))
            return self._of_class(kind, action)
        return None

    def evalx(self, target: str, text: str) -> int:
        store = self._world.server.pv
        store.set(target, store.expand(text))
        return TRUE

    def xavp_params_explode(self, text: str, root: str) -> int:
        return self._explode("xavp", text, root)

    def xavu_params_explode(self, text: str, root: str) -> int:
        return self._explode("xavu", text, root)

    def xavp_params_implode(self, root: str, target: str) -> int:
        store, begin = self._world.server.pv, f"{root}[0]=>"
        fields = [
            (variable.name.removeprefix(begin), as_text(value))
            for variable, value in store.message.items()
            if variable.kind == "xavp" and variable.name.startswith(begin)
        ]
        if not fields:
            return FALSE
        store.set(target, "".join(f"{k}={v};" if v else f"{k};" for k, v in fields))
        return TRUE

    def sbranch_append(self) -> int:
        branch = self._world.prepared_branch
        if not branch.uri:
            return FALSE
        self._routed.branches.append(dataclasses.replace(branch))
        return self._scene.act(f"branch {branch.uri}")

    def sbranch_reset(self) -> int:
        self._world.prepared_branch = Branch("")
        return TRUE

    def sbranch_set_ruri(self) -> int:
        branch, routed = self._world.prepared_branch, self._routed
        if not branch.uri:
            return FALSE
        routed.set_uri(branch.uri)
        routed.dst_uri = branch.dst_uri or None
        routed.path, routed.q = branch.path, branch.q
        routed.branch_flags |= branch.flags
        return self._scene.act(f"$ru = {branch.uri}")

    def _explode(self, kind: str, text: str, root: str) -> int:
        from onehttp_compat.sip.uri import params_of

        if not text:
            return FALSE
        store = self._world.server.pv
        for number, (name, value) in enumerate(params_of(text).items()):
            place = root if number == 0 else f"{root}[0]"
            store.set(f"${kind}({place}=>{name})", value)
        return TRUE

    def _of_class(self, kind: str, action: str) -> Callable[..., Any] | None:
        if kind == "shv" and action.startswith("set"):
            return lambda name, value: self._set_shared(name, value)
        if kind == "shv" and action == "get":
            return lambda name: crossing(self._world.shared.get(name, 0))
        return self._actions(action, lambda name: f"${kind}({name})", is_avp=kind == "avp")

    def _set_shared(self, name: str, value: Value) -> int:
        """Returns -1 if neither the configuration nor a variable in the script has declared the
        name."""
        shared = self._world.shared
        if name not in shared:
            return FALSE
        shared[name] = value
        return TRUE

    def _of_child(self, kind: str, action: str) -> Callable[..., Any] | None:
        def named(root: str, field: str) -> str:
            store = self._world.server.pv
            is_new = action.startswith("set") and store.get(f"${kind}({root})") is None
            place = root if is_new or kind == "xavu" else f"{root}[0]"
            return f"${kind}({place}=>{field})"

        return self._actions(action, named)

    def _actions(
        self, action: str, named: Callable[..., str], *, is_avp: bool = False
    ) -> Callable[..., Any] | None:
        store = self._world.server.pv

        def get(*names: str) -> Value:
            try:
                return crossing(store.get(named(*names)))
            except (UnknownVariableError, RefusedValueError) as error:
                self._world.mistakes.note(str(error))
                return None

        def put(*arguments: Any) -> int:
            *names, value = arguments
            store.set(named(*names), value)
            return TRUE

        def remove(*names: str) -> int:
            store.set(named(*names), None)
            return TRUE

        def or_null(default: str) -> Callable[..., Value]:
            def read(*names: str) -> Value:
                value = get(*names)
                return default if value is None else value

            return read

        return {
            "get": get,
            "gete": or_null(""),
            "getw": or_null(NULL),
            "sets": put,
            "seti": put,
            "rm": remove,
            # $avp reports every name as null here. That is a bug of the server which scripts may
            # rely on.
            "is_null": lambda *names: TRUE if is_avp else as_code(get(*names) is None),
        }.get(action)


def _whole(name: str) -> str:
    """Return ``name``, which has to be exactly one variable.

    Raises:
        UnknownVariableError: it is something else.
    """
    parse_expression(name)
    return name


def crossing(value: Value) -> int | str | None:
    """Convert a value for Python. Text that is not UTF-8 raises UnicodeDecodeError."""
    if isinstance(value, str):
        return value if value.isascii() else as_bytes(value).decode()
    return value.decode() if isinstance(value, bytes) else value
