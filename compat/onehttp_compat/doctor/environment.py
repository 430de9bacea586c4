"""The environment of a process: limits on files, proxies, certificates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from onehttp_compat.doctor.finding import Finding
from onehttp_compat.doctor.process import ProcessFacts

FEW_FILES: Final = 4096
"""Below this limit many connections at a time may fail."""
_STORES: Final = (
    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem",
)  # fmt: skip
_PROXIES: Final = ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
_NAMED: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE")
_userinfo = re.compile(r"//[^/@]*@")


def file_findings(facts: ProcessFacts) -> Iterator[Finding]:
    """Check the limit of open files, because each kept connection is one."""
    limit = facts.file_limit
    if limit is None:
        return
    text = f"{facts.open_files} files are open, the limit is {limit}"
    way_out = "raise it by ulimit -n, or LimitNOFILE= of the systemd unit"
    if facts.open_files > limit * 0.8:
        yield Finding("error", "files", text, way_out)
    elif limit < FEW_FILES:
        yield Finding("warning", "files", text, way_out)
    else:
        yield Finding("information", "files", text)


def proxy_findings(facts: ProcessFacts) -> Iterator[Finding]:
    """Check proxies of the environment. Legacy calls use them, and calls of ``onehttp`` do not."""
    for name in _PROXIES:
        value = facts.environment.get(name)
        if value:
            yield Finding(
                "warning", "proxy", f"{name}={_userinfo.sub('//', value)}: legacy calls use this "
                "proxy, calls of onehttp do not",
                "set proxy: env in connections.yaml if they should; unset it if none should",
            )  # fmt: skip


def trust_findings(facts: ProcessFacts, root: Path = Path("/")) -> Iterator[Finding]:
    """Check which certificate authorities https trusts."""
    named = {name: value for name, value in facts.environment.items() if name in _NAMED and value}
    for name, value in named.items():
        if not (root / value.lstrip("/")).exists():
            yield Finding("error", "certificates", f"{name}={value}: there is no such file",
            f"unset {name}, or name an existing file")  # fmt: skip
    stores = [path for path in _STORES if (root / path.lstrip("/")).exists()]
    if stores:
        yield Finding(
            "information", "certificates", f"the certificate authorities are in {stores[0]}"
        )
    elif not named:
        yield Finding(
            "error", "certificates", "there is no file of certificate authorities",
            "apt-get install ca-certificates, or ca_file: in connections.yaml",
        )  # fmt: skip
