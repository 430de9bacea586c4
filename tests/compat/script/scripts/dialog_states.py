"""How far a dialog is, and who takes part in it, from its INVITE to behind its BYE."""

import KSR

PARTS = """callid dflags from_bindaddr from_contact from_cseq from_rs from_tag from_uri lifetime sflags
    start_ts state to_bindaddr to_contact to_cseq to_rs to_tag to_uri toroute h_id""".split()


def mod_init():
    return DialogStates()


class DialogStates:
    def show(self):
        for name in PARTS:
            KSR.pv.get("$dlg(%s)" % name)
        for name in ("$DLG_count", "$DLG_status", "$DLG_lifetime"):
            KSR.pv.get(name)
        return 1

    def ksr_request_route(self, msg):
        self.show()
        if KSR.is_CANCEL():
            KSR.tm.t_relay()
            return self.show()
        if KSR.siputils.has_totag() > 0:
            KSR.rr.loose_route()
            self.show()
        KSR.dialog.dlg_manage()
        self.show()
        if KSR.is_INVITE():
            KSR.rr.record_route()
            KSR.tm.t_on_branch("show_branch")
            KSR.tm.t_on_reply("replied")
            KSR.tm.t_on_failure("failed")
        KSR.tm.t_relay()
        return self.show()

    def show_branch(self, msg):
        return self.show()

    def replied(self, msg):
        return self.show()

    def failed(self, msg):
        return self.show()

    def ksr_reply_route(self, msg):
        return self.show()
