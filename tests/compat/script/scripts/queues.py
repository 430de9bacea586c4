"""Work that is left for a timer: queues, what is fetched of them, and what stays of it."""

import KSR


def mod_init():
    return Queues()


class Queues:
    def show(self):
        for name in ("$mqk(jobs)", "$mqv(jobs)", "$mq_size(jobs)", "$mqk(other)"):
            KSR.pv.get(name)
        for get in ("mqk_get", "mqk_gete", "mqk_getw", "mqv_get", "mqv_gete", "mqv_getw"):
            getattr(KSR.mqueue, get)("jobs")
        KSR.mqueue.mq_size("jobs")

    def ksr_request_route(self, msg):
        self.show()
        KSR.mqueue.mq_add("jobs", KSR.pv.gete("$ci"), KSR.pv.gete("$rm"))
        KSR.mqueue.mq_add("jobs", KSR.pv.gete("$ci"), "")
        if KSR.is_method("ACK|BYE|MESSAGE|OPTIONS"):
            while KSR.mqueue.mq_fetch("jobs") > 0:
                self.show()
        self.show()
        KSR.mqueue.mq_add("other", "", "x")
        KSR.mqueue.mq_fetch("other")
        KSR.mqueue.mq_pv_free("jobs")
        self.show()
        return 1
