"""A script that was written for the native modules: what has changed is marked."""

from pathlib import Path  # new

import KSR

from onehttp_compat import kamailio  # new

KSR = kamailio.setup(KSR, cfg=Path(__file__).with_name("http.cfg"))  # new


def mod_init() -> "Script":
    return Script()


class Script(kamailio.Script):  # new: the base
    def ksr_request_route(self, msg: object) -> int:
        if KSR.is_CANCEL():
            if KSR.tm.t_check_trans() > 0:
                KSR.tm.t_relay()
            return 1
        if KSR.tm.t_check_trans() == 0 or KSR.is_ACK():
            return 1
        if KSR.is_OPTIONS():
            code = KSR.http_client.curl_connect("prices", "/today", "$var(prices)")
            KSR.sl.send_reply(200 if code == 200 else 503, "Prices")
            return 1
        KSR.tm.t_newtran()
        url = "http://127.0.0.1:8080/users/" + (KSR.pv.get("$rU") or "nobody")
        if KSR.http_async_client.query(url, "answered") < 0:
            KSR.tm.t_reply(500, "Not Asked")
        return 1

    def answered(self, msg: object, event: str = "") -> int:
        KSR.tm.t_reply(480 if KSR.pv.get("$http_rs") == 200 else 404, "Asked")
        return 1
