"""A routing script of the oldest kind (app_python), grown over the years.

Each step was written when another HTTP module was new: ``http_query`` of *utils*,
``curl_http_query`` of *curl*, ``http_client_query`` of *http_client*. In the server these three
could not be loaded together. Nothing in it knows of onehttp.
"""

import os

from Router import LM_ERR, LM_INFO

API = os.environ.get("ROUTING_API", "http://127.0.0.1:8088")


def mod_init():
    return Routing()


class Routing:
    def child_init(self, rank):
        LM_INFO("routing: process %d\n" % rank)
        return 0

    def route(self, msg):
        if msg.Method == "OPTIONS":
            return msg.call_function("sl_send_reply", "200", "Keepalive")
        if msg.Method == "BYE":
            return self._bill(msg)
        if self._is_blocked(msg):
            return msg.call_function("sl_send_reply", "603", "Declined")

        # 2014: where does the number live?
        code = msg.call_function("http_query", API + "/number/$rU", "$var(network)")
        if code == 404:
            return msg.call_function("sl_send_reply", "404", "Not Found")
        if code != 200:
            LM_ERR("number look-up failed: %d\n" % code)
            return msg.call_function("sl_send_reply", "503", "Service Unavailable")
        msg.call_function("append_hf", "X-Network: $var(network)\r\n")

        # 2015: which carrier is the cheapest?
        code = msg.call_function("curl_http_query", API + "/carrier?to=$rU", "$var(carrier)")
        if code == 200:
            msg.call_function("append_hf", "X-Carrier: $var(carrier)\r\n")
        return msg.call_function("t_relay")

    def _is_blocked(self, msg):
        # 2017: the fraud service answers 200 to let the call pass, 403 to stop it. A number below
        # 100 is a transport error: then calls pass.
        code = msg.call_function("http_client_query", API + "/fraud?from=$fU", "$var(fraud)")
        return code == 403

    def _bill(self, msg):
        msg.call_function("http_client_query", API + "/cdr?call=$ci", "$var(cdr)")
        return msg.call_function("t_relay")
