"""``{param.*}``, whose reader is stricter than those who write headers."""

import KSR

LISTS = [
    "c=3;d=4", "c=3;d=\"4;5\"", "c='3;4';d=4", "C=3;c=4", "c", "c;d", "c=3;", "c=3;;d=4", ";c=3",
    ";", ";;", "c=3; ", " c=3", "c =3", "c= 3", "c=3 ;d=4", "c= ;d=4", "c=;d=4", "c=3;d=", "c d",
    "c=3;d=\"4\"x", "c=\"3", "c=a\"b;d=4", "c=3,d=4", "c=3 , d=4", ",c=3", "=3", "c;=", "c=3=4",
    "<sip:a.b;lr;ftag=t1;d=ab1.cd2>", "<sip:a.b>;c=3", "\"A B\" <sip:a.b>;c=3", "c=<3;4>;d=4",
    "Digest c=\"3\", d=\"4\"", "c=3&d=4", "c=3\r\n ;d=4\r\n", "c=\"4\\\";5\"", " ", "",
]  # fmt: skip
READ = [
    "value,c", "value,d", "value,d,&", "valueat,0", "valueat,1", "valueat,-1", "name,0", "name,1",
    "name,-1", "name,0,&", "count", "count,&", "in,c", "in,d,&", "count,,",
]  # fmt: skip


class Script:
    def child_init(self, rank):
        return 0

    def ksr_request_route(self, msg):
        if KSR.is_OPTIONS():
            for number, text in enumerate(LISTS):
                KSR.pv.sets("$var(l%d)" % number, text)
                for read in READ:
                    KSR.pv.get("$(var(l%d){param.%s})" % (number, read))
        for name in ("response", "realm", "nonce"):
            KSR.pv.get("$(hdr(Authorization){param.value,%s})" % name)
        if not KSR.is_ACK():
            KSR.sl.send_reply(200, "OK")
        return 1


def mod_init():
    return Script()
