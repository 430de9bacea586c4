"""For app_python: methods that kamailio.cfg calls by name, with a text; `msg.call_function`."""

import Router.Logger as Logger
from Router.Logger import LM_ERR


def mod_init():
    return OldHandler()


class OldHandler:
    def child_init(self, rank):
        Logger.LM_DBG("process %d\n" % rank)
        return 0

    def handler(self, msg, args):
        Logger.LM_GEN1(Logger.L_INFO, "%s says %s\n" % (msg.Type, args))
        LM_ERR("method %s to %s\n" % (msg.Method, msg.RURI))
        if msg.Method == "OPTIONS":
            msg.call_function("sl_send_reply", "200", "Alive")
            return 1
        if msg.call_function("is_method", "INVITE|MESSAGE") == 1:
            msg.call_function("append_hf", "P-Hint: $rU of $(fu{uri.host})\r\n")
            msg.call_function("xlog", "from $fU, contact $ct\n")
            msg.rewrite_ruri("sip:new@127.0.0.1:5099")
            msg.set_dst_uri("sip:127.0.0.1:5098")
            if msg.getHeader("Contact") is not None and msg.getHeader("X-None") is None:
                msg.call_function("t_relay")
            return 1
        try:
            msg.call_function("no_such_function", "x")
        except RuntimeError as error:
            LM_ERR("refused: %s\n" % error)
        return -1
