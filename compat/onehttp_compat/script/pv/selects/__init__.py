"""``$sel(from.uri.user)``: selects, which a ``kamailio.cfg`` writes ``@from.uri.user``.

A select that the server does not resolve is an error of the script, like an unknown variable.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from onehttp_compat.pv import Value, Variable
from onehttp_compat.script.pv.selects import headers, message
from onehttp_compat.script.pv.selects.addresses import (
    destination,
    first_address,
    next_hop,
    request_uri,
)
from onehttp_compat.script.pv.selects.path import Node, parse_path, unresolved
from onehttp_compat.script.pv.table import Accessor, Table, assumed
from onehttp_compat.script.world import World

# Selects of modules whose values do not come from the message; their values are assumed.
_ELSEWHERE: Final = frozenset(("cfg_get", "db", "ssl", "timer", "tls", "tm", "xmlrpc"))

_TAG: Final = {"tag": "tag"}
_CONTACT: Final = {"expires": "expires", "q": "q", "methods": "methods", "received": "received",
                   "instance": "+sip.instance"}  # fmt: skip
_PLAIN: Final = ("expires", "max_forwards", "user_agent", "subject", "organization", "priority",
                 "date", "identity", "identity_info", "content_type", "content_length",
                 "session_expires")  # fmt: skip

_ROOTS: Final[Mapping[str, Node]] = {
    "ruri": request_uri,
    "dst_uri": destination,
    "next_hop": next_hop,
    **dict.fromkeys(("from", "f"), first_address("from", _TAG)),
    **dict.fromkeys(("to", "t"), first_address("to", _TAG)),
    **dict.fromkeys(("contact", "m"), first_address("contact", _CONTACT, is_list=True)),
    **dict.fromkeys(("record_route", "rr"), first_address("record-route", {}, is_list=True)),
    "refer_to": first_address("refer-to", _TAG),
    "rpid": first_address("remote-party-id", _TAG),
    **dict.fromkeys(("via", "v"), headers.via),
    "cseq": headers.cseq,
    "call_id": headers.whole("call-id"),
    "event": headers.event,
    "authorization": headers.credentials("authorization"),
    "proxy_authorization": headers.credentials("proxy-authorization"),
    "hf_value": headers.any_header,
    "hf_value2": headers.first_header,
    "hf_value_exists": headers.has_element,
    **{name: headers.whole(name.replace("_", "-")) for name in _PLAIN},
    "msg": message.message,
    "method": message.method,
    "version": message.version,
    "status": message.status,
    "reason": message.reason,
    "src": message.endpoint(is_source=True),
    "dst": message.endpoint(is_source=False),
    "received": message.endpoint(is_source=False, has_protocol=True),
    "sys": message.system,
}


def _read(world: World, variable: Variable) -> Value:
    path = parse_path(variable.name)
    if path[0].name in _ELSEWHERE:
        return assumed(world, variable)
    node = _ROOTS.get(path[0].name)
    try:
        if node is not None:
            return node(world.scene, path[0], path[1:])
    except LookupError:
        pass
    raise unresolved(variable.name)


TABLE: Final[Table] = {"sel": Accessor(_read)}
