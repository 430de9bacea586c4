"""Media relays, dialogs, traces: modules that only the server has."""

import KSR


def mod_init():
    return Media()


class Media:
    def ksr_request_route(self, msg):
        KSR.siptrace.sip_trace()
        if KSR.is_INVITE() and KSR.textops.has_body_type("application/sdp") > 0:
            KSR.rtpengine.rtpengine_offer("replace-origin replace-session-connection ICE=remove")
            KSR.rtpproxy.rtpproxy_manage("co")
        elif KSR.is_ACK():
            KSR.rtpengine.rtpengine_answer("ICE=remove")
        elif KSR.is_BYE() or KSR.is_CANCEL():
            KSR.rtpengine.rtpengine_delete("")
        if KSR.is_OPTIONS():
            KSR.rtpengine.rtpengine_manage("")
            KSR.sl.send_reply(200, "Traced")
        return 1
