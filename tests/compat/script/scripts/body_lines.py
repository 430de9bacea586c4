"""The lines of a body, one after the other: read, taken out, put in."""

import KSR


def mod_init():
    return BodyLines()


class BodyLines:
    def ksr_request_route(self, msg):
        lines = KSR.textopsx
        for step in (lines.bl_iterator_next, lines.bl_iterator_value, lines.bl_iterator_rm):
            step("none")
        lines.bl_iterator_append("none", "x\r\n")
        lines.bl_iterator_end("none")
        KSR.pv.get("$blitval(none)")
        lines.bl_iterator_start("one")
        lines.bl_iterator_value("one")
        lines.bl_iterator_rm("one")
        number = 0
        while lines.bl_iterator_next("one") > 0:
            number += 1
            lines.bl_iterator_value("one")
            KSR.pv.get("$blitval(one)")
            if number == 2:
                lines.bl_iterator_rm("one")
            elif number == 3:
                lines.bl_iterator_append("one", "a=behind the third\r\n")
            elif number == 4:
                lines.bl_iterator_insert("one", "a=before the fourth\r\n")
        KSR.pv.get("$blitval(one)")
        lines.bl_iterator_end("one")
        lines.bl_iterator_end("one")
        for _ in range(2):
            lines.bl_iterator_start("two")
            lines.bl_iterator_next("two")
            lines.bl_iterator_value("two")
        lines.msg_apply_changes()
        KSR.pv.get("$rb")
        KSR.pv.get("$cl")
        return 1
