"""Session descriptions: what they have, and what a script takes out of them."""

import KSR

HEAD = "v=0\no=alice 1 2 IN IP4 192.0.2.10\ns=-\nc=IN IP4 192.0.2.10\nt=0 0\n"
AUDIO = (
    "m=audio 4000 RTP/AVP 0 8 9 101\na=rtpmap:0 PCMU/8000\na=rtpmap:8 PCMA/8000\n"
    "a=rtpmap:9 G722/8000\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\na=ptime:20\n"
    "a=sendrecv\n"
)
VIDEO = (
    "m=video 4002 RTP/SAVP 96 97\na=rtpmap:96 H264/90000\na=fmtp:96 profile-level-id=42e01f\n"
    "a=rtcp-fb:96 nack\na=rtpmap:97 VP8/90000\na=sendonly\n"
)
SDP = "application/sdp"
BODIES = {
    "audio": (HEAD + AUDIO, SDP),
    "both": (HEAD + AUDIO + VIDEO, SDP),
    "no rtpmap": (HEAD + "m=audio 4000 RTP/AVP 0 3 4 5 6 7 8 10 12 13 15 18\n", SDP),
    "more without": (HEAD + "m=video 4000 RTP/AVP 11 14 16 17 25 26 28 31 32 33 34\n", SDP),
    "another PCMU": (HEAD + "m=audio 4000 RTP/AVP 110 8\na=rtpmap:110 PCMU/16000\n", SDP),
    "held": (HEAD + AUDIO.replace("sendrecv", "inactive"), SDP),
    "held as a whole": (HEAD + "a=inactive\n" + AUDIO.replace("a=sendrecv\n", ""), SDP),
    "no port": (HEAD + AUDIO.replace("4000", "0") + VIDEO, SDP),
    "of a browser": (
        HEAD + AUDIO.replace("RTP/AVP", "UDP/TLS/RTP/SAVPF")
        + "a=candidate:1 1 UDP 1 192.0.2.10 4000 typ host\na=ssrc:1 cname:x\n", SDP),
    "no candidate": (HEAD + "a=ice-lite\n" + AUDIO + "a=ice-ufrag:a\na=ice-pwd:b\n", SDP),
    "lines of its own": (
        "v=0\no=- 7 8 IN IP4 192.0.2.10\ns=-\nt=0 0\na=sendonly\nm=audio 4000 RTP/AVP 8\n"
        "c=IN IP4 192.0.2.11\na=rtpmap:8 pcma/8000\n", SDP),
    "a fax": (HEAD + "m=image 4004 udptl t38\na=T38FaxVersion:0\n", SDP),
    "twice": (HEAD + AUDIO + AUDIO.replace("4000", "4006"), SDP),
    "payloads again": (HEAD + "m=audio 4000 RTP/AVP 101 0 8 0 101 9 9 8 0\n", SDP),
    "no media": (HEAD, SDP),
    "garbage": ("this is none\n", SDP),
    "an address for each": (
        HEAD.replace("c=IN IP4 192.0.2.10\n", "") + AUDIO + "c=IN IP4 h\n" + VIDEO + "c=X IP6 ::1\n",
        SDP),
    "an address for one": (
        HEAD.replace("c=IN IP4 192.0.2.10\n", "") + AUDIO + "c=IN IP4 h\n" + VIDEO, SDP),
    "no version": (HEAD[4:] + AUDIO, SDP),
    "lines in front": ("\r\n\r\n" + HEAD + AUDIO, SDP),
    "no origin": (HEAD.replace("o=", "x=") + AUDIO, SDP),
    "half an origin": (HEAD.replace(" IP4 192.0.2.10\ns", "\ns") + AUDIO, SDP),
    "no address": (HEAD.replace("c=", "x=") + AUDIO, SDP),
    "half an address": (HEAD + AUDIO + "c=IN\n", SDP),
    "an address of none": (HEAD.replace("c=IN IP4", "c=IN IP9") + AUDIO, SDP),
    "an address first": ("v=0\nc=IN IP4 h\n" + HEAD[4:].replace("c=", "x=") + AUDIO, SDP),
    "media alone": (AUDIO, SDP),
    "no transport": (HEAD + AUDIO + "m=video 4002\n", SDP),
    "no payload": (HEAD + "m=audio 4000 RTP/AVP\n", SDP),
    **{f"port {one}": (HEAD + f"m=audio {one} RTP/AVP 0\n", SDP)
       for one in ("x", "00", "0/2", "05", "4x", "x4", "+0", "-1", "99999")},
    **{f"held, {one!r}": (HEAD + AUDIO + f"{one}\n", SDP)
       for one in ("a=Inactive", "a=inactive x", " a=inactive", "A=inactive")},
    "text": ("hello", "text/plain"),
    "in capitals": (HEAD + AUDIO, "Application/SDP"),
    "parts": (
        "--X\nContent-Type: application/sdp\n\n" + HEAD + AUDIO
        + "--X\nContent-Type: text/plain\n\nhi\n--X--\n", "multipart/mixed;boundary=X"),
    "parts, quoted": (
        "--a b\nContent-Type: text/plain\n\nhi\n--a b\nA: b\ncontent-type: application/sdp\n\n"
        + HEAD + VIDEO + "\n--a b--\n", 'multipart/mixed; boundary="a b"'),
}  # fmt: skip
ASKED = [
    *(("sdp_with_media", one) for one in ("audio", "Video", "image", "aud", "")),
    *(("sdp_with_active_media", one) for one in ("audio", "Video", "image", "")),
    *(("sdp_with_transport", one) for one in ("RTP/AVP", "rtp/savp", "udptl", "RTP", "")),
    *(("sdp_with_transport_like", one) for one in ("RTP/AVP", "SAVP", "avp", "TLS", "")),
    *(("sdp_with_codecs_by_name", one) for one in (
        "PCMU", "pcma", "PCMA,PCMU", "PCMA, opus", "opus", "telephone-event", "GSM,H264", "",
        "PCMU PCMA", "G729", "VP8,H264")),
    *(("sdp_with_codecs_by_id", one) for one in ("0", "0,8", "8,99", "99", "0 8", "t38", "", "96")),
]  # fmt: skip
STATIC = (
    "PCMU", "GSM", "G723", "DVI4", "LPC", "PCMA", "G722", "L16", "QCELP", "CN", "MPA", "G728",
    "G729", "CelB", "JPEG", "nv", "H261", "MPV", "MP2T", "H263",
)  # fmt: skip
CHANGED = (
    ("keep_codecs_by_name", "PCMA,telephone-event", ""), ("keep_codecs_by_name", "pcma", "audio"),
    ("keep_codecs_by_name", "VP8", "video"), ("keep_codecs_by_name", "opus", ""),
    ("keep_codecs_by_id", "8,101", ""), ("keep_codecs_by_id", "0", "AUDIO"),
    ("keep_codecs_by_id", "55", ""), ("keep_codecs_by_id", "0 8", ""),
    ("remove_codecs_by_id", "", ""), ("keep_codecs_by_id", "", ""),
    ("keep_codecs_by_name", "", ""), ("remove_codecs_by_id", "8 , 0", ""), ("remove_codecs_by_name", "PCMU,G722,H264", ""),
    ("remove_codecs_by_name", "PCMA", "video"), ("remove_codecs_by_id", "101", ""),
    ("remove_codecs_by_id", "0 8,9", "audio"), ("remove_codecs_by_id", "77", ""),
    ("remove_line_by_prefix", "a=rtpmap", ""), ("remove_line_by_prefix", "a=fmtp", "video"),
    ("remove_line_by_prefix", "zz", ""), ("remove_line_by_prefix", "c=", ""),
    ("remove_media", "video"), ("remove_media", "audio"), ("remove_media", "none"),
)  # fmt: skip


class Sessions:
    def child_init(self, rank):
        return 0

    def ksr_request_route(self, msg):
        if not KSR.is_OPTIONS():
            KSR.sdpops.sdp_content()
            KSR.sdpops.sdp_content_flags(1)
            KSR.sdpops.sdp_get("$avp(own)")
            KSR.sdpops.sdp_get_line_startswith("$avp(line)", "m=")
            KSR.sdpops.sdp_transport("$avp(how)")
            for name in ("own", "line", "how"):
                KSR.pv.get("$avp(%s)" % name)
            KSR.sdpops.remove_line_by_prefix("a=", "")
            KSR.tm.t_relay()
            return 1
        for text, kind in BODIES.values():
            self.ask(text, kind)
        for kind in ("audio", "both", "twice", "payloads again", "no media", "text", "parts"):
            for change, *arguments in CHANGED:
                self.put(*BODIES[kind])
                getattr(KSR.sdpops, change)(*arguments)
                KSR.pv.get("$rb")
                KSR.textopsx.msg_apply_changes()
                KSR.pv.get("$rb")
        KSR.sl.send_reply(200, "OK")
        return 1

    def put(self, text, kind):
        KSR.textops.set_body(text.replace("\n", "\r\n"), kind)
        KSR.textopsx.msg_apply_changes()

    def ask(self, text, kind):
        self.put(text, kind)
        sdp = KSR.sdpops
        sdp.sdp_content()
        sdp.sdp_content_flags(0)
        sdp.sdp_content_flags(1)
        sdp.sdp_with_ice()
        for function, argument in ASKED:
            getattr(sdp, function)(argument)
        if "without" in text or "0 3 4" in text or "11 14" in text:
            for name in STATIC:
                sdp.sdp_with_codecs_by_name(name)
        for target in ("$avp(kept)", "$var(kept)"):
            sdp.sdp_get(target)
            KSR.pv.get("$avp(kept)")
            sdp.sdp_transport(target)
            KSR.pv.get("$avp(kept)")
            for start in ("c=", "m=", "a=rtpmap", "zz", ""):
                sdp.sdp_get_line_startswith(target, start)
                KSR.pv.get("$avp(kept)")
        KSR.pv.get("$sdp(body)")
        KSR.pv.get("$sdp(sess_version)")


def mod_init():
    return Sessions()
