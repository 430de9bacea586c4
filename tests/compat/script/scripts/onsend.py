"""Whatever goes out: several branches, copies, requests of the script's own; where each goes to."""

import KSR

NAMES = (
    "$ds $bR $T_branch_idx $ru $du $rm $rs $snd(sproto) $snd(proto) $snd(af) $sndto(af) "
    "$sndto(sproto) $sndfrom(ip) $sndfrom(sproto) $af(id) $af(name) $ksr(ver) $ksr(verval) $rcv(len) "
    "$cfg(line) $cfg(name) $shtrecord(key) $pcv(all) $pcv(orig)"
).split()


def mod_init():
    return OnSend()


class OnSend:
    def show(self):
        for name in NAMES:
            KSR.pv.get(name)
        KSR.pv.is_null("$sndto(ip)")
        KSR.pv.is_null("$sndto(port)")
        return 1

    def ksr_request_route(self, msg):
        self.show()
        if KSR.is_ACK():
            return 1
        if KSR.is_INVITE():
            KSR.corex.append_branch_uri("sip:second@127.0.0.1:5098")
            KSR.corex.append_branch_uri("sip:third@127.0.0.1:5097;transport=udp")
            self.show()
            KSR.tm.t_on_branch("ksr_branch")
            KSR.tm.t_relay()
        elif KSR.is_SUBSCRIBE():
            KSR.setdsturi("sip:127.0.0.1:5099")
            KSR.forward()
        elif KSR.is_OPTIONS():
            KSR.forward_uri("sip:127.0.0.1:5096")
        elif KSR.is_NOTIFY():
            KSR.tm.t_newtran()
            KSR.tm.t_replicate("sip:127.0.0.1:5095")
            KSR.tm.t_reply(200, "OK")
        elif KSR.is_MESSAGE():
            KSR.tm.t_send_reply(200, "OK")  # the second time it has been answered already
        else:
            KSR.sl.send_reply(200, "OK")
        return 1

    def ksr_branch(self, msg):
        return self.show()

    def ksr_onsend_route(self, msg):
        return self.show()
