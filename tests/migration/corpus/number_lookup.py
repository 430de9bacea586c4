"""Numbers are looked up before calls are passed on: portability, then the name of the caller."""

import json
import os

import KSR

URL = os.environ["HTTP_URL"]
LOOKUP = URL + "/number/"
DIRECTORY = URL + "/directory/"
FLT_CALL = 1
FLT_NAT = 5
FLB_NAT = 6

# what the carrier's answer means
PORTED = "ported"
HOME = "home"


def dumpObj(obj):
    for attr in dir(obj):
        KSR.info("obj.%s = %s\n" % (attr, getattr(obj, attr)))


def mod_init():
    KSR.info("===== from Python mod init\n")
    return kamailio()


class kamailio:
    def __init__(self):
        KSR.info("===== kamailio.__init__\n")
        self.looked_up = 0

    def child_init(self, rank):
        KSR.info("===== kamailio.child_init(%d)\n" % rank)
        return 0

    # main route
    def ksr_request_route(self, msg):
        if self.ksr_route_reqinit(msg) == -255:
            return 1
        if self.ksr_route_nat(msg) == -255:
            return 1
        if KSR.is_CANCEL():
            if KSR.tm.t_check_trans() > 0:
                KSR.tm.t_relay()
            return 1
        if self.ksr_route_withindlg(msg) == -255:
            return 1
        if KSR.is_ACK():
            return 1
        if KSR.tm.t_check_trans() == 0:
            return 1
        if KSR.is_method_in("IS"):
            KSR.rr.record_route()
        if KSR.is_REGISTER():
            return self.ksr_route_register(msg)
        if KSR.is_OPTIONS() and KSR.corex.has_ruri_user() < 0:
            return self.ksr_route_alive(msg)
        if not KSR.is_INVITE():
            KSR.sl.send_reply(200, "OK")
            return 1
        KSR.setflag(FLT_CALL)
        return self.ksr_route_lookup(msg)

    def ksr_route_reqinit(self, msg):
        if KSR.maxfwd.process_maxfwd(10) < 0:
            KSR.sl.sl_send_reply(483, "Too Many Hops")
            return -255
        if KSR.pv.gete("$ua").find("friendly-scanner") >= 0:
            return -255
        return 1

    # phones behind routers: answers go where requests came from
    def ksr_route_nat(self, msg):
        KSR.force_rport()
        if KSR.nathelper.nat_uac_test(19) < 0:
            return 1
        KSR.setflag(FLT_NAT)
        if KSR.is_REGISTER():
            KSR.nathelper.fix_nated_register()
        elif KSR.siputils.is_first_hop() > 0:
            KSR.nathelper.set_contact_alias()
        return 1

    # a new phone is told to the directory, which may know better where its owner is
    def ksr_route_register(self, msg):
        if KSR.isflagset(FLT_NAT):
            KSR.setbflag(FLB_NAT)
        user = KSR.pv.get("$tU")
        contact = KSR.pv.gete("$ct")
        told = KSR.http_client.query_request(
            "PUT",
            DIRECTORY + user,
            json.dumps({"contact": contact, "agent": KSR.pv.gete("$ua")}),
            "Content-Type: application/json\r\nX-Source: %s" % KSR.pv.get("$si"),
            "$var(told)",
        )
        if told in (403, 404):
            KSR.sl.send_reply(403, "Forbidden")
            return 1
        if told != 200:
            # the directory is no reason to refuse a phone
            KSR.warn("directory: %d for %s\n" % (told, user))
        if KSR.registrar.save("location", 0) < 0:
            KSR.sl.sl_reply_error()
        return 1

    # monitoring asks whether the lookup behind us is alive, too
    def ksr_route_alive(self, msg):
        rc = KSR.http_client.query(URL + "/alive", "$var(alive)")
        if rc != 200:
            KSR.hdr.append_to_reply("Retry-After: 10\r\n")
            KSR.sl.send_reply(503, "Lookup is down")
        else:
            KSR.sl.send_reply(200, "Alive")
        return 1

    def ksr_route_withindlg(self, msg):
        if KSR.siputils.has_totag() < 0:
            return 1
        if KSR.rr.loose_route() > 0:
            KSR.tm.t_relay()
            return -255
        if KSR.tm.t_check_trans() == 0 or KSR.is_ACK():
            return -255
        KSR.sl.sl_send_reply(404, "Not here")
        return -255

    # where does the number live?
    def ksr_route_lookup(self, msg):
        user = KSR.pv.get("$rU")
        self.looked_up += 1

        # the status is the result: 404 means that nobody knows it
        code = KSR.http_client.query(LOOKUP + user, "$var(where)")
        if code == 404:
            KSR.sl.send_reply(404, "No such number")
            return 1
        if code != 200:
            KSR.err("lookup of %s failed: %d\n" % (user, code))
            KSR.sl.send_reply(503, "Lookup failed")
            return 1

        where = KSR.pv.get("$var(where)")
        if where == PORTED:
            # asked again for the carrier, with the whole number
            if KSR.http_client.query(URL + "/carrier?number=%s" % user, "$avp(carrier)") != 200:
                KSR.sl.send_reply(503, "No carrier")
                return 1
            KSR.hdr.append("X-Carrier: %s\r\n" % KSR.pv.get("$avp(carrier)"))
        elif where == HOME:
            KSR.dbg("%s is at home\n" % user)

        self.ksr_route_caller_name(msg)
        self.ksr_route_account(msg)
        KSR.tm.t_relay()
        return 1

    # CNAM; a caller without a name is no failure
    def ksr_route_caller_name(self, msg):
        caller = KSR.pv.gete("$fU")
        rc = KSR.http_client.query_post(URL + "/cnam", "caller=" + caller, "$var(name)")
        if rc == 200:
            KSR.hdr.append("X-Name: %s\r\n" % KSR.pv.gete("$var(name)"))
        return rc

    def ksr_route_account(self, msg):
        # told, not asked: nobody looks at the answer
        KSR.http_client.query_post_hdrs(
            URL + "/seen",
            json.dumps({"call": KSR.pv.get("$ci"), "to": KSR.pv.get("$rU")}),
            "Content-Type: application/json\r\nX-Call: %s" % KSR.pv.get("$ci"),
            "$var(ignored)",
        )  # fire and forget
        KSR.http_client.query_request("PUT", URL + "/last", "call", "", "$var(ignored)")
        return 1

    def ksr_reply_route(self, msg):
        return 1

    def ksr_onsend_route(self, msg):
        return 1
