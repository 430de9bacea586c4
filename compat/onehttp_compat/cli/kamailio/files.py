"""Templates for the files of a new server; ``@folder@`` and similar marks stand for values."""

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
lookup = onehttp.connection("lookup")


def mod_init():
    return Script()


class Script(kamailio.Script):
    def ksr_request_route(self, msg):
        if KSR.is_CANCEL():
            if KSR.tm.t_check_trans() > 0:
                KSR.tm.t_relay()
            return 1
        # An ACK, too: without it each answer would be sent again and again.
        if KSR.tm.t_check_trans() == 0 or KSR.is_ACK():
            return 1
        if not KSR.is_INVITE():
            KSR.sl.send_reply(200, "OK")
            return 1
        user = KSR.pv.get("$rU")
        if not user:  # sip:example.org has none
            KSR.sl.send_reply(484, "Address Incomplete")
            return 1
        KSR.tm.t_newtran()
        try:
            lookup.submit("GET", "{user}", path={"user": user}, timeout=3, route="answered")
        except onehttp.OnehttpError as error:  # nothing is suspended
            KSR.err(f"lookup not possible: {error}\\n")
            KSR.tm.t_reply(500, "Lookup Not Possible")
        return 1

    def answered(self, result):
        """Runs in a process of rtimer, in the transaction that was suspended."""
        if not result.ok:
            KSR.err(f"lookup failed: {result.error}\\n")
            KSR.tm.t_reply(503, "Lookup Failed")
        elif result.response.status == 200:
            KSR.tm.t_reply(480, "Known: " + result.response.text.partition("\\n")[0].strip())
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
Environment=CFGFILE=@folder@/kamailio.cfg
# For onehttp top and onehttp ctl, which say the same.
Environment=ONEHTTP_CONTROL=/run/kamailio/onehttp
"""

_CALL: Final = """<?xml version="1.0" encoding="UTF-8"?>
<!-- sipp -sf @folder@/call.xml -s alice -m 1 127.0.0.1:@port@ -->
<scenario name="a call that is answered 480, or 404">
<send retrans="500"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:caller@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:caller@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="100" optional="true"/>
<recv response="404" optional="true" next="1"/>
<recv response="480"/>
<label id="1"/>
<send><![CDATA[
ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
</scenario>
"""

FILES: Final = {
    "kamailio.cfg": _CONFIG,
    "routing.py": _SCRIPT,
    "connections.yaml": _CONNECTIONS,
    "onehttp.conf": _SERVICE,
    "call.xml": _CALL,
}


def filled(name: str, values: Mapping[str, str]) -> str:
    """Return one file with its values filled in."""
    return re.sub("@([a-z]+)@", lambda match: values[match[1]], FILES[name])
