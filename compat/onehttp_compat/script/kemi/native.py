"""Finds functions by their names in a kamailio.cfg, for ``msg.call_function``.

The catalogue has their names and numbers of parameters. Most have the same name in ``KSR``. The
table here has common functions, and forms of functions, whose names differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from onehttp_compat.near_names import did_you_mean
from onehttp_compat.registry import NATIVE
from onehttp_compat.script.catalogue import Signature, catalogue
from onehttp_compat.script.kemi.calling import assumed, emulated
from onehttp_compat.script.kemi.functions import FALSE, TRUE
from onehttp_compat.script.kemi.tree import EMULATED
from onehttp_compat.script.world import World

_OTHER_NAMES: Final[Mapping[tuple[str, int], tuple[str, str]]] = {
    ("append_hf", 1): ("hdr", "append"),
    ("append_hf", 2): ("hdr", "append_after"),
    ("insert_hf", 1): ("hdr", "insert"),
    ("insert_hf", 2): ("hdr", "insert_before"),
    ("append_to_reply", 1): ("hdr", "append_to_reply"),
    ("remove_hf", 1): ("hdr", "remove"),
    ("is_present_hf", 1): ("hdr", "is_present"),
    ("has_body", 1): ("textops", "has_body_type"),
    ("append_branch", 1): ("corex", "append_branch_uri"),
    ("append_branch", 2): ("corex", "append_branch_uri_q"),
    ("record_route", 1): ("rr", "record_route_params"),
    ("record_route_preset", 1): ("rr", "record_route_preset_one"),
    ("add_path", 1): ("path", "add_path_user"),
    ("add_path", 2): ("path", "add_path_user_params"),
    ("add_path_received", 1): ("path", "add_path_received_user"),
    ("uri_param", 2): ("siputils", "uri_param_value"),
    ("t_relay_to_udp", 0): ("tm", "t_relay"),
    ("t_relay_to_tcp", 0): ("tm", "t_relay"),
    ("t_relay_to_tls", 0): ("tm", "t_relay"),
    ("t_relay", 2): ("tm", "t_relay_to_proxy_flags"),
    ("mf_process_maxfwd_header", 1): ("maxfwd", "process_maxfwd"),
    ("www_authorize", 2): ("auth_db", "auth_check"),
    ("proxy_authorize", 2): ("auth_db", "auth_check"),
    ("www_challenge", 2): ("auth", "auth_challenge"),
    ("proxy_challenge", 2): ("auth", "auth_challenge"),
    ("sanity_check", 0): ("sanity", "sanity_check_defaults"),
    ("sdp_remove_codecs_by_name", 1): ("sdpops", "remove_codecs_by_name"),
}
_DEFAULTS: Final[Mapping[tuple[str, int], tuple[str, ...]]] = {
    ("sanity_check", 1): ("7",),
    ("t_set_fr", 1): ("0",),
}
"""The values of parameters that are not given."""
_WORDS: Final = frozenset((
    "break", "clear_branches", "drop", "exit", "force_send_socket", "prefix", "return",
    "revert_uri", "rewritehost", "rewritehostport", "rewriteport", "rewriteuri", "rewriteuser",
    "route", "sethostport", "setport", "strip", "strip_tail",
))  # fmt: skip
"""Names that exist only in the configuration language."""
_ASSIGNING: Final = frozenset(("pv_printf", "avp_printf"))
"""Functions that write a text into the variable that they name."""
_PATTERNS: Final = frozenset((
    "is_present_hf_re", "pcre_match", "remove_hf_re", "replace", "replace_all", "replace_body",
    "replace_body_all", "replace_body_atonce", "search", "search_append", "search_append_body",
    "search_body", "subst", "subst_body", "subst_uri", "subst_user", "t_check_status",
    "t_grep_status",
))  # fmt: skip
"""Functions that take regular expressions, in which a dollar sign means the end."""


def native_function(world: World, name: str, count: int) -> Callable[..., int] | None:
    """Return the function of that name for that many texts. None if there is none, or if it belongs
    to our HTTP modules."""
    if (name, count) in NATIVE:
        return None
    expand = world.server.pv.expand
    if name in _ASSIGNING and count == 2:
        return lambda variable, text: _assigned(world, variable, expand(text))
    function = _function(world, name, count)
    if function is None:
        return None
    if name in _PATTERNS:
        return function
    return lambda *given: function(*map(expand, given))


def why_none(name: str, count: int) -> str:
    """Return the message for a function that does not exist."""
    natives = catalogue().natives
    if name in natives:
        counts = sorted({one for each in natives[name] for one in each.counts})
        return f"{name} takes {' or '.join(map(str, counts))} parameters, not {count}"
    if name in _WORDS or catalogue().find("", name):
        instead = f"; there is KSR.{name}" if catalogue().find("", name) else ""
        return f"{name} is a word of kamailio.cfg itself, no function of a module{instead}"
    return f"no legacy function named {name!r}{did_you_mean(name, natives)}"


def _function(world: World, name: str, count: int) -> Callable[..., int] | None:
    fitting = [each.module for each in catalogue().natives.get(name, ()) if count in each.counts]
    if not fitting:
        return None
    if name in ("xlog", *_LOGS):
        return lambda *texts: _xlog(name, *texts)
    signature = _signature(name, count, fitting)
    more = _DEFAULTS.get((name, count), ())
    group = EMULATED.get(signature.module)
    function = group(world).find(signature.name) if group else None
    if function is None or len(signature.parameters) != count + len(more):
        return lambda *given: as_code(assumed(world, signature, given))
    emulating = emulated(world, signature, function)

    def call(*given: str) -> int:
        try:
            values = [int(one, 0) if kind == "int" else one for kind, one in
                      zip(signature.parameters, (*given, *more), strict=True)]  # fmt: skip
        except ValueError:
            world.mistakes.note(f"{name}{given}: expected a number")
            return FALSE
        return as_code(emulating(*values))

    return call


def _signature(name: str, count: int, modules: list[str]) -> Signature:
    """Return the function of ``KSR`` that it is; if several modules have it, that of the more
    common one."""
    module = min(modules, key=lambda one: (one not in EMULATED, one.startswith("ims_")))
    places = (_OTHER_NAMES.get((name, count)), (module, name), ("", name))
    found = (catalogue().find(*place) for place in places if place is not None)
    native = Signature(module, name, "int", ("str",) * count, is_native=True)
    return next((one for one in found if one is not None), native)


def as_code(answer: Any) -> int:
    """Convert the result of a function to a return code: True is 1, False is -1."""
    if isinstance(answer, bool):
        return TRUE if answer else FALSE
    return answer if isinstance(answer, int) and answer != 0 else TRUE


def _assigned(world: World, variable: str, text: str) -> int:
    world.server.pv.set(variable, text)
    return TRUE


_LOGS: Final = {"xdbg": "dbg", "xinfo": "info", "xnotice": "notice", "xwarn": "warn", "xerr": "err",
                "xcrit": "crit", "xalert": "alert"}  # fmt: skip


def _xlog(name: str, *texts: str) -> int:
    from onehttp_compat.script.kemi.core import LEVELS, log_text

    level = texts[0].upper().removeprefix("L_").lower() if len(texts) > 1 else "err"
    log_text(LEVELS.get(_LOGS.get(name, level), LEVELS["err"]), texts[-1])
    return TRUE
