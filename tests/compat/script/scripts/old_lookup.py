"""For app_python: HTTP by native names, variables in their arguments."""

import os

from Router.Logger import LM_ERR

URL = os.environ["HTTP_URL"]


def mod_init():
    return OldLookup()


class OldLookup:
    def child_init(self, rank):
        return 0

    def route(self, msg):
        code = msg.call_function(
            "http_client_query", URL + "/n?u=$(rU{s.escape.param})&c=$ci", "$var(r)"
        )
        if code == 200:
            msg.call_function("append_hf", "X-Result: $var(r)\r\n")
        code = msg.call_function("http_client_query", URL + "/down", "$var(r)")
        LM_ERR("down: %d\n" % code)
        msg.call_function("sl_send_reply", "200", "found $var(r)")
        return 1
