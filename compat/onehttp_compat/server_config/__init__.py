"""Parses the server's configuration language: the declarations of a ``kamailio.cfg`` and its
includes.

``onehttp convert`` and ``onehttp run`` use it. It must not know how modules interpret their
parameters.
"""

from onehttp_compat.config_inputs import ConfigInputs
from onehttp_compat.server_config.declarations import (
    Declaration,
    Defined,
    GlobalSetting,
    Included,
    LoadModule,
    Modparam,
    RouteArgument,
    RouteBlock,
    RouteCall,
    ServerConfig,
    SwitchedOff,
)
from onehttp_compat.server_config.parser import read_server_config
from onehttp_compat.server_config.places import ConfigPlace, Note

__all__ = [
    "ConfigInputs",
    "ConfigPlace",
    "Declaration",
    "Defined",
    "GlobalSetting",
    "Included",
    "LoadModule",
    "Modparam",
    "Note",
    "RouteArgument",
    "RouteBlock",
    "RouteCall",
    "ServerConfig",
    "SwitchedOff",
    "read_server_config",
]
