"""Event routes: HTTP requests to the server itself, websockets, timers."""

import KSR


def mod_init():
    return Events()


class Events:
    def __init__(self):
        self.ticks = 0

    def ksr_request_route(self, msg):
        KSR.sl.send_reply(200, "%d ticks" % self.ticks)
        return 1

    def ksr_xhttp_event(self, msg, event):
        KSR.set_reply_close()
        KSR.set_reply_no_connect()
        if KSR.hdr.get("Upgrade") == "websocket":
            KSR.websocket.handle_handshake()
            return 1
        KSR.jsonrpcs.exec('{"jsonrpc": "2.0", "method": "core.uptime", "id": 1}')
        KSR.xhttp.xhttp_reply(200, "OK", "text/plain", event)
        return 1

    def tick(self, msg, event):
        self.ticks += 1
        KSR.info("tick %s\n" % event)
        return 1
