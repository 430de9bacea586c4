"""Parses the server's configuration language: the declarations of a ``kamailio.cfg`` and its
includes.

``onehttp convert`` and ``onehttp run`` use it. It must not know how modules interpret their
parameters.
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
