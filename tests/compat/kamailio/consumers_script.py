"""Routing logic for the real server: documents and identities, by the way that the docs have."""

from __future__ import annotations

import os
from typing import Any

import KSR  # the server's own

import onehttp
import onehttp_compat
from onehttp.identity import IdentityError, Party, Signer, TrustStore, Verifier
from onehttp_compat.ksr import take_over
from onehttp_compat.server import default_server
from onehttp_compat.xcap_client import PRES_RULES, XcapDocSel, XcapGetReq, bind_xcap
from servers.kamailio.readiness import tell_ready
from servers.sti import LOCAL

REAL = KSR
KSR = take_over(KSR)
FOLDER, XCAP, SIGNER = (os.environ[name] for name in ("TEST_FOLDER", "TEST_XCAP", "TEST_SIGNER"))
ORIG, DEST = (Party.from_header(f"<tel:+{one}>") for one in ("12155551212", "12155551213"))


def mod_init() -> Script:
    onehttp.init()
    for name, value in (
        ("privatekey_path", f"{FOLDER}/old.key"),
        ("certificate_path", f"{FOLDER}/old.pem"),
        ("certificate_url", SIGNER.replace("signer.pem", "old.cer")),
        ("cainfo_path", f"{FOLDER}/anchors.pem"),
        ("allow_sha1", 1),
        ("allow_private", 1),
    ):
        onehttp_compat.modparam("auth_identity", name, value)
    onehttp_compat.modparam("xcap_client", "db_url", f"sqlite://{FOLDER}/xcap.sqlite")
    onehttp_compat.modparam("xcap_client", "periodical_query", 0)
    return Script()


class Script:
    def child_init(self, rank: int) -> int:
        if rank == 1:
            self.signer = Signer.from_file(f"{FOLDER}/signer.key", SIGNER)
            self.verifier = Verifier(TrustStore.from_files(f"{FOLDER}/anchors.pem"), rules=LOCAL)
        return tell_ready(rank)

    def often(self, message: Any, event: str = "") -> int:
        default_server().xcap_client.query_update()
        return 1

    def ksr_request_route(self, message: Any) -> int:
        answer = getattr(self, REAL.pv.get("$rU"))()
        REAL.hdr.append_to_reply(f"X-Answer: {answer}\r\n")
        REAL.sl.send_reply(200, "OK")
        return 1

    def sign(self) -> str:
        return self.codes("auth_date_proc", "auth_add_identity")

    def check(self) -> str:
        return self.codes(
            "vrfy_check_date",
            "vrfy_get_certificate",
            "vrfy_check_certificate",
            "vrfy_check_msgvalidity",
            "vrfy_check_callid",
        )

    def codes(self, *names: str) -> str:
        return " ".join(str(onehttp_compat.call_function(name)) for name in names)

    def fetch(self) -> str:
        which = XcapDocSel("pres-rules", PRES_RULES, xid="sip:alice@a.example")
        found = bind_xcap().getNewDoc(XcapGetReq(XCAP, 0, which), "alice", "a.example")
        return found.decode() if found else "nothing"

    def row(self) -> str:
        rows = default_server().xcap_client.documents.store.rows()
        return rows[0].doc.decode() if rows else "nothing"

    def identity(self) -> str:
        header = self.signer.sign_shaken(ORIG, DEST, "A")
        return str(self.verifier.verify(header, orig=ORIG, dest=DEST).claims.attest)

    def forged(self) -> str:
        header = self.signer.sign_shaken(ORIG, DEST, "A")
        try:
            self.verifier.verify(header, orig="19995550000", dest=DEST)
        except IdentityError as error:
            return f"{error.status} {error.reason}"
        return "believed"
