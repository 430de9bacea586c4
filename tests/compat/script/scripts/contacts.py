"""Contacts that several functions change, one after the other, before and after the changes are
applied; a dialog without a Contact."""

import KSR

FUNCTIONS = {"a": "add_contact_alias", "f": "fix_nated_contact", "s": "set_contact_alias"}
ORDERS = "a", "s", "f", "aa", "ss", "ff", "as", "sa", "af", "fa", "sf", "fs", "s.f", "f.s", "a.f"

CONTACTS = (
    "sip:a@192.0.2.9", "sip:a@192.0.2.9;transport=ws", "sips:a@192.0.2.9", "sip:192.0.2.9:5080",
    "sip:a@far.example:5061;x=y?h=1", "tel:+1", "none", "*",
)  # fmt: skip


def mod_init():
    return Contacts()


class Contacts:
    def ksr_request_route(self, msg):
        if KSR.hdr.get("Contact") is None or "*" in KSR.hdr.get("Contact"):
            return 1
        for order in ORDERS:
            for one in order:
                if one == ".":
                    KSR.textopsx.msg_apply_changes()
                else:
                    getattr(KSR.nathelper, FUNCTIONS[one])()
            KSR.pv.get("$ct")
            KSR.hdr.get("Contact")
            KSR.textopsx.msg_apply_changes()
            KSR.pv.get("$(ct{nameaddr.uri})")
        here = "sip:a@%s:%s" % (KSR.pv.get("$si"), KSR.pv.get("$sp"))
        for contact in (*CONTACTS, here, here + ";transport=udp", here + ";transport=tcp"):
            for function in FUNCTIONS.values():
                for written in contact, f"<{contact}>;q=1", f"A <{contact}>, <sip:b@192.0.2.9;ob>":
                    KSR.hdr.remove("Contact")
                    KSR.hdr.append("Contact: " + written + "\r\n")
                    KSR.textopsx.msg_apply_changes()
                    getattr(KSR.nathelper, function)()
                    KSR.textopsx.msg_apply_changes()
                    KSR.hdr.get("Contact")
        if KSR.is_INVITE() and KSR.siputils.has_totag() < 0:
            KSR.hdr.remove("Contact")
            KSR.textopsx.msg_apply_changes()
            KSR.dialog.dlg_manage()
        return 1
