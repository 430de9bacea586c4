"""All ways to end: return values, sys.exit(), drop, nothing at all, an exception that is caught."""

import sys

import KSR


def mod_init():
    return Endings()


class Endings:
    def child_init(self, rank):
        return 0

    def ksr_request_route(self, msg):
        method = KSR.pv.get("$rm")
        if method == "INVITE":
            KSR.sl.send_reply(200, "then exit")
            sys.exit()
        if method == "MESSAGE":
            self.reply_and_exit(202)
        if method == "OPTIONS":
            return None
        if method == "REGISTER":
            return -1
        if method == "NOTIFY":
            return 0
        if method == "BYE":
            try:
                sys.exit(3)
            finally:
                KSR.sl.send_reply(200, "in finally")
        if msg.Method == "SUBSCRIBE":
            KSR.sl.send_reply(200, "OK %s" % msg.RURI)
            return "text"
        KSR.set_drop()
        return 1

    def reply_and_exit(self, code):
        KSR.sl.send_reply(code, "deep")
        exit()
