"""Failure routes that relay again: with a new target, and without one."""

import KSR

TARGETS = (
    lambda: None,
    lambda: KSR.hdr.append("X-Again: 1\r\n"),
    lambda: KSR.seturi(KSR.pv.get("$ru")),
    lambda: None,
    lambda: KSR.setdsturi("sip:192.0.2.9"),
    lambda: KSR.setuser("bob"),
    lambda: KSR.resetdsturi(),
    lambda: KSR.pv.sets("$du", "sip:192.0.2.9"),
    lambda: KSR.tm.t_on_failure("refused"),
    lambda: KSR.pv.sets("$rd", "192.0.2.8"),
    lambda: KSR.corex.append_branch_uri("sip:carol@192.0.2.7"),
)


def mod_init():
    return SecondTargets()


class SecondTargets:
    def ksr_request_route(self, msg):
        if KSR.is_method("ACK|CANCEL"):
            return 1
        KSR.tm.t_on_failure("refused")
        KSR.tm.t_relay()
        return 1

    def refused(self, msg):
        if KSR.tm.t_is_canceled() > 0:
            return 1
        for write in TARGETS:
            write()
            KSR.tm.t_relay()
        return 1
