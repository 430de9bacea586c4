"""What `neighbours.py` imports."""

import KSR


def reply(reason, count):
    KSR.sl.send_reply(200, "%s %d" % (reason, count))
