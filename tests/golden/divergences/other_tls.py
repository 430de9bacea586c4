"""What the httpx engine does otherwise because of Python's ``ssl``."""

from __future__ import annotations

import re

from golden.divergences.steps import left_open, with_steps
from golden.replay.recordings import Case, Step


def checks_name_alone(case: Case) -> bool:
    """The certificate is not to be checked, the name in it is."""
    return "https://" in _addresses(case) and _verifies_name_only(case)


def _addresses(case: Case) -> str:
    return " ".join([*case.definitions, *(call.get("url", "") for call in case.calls)])


def _verifies_name_only(case: Case) -> bool:
    keys = {"verify_peer": "verify_host", "tlsverifypeer": "tlsverifyhost"}
    in_params = any(
        case.parameter(peer) == 0 and case.parameter(host, 2) != 0 for peer, host in keys.items()
    )
    return in_params or any(
        re.search(r"verify_?peer\s*=\s*0", one) and not re.search(r"verify_?host\s*=\s*0", one)
        for one in case.definitions
    )


def name_check_open(case: Case) -> Case:
    """A recorded failure may be a success; a recorded success must be one."""

    def changed(step: Step) -> Step:
        rc = step["expect"].get("rc")
        return left_open(step) if isinstance(rc, int) and rc < 100 else step

    return with_steps(case, changed)


def fails_in_tls(case: Case) -> bool:
    return "https://" in _addresses(case) and any(_has_failed_unseen(step) for step in case.steps)


def _has_failed_unseen(step: Step) -> bool:
    return step["expect"].get("rc", 0) < 100 and not step.get("wire") and bool(step.get("connects"))


def connections_open(case: Case) -> Case:
    """Certificate files and ciphers are read before there is a connection, not during TLS."""

    def changed(step: Step) -> Step:
        unseen = _has_failed_unseen(step)
        return {key: value for key, value in step.items() if key != "connects" or not unseen}

    return with_steps(case, changed)


_TLS_SETTINGS = ("cacert", "tlscacert", "cipher_suites", "tlscipherlist")


def plain_with_tls_settings(case: Case) -> bool:
    keys = any("cipher" in one for one in case.definitions)
    is_set = keys or any(case.parameter(name) for name in _TLS_SETTINGS)
    return is_set and "http://" in _addresses(case)


def plain_open(case: Case) -> Case:
    """Files and ciphers are read before it is known that there will be no TLS."""
    return with_steps(case, left_open)
