"""What functions say of texts that are not the same, and of what was done before."""

import KSR

PAIRS = (
    ("a", "a"), ("a", "A"), ("A", "a"), ("a", "b"), ("b", "a"), ("", ""), ("a", ""), ("", "a"),
    ("abc", "ab"), ("ab", "abc"), ("abc", "bc"), ("abc", "c"), ("Contact", "timer"), ("t1", "t"),
)  # fmt: skip


def mod_init():
    return Comparisons()


class Comparisons:
    def ksr_request_route(self, msg):
        for one, other in PAIRS:
            for name in "cmp_str", "cmp_istr", "starts_with", "ends_with":
                getattr(KSR.textops, name)(one, other)
        for pattern in "^User-Agent$", "^User-Agent$", "^Nosuch", "^Call", "^U":
            KSR.textops.remove_hf_re(pattern)
        for name in "HOME", "NO_SUCH_VARIABLE":
            KSR.kx.get_env(name)
        for way in "get", "gete", "getw":
            getattr(KSR.kx, f"{way}_body")()
            getattr(KSR.kx, f"{way}_ua")()
        for text in "one", "two":
            KSR.textops.set_reply_body(text, "text/plain")
        return 1
