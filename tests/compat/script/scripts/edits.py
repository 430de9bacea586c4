"""Edits of bodies: each function on each kind of expression, alone and after others."""

import KSR

EDITS = (
    ("replace_body", "^s=-", "s=x"), ("replace_body", "^S=", "s="), ("replace_body", "0.?$", "Z"),
    ("replace_body", "^v.*t=", "Q"), ("replace_body", "IP4 ", ""), ("replace_body", "none", "x"),
    ("replace_body_all", "^[a-z]=", "x="), ("replace_body_all", "[0-9]+", "N"),
    ("replace_body_atonce", "^m=.*$", "m=none"), ("replace_body_atonce", "in ip4", "IN IP6"),
    ("replace_body_str", "IP4", "IP6", "f"), ("replace_body_str", "IP4", "IP6", "a"),
    ("replace_body_str", "ip4", "IP6", "a"), ("replace_body_str", "none", "", "a"),
    ("subst_body", "/^s=-/s=x/"), ("subst_body", "/^S=-/s=x/"), ("subst_body", "/^S=-/s=x/i"),
    ("subst_body", "/^v.*t=/Q/"), ("subst_body", "/^v.*t=/Q/s"), ("subst_body", "/0.?$/Z/g"),
    ("subst_body", "/^a=(.*)$/b=\\1/g"), ("subst_body", "/[^ ]+$/E/"),
    ("subst_body", "/[^]0-9 ]+4/E/g"), ("subst_body", "/^/X/"), ("subst_body", "/x*/y/g"),
    ("subst_hf", "From", "/^<.*$/x/", "a"), ("subst_user", "/^b/x/"), ("subst_uri", "/^sip:/x/"),
)  # fmt: skip
BODY = "\r\n".join((
    "v=0", "o=- 1 1 IN IP4 192.0.2.10", "s=-", "c=IN IP4 192.0.2.10", "t=0 0",
    "m=audio 49170 RTP/AVP 0 8", "a=rtpmap:0 PCMU/8000", "a=sendrecv", "",
))  # fmt: skip
PAIRS = ((0, 14), (4, 11), (11, 4), (0, 3), (9, 20), (8, 8), (14, 0), (6, 7))


def mod_init():
    return Edits()


class Edits:
    def ksr_request_route(self, msg):
        KSR.pv.sets("$var(lines)", "one 1\ntwo 2\n")
        for text in ("/^two/2/", "/1$/x/", "/[^ ]+$/E/g", "/^one.*2/Q/", "/^one.*2/Q/s"):
            KSR.pv.get("$(var(lines){re.subst,%s})" % text)
        if KSR.textops.has_body() < 0:
            return 1
        for chosen in (*((one,) for one in range(len(EDITS))), *PAIRS):
            KSR.textops.set_body(BODY, "application/sdp")
            KSR.textopsx.msg_apply_changes()
            for number in chosen:
                name, *arguments = EDITS[number]
                getattr(KSR.textops, name)(*arguments)
            KSR.pv.get("$ru")
            KSR.textopsx.msg_apply_changes()
            KSR.pv.get("$rb")
            KSR.hdr.get("From")
        return 1
