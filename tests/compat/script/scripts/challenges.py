"""Who has to say who they are: credentials asked for, and found."""

import KSR


def mod_init():
    return Challenges()


class Challenges:
    def ksr_request_route(self, msg):
        KSR.tmx.t_precheck_trans()
        for realm in ("sip.example.org", "SIP.EXAMPLE.ORG", "other.example", "", "*"):
            KSR.auth.has_credentials(realm)
        if KSR.is_CANCEL():
            return 1
        KSR.auth.auth_challenge(KSR.pv.gete("$fd"), 1)
        return 1
