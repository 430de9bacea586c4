"""The server's configuration language: what a ``kamailio.cfg`` and all it includes declare.

Whoever wants to know what a configuration says asks here (``onehttp convert``, ``onehttp run``).
Must not know what any module makes of its parameters.
"""

from onehttp_compat.server_config.declarations import (
    Argument,
    Call,
    Declaration,
    Defined,
    Included,
    LoadModule,
    Modparam,
    Route,
    ServerConfig,
    Setting,
    SwitchedOff,
)
from onehttp_compat.server_config.parser import read_server_config
from onehttp_compat.server_config.places import Note, Place
from onehttp_compat.surroundings import Surroundings

__all__ = [
    "Argument",
    "Call",
    "Declaration",
    "Defined",
    "Included",
    "LoadModule",
    "Modparam",
    "Note",
    "Place",
    "Route",
    "ServerConfig",
    "Setting",
    "Surroundings",
    "SwitchedOff",
    "read_server_config",
]
