"""A local nginx from the Debian package: plain and TLS, small, large and held-back answers."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processors import before_all_else

CONFIG = """
{module}
worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error.log;
worker_rlimit_nofile {files};
events {{ worker_connections {connections}; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 300;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
  root {folder}/www;
  server {{
    listen 127.0.0.1:{plain} backlog=16384; {hold}
    location /xcap/ {{ add_header ETag $http_if_none_match; return 304; }}
  }}
  server {{
    listen 127.0.0.1:{h2} ssl http2 backlog=4096;
    location /protocol {{ return 200 $server_protocol; }}
    location /connection {{ return 200 $connection; }}
  }}
}}
"""
HOLD = """
location /hold { echo_sleep 4; echo -n held; }
location /late { echo_sleep 0.2; echo -n late; }
"""
ECHO_MODULE = Path("/usr/lib/nginx/modules/ngx_http_echo_module.so")


@dataclass(frozen=True)
class Nginx:
    """Where it listens."""

    plain: str
    h2: str
    ca_file: str
    can_hold: bool


@contextmanager
def running(is_first: bool = False) -> Iterator[Nginx]:
    """nginx on free loopback ports, as `before_all_else` or not; stopped by its process at the
    end."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(program).exists():
        raise SystemExit("nginx is missing: apt-get install nginx-light")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "www").mkdir()
        (folder / "www" / "small").write_bytes(b"x" * 100)
        (folder / "www" / "large").write_bytes(b"x" * 1024 * 1024)
        _certificate(folder)
        plain, h2 = _free_port(), _free_port()
        has_echo = ECHO_MODULE.exists()
        (folder / "nginx.conf").write_text(
            CONFIG.format(
                module=f"load_module {ECHO_MODULE};" if has_echo else "",
                folder=folder,
                files=19000,
                connections=18000,
                plain=plain,
                h2=h2,
                hold=HOLD if has_echo else "",
            )
        )
        command = [program, "-p", name, "-c", str(folder / "nginx.conf")]
        with before_all_else() if is_first else nullcontext():
            process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            for port in (plain, h2):
                _wait_for(port, process)
            yield Nginx(
                f"http://127.0.0.1:{plain}",
                f"https://127.0.0.1:{h2}",
                str(folder / "cert.pem"),
                has_echo,
            )
        finally:
            process.terminate()
            process.wait(10)


def _certificate(folder: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"),
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
         "-addext", "basicConstraints=critical,CA:FALSE"],
        check=True,
        capture_output=True,
    )  # fmt: skip


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    import time

    for _ in range(6000):
        if process.poll() is not None:
            raise SystemExit(f"nginx ended at once with status {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise SystemExit("nginx does not listen after a minute")
