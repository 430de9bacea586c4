"""Values of variables put into texts in every way that Python has; JSON, expressions, numbers."""

import json
import re

import KSR

NUMBER = re.compile(r"^\+?(?P<country>49|43|41)?(?P<rest>\d+)$")


def mod_init():
    return Formats()


class Formats:
    def ksr_request_route(self, msg):
        user, nobody = KSR.pv.get("$rU"), KSR.pv.get("$avp(nobody)")
        KSR.info("user %s, nobody %s\n" % (user, nobody))
        KSR.info(f"{KSR.pv.get('$rm')} {user!r:>8} from {KSR.pv.get('$si')}:{KSR.pv.get('$sp')}\n")
        KSR.info(
            "{} {:>5} {name}\n".format(
                KSR.pv.gete("$fU"), KSR.pv.getvn("$cs", 0), name=KSR.pv.getw("$fn")
            )
        )
        KSR.info("To: " + KSR.pv.gete("$tU") + "@" + KSR.pv.getvs("$td", "nowhere") + "\n")
        seen = {
            "call": KSR.pv.get("$ci"),
            "agent": KSR.pv.gete("$ua"),
            "null": KSR.pv.getw("$avp(nobody)"),
            "count": KSR.pv.getvn("$avp(nobody)", -1),
            "text": KSR.pv.getvs("$avp(nobody)", "default"),
            "is_null": KSR.pv.is_null("$avp(nobody)"),
            "length": KSR.pv.get("$ml"),
            "domain": KSR.pv.get("$(fu{uri.domain})"),
            "upper": KSR.pv.get("$(fU{s.toupper})"),
        }
        KSR.pv.sets("$avp(seen)", json.dumps(seen, sort_keys=True))
        again = json.loads(KSR.pv.get("$avp(seen)"))
        KSR.hdr.append("X-Caller: %(call)s;%(is_null)s;%(count)d\r\n" % again)
        found = NUMBER.match(user or "")
        if found:
            KSR.pv.sets("$rU", found.group("rest"))
            KSR.hdr.append("X-Country: %s\r\n" % (found.group("country") or "none"))
        for text in ("costs 5$$", "$rU and $fU", "$(rU{s.len})"):
            KSR.pvx.evalx("$var(text)", text)
            KSR.xlog.xinfo(text + "\n")
            KSR.hdr.append("X-Text: %s\r\n" % KSR.pv.getw("$var(text)"))
        KSR.sl.send_reply(200, "OK %s" % (KSR.pv.get("$rU") or "nobody"))
        return 1
