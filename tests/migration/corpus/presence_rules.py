"""Who may see whom: rules of an XCAP-like server, asked for by an old app_python handler."""

import os

from Router import LM_ERR, LM_INFO

URL = os.environ["HTTP_URL"]


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
        msg.call_function("sl_send_reply", "200", "OK")
        return 1

    def subscribe(self, msg):
        # the rules of the presentity
        rc = msg.call_function("http_query", URL + "/rules/", "$var(rules)")
        if rc != 200:
            LM_ERR("no rules\n")
            msg.call_function("sl_send_reply", "500", "No rules")
            return 1
        # the list that the watcher is on
        rc = msg.call_function("http_client_query", URL + "/list/friends", "$var(list)")
        if rc == 200:
            msg.call_function("sl_send_reply", "200", "Allowed")
            return 1
        msg.call_function("sl_send_reply", "202", "Pending")
        return 1

    def publish(self, msg):
        if msg.call_function("curl_http_query", URL + "/publish", "$var(published)") == 200:
            msg.call_function("sl_send_reply", "200", "Published")
        else:
            msg.call_function("sl_send_reply", "412", "Conditional Request Failed")
        return 1

    def message(self, msg):
        LM_INFO("a message\n")
        rc = msg.call_function("http_query", URL + "/filter", "$var(filter)")
        if rc < 0 or rc >= 400:
            msg.call_function("sl_send_reply", "403", "Filtered")
            return 1
        msg.call_function("sl_send_reply", "202", "Accepted")
        return 1
