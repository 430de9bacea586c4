"""What strangers keep beside the server: SQLite, a lock, a thread's work, a package that may lack."""

import collections
import sqlite3
import threading

import KSR

try:
    import redis_of_nobody as redis
except ImportError:
    redis = None

LOCK = threading.Lock()


class Store:
    """One file of numbers; here it stays in memory."""

    def __init__(self):
        self.db = sqlite3.connect(":memory:", check_same_thread=False)
        self.db.execute("CREATE TABLE calls (who TEXT PRIMARY KEY, count INTEGER)")

    def count(self, who):
        with LOCK, self.db:
            self.db.execute("INSERT OR IGNORE INTO calls VALUES (?, 0)", (who,))
            self.db.execute("UPDATE calls SET count = count + 1 WHERE who = ?", (who,))
            return self.db.execute("SELECT count FROM calls WHERE who = ?", (who,)).fetchone()[0]

    def __del__(self):
        self.db.close()


class Limits(collections.UserDict):
    def of(self, method):
        return self.get(method, 1000)


class Counting:
    def __init__(self):
        self.store = Store()
        self.limits = Limits(INVITE=2)

    def child_init(self, rank):
        return 0

    def ksr_request_route(self, msg):
        method = KSR.kx.get_method()
        count = self.store.count(method)
        told = []
        worker = threading.Thread(target=lambda: told.append("%s %d" % (method, count)))
        worker.start()
        worker.join()
        KSR.hdr.append("X-Count: %s\r\n" % told[0])
        if redis is None:
            KSR.dbg("no redis here\n")
        if count > self.limits.of(method):
            KSR.sl.send_reply(480, "Limit of %d" % self.limits.of(method))
            return 1
        if not KSR.is_ACK():
            KSR.sl.send_reply(200, "Counted")
        return 1


def mod_init():
    return Counting()
