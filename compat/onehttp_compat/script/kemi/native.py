"""Functions by the names they have in a kamailio.cfg, for ``msg.call_function``.

Most are called there what they are called in ``KSR``; of those that are not, the common ones are in
a table.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

from onehttp_compat.registry import NATIVE
from onehttp_compat.script.catalogue import Signature, catalogue
from onehttp_compat.script.kemi.calling import emulated
from onehttp_compat.script.kemi.functions import FALSE, TRUE
from onehttp_compat.script.kemi.tree import EMULATED
from onehttp_compat.script.world import World

_OTHER_NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "append_hf": ("hdr", "append"),
    "insert_hf": ("hdr", "insert"),
    "append_to_reply": ("hdr", "append_to_reply"),
    "lookup": ("registrar", "lookup"),
    "save": ("registrar", "save"),
    "registered": ("registrar", "registered"),
    "unregister": ("registrar", "unregister"),
    "rewriteuri": ("", "seturi"),
    "rewritehost": ("", "sethost"),
    "rewriteuser": ("", "setuser"),
    "append_branch": ("corex", "append_branch_uri"),
    "mf_process_maxfwd_header": ("maxfwd", "process_maxfwd"),
    "www_authorize": ("auth_db", "auth_check"),
    "proxy_authorize": ("auth_db", "auth_check"),
    "www_challenge": ("auth", "auth_challenge"),
    "proxy_challenge": ("auth", "auth_challenge"),
}


@functools.lru_cache(maxsize=1)
def _by_name() -> dict[str, Signature]:
    """Functions by name; where several modules have one of a name, the first that is emulated."""
    found: dict[str, Signature] = {}
    functions = catalogue().functions
    for module in sorted(functions, key=lambda module: module not in EMULATED):
        for name, signature in functions[module].items():
            found.setdefault(name, signature)
    for native, (module, name) in _OTHER_NAMES.items():
        found[native] = functions[module][name]
    return found


def native_function(world: World, name: str, count: int) -> Callable[..., int] | None:
    """The function of that name; None: there is none, or it is one of our own modules."""
    if (name, count) in NATIVE:
        return None
    if name == "xlog":
        return lambda *texts: _xlog(world, *texts)
    signature = _by_name().get(name)
    if signature is None:
        return None
    kinds = signature.parameters
    group = EMULATED.get(signature.module)
    function = group(world).find(signature.name) if group else None
    if function is None or len(kinds) != count:
        return lambda *given: as_code(world.assumptions.answer(signature, given))
    emulating = emulated(world, signature, function)

    def call(*given: str) -> int:
        try:
            values = [int(one) if kind == "int" else one
                      for kind, one in zip(kinds, given, strict=True)]  # fmt: skip
        except ValueError:
            world.mistakes.note(f"{name}{given}: expected a number")
            return FALSE
        return as_code(emulating(*values))

    return call


def as_code(answer: Any) -> int:
    """What a function says, as a return code: True is 1, False is -1."""
    if isinstance(answer, bool):
        return TRUE if answer else FALSE
    return answer if isinstance(answer, int) and answer != 0 else TRUE


def _xlog(world: World, *texts: str) -> int:
    from onehttp_compat.script.kemi.core import LEVELS, log_text

    level = texts[0].upper().removeprefix("L_").lower() if len(texts) > 1 else "err"
    log_text(LEVELS.get(level, LEVELS["err"]), texts[-1])
    return TRUE
