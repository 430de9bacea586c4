"""Dialogs that the server manages: which message belongs to one, and what was kept with it."""

import KSR


def mod_init():
    return Dialogs()


class Dialogs:
    def look(self):
        for name in ("$dlg_var(who)", "$dlg_var(seen)", "$dlg_var(none)"):
            KSR.pv.get(name)
        return 1

    def ksr_request_route(self, msg):
        if KSR.is_CANCEL():
            KSR.dialog.is_known_dlg()
            KSR.dialog.dlg_manage()
            KSR.dialog.is_known_dlg()
            self.look()
            if KSR.tm.t_check_trans() > 0:
                KSR.tm.t_relay()
            return 1
        KSR.tm.t_check_trans()
        KSR.dialog.dlg_manage()
        KSR.dialog.is_known_dlg()
        self.look()
        if KSR.siputils.has_totag() > 0:
            KSR.rr.loose_route()
            KSR.pv.sets("$dlg_var(seen)", KSR.pv.get("$rm"))
            KSR.tm.t_relay()
        elif KSR.is_INVITE():
            KSR.pv.sets("$dlg_var(who)", KSR.pv.gete("$fU"))
            self.look()
            KSR.rr.record_route()
            KSR.tm.t_on_reply("replied")
            KSR.tm.t_relay()
        else:
            KSR.sl.send_reply(404, "Not Here")
        return 1

    def replied(self, msg):
        KSR.pv.get("$dlg_var(who)")
        return 1
