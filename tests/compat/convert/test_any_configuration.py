"""Whatever is declared of the HTTP modules, each line is accounted for, and the document is one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from onehttp.connections.file.load import load_connections
from onehttp_compat.convert.conversion import convert
from onehttp_compat.convert.http_modules import MODULES
from onehttp_compat.convert.reading import read_declared
from onehttp_compat.parameters import CONNECTION, PARAMETERS
from onehttp_compat.server_config import ConfigInputs


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any") / "kamailio.cfg"


NAMES = {
    module: [*sorted(PARAMETERS[module]), "nosuch"]
    for module in MODULES
}  # fmt: skip
NUMBERS = st.one_of(st.integers(-3, 9), st.integers(-(2**33), 2**33))
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=0x3000), max_size=12)
HOSTS = st.sampled_from(
    ["h.example", "h.example:80/v1", "[::1]:80", "h:x", "h/p?a=b&a=c", "", "h#f"]
)
USERS = st.sampled_from(["", "u@", "u:p@", "u:p/q;r@", "u:p@q@", ":p@", "${x}:$$@"])
OPTIONS = st.sampled_from(
    ["", ";timeout=3", ";timeout=x", ";tlsversion=2", ";failover=a", ";client_cert=/c", ";nosuch=1",
     ";verify_peer=0;verify_host=0", ";httpredirect=1,timeout=3", ";useragent=\"${x}\"", ";"]
)  # fmt: skip
CONNECTIONS = st.tuples(
    st.sampled_from(["a", "b", "c", "", "a b"]), st.sampled_from(["http", "https", "ftp"]),
    USERS, HOSTS, OPTIONS,
).map(lambda parts: "{}=>{}://{}{}{}".format(*parts))  # fmt: skip


@st.composite
def lines(draw: Any) -> str:
    module = draw(st.sampled_from(sorted(NAMES)))
    name = draw(st.sampled_from(NAMES[module]))
    setting = PARAMETERS[module][name].setting if name in PARAMETERS[module] else ""
    if setting == CONNECTION:
        value: int | str = draw(st.one_of(CONNECTIONS, CONNECTIONS, TEXTS))
    elif setting == "config_file":
        value = draw(st.sampled_from(["good.cfg", "bad.cfg", "none.cfg"]))
    else:
        value = draw(st.one_of(NUMBERS, NUMBERS, TEXTS))
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        written = f'"{escaped}"'
    else:
        written = str(value)
    return f'modparam("{module}", "{name}", {written})'


def _destinations(text: str) -> tuple[str, list[str]] | None:
    """Key and places of a value that was converted: ``proxy of a, calls by URL``."""
    found = re.fullmatch("(proxy|user_agent) of (.*)", text)
    return (found[1], found[2].split(", ")) if found else None


def _stands_in(document: dict[str, Any], key: str, places: list[str]) -> bool:
    """Whether the document says something else at these places than that nothing is set."""
    defaults = document.get("defaults", {})
    for place in places:
        if place in ("calls by URL", "queries"):
            own = document.get("requests" if place == "calls by URL" else place) or {}
        elif place not in document["connections"]:
            continue  # its name has a comma in it
        else:
            own = document["connections"][place]
        if own.get(key, defaults.get(key, "env")) in ("env", None):
            return False
    return True


@settings(max_examples=150)
@given(st.lists(lines(), max_size=12))
def test_each_line_is_accounted_for_at_its_place(path: Path, written: list[str]) -> None:
    path.with_name("good.cfg").write_text("[f]\nurl = http://f.example\nfailover = a\n")
    path.with_name("bad.cfg").write_text("[f]\nurl = http://f.example\n[f]\nurl = ftp://f\n")
    path.write_text("\n".join(written), encoding="utf-8")
    declared = read_declared(path, ConfigInputs(environment={}))
    converted = convert(declared, path.name, "plain")
    told = {finding.place for finding in converted.findings}
    for number in range(1, len(written) + 1):
        assert f"{path}:{number}" in told, converted.findings
    assert all(finding.text for finding in converted.findings)
    document = yaml.safe_load(converted.text)
    assert document["version"] == 1
    # What else is said of a proxy that no URL can name stands at one of its two lines.
    is_unfit = any("httpproxy" in finding.what and finding.became != "converted"
                   for finding in converted.findings)  # fmt: skip
    for finding in converted.findings if not is_unfit else ():
        if finding.became == "converted" and (said := _destinations(finding.text)):
            assert _stands_in(document, *said), (finding, converted.text)
    names_files = any(
        key in str(document) for key in ("'cert':", "'key':", "'ca_file':", "'ca_path':")
    )
    if not names_files:
        output = path.with_name("connections.yaml")
        output.write_text(converted.text, encoding="utf-8")
        load_connections(output)
