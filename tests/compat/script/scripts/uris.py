"""Request URIs as scripts write them, right and wrong, and what can be read of them."""

import KSR

URIS = (
    "sip:x\r", "sip:x\r\n", "sip:x y", "sip:x\ty@h", "sip:u v@h", "sip:u\r@h", "sip:u<v@h",
    "sip:u>v@h", "sip:u@h>", "sip:u@<h>", "sip:[u@h", "sip:u[1]@h", "sip:u]@h", "sip:[::1]",
    "sip:u@[::1]:5070", "sip:u@[::1", "sip:u@[::1]x", "sip:u@[h]", "sip:u@h]", "sip:\"u\"@h",
    "sip:%zz@h", "sip:u%00@h", "sip:@h", "sip:u:@h", "sip:u:p:q@h", "sip:u@v@h", "sip:u?x@h",
    "sip:u?x=y", "sip:u;a=b@h", "sip:u;a=b:p@h", "sip:u@h;", "sip:u@h;;", "sip:u@h;a=b;c=<d>",
    "sip:u@h?a=b&c=d", "sip:u@h?", "sip:u@h;x?y", "sip:u@h.", "sip:u@h_1", "sip:u@-h",
    "sip:u@h:05060", "sip:u@h:0", "sip:u@h:65536", "sip:u@h:99999", "sip:u@h:123456", "sip:u@h:5a",
    "sip:u@h: 5060", "sip:h:5060", "sip:h:x", "sip:", "sip::5060", "SIP:U@H", "Sips:u@h", "tel:+1",
    "tel:+1;phone-context=x.org", "tel:+1-(212)", "tel:", "tels:1", "urn:service:sos",
    "http://x/y", "mailto:a@b", "sip:u@h;transport=TCP", "sip:u@h;lr;lr=on;maddr=1.2.3.4",
    "sip:\u00e9@h", "sip:u@h\u00e9", "sip:u@h;p=\u00e9", "sip:u@h/p", "sip:u@h,sip:v@i",
    "sip:u@h#f", "sip:u@1.2.3.4:5060;a", "sip:u@h&a", "sip:u=1@h", "sip:u&v@h", "sip:u+1@h",
    "sip:u,1@h", "sip:u/1@h", "sip:u$1@h", "sip:u 1", "sip:u@h;a=\"b;c\"", " sip:u@h", "sip: u@h",
    "<sip:u@h>", "sip:u@h;user=phone", "sip:+1@h;user=phone", "sip:u@h\t", "sip:u@h\r;a=b",
    "sip:u@h:5060\r", "sip:u@h;a=b\r\n", "sip:h_1", "sip:-h", "sip:h-", "sip:u@h-", "sip:u@h-.i",
    "sip:u@h..i", "sip:u@.h", "sip:u@h.-i", "sip:u@1-2", "sip:u@h\r", "sip:u@h\r\n", "sip:u@h ",
    "sip:h\"x", "sip:h<x>", "sip:h]", "sip:h[", "sip:h[1]", "sip:h/p", "sip:h,i", "sip:h#f",
    "sip:h&a", "sip:h&a=b", "sip:h=a", "sip:h\u00e9", "sip:h!$%^*()~", "sip:u@h~", "sip:u@h%41",
    "sip:u@h+", "sip:u@h*", "sip:u@[g]", "sip:u@[zz_]", "sip:u@[1.2.3.4]", "sip:u@[]",
    "sip:u@[::1%25eth0]", "sip:[zz]", "sip:[::1]:5060;a=b", "sip:[::1];a=b?c=d", "sip:[::1]x",
    "sip:[::1]@h", "tels:+123456", "TEL:+1234", "tel:+1@h", "tel:abc", "tel:+1:5", "tel:+1;a=b",
    "tel:+1?x=y", "tel:;a=b", "sip:u:p@h", "sip:u:p;q@h", "sip:u:p?q@h", "sip:u:p r@h",
    "sip:u:123@h", "sip:u:99999999@h", "sip:u:p@h:5060", "sip:u:5060;a=b@h", "sip:u:5060",
    "sip:u:5060;a=b", "sip:u:5060?a=b", "sip:u:50x60", "sip:u;a=b", "sip:u;a=b?c=d", "sip:u;a?c@h",
    "sip:u;a=b;c:p@h;d=e", "sip:u@h:5060;;a", "sip:u@h;;a", "sip:u@h;a;;b", "sip:u@h;a=b;",
    "sip:u@h;=b", "sip:u@h;a= b", "sip:u@h;a@b", "sip:u@h;a=b@c", "sip:u@h;a=b:c", "sip:u@h;a=[b]",
    "sip:u@h;a=\r", "sip:u@h?a@b", "sip:u@h?a=b;c", "sip:u@h??", "sip:u@h:5060?", "sip:u@h:5060;",
    "sip:u@h:00000005060", "sip:u@h:000005060", "sip:u@h;transport=", "sip:u@h;transport",
    "sip:u@h;TRANSPORT=tls", "sips:u@h;transport=tcp", "sip:u@h;transport=foo",
    "sip:u@h;transport=udp;transport=tcp", "sip:u@h;user=phone;user=ip", "sip:u@h;method=INVITE",
    "sip:a", "sip:1", "sip:;a", "sip:?a", "sip:@", "sip:u@", "sip:u@:5060", "sip:u@;a", "sip:u@?a",
    "sips:h", "sips:", "urn:a", "urn::b", "URN:a:b", "urn:a:b:c", "SIP:h:5060", "siP:u@h", "sip",
    "si", "", "x:", "sipx:u@h", "sip:u@h\u0001", "sip:\u0001@h", "sip:\u0001",
)  # fmt: skip
PARTS = "user", "host", "port", "params", "passwd", "headers", "scheme", "transport"


def mod_init():
    return Uris()


class Uris:
    def ksr_request_route(self, msg):
        if not KSR.is_method("OPTIONS|INVITE"):
            return 1
        for uri in URIS:
            KSR.pv.sets("$ru", uri)
            for name in ("$ru", "$rU", "$rd", "$rp", "$rP"):
                KSR.pv.get(name)
            KSR.pv.sets("$var(uri)", uri)
            for part in PARTS:
                KSR.pv.get("$(var(uri){uri.%s})" % part)
            KSR.pv.sets("$ru", "sip:bob@example.org")
        return 1
