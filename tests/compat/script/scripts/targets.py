"""Further targets: appended with and without a URI of their own, written, prepared, taken back."""

import KSR

PARTS = ("uri", "dst_uri", "path", "q", "Q", "flags", "instance", "ruid", "otcpid", "send_socket")


def mod_init():
    return Targets()


class Targets:
    def show(self):
        for name in ("$ru", "$du", "$bf", "$ds", "$bR", "$br", "$branch(count)", "$sbranch(count)"):
            KSR.pv.get(name)
        for part in PARTS:
            KSR.pv.get("$branch(%s)" % part)
            KSR.pv.get("$sbranch(%s)" % part)
            for index in ("0", "1", "2", "5", "-1", "-2", "*"):
                KSR.pv.get("$(branch(%s)[%s])" % (part, index))
        for index in ("1", "5", "-1"):
            KSR.pv.get("$(branch(count)[%s])" % index)

    def append(self, number):
        method = KSR.pv.get("$rm")
        if method == "REGISTER":
            KSR.corex.append_branch()
        elif method == "NOTIFY":
            KSR.corex.append_branch_uri("")
        elif method == "INFO":
            KSR.corex.append_branch_uri_q("", "1.0")
        elif method == "MESSAGE":
            KSR.corex.append_branch_uri_q("sip:m%d@h.example" % number, "0.%d" % number)
        elif method == "SUBSCRIBE":
            KSR.pv.sets("$br", "sip:s%d@h.example" % number)
        else:
            KSR.corex.append_branch_uri("sip:u%d@h.example" % number)

    def ksr_request_route(self, msg):
        self.show()
        KSR.setdsturi("sip:192.0.2.77")
        KSR.setbflag(2)
        for number in range(2):
            self.append(number)
            self.show()
            KSR.seturi("sip:n%d@h.example" % number)
        for name, value in (
            ("$(branch(uri)[0])", "sip:w@h.example"),
            ("$branch(dst_uri)", "sip:192.0.2.78"),
            ("$(branch(path)[1])", "<sip:p@h.example>"),
            ("$(branch(uri)[7])", "sip:none@h.example"),
            ("$branch(send_socket)", "udp:127.0.0.1:5060"),
            ("$branch(instance)", "i"),
        ):
            KSR.pv.sets(name, value)
        KSR.pv.seti("$branch(q)", 700)
        KSR.pv.seti("$branch(flags)", 7)
        self.show()
        KSR.pv.unset("$(branch(uri)[0])")
        self.show()
        self.prepare()
        return 1

    def prepare(self):
        KSR.pvx.sbranch_set_ruri()
        for name, value in (
            ("$sbranch(uri)", "sip:prepared@h.example"),
            ("$sbranch(dst_uri)", "sip:192.0.2.79"),
            ("$sbranch(path)", "<sip:q@h.example>"),
            ("$sbranch(instance)", "i"),
            ("$sbranch(ruid)", "r"),
        ):
            KSR.pv.sets(name, value)
        for name in ("q", "flags"):
            KSR.pv.seti("$sbranch(%s)" % name, 3)
        self.show()
        KSR.pvx.sbranch_append()
        KSR.pvx.sbranch_set_ruri()
        self.show()
        KSR.pvx.sbranch_reset()
        self.show()
