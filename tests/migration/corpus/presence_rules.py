"""Who may see whom: rules of an XCAP-like server, asked for by an old app_python handler."""

import os

from Router import LM_ERR, LM_INFO

URL = os.environ["HTTP_URL"]
OURS = ("192.0.2.", "198.51.100.")
KINDS = ("application/pidf", "text/")


def mod_init():
    return Presence()


class Presence:
    def child_init(self, rank):
        return 0

    def handle(self, msg):
        method = msg.Method
        if method == "SUBSCRIBE":
            return self.subscribe(msg)
        if method == "PUBLISH":
            return self.publish(msg)
        if method == "MESSAGE":
            return self.message(msg)
        if method == "REGISTER":
            return self.register(msg)
        if method == "NOTIFY":
            return self.notify(msg)
        if method in ("INVITE", "BYE", "CANCEL", "ACK"):
            return self.call(msg, method)
        if method == "OPTIONS":
            return self.options(msg)
        msg.call_function("sl_send_reply", "200", "OK")
        return 1

    def is_from_us(self, msg):
        for prefix in OURS:
            if msg.src_address[0].startswith(prefix):
                return True
        return False

    # a call changes what its caller's friends see, so the presence server is told of it
    def call(self, msg, method):
        if method in ("CANCEL", "ACK"):
            return 1
        state = "busy" if method == "INVITE" else "idle"
        rc = msg.call_function(
            "http_client_query",
            URL + "/state/%s?call=$ci&method=$rm" % state,
            "$var(state)",
        )
        if rc == 200:
            LM_INFO("%s is %s\n" % ("the caller", state))
        elif rc < 100:
            # libcurl's number: nobody was there
            LM_ERR("no presence server: %d\n" % rc)
        msg.call_function("sl_send_reply", "480", "Temporarily Unavailable")
        return 1

    def register(self, msg):
        # a phone that is registered may be seen
        rc = msg.call_function("http_query", URL + "/seen?user=$tU", "$var(seen)")
        if rc < 0:
            LM_ERR("not told\n")
        msg.call_function("sl_send_reply", "200", "OK")
        return 1

    # who asks whether we are alive wants to know of the presence server, which is what we are for
    def options(self, msg):
        here = msg.call_function("curl_http_query", URL + "/alive", "$var(alive)")
        if here == 200:
            msg.call_function("sl_send_reply", "200", "OK")
        else:
            msg.call_function("sl_send_reply", "503", "No presence server")
        return 1

    # notes from other servers are believed when the other server is one of ours
    def notify(self, msg):
        if not self.is_from_us(msg):
            # the name of the domain alone: what else a stranger says is not asked about
            rc = msg.call_function("http_client_query", URL + "/strangers/$fd", "$var(stranger)")
            if rc != 200:
                msg.call_function("sl_send_reply", "403", "Stranger")
                return 1
        msg.call_function("sl_send_reply", "200", "Noted")
        return 1

    def subscribe(self, msg):
        # the rules of the presentity
        rc = msg.call_function("http_query", URL + "/rules/", "$var(rules)")
        if rc != 200:
            LM_ERR("no rules\n")
            msg.call_function("sl_send_reply", "500", "No rules")
            return 1
        # what the rules say of this very watcher, who may be blocked
        rc = msg.call_function(
            "http_client_query", URL + "/blocked?watcher=$fU&of=$tU", "$var(blocked)"
        )
        if rc == 403:
            # polite blocking: the watcher sees somebody who is never there
            msg.call_function("sl_send_reply", "202", "Accepted")
            return 1
        # the list that the watcher is on
        rc = msg.call_function("http_client_query", URL + "/list/friends", "$var(list)")
        if rc == 200:
            msg.call_function("sl_send_reply", "200", "Allowed")
            return 1
        msg.call_function("sl_send_reply", "202", "Pending")
        return 1

    def publish(self, msg):
        kind = msg.getHeader("Content-Type") or ""
        if kind and not kind.startswith(KINDS):
            msg.call_function("sl_send_reply", "415", "Unsupported Media Type")
            return 1
        if msg.call_function("http_query", URL + "/quota?of=$fU", "$var(quota)") == 429:
            msg.call_function("append_to_reply", "Retry-After: 60\r\n")
            msg.call_function("sl_send_reply", "503", "Too often")
            return 1
        if msg.call_function("curl_http_query", URL + "/publish", "$var(published)") == 200:
            msg.call_function("sl_send_reply", "200", "Published")
        else:
            msg.call_function("sl_send_reply", "412", "Conditional Request Failed")
        return 1

    # who asks for whom too often is slowed down: the answer is "slow" then, and a number
    def is_slowed(self, msg, what):
        rc = msg.call_function(
            "http_client_query", URL + "/pace?who=$fU&what=" + what, "$var(pace)"
        )
        if rc == 429:
            LM_INFO("slowed: %s\n" % what)
            return True
        if rc != 200:
            # whoever cannot be asked slows nobody
            LM_ERR("pace: %d\n" % rc)
        return False

    def message(self, msg):
        if self.is_slowed(msg, "messages"):
            msg.call_function("sl_send_reply", "480", "Slow down")
            return 1
        LM_INFO("a message\n")
        rc = msg.call_function("http_query", URL + "/filter", "$var(filter)")
        if rc < 0 or rc >= 400:
            msg.call_function("sl_send_reply", "403", "Filtered")
            return 1
        msg.call_function("sl_send_reply", "202", "Accepted")
        return 1
