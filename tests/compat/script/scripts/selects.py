"""Selects, as ``$sel(...)``: of the request line, addresses, hops, any header, the message."""

import KSR

PATHS = """
    ruri ruri.user ruri.host ruri.port ruri.hostport ruri.type ruri.transport ruri.params
    ruri.params.transport ruri.pwd ruri.rn_user dst_uri dst_uri.host next_hop next_hop.host
    from from.uri from.uri.user from.uri.host from.uri.hostport from.uri.params from.uri.type
    from.name from.tag from.params.tag f.uri to to.uri to.uri.user to.tag to.name t.tag
    contact contact.uri contact.uri.host contact.uri.port contact.uri.params.transport contact.name
    contact.expires contact.q contact.instance contact.params.expires m.uri
    record_route record_route.uri record_route.uri.host rr.params.lr refer_to refer_to.uri
    rpid rpid.uri.user via via.host via.port via.transport via.name via.version via.branch
    via.params.branch via.received via[1].host via[2].host via[3].host via[-1].transport v.host
    cseq cseq.num cseq.method call_id max_forwards expires user_agent subject organization
    content_type content_length date priority identity event session_expires
    hf_value.from hf_value["From"] hf_value.via[1] hf_value.via[-1] hf_value["No-Such"]
    hf_value.user_agent hf_value["P-Asserted-Identity"].uri hf_value.from.uri.user
    hf_value2.user_agent hf_value_exists.supported.replaces hf_value_exists.supported.none
    authorization["sip.example.org"] authorization["sip.example.org"].username
    authorization["sip.example.org"].nonce proxy_authorization["sip.example.org"].username.user
    proxy_authorization["none"].realm
    msg.first_line msg.type msg.body msg.body.sdp msg.header["From"] msg.header.user_agent
    method version status reason received.proto src.ip
""".split()


def mod_init():
    return Selects()


class Selects:
    def show(self):
        for path in PATHS:
            KSR.pv.get("$sel(%s)" % path)
        KSR.pv.get("$(sel(from.uri.user){s.toupper})")

    def ksr_request_route(self, msg):
        self.show()
        KSR.sethost("other.example")
        KSR.setdsturi("sip:127.0.0.1:5099")
        self.show()
        if not KSR.is_ACK():
            KSR.sl.send_reply(200, "OK")
        return 1

    def ksr_reply_route(self, msg):
        self.show()
        return 1
