"""A script for ``app_python3s``: its routes are functions of the file, and none takes a message."""

import json
import os

import KSR

RATES = os.environ.get("ROUTING_API", "http://127.0.0.1:8088") + "/rates"
TO_CARRIER = "carrier"


def ksr_request_route():
    if KSR.maxfwd.process_maxfwd(10) < 0:
        KSR.sl.send_reply(483, "Too Many Hops")
        return 1
    if KSR.is_CANCEL():
        return KSR.tm.t_relay() if KSR.tm.t_check_trans() > 0 else 1
    if KSR.siputils.has_totag() > 0:
        return within_dialog()
    if KSR.is_INVITE():
        return call()
    KSR.sl.send_reply(405, "Method Not Allowed")
    return 1


def within_dialog():
    if KSR.rr.loose_route() > 0 or (KSR.is_ACK() and KSR.tm.t_check_trans() > 0):
        KSR.tm.t_relay()
    elif not KSR.is_ACK():
        KSR.sl.send_reply(404, "Not here")
    return 1


def call():
    KSR.rr.record_route()
    code = KSR.http_client.query_post_hdrs(
        RATES,
        json.dumps({"from": KSR.pv.get("$fU"), "to": KSR.pv.get("$rU")}),
        "Content-Type: application/json\r\n",
        "$var(carrier)",
    )
    if code != 200:
        KSR.sl.send_reply(503, "No Rates")
        return 1
    KSR.pv.sets("$avp(carrier)", KSR.pv.get("$var(carrier)"))
    KSR.tm.t_on_branch("mark_branch")
    KSR.tm.t_on_failure("next_carrier")
    KSR.tm.t_relay()
    return 1


def mark_branch():
    KSR.hdr.append("X-Carrier: %s\r\n" % KSR.pv.getw("$avp(carrier)"))
    return 1


def next_carrier():
    if KSR.tm.t_check_status("^(486|600|603)$") < 0 and KSR.tm.t_is_canceled() < 0:
        KSR.warn("no luck with %s\n" % KSR.pv.getw("$avp(carrier)"))
    return 1
