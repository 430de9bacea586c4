"""Adapts a team's kamailio.cfg to a server on loopback: keeps modules, parameters and settings that
neither listen elsewhere nor contact other machines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from onehttp_compat.real_server.own_modules import KEEP_TO_THEMSELVES
from onehttp_compat.real_server.process import free_port
from onehttp_compat.server_config import GlobalSetting, Modparam, ServerConfig

NEEDED: Final = ("kex", "corex", "tm", "tmx", "sl", "rr", "pv")
"""Modules that our code in the server uses, in the order of loading. They come first."""
_OURS: Final = frozenset((
    "app_lua", "app_jsdt", "app_python", "app_python3", "app_python3s", "app_ruby", "app_sqlang",
    "curl", "http_async_client", "http_client", "utils", "xcap_client",
))  # fmt: skip
"""Modules that are emulated, or that are another script engine."""
_reaches_name = re.compile(r"^db_|url|sock|addr|server|host|dmq|fifo|dgram|notif|natping").search
_reaches_value = re.compile(r"://|^(?:udp|tcp|tls|unix):").search
_SETTINGS: Final = frozenset((
    "force_rport", "max_branches", "max_while_loops", "phone2tel", "reply_to_via",
    "server_header", "sip_warning", "user_agent_header", "xavp_via_fields", "xavp_via_params",
    "xavp_via_reply_params",
))  # fmt: skip
"""Settings of the core that a script can see. All others concern processes and sockets."""
_socket_name = re.compile(r'\bname "([^"]+)"').search


@dataclass(frozen=True, slots=True)
class UserConfig:
    """The configuration of the server on loopback."""

    modules: tuple[str, ...]
    lines: tuple[str, ...]
    """Names, settings, and further listeners that have a name."""
    parameters: dict[str, list[str]] = field(default_factory=dict)
    """``modparam`` lines, by module."""
    left_out: tuple[str, ...] = ()
    """Parts of the configuration that are not used, for the report."""
    local_request: str = ""
    """The route of the script for requests that ``tm`` makes by itself."""


def user_config(config: ServerConfig) -> UserConfig:
    """Return the parts of a configuration that a server on loopback can use."""
    named = [name for name in dict.fromkeys(config.modules()) if name not in _OURS]
    used = [name for name in named if name in KEEP_TO_THEMSELVES]
    modules = (*NEEDED, *(name for name in used if name not in NEEDED))
    parameters: dict[str, list[str]] = {}
    local_request = ""
    left_out = [name for name in named if name not in KEEP_TO_THEMSELVES]
    for line in config.modparams():
        for module in modules:
            if not line.is_about(module) or line.value is None:
                continue
            if line.name == "event_callback" and module == "tm":
                local_request = str(line.value)
            elif _reaches(line):
                left_out.append(f"{module} {line.name}")
            else:
                parameters.setdefault(module, []).append(_modparam(module, line))
    return UserConfig(
        modules, tuple(_lines(config)), parameters, tuple(dict.fromkeys(left_out)), local_request
    )


def _reaches(line: Modparam) -> bool:
    return bool(_reaches_name(line.name)) or bool(_reaches_value(str(line.value)))


def _modparam(module: str, line: Modparam) -> str:
    value = line.value if isinstance(line.value, int) else _quoted(str(line.value))
    return f'modparam("{module}", "{line.name}", {value})'


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _lines(config: ServerConfig) -> Iterator[str]:
    for name, value in config.defines.items():
        if not name.startswith(("KAMAILIO_", "MOD_", "OS_NAME")) and "\n" not in value:
            yield f"#!trydef {name} {value}".rstrip()
    for one in config.declarations:
        if not isinstance(one, GlobalSetting):
            continue
        if one.name in _SETTINGS or "." in one.name:
            yield f"{one.name} = {one.value}"
        elif one.name == "listen" and (found := _socket_name(one.value)):
            yield f'listen=udp:127.0.0.1:{free_port()} name "{found[1]}"'
