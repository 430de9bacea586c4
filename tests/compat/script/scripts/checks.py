"""Every check of ``sanity``, of requests and replies, and a branch route for whatever is relayed."""

import KSR

# One check finds each, and says what is the matter; nothing is the matter with the last ones.
BAD = (
    ("From", "<sip:>;tag=x"), ("To", "<bad>"), ("To", "<sip:b@x>;tag=a;tag=b"), ("Contact", "<bad>"),
    ("Expires", "abc"), ("Proxy-Require", "foo"), ("CSeq", "99999999999 {m}"), ("CSeq", "1 INFO"),
    ("From", "<tel:+49>;tag=x"), ("Contact", "*"), ("Expires", "30"), ("User-Agent", "any"),
    ("Authorization", 'Digest username="a",realm="b",nonce="c",uri="sip:x",response="d"'),
)  # fmt: skip


class Checks:
    def child_init(self, rank):
        return 0

    def check(self):
        for bit in range(16):
            KSR.sanity.sanity_check(1 << bit, 15)

    def ksr_request_route(self, msg):
        self.check()
        for uris in (0, 1, 2, 4, 8, 15):
            KSR.sanity.sanity_check(1024, uris)
        KSR.sanity.sanity_check(17604, 6)
        KSR.sanity.sanity_check_defaults()
        if KSR.is_OPTIONS():
            for name, text in BAD:
                self.check_with(name, text)
            self.put("Authorization", "Digest garbage")
            KSR.sanity.sanity_check(2048 | 8192, 0)
            return 1
        KSR.tm.t_on_branch("ksr_branch")
        KSR.tm.t_relay()
        return 1

    def put(self, name, text):
        KSR.hdr.remove(name)
        if text is not None:
            KSR.hdr.append("%s: %s\r\n" % (name, text))
        KSR.textopsx.msg_apply_changes()

    def check_with(self, name, text):
        before = KSR.pv.get("$hdr(%s)" % name)
        self.put(name, text.replace("{m}", KSR.kx.get_method()))
        self.check()
        self.put(name, before)

    def ksr_branch(self, msg):
        KSR.pv.get("$ru")
        return 1

    def ksr_reply_route(self, msg):
        self.check()
        return 1


def mod_init():
    return Checks()
