"""Sleeping phones are woken by a push service, while the call waits suspended."""

import json
import os

import KSR

URL = os.environ["HTTP_URL"]

# what a phone is waited for, in milliseconds: longer than the timer of the call makes no sense
PATIENCE = 60000


def mod_init():
    return Push()


class Push:
    def child_init(self, rank):
        return 0

    def ksr_request_route(self, msg):
        if KSR.maxfwd.process_maxfwd(10) < 0:
            KSR.sl.sl_send_reply(483, "Too Many Hops")
            return 1
        if KSR.is_method_in("AC"):
            return 1
        if KSR.is_method("MESSAGE"):
            return self.message()
        if KSR.is_BYE():
            return self.bye()
        if KSR.is_REGISTER():
            return self.register()
        if not KSR.is_INVITE():
            KSR.sl.send_reply(200, "OK")
            return 1
        if KSR.tm.t_newtran() < 0:
            KSR.sl.sl_reply_error()
            return 1
        # does the phone want to be woken?
        if KSR.http_client.query(URL + "/token/" + KSR.pv.gete("$rU"), "$avp(token)") != 200:
            KSR.tm.t_reply(480, "No phone")
            return 1
        KSR.tm.t_on_failure("ksr_failed")
        # the server of the pushes is slow: phones take their time
        KSR.pv.sets("$http_req(method)", "POST")
        KSR.pv.sets("$http_req(hdr)", "Content-Type: application/json")
        KSR.pv.sets("$http_req(body)", json.dumps({"token": KSR.pv.get("$avp(token)")}))
        KSR.pv.seti("$http_req(timeout)", PATIENCE)
        if KSR.http_async_client.query(URL + "/push", "ksr_pushed") < 0:
            KSR.tm.t_reply(500, "No push")
        return 1

    def ksr_pushed(self, msg, name=None):
        if KSR.pv.get("$http_ok") != 1 or KSR.pv.get("$http_rs") != 200:
            KSR.tm.t_reply(480, "Asleep")
            return 1
        KSR.tm.t_reply(182, "Woken")
        self.settings()
        return 1

    # what the push was answered with says which phone it is; that one is asked for its settings,
    # in the same transaction
    def settings(self):
        KSR.pv.sets("$http_req(hdr)", "Accept: text/plain")
        KSR.pv.seti("$http_req(timeout)", PATIENCE)
        if KSR.http_async_client.query(URL + "/settings/" + KSR.pv.gete("$rU"), "ksr_set") < 0:
            KSR.tm.t_reply(486, "Busy")

    def ksr_set(self, msg, name=None):
        if KSR.pv.get("$http_ok") == 1 and KSR.pv.get("$http_rs") == 200:
            answer = KSR.pv.gete("$http_rb")
            KSR.hdr.append_to_reply("X-Settings: %s\r\n" % answer.strip())
            KSR.hdr.append_to_reply("X-Size: %d\r\n" % KSR.pv.get("$http_bs"))
        KSR.tm.t_reply(486, "Busy")
        return 1

    # a message wakes a phone too, and is kept by those who push when that fails
    def message(self):
        if KSR.tm.t_newtran() < 0:
            KSR.sl.sl_reply_error()
            return 1
        text = KSR.pv.gete("$rb")
        KSR.pv.sets("$http_req(body)", "to=%s&size=%d" % (KSR.pv.get("$rU"), len(text)))
        KSR.pv.seti("$http_req(timeout)", PATIENCE)
        code = KSR.http_async_client.query(URL + "/messages", "ksr_message_kept")
        if code == -1:
            KSR.tm.t_reply(500, "Not kept")
        return 1

    def ksr_message_kept(self, msg, name=None):
        status = KSR.pv.get("$http_rs")
        if status is None:
            KSR.err("not kept: %s\n" % KSR.pv.get("$http_err"))
            KSR.tm.t_reply(503, "Not kept")
            return 1
        KSR.dbg("kept after %d us\n" % KSR.pv.get("$http_time(total)"))
        KSR.tm.t_reply(202 if status < 300 else 500, "Kept")
        return 1

    # when a call ends the badge of the phone is wrong: told without waiting, as often as it takes
    # the phones of a user, one in a line: the server of the tokens has them
    def count_phones(self, user):
        rc = KSR.http_client.get_hdrs(
            URL + "/phones/" + user, "", "Accept: text/plain", "$avp(phones)"
        )
        if rc != 200:
            KSR.info("no phones of %s: %d\n" % (user, rc))
            return 0
        phones = KSR.pv.gete("$avp(phones)")
        return len(phones.split(",")) if phones else 0

    def bye(self):
        user = KSR.pv.gete("$rU")
        KSR.pv.sets("$http_req(method)", "DELETE")
        KSR.pv.seti("$http_req(timeout)", PATIENCE)
        KSR.http_async_client.send(URL + "/badge/" + user, "ksr_badge")
        KSR.hdr.append_to_reply("X-Phones: %d\r\n" % self.count_phones(user))
        KSR.sl.send_reply(200, "Bye")
        return 1

    def ksr_badge(self, msg, name=None):
        if KSR.pv.get("$http_rs") not in (200, 204):
            KSR.warn("the badge stays\n")
        return 1

    # the timer of the call is shorter than that of the push: a phone that wakes too late finds
    # nobody, and whoever cancels gets no answer from here
    def ksr_failed(self, msg):
        if KSR.tm.t_is_canceled() > 0:
            return 1
        if KSR.tm.t_check_status("408") > 0:
            KSR.tm.t_reply(480, "Asleep")
        return 1

    def register(self):
        # the token comes along with the registration
        token = KSR.pv.gete("$hdr(X-Token)") or "none"
        body = json.dumps({"user": KSR.pv.get("$fU"), "token": token})
        code = KSR.http_client.query_post_hdrs(
            URL + "/tokens", body, "Content-Type: application/json", "$var(r)"
        )
        if code == 200 and token == "none":
            # those who have a token elsewhere are asked for it by name
            code = KSR.http_client.query(URL + "/token/" + KSR.pv.gete("$fU"), "$var(r)")
        KSR.sl.send_reply(200 if code == 200 else 500, "Registered")
        return 1

    # answers of phones go on their way as they are: whatever is to be known of them is known from
    # the routes above
    def ksr_reply_route(self, msg):
        return 1
