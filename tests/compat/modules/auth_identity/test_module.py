"""Module ``auth_identity``: its start, what it allows, and how scripts reach it."""

from __future__ import annotations

import logging
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import onehttp
from onehttp_compat import auth_identity
from onehttp_compat.auth_identity import RECOMMENDED_REPLIES, NoRequestError
from onehttp_compat.registry import FUNCTIONS
from onehttp_compat.server import LegacyServer, use_server
from onehttp_compat.sip.request import SipRequest
from servers.sti import DAY_S, Repository, private_pem
from stand_ins import processes
from stand_ins.legacy.rfc4474 import Box, invite, signed_by_openssl

pytestmark = pytest.mark.filterwarnings("ignore::onehttp.LegacyCallWarning")


def test_without_key_the_module_only_verifies(
    legacy: LegacyServer, caplog: pytest.LogCaptureFixture
) -> None:
    legacy.modparam("auth_identity", "certificate_url", "https://a/x")
    legacy.pv.request = SipRequest(invite())
    with caplog.at_level(logging.WARNING):
        assert legacy.call("auth_date_proc", ()) == -1
        assert legacy.call("auth_add_identity", ()) == -1
    assert "no signing" in caplog.text


@pytest.mark.parametrize(
    ("parameter", "content"),
    [
        ("privatekey_path", None),
        ("privatekey_path", b"junk"),
        ("privatekey_path", private_pem(ec.generate_private_key(ec.SECP256R1()))),
        ("certificate_path", None),
        ("certificate_path", b"junk"),
        ("cainfo_path", None),
        ("cainfo_path", b"junk"),
    ],
)
def test_an_unusable_file_is_named_at_start(
    signer: Box, tmp_path: Path, parameter: str, content: bytes | None
) -> None:
    path = tmp_path / "file.pem"
    if content is not None:
        path.write_bytes(content)
    signer.set(**{parameter: str(path)})
    with pytest.raises(onehttp.ConfigurationError, match=r"file\.pem"):
        signer.server.start()


def test_what_takes_long_to_load_is_loaded_by_the_configuration_and_not_by_a_message() -> None:
    processes.output(
        """
        import sys
        from onehttp_compat import auth_identity, modparam
        assert not any(name.startswith("cryptography") for name in sys.modules)
        modparam("auth_identity", "auth_validity_time", 60)
        loaded = set(sys.modules)
        from onehttp_compat.server import default_server
        default_server().start()
        late = {name for name in set(sys.modules) - loaded if name.startswith("cryptography")}
        assert "cryptography" in loaded and not late, late
        """
    )


def test_what_is_configured_after_the_start_counts(signer: Box, legacy: LegacyServer) -> None:
    legacy.start()
    for name in ("privatekey_path", "certificate_path", "certificate_url", "allow_sha1"):
        value = getattr(signer.server.auth_identity.parameters, name)
        legacy.modparam("auth_identity", name, value)
    legacy.pv.request = SipRequest(invite())
    assert legacy.call("auth_date_proc", ()) == 1


@pytest.mark.parametrize("age_s", [-2 * DAY_S, 2 * DAY_S])
def test_an_own_certificate_that_is_not_valid_stops_the_start(signer: Box, age_s: int) -> None:
    signer.now += age_s
    with pytest.raises(onehttp.ConfigurationError, match="not valid now"):
        signer.server.start()


@pytest.mark.parametrize(
    "name", ["msg_timeout", "callid_cache_limit", "certificate_cache_limit", "download_timeout"]
)
@pytest.mark.parametrize("value", [0, -1])
def test_a_limit_that_allows_nothing_is_an_error(
    legacy: LegacyServer, name: str, value: int
) -> None:
    legacy.modparam("auth_identity", name, value)
    with pytest.raises(onehttp.ConfigurationError, match=name):
        legacy.start()


def test_signing_with_sha1_is_an_error_until_it_is_allowed(signer: Box) -> None:
    signer.set(allow_sha1=0)
    with pytest.raises(onehttp.ConfigurationError, match="allow_sha1"):
        signer.server.start()


def test_verifying_with_sha1_is_refused_until_it_is_allowed(
    legacy: LegacyServer, caplog: pytest.LogCaptureFixture
) -> None:
    legacy.pv.request = SipRequest(invite(Identity_Info="<https://a.example/x>"))
    assert legacy.call("vrfy_get_certificate", ()) == -5
    assert "allow_sha1" in caplog.text


@pytest.mark.usefixtures("debian")
def test_faithful_mode_allows_sha1(old_box: Box, folder: Path) -> None:
    old_box.set(allow_sha1=0)
    assert set(old_box.verify(signed_by_openssl(folder, old_box.url)).values()) == {1}


def test_the_functions_are_importable_and_warn_once(legacy: LegacyServer) -> None:
    auth_identity.receive(invite(date="x"))
    with pytest.warns(onehttp.LegacyCallWarning, match="onehttp.identity.Verifier"):
        assert auth_identity.vrfy_check_date() == -1


def test_without_a_request_the_error_says_how_to_hand_one_over(legacy: LegacyServer) -> None:
    with pytest.raises(NoRequestError, match="receive"):
        auth_identity.vrfy_check_date()


def test_every_function_has_a_recommended_reply() -> None:
    names = {one.name for one in FUNCTIONS if one.module == "auth_identity"}
    assert set(RECOMMENDED_REPLIES) == names
    assert len(names) == 7


def test_the_server_does_not_import_cryptography_before_it_is_needed() -> None:
    import sys

    code = (
        "import sys; from onehttp_compat.server import LegacyServer; LegacyServer().start()\n"
        "print({'cryptography', 'cachetools'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


class RealPv:
    """``KSR.pv`` with one message buffer."""

    def __init__(self, buffer: str) -> None:
        self._buffer = buffer

    def get(self, name: str) -> str | None:
        return self._buffer if name == "$mb" else None

    def sets(self, name: str, value: str) -> int:
        raise AssertionError(f"nothing is written, and not {name}")


class RealKsr:
    """As much of the real ``KSR`` as the module touches."""

    def __init__(self, buffer: str) -> None:
        self.pv = RealPv(buffer)
        self.pvx = self
        self.hdr = self
        self.appended: list[str] = []

    def evalx(self, target: str, text: str) -> int:
        raise AssertionError("the buffer is UTF-8")

    def append(self, line: str) -> int:
        self.appended.append(line)
        return 1


def test_inside_the_server_it_works_on_the_servers_message(
    engine: str, folder: Path, shop: Repository
) -> None:
    from onehttp_compat.ksr import KsrStore

    real = RealKsr(invite(date=None).decode())
    server = LegacyServer(store=KsrStore(real))
    use_server(server)
    box = Box(server, folder, f"{shop.url}/atlanta.cer").signing()
    assert (box.call("auth_date_proc"), box.call("auth_add_identity")) == (1, 1)
    assert [line.partition(":")[0] for line in real.appended] == [
        "Date", "Identity", "Identity-Info",
    ]  # fmt: skip
    use_server(None)
