"""Serial forking: contacts put aside, and taken by their q."""

import KSR


def mod_init():
    return Forks()


class Forks:
    def child_init(self, rank):
        return 0

    def ksr_request_route(self, msg):
        if KSR.is_INVITE():
            KSR.corex.append_branch_uri_q("sip:second@127.0.0.1:5098", "0.5")
            KSR.corex.append_branch_uri_q("sip:third@127.0.0.1:5098", "0.9")
        elif KSR.is_MESSAGE():
            KSR.corex.append_branch_uri("sip:second@127.0.0.1:5098")
            KSR.corex.append_branch_uri("sip:third@127.0.0.1:5097")
        elif not KSR.is_SUBSCRIBE():
            KSR.tm.t_send_reply(404, "Not Found")
            return 1
        KSR.tm.t_load_contacts()
        KSR.tm.t_next_contacts()
        KSR.pv.get("$ru")
        KSR.tm.t_next_contacts()
        KSR.pv.get("$ru")
        KSR.tm.t_relay()
        return 1
