"""What random calls are given: texts and numbers that fit a function, and all others."""

from __future__ import annotations

import random
from typing import Final, TypeAlias

from onehttp_compat.script.catalogue import Signature, catalogue
from onehttp_compat.script.pv.store import TABLE

Argument: TypeAlias = "str | int | dict[str, str]"
LONG: Final = "x" * 3000
NUMBERS: Final = (
    0, 1, -1, 2, 3, 5, 8, 31, 32, 100, 180, 200, 302, 404, 486, 603, 65535, 65536, 2**31-1,
    -(2**31), 2**31, -(2**31)-1,
)  # fmt: skip
ODD: Final = tuple({"odd": kind} for kind in ("bytes", "float", "list", "true", "none"))
STRANGE: Final = (
    "", " ", "\t", "\r\n", "x", "0", "-1", "12", "0x10", "²", "٣", "Ä", "€uro", "\x01", "\x7f",
    "%", "%41", "%zz", "$", "$$", "$ru", "$(ru{s.len})", "$var(a)", "$null", "$nosuch", "$(", "(",
    "[", "*", "a(", "[a-", "\\", "^", "^.*$", "a,b", ",", ";", "a;b", "=", "a=b", "a=b;c", "<",
    ">", '"', "'", "/", "//", "a b", "A", "a\0b", "\ud800", LONG,
)  # fmt: skip
HEADERS: Final = (
    "From", "from", "f", "To", "t", "Via", "v", "Contact", "m", "Call-ID", "i", "CSeq", "X-A",
    "x-a", "X-Empty", "X-None", "Route", "Record-Route", "Supported", "k", "Subject", "s",
    "User-Agent", "Content-Type", "c", "Content-Length", "l", "Expires", "Max-Forwards",
    "P-Asserted-Identity", "Authorization", "Event", "o", "Diversion", "Privacy", "Server",
    "Accept", "Path", "Warning", "X-A:", "X A", "Retry-After", "Date", "h", "hname", "Allow",
    "CSe", "Reason", "Refer-To", "r",
)  # fmt: skip
LINES: Final = (
    "X-New: 1\r\n", "X-New: 1", "X-New: 1\r\nX-Other: 2\r\n", "X-New", "X-New:\r\n", ": x\r\n",
    "Subject: new\r\n", "X-New: $ru\r\n", "\r\n", "Route: <sip:9.9.9.9;lr>\r\n", "X: Ä\r\n",
    "X-A: four\r\n", "Contact: <sip:new@h>\r\n", "Content-Type: text/plain\r\n",
)  # fmt: skip
URIS: Final = (
    "sip:a@b", "sip:alice@sip.example.org", "sips:a@b:5061;transport=tls", "sip:h", "sip:", "sip",
    "tel:+1", "tel:", "sip:a:pw@h:99;x=1;lr?y=2", "sip:[::1]:5060", "sip:a@[2001:db8::1]",
    "http://a/b", "sip:127.0.0.1:5060", "sip:a@h:0", "sip:a@h:99999", "sip:@h", "sip:a@",
    "SIP:A@B", "urn:service:sos", "sip:a b@h", "sip:%61@h", "sip:a;p=1@h;q",
    "sip:a@h;transport=ws", "sip:a@h;maddr=1.2.3.4", "<sip:a@b>", "sip:a@b>", "im:a@b",
    "sip:a@h:x", "sip:b%6fb@h", "sip:h;lr", "sip:127.0.0.1;lr", '"N" <sip:a@b>;tag=1',
    "mailto:a@b", "sip:sip.example.org", "sip:a@h;x=\"q;r\"",
)  # fmt: skip
ADDRESSES: Final = (
    "127.0.0.1", "10.0.0.1", "10.1.2.3", "172.16.0.1", "172.32.0.1", "192.168.1.1", "192.0.2.10",
    "100.64.0.1", "169.254.1.1", "::1", "[::1]", "2001:db8::1", "fe80::1", "::ffff:1.2.3.4",
    "1.2.3", "256.1.1.1", "1.2.3.4.5", "01.2.3.4", "10.0.0.0/8", "10.0.0.0/33", "2001:db8::/32",
    "sip.example.org", "localhost", "1.2.3.4:5060", "udp:127.0.0.1:5060", "[::1", "::", "0.0.0.0",
    "10.0.0.0/255.0.0.0", "udp:127.0.0.1", "tcp:1.2.3.4:5060", "10.0.0.1,10.1.2.3",
    "sip:1.2.3.4:5060;transport=udp",
)  # fmt: skip
EXPRESSIONS: Final = (
    "/a/b/", "/a/b/g", "/a/b/gi", "/(.)b/X\\1/", "#a#b#", "/a/", "a/b", "/(/b/", "/$/x/", "/^/x/",
    "/sip:(.*)@/sip:$rU\\1@/", "/b/$ru/", "/x*/y/g", "/a/\\9/", "/a/b/z", "/\\r\\n/ /g", "/a/b/s",
    "bob", "^bob$", "b.b", "[a-z]+", "(bob", "*", "a|b", "\\d+", "[[:digit:]]+", "^X-", "IP4",
    "PCMU", "c=IN.*", "a=", "m=audio", "[0-9]{2}", "^$", "", "alice", "^v=0", "sendrecv", "INVITE",
    "a{2,1}",
)  # fmt: skip
WORDS: Final = (
    "INVITE", "invite", "ACK", "BYE", "INVITE|BYE", "IMRCBAOSNUP", "I", "IN", "XYZ", "udp", "UDP",
    "U", "tcp", "UT", "Request-URI", "From", "From-URI", "To", "audio", "video", "image", "0,8",
    "PCMU", "PCMU,telephone-event", "101", "8", "RTP/AVP", "RTP", "sdp", "application/sdp",
    "text/plain", "multipart/mixed", "a=", "m=", "c=", "upstream", "downstream", "user", "alice",
    "phone", "x", "lr", "transport", "id", "header", "none", "eq", "ne", "sw", "in", "re", "a",
    "f", "l", "L_ERR", "L_INFO", "ksr_request_route", "nosuch_route", "all", "branch_timeout",
    "call_disconnect", "local_route",
)  # fmt: skip
PLACES: Final = (
    "a", "b", "a=>b", "a[0]=>b", "a[1]=>c", "a[*]", "a=>", "=>b", "s:a", "i:5", "a=>b[0]=>c",
)  # fmt: skip
OWN: Final = {"htable": "t", "mqueue": "q"}
"""The names that `script.py` declares."""
POOLS: Final = {
    "header": HEADERS, "line": LINES, "uri": URIS, "address": ADDRESSES, "expression": EXPRESSIONS,
    "word": WORDS, "place": PLACES, "strange": STRANGE,
}  # fmt: skip

# What the text arguments of the functions of a module usually are.
USUAL: Final = {
    "hdr": ("header", "line", "word", "expression"),
    "textops": ("expression", "header", "word", "line"),
    "textopsx": ("header", "word", "line"),
    "siputils": ("uri", "word", "variable"),
    "ipops": ("address",),
    "sdpops": ("word",),
    "rr": ("word", "uri", "expression", "address"),
    "path": ("word",),
    "corex": ("uri", "address"),
    "nathelper": ("address", "variable"),
    "diversion": ("word", "uri"),
    "": ("uri", "word", "address"),
    "tm": ("word", "uri", "address"),
    "sl": ("word",),
    "htable": ("word",),
    "regex": ("word", "expression"),
    "pvx": ("place", "word"),
    "xlog": ("format",),
}
NAMES: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(("hdr", "hdrc", "hfl", "hflc"), HEADERS),
    **dict.fromkeys(("var", "avp", "xavp", "xavi", "xavu", "shv"), PLACES),
    **dict.fromkeys(("sht", "shtex", "shtinc", "shtdec"), ("t=>k", "t=>", "none=>k", "t")),
    "sel": ("ruri.user", "from.uri.host", "via[1].host", "contact", "nosuch", "via[-1].transport",
            "hf_value.x_a", "hf_value[\"X-A\"]", "msg.body", "cseq.num", "to.tag", "rr.params.lr"),
    "def": ("X", "KAMAILIO_5"), "defn": ("X",), "env": ("X",), "envn": ("X",),
    "branch": ("uri", "q", "dst_uri", "path", "flags", "ruid", "count", "Q"),
    "_s": ("$ru", "a$rU-$fU", "$nosuch", ""),
}  # fmt: skip
CRASHING: Final = {"conid"}
"""Variables that crash the server."""
INDEXES: Final = ("", "", "", "", "[0]", "[-1]", "[1]", "[*]", "[99]", "[-9]", "[$var(a)]")
TRANSFORMATIONS: Final = (
    "s.len", "s.int", "s.md5", "s.sha256", "s.upper", "s.toupper", "s.tolower", "s.substr,1,2",
    "s.substr,-3,0", "s.substr,9,1", "s.substr,0,-1", "s.select,0,@", "s.select,-1,;",
    "s.select,5,:", "s.encode.hexa", "s.decode.hexa", "s.escape.common", "s.unescape.common",
    "s.escape.user", "s.unescape.user", "s.escape.param", "s.unescape.param", "s.escape.csv",
    "s.numeric", "s.strip,2", "s.strip,99", "s.striptail,2", "s.prefixes", "s.prefixes,2",
    "s.prefixes.quotes", "s.replace,a,b", "s.ftime,%Y", "s.trim", "s.rtrim", "s.ltrim", "s.rm,a",
    "s.rmws", "s.fmtlines,4,x", "s.fmtlinet,4,x", "s.corehash", "s.corehash,16", "s.encode.base64",
    "s.decode.base64", "s.encode.base58", "s.encode.base64url", "s.encode.base64t",
    "s.strip,$var(a)", "s.substr,$var(a),1", "s.unbracket", "s.before,@", "s.after,@",
    "s.rbefore,:", "s.rafter,:", "s.count,a", "s.unquote", "s.urlencode.param",
    "s.urldecode.param", "s.nosuch", "s.striptill,@", "s.striptilltail,@", "s.strip",
    "s.strtail,3", "uri.user", "uri.host", "uri.port", "uri.params", "uri.param,x", "uri.passwd",
    "uri.scheme", "uri.tosocket", "uri.headers", "uri.transport", "uri.method", "uri.ttl",
    "uri.uparam", "uri.maddr", "uri.lr", "uri.rmuser", "uri.duri", "uri.saor", "uri.suri",
    "uri.hostport", "uri.nosuch", "nameaddr.name", "nameaddr.uri", "nameaddr.len", "tobody.uri",
    "tobody.tag", "tobody.user", "tobody.host", "tobody.display", "tobody.params", "param.value,x",
    "param.value,tag", "param.name,0", "param.valueat,0", "param.count", "param.in,x",
    "param.value,x,,", "line.count", "line.at,0", "line.at,-1", "line.sw,a=", "line.at,99",
    "val.n0", "val.ne", "val.json", "val.jsonqe", "val.int", "urialias.encode", "urialias.decode",
    "nameaddr.nosuch", "re.subst,/a/b/g", "re.subst,/(.)/\\1\\1/", "csv.count", "csv.value,0",
    "csv.value,-1", "msrpuri.user", "s.select,a,b", "sock.host", "sock.port", "sock.proto",
    "num.fdigit", "num.ldigit", "xmlpath.x",
)  # fmt: skip


def variable(choose: random.Random) -> str:
    """A pseudo-variable of any kind, mostly one that exists."""
    kind = choose.choice(KINDS)
    known = catalogue().variables.get(kind)
    names = NAMES.get(kind) or tuple(sorted((known and known.names) or ()))
    named = f"({choose.choice(names)})" if names and choose.random() < 0.95 else ""
    if not named and choose.random() < 0.05:
        named = f"({choose.choice(HEADERS + PLACES)})"
    index = choose.choice(INDEXES)
    steps = range(choose.choice((0, 0, 0, 1, 1, 2)))
    change = "".join(f"{{{choose.choice(TRANSFORMATIONS)}}}" for _ in steps)
    if not index and not change:
        return f"${kind}{named}"
    return f"$({kind}{named}{index}{change})"


def text(choose: random.Random, signature: Signature, at: int) -> str:
    """A text argument: usual for the function, or else anything."""
    if at == 0 and (signature.module == "pv" or signature.name == "evalx"):
        return variable(choose) if choose.random() < 0.95 else choose.choice(STRANGE)
    if at == 0 and signature.module in OWN and choose.random() < 0.95:
        return OWN[signature.module]
    pool = choose.choice(USUAL.get(signature.module, ("word",)))
    if choose.random() < 0.2:
        pool = choose.choice((*POOLS, "variable", "format", "strange"))
    if pool == "variable":
        return variable(choose)
    if pool == "format":
        parts = (variable(choose) if choose.random() < 0.6 else choose.choice(STRANGE[:-3])
                 for _ in range(3))  # fmt: skip
        return "".join(parts)
    return choose.choice(POOLS[pool])


def argument(choose: random.Random, signature: Signature, at: int) -> Argument:
    """An argument of a function."""
    if choose.random() < 0.01:
        return choose.choice(ODD)
    if signature.parameters[at] == "int":
        return choose.choice(NUMBERS) if choose.random() < 0.98 else "1"
    return text(choose, signature, at) if choose.random() < 0.99 else 1


KINDS: Final = tuple(sorted(set(TABLE) - CRASHING))
