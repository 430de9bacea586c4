"""How many calls somebody has: profiles of dialogs, their variables and limits."""

import KSR


def mod_init():
    return Profiles()


class Profiles:
    def ksr_request_route(self, msg):
        if KSR.is_INVITE() and KSR.siputils.has_totag() < 0:
            KSR.dialog.dlg_manage()
            KSR.dialog.dlg_set_timeout(1800)
            KSR.dialog.set_dlg_profile("caller", KSR.pv.gete("$fU"))
            KSR.pv.sets("$dlg_var(who)", KSR.pv.gete("$fU"))
            if KSR.dialog.get_profile_size("caller", KSR.pv.gete("$fU"), "$var(size)") > 0:
                if KSR.pv.geti("$var(size)") > 5:
                    KSR.sl.send_reply(486, "Too Many Calls")
                    return 1
            KSR.sl.send_reply(480, "Nobody")
        elif KSR.dialog.is_known_dlg() > 0:
            KSR.hdr.append("X-Who: %s\r\n" % KSR.pv.getw("$dlg_var(who)"))
        if KSR.is_BYE():
            KSR.sl.send_reply(481, "Gone")
        return 1
