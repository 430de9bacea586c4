"""The files of a server to begin with; ``@folder@`` and its like stand for values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_CONFIG: Final = """#!KAMAILIO
# A server that asks by HTTP before it answers a call. See docs/kamailio.md.
debug=2
log_facility=LOG_LOCAL0
children=4
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:@port@

loadmodule "kex.so"
loadmodule "corex.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
loadmodule "rtimer.so"
loadmodule "ctl.so"
loadmodule "app_python3.so"

modparam("ctl", "binrpc", "unix:@folder@/ctl")
# Longer than any query may take.
modparam("tm", "fr_timer", 10000)
modparam("tm", "fr_inv_timer", 30000)

# One process works on queries; mode= makes it several.
modparam("rtimer", "timer", "name=onehttp;interval=1000u;mode=1;")
modparam("rtimer", "exec", "timer=onehttp;route=onehttp_drive")

modparam("app_python3", "load", "@folder@/routing.py")
cfgengine "python"
"""

_SCRIPT: Final = '''"""A call is suspended, a server is asked by HTTP, and its answer decides."""

import KSR

import onehttp
from onehttp_compat import kamailio

KSR = kamailio.setup(KSR, connections="@folder@/connections.yaml")


def mod_init():
    return Script()


class Script(kamailio.Script):
    def ksr_request_route(self, msg):
        if KSR.is_CANCEL():
            if KSR.tm.t_check_trans() > 0:
                KSR.tm.t_relay()
            return 1
        if KSR.is_ACK() or KSR.tm.t_check_trans() == 0:
            return 1
        if not KSR.is_INVITE():
            KSR.sl.send_reply(200, "OK")
            return 1
        KSR.tm.t_newtran()
        url = onehttp.connection("lookup").spec.url + "/" + KSR.pv.get("$rU")
        KSR.pv.seti("$http_req(timeout)", 3000)
        if KSR.http_async_client.query(url, "answered") < 0:
            KSR.tm.t_reply(500, "Lookup Not Possible")
        return 1

    def answered(self, msg, event=""):
        """Runs in a process of rtimer, in the transaction that was suspended."""
        if not KSR.pv.get("$http_ok"):
            KSR.err("lookup failed: %s\\n" % KSR.pv.get("$http_err"))
            KSR.tm.t_reply(503, "Lookup Failed")
        elif KSR.pv.get("$http_rs") == 200:
            KSR.tm.t_reply(480, "Known: " + KSR.pv.get("$http_rb").strip())
        else:
            KSR.tm.t_reply(404, "Unknown")
        return 1
'''

_CONNECTIONS: Final = """version: 1
connections:
  lookup:
    url: http://127.0.0.1:8080
"""

_SERVICE: Final = """# /etc/systemd/system/kamailio.service.d/onehttp.conf
[Service]
Environment=PATH=@prefix@/bin:/usr/sbin:/usr/bin:/sbin:/bin
"""

FILES: Final = {
    "kamailio.cfg": _CONFIG,
    "routing.py": _SCRIPT,
    "connections.yaml": _CONNECTIONS,
    "onehttp.conf": _SERVICE,
}


def filled(name: str, values: Mapping[str, str]) -> str:
    """One file, with its values."""
    return re.sub("@([a-z]+)@", lambda match: values[match[1]], FILES[name])
